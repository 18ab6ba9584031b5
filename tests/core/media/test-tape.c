/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media-fixture.h"
#include "media/lectern-tape.h"

#define KEEP_US (5 * G_USEC_PER_SEC)

typedef struct
{
  LecternTrack *video;
  LecternTrack *audio;
  LecternTape *tape;
  gint64 now_us;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  LecternTapeParts parts = { FALSE, FALSE };

  fixture->video = fixture_track (LECTERN_CODEC_H264, "v");
  fixture->audio = fixture_track (LECTERN_CODEC_AAC, "a");
  fixture->tape = lectern_tape_new (&plain_format, parts, 4 * 1024 * 1024, KEEP_US);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  lectern_tape_unref (fixture->tape);
  lectern_track_unref (fixture->video);
  lectern_track_unref (fixture->audio);
}

static void
write_frame (Fixture *fixture, gboolean key, gsize size)
{
  g_autoptr (LecternPacket) packet
      = fixture_packet (fixture->video, key, fixture->now_us / 1000, size);
  LecternTapeSetup setup = { .video = fixture->video, .audio = fixture->audio, .dts = packet->dts };

  lectern_tape_write (fixture->tape, packet, key, &setup, fixture->now_us);
  fixture->now_us += 40000;
}

/* Reads everything there is; returns the bytes read. */
static gsize
read_all (Fixture *fixture, LecternTapePosition *position, gboolean *lost)
{
  const guint8 *data;
  gsize size;
  gsize sum = 0;

  while ((size = lectern_tape_get_bytes (fixture->tape, position, &data, lost)) > 0)
    {
      position->offset += size;
      sum += size;
    }
  return sum;
}

static void
nothing_before_a_key_frame (Fixture *fixture, gconstpointer data)
{
  LecternTapePosition position = { 0 };

  write_frame (fixture, FALSE, 100);
  g_assert_null (lectern_tape_seek_newest_key (fixture->tape, &position, TRUE));
  g_assert_cmpuint (lectern_tape_get_key_number (fixture->tape), ==, 0);
}

static void
reader_gets_every_byte_over_blocks (Fixture *fixture, gconstpointer data)
{
  LecternTapePosition position = { 0 };
  g_autoptr (GBytes) header = NULL;
  gboolean lost;
  gsize sum = 0;
  gsize written = 0;

  write_frame (fixture, TRUE, 1000);
  written += 1004;
  header = lectern_tape_seek_newest_key (fixture->tape, &position, TRUE);
  g_assert_cmpmem (g_bytes_get_data (header, NULL), 4, "JOIN", 4);
  for (guint i = 1; i < 500; i++)
    {
      gsize size = 500 + i * 37 % 9000;

      write_frame (fixture, i % 50 == 0, size);
      written += size + 4;
      if (i % 7 == 0)
        sum += read_all (fixture, &position, &lost);
      g_assert_false (i % 7 == 0 && lost);
    }
  sum += read_all (fixture, &position, &lost);
  g_assert_cmpuint (sum, ==, written);
  lectern_tape_position_clear (&position);
}

static void
message_larger_than_a_block_fits (Fixture *fixture, gconstpointer data)
{
  LecternTapePosition position = { 0 };
  gboolean lost;

  write_frame (fixture, TRUE, 3000000);
  g_bytes_unref (lectern_tape_seek_newest_key (fixture->tape, &position, TRUE));
  g_assert_cmpuint (lectern_tape_get_message_size (&position), ==, 3000004);
  g_assert_cmpuint (read_all (fixture, &position, &lost), ==, 3000004);
  lectern_tape_position_clear (&position);
}

static void
stays_within_its_bound (Fixture *fixture, gconstpointer data)
{
  LecternTapePosition position = { 0 };
  gboolean lost = FALSE;

  write_frame (fixture, TRUE, 1000);
  g_bytes_unref (lectern_tape_seek_newest_key (fixture->tape, &position, TRUE));
  for (guint i = 0; i < 3000; i++)
    {
      write_frame (fixture, FALSE, 20000);
      g_assert_cmpuint (lectern_tape_get_size (fixture->tape), <=, 6 * 1024 * 1024);
    }
  /* The only key frame has gone with its block, and so has the reader's next block. */
  g_assert_cmpuint (lectern_tape_get_key_number (fixture->tape), ==, 0);
  read_all (fixture, &position, &lost);
  g_assert_true (lost);
  lectern_tape_position_clear (&position);
}

static void
lets_go_of_old_bytes (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < 3000; i++)
    write_frame (fixture, i % 50 == 0, 10000);
  /* 250 kB/s for 5 s, and blocks of 2 s at its ends. */
  g_assert_cmpuint (lectern_tape_get_size (fixture->tape), <, 2500000);
}

static void
knows_message_bounds (Fixture *fixture, gconstpointer data)
{
  LecternTapePosition position = { 0 };
  const guint8 *bytes;
  gboolean lost;

  write_frame (fixture, TRUE, 96);
  write_frame (fixture, FALSE, 46);
  g_bytes_unref (lectern_tape_seek_newest_key (fixture->tape, &position, FALSE));
  g_assert_cmpuint (lectern_tape_get_bytes (fixture->tape, &position, &bytes, &lost), ==, 150);
  g_assert_cmpuint (lectern_tape_get_message_rest (&position), ==, 0);
  position.offset += 30;
  g_assert_cmpuint (lectern_tape_get_message_rest (&position), ==, 70);
  position.offset += 70;
  g_assert_cmpuint (lectern_tape_get_message_rest (&position), ==, 0);
  position.offset += 1;
  g_assert_cmpuint (lectern_tape_get_message_rest (&position), ==, 49);
  position.offset += 49;
  g_assert_cmpuint (lectern_tape_get_message_rest (&position), ==, 0);
  g_assert_cmpint (lectern_tape_get_arrival (&position), ==, G_MAXINT64);
  lectern_tape_position_clear (&position);
}

static void
key_ahead_is_told (Fixture *fixture, gconstpointer data)
{
  LecternTapePosition position = { 0 };

  write_frame (fixture, TRUE, 96);
  g_bytes_unref (lectern_tape_seek_newest_key (fixture->tape, &position, TRUE));
  g_assert_false (lectern_tape_is_key_ahead (fixture->tape, &position));
  position.offset += 50;
  g_assert_false (lectern_tape_is_key_ahead (fixture->tape, &position));
  write_frame (fixture, TRUE, 96);
  g_assert_true (lectern_tape_is_key_ahead (fixture->tape, &position));
  lectern_tape_position_clear (&position);
}

static void
parts_are_left_out (Fixture *fixture, gconstpointer data)
{
  LecternTapeParts audio_only = { .no_video = TRUE };
  g_autoptr (LecternTape) tape = lectern_tape_new (&plain_format, audio_only, 1 << 20, KEEP_US);
  g_autoptr (LecternPacket) video = fixture_packet (fixture->video, TRUE, 0, 500);
  g_autoptr (LecternPacket) audio = fixture_packet (fixture->audio, TRUE, 0, 50);
  LecternTapeSetup setup = { .video = fixture->video, .audio = fixture->audio };
  LecternTapePosition position = { 0 };
  const guint8 *bytes;
  gboolean lost;

  lectern_tape_write (tape, video, TRUE, &setup, 0);
  lectern_tape_write (tape, audio, FALSE, &setup, 0);
  g_bytes_unref (lectern_tape_seek_newest_key (tape, &position, TRUE));
  g_assert_cmpuint (lectern_tape_get_bytes (tape, &position, &bytes, &lost), ==, 54);
  lectern_tape_position_clear (&position);
}

static gint readers_done; /* atomic */

/* One writer, three readers: every reader sees whole messages in order, or is told it lost some. */
static gpointer
read_in_thread (gpointer data)
{
  Fixture *fixture = data;
  LecternTapePosition position = { 0 };
  g_autoptr (GByteArray) kept = g_byte_array_new ();
  guint64 messages = 0;

  while (messages < 30000)
    {
      const guint8 *bytes;
      gboolean lost;
      gsize size = lectern_tape_get_bytes (fixture->tape, &position, &bytes, &lost);

      if (size == 0 && (lost || position.block == NULL))
        {
          GBytes *header = lectern_tape_seek_newest_key (fixture->tape, &position, TRUE);

          g_assert_true (!lost || kept->len == 0);
          g_clear_pointer (&header, g_bytes_unref);
          continue;
        }
      if (size == 0)
        {
          /* Nothing new: leaves its turn to the writer. */
          g_usleep (50);
          continue;
        }
      g_byte_array_append (kept, bytes, size);
      position.offset += size;
      while (kept->len >= 4)
        {
          guint length = kept->data[2] << 8 | kept->data[3];

          g_assert_cmpuint (kept->data[0] | kept->data[1], ==, 0);
          if (kept->len < 4 + length)
            break;
          g_byte_array_remove_range (kept, 0, 4 + length);
          messages++;
        }
    }
  lectern_tape_position_clear (&position);
  g_atomic_int_inc (&readers_done);
  return NULL;
}

static void
readers_race_the_writer (Fixture *fixture, gconstpointer data)
{
  GThread *threads[3];

  g_atomic_int_set (&readers_done, 0);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("reader", read_in_thread, fixture);
  /* Until each has its messages: on a busy machine one may begin when the others have ended. */
  for (guint i = 0; g_atomic_int_get (&readers_done) < (gint) G_N_ELEMENTS (threads); i++)
    {
      write_frame (fixture, i % 50 == 0, 100 + i % 3000);
      if (i % 16 == 0)
        g_thread_yield ();
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

int
main (int argc, char **argv)
{
#define ADD(name, func) g_test_add ("/tape/" name, Fixture, NULL, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("nothing-before-a-key-frame", nothing_before_a_key_frame);
  ADD ("reader-gets-every-byte-over-blocks", reader_gets_every_byte_over_blocks);
  ADD ("message-larger-than-a-block-fits", message_larger_than_a_block_fits);
  ADD ("stays-within-its-bound", stays_within_its_bound);
  ADD ("lets-go-of-old-bytes", lets_go_of_old_bytes);
  ADD ("knows-message-bounds", knows_message_bounds);
  ADD ("key-ahead-is-told", key_ahead_is_told);
  ADD ("parts-are-left-out", parts_are_left_out);
  ADD ("readers-race-the-writer", readers_race_the_writer);
  return g_test_run ();
}
