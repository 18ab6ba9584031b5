/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages → packets of a stream, and packets → the chunks of players. */
#include "../lectern-rtmp-chunk-reader.h"
#include "../lectern-rtmp-chunk-writer.h"
#include "../lectern-rtmp-command.h"
#include "../lectern-rtmp-tape-format.h"
#include "rtmp-bytes.h"

#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)

/* 320 × 180, made by x264. */
static const guint8 avc_config[]
    = { 0x01, 0x42, 0xc0, 0x0d, 0xff, 0xe1, 0x00, 0x1b, 0x67, 0x42, 0xc0, 0x0d, 0xda, 0x05,
        0x06, 0x7e, 0x7f, 0xfc, 0x00, 0x0c, 0x00, 0x10, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40,
        0x00, 0x00, 0x0c, 0x83, 0xc5, 0x0a, 0xa8, 0x01, 0x00, 0x04, 0x68, 0xce, 0x0f, 0xc8 };
static const guint8 aac_config[] = { 0x12, 0x10 };

typedef struct
{
  LecternSessions *sessions;
  LecternStreamRegistry *registry;
  LecternPublisher *publisher;
  LecternFlvIngest ingest;
  GError *error; /* why the last tag was dropped */
} Fixture;

static const LecternMediaLimits limits = {
  .grace_us = G_USEC_PER_SEC,
  .wait_us = G_USEC_PER_SEC,
  .max_streams = 4,
  .max_waiting = 10,
  .gop_size = 1 << 20,
  .tape_size = 4 << 20,
  .late_us = 5 * G_USEC_PER_SEC,
  .stuck_us = 10 * G_USEC_PER_SEC,
};

static void
on_lost (LecternPublisher *publisher, const GError *reason, gpointer data)
{
}

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  fixture->sessions = lectern_sessions_new ();
  fixture->registry = lectern_stream_registry_new (fixture->sessions, &limits);
  fixture->publisher
      = lectern_stream_registry_publish (fixture->registry, "live/a", NULL, on_lost, NULL, NULL);
  fixture->ingest = (LecternFlvIngest){ .publisher = fixture->publisher };
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  g_clear_error (&fixture->error);
  lectern_flv_ingest_clear (&fixture->ingest);
  lectern_publisher_end (fixture->publisher, FALSE);
  lectern_publisher_unref (fixture->publisher);
  lectern_stream_registry_end_all (fixture->registry);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_object_unref (fixture->registry);
  g_object_unref (fixture->sessions);
}

static gboolean
take (Fixture *fixture, guint8 type, guint32 timestamp, const char *head, gsize head_size,
      const void *rest, gsize rest_size)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_autoptr (GBytes) bytes = NULL;

  g_byte_array_append (body, (const guint8 *) head, (guint) head_size);
  if (rest_size > 0)
    g_byte_array_append (body, rest, (guint) rest_size);
  bytes = g_byte_array_free_to_bytes (g_steal_pointer (&body));
  g_clear_error (&fixture->error);
  return lectern_flv_ingest_take (&fixture->ingest, type, timestamp, bytes, &fixture->error);
}

static gboolean
take_video_config (Fixture *fixture)
{
  return take (fixture, LECTERN_RTMP_VIDEO, 0, "\x17\0\0\0\0", 5, avc_config, sizeof avc_config);
}

static gboolean
take_frame (Fixture *fixture, guint32 timestamp, gboolean key)
{
  return take (fixture, LECTERN_RTMP_VIDEO, timestamp, key ? "\x17\1\0\0\0" : "\x27\1\0\0\0", 5,
               "\0\0\0\2\x65\x88", 6);
}

static void
expect_packets (Fixture *fixture, guint64 packets)
{
  g_auto (LecternStreamInfo) info = { 0 };

  lectern_stream_get_info (lectern_publisher_get_stream (fixture->publisher), &info);
  g_assert_cmpuint (info.packets_in, ==, packets);
}

static void
test_ingest (Fixture *fixture, gconstpointer unused)
{
  g_auto (LecternStreamInfo) info = { 0 };

  g_assert_true (take_video_config (fixture));
  g_assert_true (take (fixture, LECTERN_RTMP_AUDIO, 0, "\xaf\0", 2, aac_config, sizeof aac_config));
  g_assert_true (take_frame (fixture, 0, TRUE));
  g_assert_true (take (fixture, LECTERN_RTMP_AUDIO, 10, "\xaf\1", 2, "aac", 3));
  g_assert_true (take_frame (fixture, 40, FALSE));
  g_assert_true (take (fixture, LECTERN_RTMP_DATA, 40, "\2\0\2onABC", 5, NULL, 0));
  /* An empty message says nothing, neither do Flash's commands and the end of a sequence. */
  g_assert_true (take (fixture, LECTERN_RTMP_VIDEO, 80, "", 0, NULL, 0));
  g_assert_true (take (fixture, LECTERN_RTMP_VIDEO, 80, "\x57\0", 2, NULL, 0));
  g_assert_true (take (fixture, LECTERN_RTMP_VIDEO, 80, "\x17\2\0\0\0", 5, NULL, 0));
  lectern_stream_get_info (lectern_publisher_get_stream (fixture->publisher), &info);
  g_assert_cmpint (info.video->codec, ==, LECTERN_CODEC_H264);
  g_assert_cmpuint (info.video->width, ==, 320);
  g_assert_cmpint (info.audio->codec, ==, LECTERN_CODEC_AAC);
  g_assert_cmpuint (info.audio->rate, ==, 44100);
  g_assert_cmpuint (info.packets_in, ==, 4);
}

/* Codecs without a config announce themselves with each frame. */
static void
test_plain_audio (Fixture *fixture, gconstpointer unused)
{
  static const struct
  {
    const char *head;
    LecternCodec codec;
  } cases[] = { { "\x2f", LECTERN_CODEC_MP3 },
                { "\xb6", LECTERN_CODEC_SPEEX },
                { "\x66", LECTERN_CODEC_NELLYMOSER },
                { "\x4e", LECTERN_CODEC_NELLYMOSER },
                { "\x72", LECTERN_CODEC_PCMA } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (LecternStreamInfo) info = { 0 };
      LecternTrack *track;

      g_assert_true (take (fixture, LECTERN_RTMP_AUDIO, 20 * i, cases[i].head, 1, "abc", 3));
      track = fixture->ingest.audio;
      g_assert_true (take (fixture, LECTERN_RTMP_AUDIO, 20 * i, cases[i].head, 1, "abc", 3));
      g_assert_true (fixture->ingest.audio == track);
      lectern_stream_get_info (lectern_publisher_get_stream (fixture->publisher), &info);
      g_assert_cmpint (info.audio->codec, ==, cases[i].codec);
    }
  expect_packets (fixture, 2 * G_N_ELEMENTS (cases));
}

/* */
static void
test_bad_tags (Fixture *fixture, gconstpointer unused)
{
  static const struct
  {
    guint8 type;
    const char *bytes;
    gsize size;
  } tags[] = {
    { LECTERN_RTMP_VIDEO, "\x17", 1 },
    { LECTERN_RTMP_VIDEO, "\x17\1\0\0", 4 },
    { LECTERN_RTMP_VIDEO, "\x17\1\0\0\0", 5 },                  /* no frame in it */
    { LECTERN_RTMP_VIDEO, "\x17\1\0\0\0\0\0\0\3\x65\x88", 11 }, /* NAL longer than the tag */
    { LECTERN_RTMP_VIDEO, "\x17\1\0\0\0\xff\xff\xff\xff\x65\x88", 11 },
    { LECTERN_RTMP_VIDEO, "\x17\0\0\0\0\x01\x42\xc0\x0d\xff\xe0\0", 12 }, /* 0 SPS */
    { LECTERN_RTMP_VIDEO, "\x17\0\0\0\0\x01\x42\xc0\x0d\xff\xff\0", 12 }, /* 31 of them */
    { LECTERN_RTMP_VIDEO, "\x12\1\0\0\0abc", 8 },                         /* Sorenson */
    { LECTERN_RTMP_VIDEO, "\x90xxxxabc", 8 },                             /* unknown fourcc */
    { LECTERN_RTMP_VIDEO, "\x96\x01hvc1abc", 9 },                         /* multitrack */
    { LECTERN_RTMP_VIDEO, "\x1c\1\0\0\0\0\0\0\1a", 10 }, /* H.265 before its config */
    { LECTERN_RTMP_AUDIO, "\xaf\0\x12", 3 },             /* AAC config of 1 byte */
    { LECTERN_RTMP_AUDIO, "\xaf", 1 },
    { LECTERN_RTMP_AUDIO, "\xaf\1", 2 },
    { LECTERN_RTMP_AUDIO, "\xc0zz", 3 },
  };

  g_assert_false (take_frame (fixture, 0, TRUE)); /* before its config */
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
  g_assert_false (take (fixture, LECTERN_RTMP_AUDIO, 0, "\xaf\1", 2, "aac", 3));
  g_assert_true (take_video_config (fixture));
  for (guint i = 0; i < G_N_ELEMENTS (tags); i++)
    {
      g_assert_false (take (fixture, tags[i].type, 0, tags[i].bytes, tags[i].size, NULL, 0));
      g_assert_nonnull (fixture->error);
    }
  expect_packets (fixture, 0);
  /* What was right before stays right. */
  g_assert_true (take_frame (fixture, 0, TRUE));
  expect_packets (fixture, 1);
}

static void
test_count_bad (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < LECTERN_FLV_MAX_BAD_TAGS; i++)
    g_assert_true (lectern_flv_ingest_count_bad (&fixture->ingest, NULL, 5 + i, NULL));
  g_assert_false (lectern_flv_ingest_count_bad (&fixture->ingest, NULL, 200, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
  g_assert_true (
      lectern_flv_ingest_count_bad (&fixture->ingest, NULL, 6 + LECTERN_FLV_BAD_TAGS_US, NULL));
}

static void
test_bitrate (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  gint64 now_us = 1;

  fixture->ingest.max_bitrate = 8000000;
  /* A burst within the five seconds is no matter. */
  g_assert_true (lectern_flv_ingest_count_bytes (&fixture->ingest, 1000, now_us, NULL));
  g_assert_true (lectern_flv_ingest_count_bytes (&fixture->ingest, 4000000, now_us + 1, NULL));
  now_us += LECTERN_FLV_RATE_US;
  g_assert_true (lectern_flv_ingest_count_bytes (&fixture->ingest, 900000, now_us, NULL));
  g_assert_true (lectern_flv_ingest_count_bytes (&fixture->ingest, 5000000, now_us + 1, NULL));
  now_us += LECTERN_FLV_RATE_US;
  g_assert_false (lectern_flv_ingest_count_bytes (&fixture->ingest, 1, now_us, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
}

/* The tape */

typedef struct
{
  LecternRtmpChunkReader *reader;
  GByteArray *bytes;
} Player;

static void
player_init (Player *player)
{
  g_auto (LecternByteWriter) out = { NULL };

  player->reader = lectern_rtmp_chunk_reader_new ();
  player->bytes = g_byte_array_new ();
  lectern_byte_writer_init (&out, 64);
  lectern_rtmp_write_control (&out, LECTERN_RTMP_SET_CHUNK_SIZE, LECTERN_RTMP_CHUNK_SIZE);
  g_byte_array_append (player->bytes, out.data, (guint) out.size);
}

static void
player_clear (Player *player)
{
  g_assert_cmpuint (player->bytes->len, ==, 0);
  g_byte_array_unref (player->bytes);
  lectern_rtmp_chunk_reader_free (player->reader);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Player, player_clear)

static void
player_take (Player *player, const LecternPacket *packet)
{
  gsize bound = lectern_rtmp_tape_format.bound (packet);
  gsize written;

  g_byte_array_set_size (player->bytes, player->bytes->len + (guint) bound);
  written = lectern_rtmp_tape_format.write (packet,
                                            player->bytes->data + player->bytes->len - bound, NULL);
  g_assert_cmpuint (written, <=, bound);
  g_byte_array_set_size (player->bytes, player->bytes->len - (guint) (bound - written));
}

static void
player_read (Player *player, guint8 type, guint32 timestamp, LecternRtmpMessage *message)
{
  g_autoptr (GError) error = NULL;
  gsize used = lectern_rtmp_chunk_reader_read (player->reader, player->bytes->data,
                                               player->bytes->len, message, &error);

  g_assert_no_error (error);
  g_assert_nonnull (message->payload);
  g_assert_cmpuint (message->type, ==, type);
  g_assert_cmpuint (message->stream, ==, 1);
  g_assert_cmpuint (message->timestamp, ==, timestamp);
  g_byte_array_remove_range (player->bytes, 0, (guint) used);
}

static LecternTrack *
make_track (LecternCodec codec, const void *config, gsize size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (config, size);
  LecternTrack fields
      = { .media = lectern_codec_get_media (codec), .codec = codec, .config = bytes };

  return lectern_track_new (&fields);
}

static void
test_tape_frames (Fixture *fixture, gconstpointer unused)
{
  static const gsize sizes[] = { 1, 65530, 65531, 65532, 200000, 8000000 };
  static const guint32 times[] = { 0, 0xfffffe, 0xffffff, 0xffffffff };
  g_autoptr (LecternTrack) track = make_track (LECTERN_CODEC_H264, avc_config, sizeof avc_config);
  g_auto (Player) player = { NULL };

  player_init (&player);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint j = 0; j < G_N_ELEMENTS (times); j++)
      {
        guint8 *data = g_malloc (sizes[i]);
        g_autoptr (GBytes) payload = g_bytes_new_take (data, sizes[i]);
        g_auto (LecternRtmpMessage) message = { 0 };
        g_autoptr (LecternPacket) packet = lectern_packet_new (
            track, LECTERN_PACKET_KEY, times[j] * MS, (times[j] + 80ll) * MS, 0, payload);
        LecternFlvBody body;
        gsize size;
        const guint8 *read;

        for (gsize k = 0; k < sizes[i]; k++)
          data[k] = (guint8) (k * 31 >> 3);
        player_take (&player, packet);
        player_read (&player, LECTERN_RTMP_VIDEO, times[j], &message);
        read = g_bytes_get_data (message.payload, &size);
        g_assert_true (lectern_flv_parse_video (read, size, &body, NULL));
        g_assert_true (body.key);
        g_assert_cmpint (body.composition_ms, ==, 80);
        g_assert_cmpmem (read + body.payload_offset, body.payload_size, data, sizes[i]);
      }
}

/* Past 49.7 days the wire's clock begins anew. */
static void
test_tape_wrap (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LecternTrack) track = make_track (LECTERN_CODEC_AAC, aac_config, sizeof aac_config);
  g_autoptr (GBytes) payload = g_bytes_new_static ("aac", 3);
  g_autoptr (LecternPacket) packet
      = lectern_packet_new (track, 0, (G_GINT64_CONSTANT (0x100000000) + 5) * MS,
                            (G_GINT64_CONSTANT (0x100000000) + 5) * MS, 0, payload);
  g_auto (LecternRtmpMessage) message = { 0 };
  g_auto (Player) player = { NULL };

  player_init (&player);
  player_take (&player, packet);
  player_read (&player, LECTERN_RTMP_AUDIO, 5, &message);
}

static void
test_tape_header (Fixture *fixture, gconstpointer user_data)
{
  gboolean join = GPOINTER_TO_INT (user_data);
  g_autoptr (LecternTrack) video = make_track (LECTERN_CODEC_H264, avc_config, sizeof avc_config);
  g_autoptr (LecternTrack) audio = make_track (LECTERN_CODEC_AAC, aac_config, sizeof aac_config);
  g_autoptr (GVariant) metadata = g_variant_ref_sink (
      g_variant_new_parsed ("@a{sv} {'width': <1280.0>, 'encoder': <'obs'>}"));
  LecternTapeSetup setup = { video, audio, metadata, 0x1000000 * MS };
  g_autoptr (GBytes) header = lectern_rtmp_tape_format.header (&setup, join, NULL);
  g_auto (LecternRtmpMessage) first = { 0 };
  g_auto (LecternRtmpMessage) second = { 0 };
  g_auto (Player) player = { NULL };
  LecternFlvBody body;
  gsize size;
  const guint8 *data;

  player_init (&player);
  data = g_bytes_get_data (header, &size);
  g_byte_array_append (player.bytes, data, (guint) size);
  if (join)
    {
      g_auto (LecternRtmpMessage) message = { 0 };
      g_autoptr (GVariant) name = NULL;
      g_autoptr (GVariant) value = NULL;
      LecternByteReader reader;

      player_read (&player, LECTERN_RTMP_DATA, 0, &message);
      data = g_bytes_get_data (message.payload, &size);
      lectern_byte_reader_init (&reader, data, size);
      name = lectern_amf0_read (&reader, NULL);
      value = lectern_amf0_read (&reader, NULL);
      g_assert_cmpstr (g_variant_get_string (name, NULL), ==, "onMetaData");
      g_assert_true (g_variant_equal (value, metadata));
    }
  player_read (&player, LECTERN_RTMP_VIDEO, 0x1000000, &first);
  data = g_bytes_get_data (first.payload, &size);
  g_assert_true (lectern_flv_parse_video (data, size, &body, NULL));
  g_assert_cmpint (body.kind, ==, LECTERN_FLV_CONFIG);
  g_assert_cmpmem (data + body.payload_offset, body.payload_size, avc_config, sizeof avc_config);
  player_read (&player, LECTERN_RTMP_AUDIO, 0x1000000, &second);
  data = g_bytes_get_data (second.payload, &size);
  g_assert_true (lectern_flv_parse_audio (data, size, &body, NULL));
  g_assert_cmpmem (data + body.payload_offset, body.payload_size, aac_config, sizeof aac_config);
}

static void
test_tape_script (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LecternTrack) track = make_track (LECTERN_CODEC_SCRIPT, "", 0);
  g_autoptr (GBytes) payload = g_bytes_new_static ("\2\0\2on\5", 6);
  g_autoptr (LecternPacket) packet = lectern_packet_new (track, 0, 7 * MS, 7 * MS, 0, payload);
  g_auto (LecternRtmpMessage) message = { 0 };
  g_auto (Player) player = { NULL };

  player_init (&player);
  player_take (&player, packet);
  player_read (&player, LECTERN_RTMP_DATA, 7, &message);
  g_assert_true (g_bytes_equal (message.payload, payload));
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*func) (Fixture *, gconstpointer);
    guint value;
  } tests[] = {
    { "ingest/tags-become-packets", test_ingest, 0 },
    { "ingest/audio-without-a-config", test_plain_audio, 0 },
    { "ingest/drops-bad-tags", test_bad_tags, 0 },
    { "ingest/counts-bad-tags", test_count_bad, 0 },
    { "ingest/limits-the-bit-rate", test_bitrate, 0 },
    { "tape/frames", test_tape_frames, 0 },
    { "tape/time-wraps", test_tape_wrap, 0 },
    { "tape/header-at-the-beginning", test_tape_header, TRUE },
    { "tape/header-behind-a-jump", test_tape_header, FALSE },
    { "tape/script", test_tape_script, 0 },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/rtmp/", tests[i].path, NULL);

      g_test_add (path, Fixture, GUINT_TO_POINTER (tests[i].value), set_up, tests[i].func,
                  tear_down);
    }
  return g_test_run ();
}
