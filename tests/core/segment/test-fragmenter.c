/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-fragmenter.h"

#define MS G_GINT64_CONSTANT (1000000)
#define RATE 44100
#define AAC_FRAME 1024

/* Sound whose wire times are whole milliseconds, and from one frame on are shifted. */
typedef struct
{
  LecternFragmenter *fragmenter;
  gint64 begin; /* the first part's; -1: none yet */
  gint64 end;   /* of the newest part */
  guint holes;
  guint odd; /* parts that are not whole frames long */
} Fixture;

static void
on_part (LecternPart *part, guint64 ticks, guint64 duration, gpointer user_data)
{
  Fixture *fixture = user_data;

  if (fixture->begin < 0)
    fixture->begin = (gint64) ticks;
  else if ((gint64) ticks != fixture->end)
    fixture->holes++;
  if (duration % AAC_FRAME != 0)
    fixture->odd++;
  fixture->end = (gint64) (ticks + duration);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GBytes) config = g_bytes_new_static ("\x12\x10", 2);
  LecternTrack fields = { .media = LECTERN_MEDIA_AUDIO,
                          .codec = LECTERN_CODEC_AAC,
                          .config = config,
                          .rate = RATE,
                          .channels = 2 };
  g_autoptr (LecternTrack) track = lectern_track_new (&fields);

  fixture->begin = -1;
  fixture->fragmenter = lectern_fragmenter_new (track, 300 * MS, on_part, fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  lectern_fragmenter_free (fixture->fragmenter);
}

static void
run (Fixture *fixture, guint frames, gint64 shift_ms, gint64 jitter_ms)
{
  g_autoptr (GBytes) config = g_bytes_new_static ("\x12\x10", 2);
  g_autoptr (GBytes) payload = g_bytes_new_static ("payload", 7);
  LecternTrack fields = {
    .media = LECTERN_MEDIA_AUDIO, .codec = LECTERN_CODEC_AAC, .config = config, .rate = RATE
  };
  g_autoptr (LecternTrack) track = lectern_track_new (&fields);

  for (guint i = 0; i < frames; i++)
    {
      gint64 time = (gint64) i * AAC_FRAME * 1000 / RATE + 1000 + (i >= 20 ? shift_ms : 0)
                    + (i % 2 == 0 ? jitter_ms : -jitter_ms);
      g_autoptr (LecternPacket) packet
          = lectern_packet_new (track, LECTERN_PACKET_NONE, time * MS, time * MS, 0, payload);

      lectern_fragmenter_push (fixture->fragmenter, packet, FALSE, G_MAXINT64);
    }
  lectern_fragmenter_flush (fixture->fragmenter, G_MAXINT64);
}

/* How much longer the parts are than the frames in them, in ms. */
static gint64
get_excess (const Fixture *fixture, guint frames)
{
  return (fixture->end - fixture->begin - (gint64) frames * AAC_FRAME) * 1000 / RATE;
}

static void
test_counted (Fixture *fixture, gconstpointer data)
{
  run (fixture, 2000, 0, 15);
  g_assert_cmpuint (fixture->holes, ==, 0);
  g_assert_cmpuint (fixture->odd, ==, 0);
}

static void
test_follows_a_shift (Fixture *fixture, gconstpointer data)
{
  gint64 shift = GPOINTER_TO_INT (data);
  gint64 excess;

  run (fixture, 400, shift, 1);
  excess = get_excess (fixture, 400);
  g_assert_cmpint (ABS (excess - shift), <=, 8);
  g_assert_cmpuint (fixture->holes, ==, 0);
  g_assert_cmpuint (fixture->odd, <=, 3);
}

static void
test_leaves_a_hole (Fixture *fixture, gconstpointer data)
{
  run (fixture, 100, 300, 0);
  g_assert_cmpuint (fixture->holes, ==, 1);
  g_assert_cmpint (ABS (get_excess (fixture, 100) - 300), <=, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/fragmenter/counts-samples", Fixture, NULL, set_up, test_counted, tear_down);
  g_test_add ("/fragmenter/follows-later-sound", Fixture, GINT_TO_POINTER (20), set_up,
              test_follows_a_shift, tear_down);
  g_test_add ("/fragmenter/follows-earlier-sound", Fixture, GINT_TO_POINTER (-20), set_up,
              test_follows_a_shift, tear_down);
  g_test_add ("/fragmenter/leaves-a-hole", Fixture, NULL, set_up, test_leaves_a_hole, tear_down);
  return g_test_run ();
}
