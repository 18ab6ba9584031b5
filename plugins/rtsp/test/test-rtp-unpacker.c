/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames → packets → the same frames; and what else senders do. */
#include "../lectern-rtp-packer.h"
#include "../lectern-rtp-unpacker.h"
#include "rtp-frames.h"

typedef struct
{
  LecternRtpUnpacker *unpacker;
  GPtrArray *frames; /* LecternPacket; pts is the RTP time */
  guint tracks;
  LecternTrack *track; /* the newest, borrowed from its frame */
} Fixture;

static void
on_frame (LecternTrack *track, LecternPacketFlags flags, gint64 time, GBytes *payload,
          gpointer user_data)
{
  Fixture *fixture = user_data;
  LecternPacket *packet = lectern_packet_new (track, flags, time, time, 0, payload);

  if (track != fixture->track)
    fixture->tracks++;
  fixture->track = track;
  g_ptr_array_add (fixture->frames, packet);
}

static void
set_up (Fixture *fixture, const LecternRtpFormat *format)
{
  g_autoptr (GError) error = NULL;

  *fixture = (Fixture){ .frames
                        = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_packet_unref) };
  fixture->unpacker = lectern_rtp_unpacker_new (format, on_frame, fixture, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *fixture)
{
  lectern_rtp_unpacker_free (fixture->unpacker);
  g_ptr_array_unref (fixture->frames);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, tear_down)

static void
set_up_video (Fixture *fixture)
{
  set_up (fixture, &(LecternRtpFormat){
                       .media = LECTERN_MEDIA_VIDEO, .encoding = "H264", .clock_rate = 90000 });
}

static void
set_up_aac (Fixture *fixture, const char *fmtp)
{
  g_autofree char *copy = g_strdup (fmtp);

  set_up (fixture, &(LecternRtpFormat){ .media = LECTERN_MEDIA_AUDIO,
                                        .encoding = "mpeg4-generic",
                                        .clock_rate = 44100,
                                        .fmtp = copy });
}

/* A payload in memory of exactly its size. */
static gboolean
take (Fixture *fixture, const void *payload, gsize size, gint64 time, gboolean marker,
      gboolean lost)
{
  g_autofree guint8 *copy = g_malloc (MAX (size, 1));

  if (size > 0)
    memcpy (copy, payload, size);
  return lectern_rtp_unpacker_take (
      fixture->unpacker,
      &(LecternRtpUnit){
          .payload = copy, .size = size, .time = time, .marker = marker, .lost = lost });
}

#define TAKE(fixture, text, time, marker, lost)                                                    \
  take (fixture, text, sizeof text - 1, time, marker, lost)

static void
expect_frame (Fixture *fixture, guint index, const void *data, gsize size, gint64 time)
{
  LecternPacket *frame;

  g_assert_cmpuint (fixture->frames->len, >, index);
  frame = fixture->frames->pdata[index];
  g_assert_cmpmem (g_bytes_get_data (frame->payload, NULL), g_bytes_get_size (frame->payload), data,
                   size);
  g_assert_cmpint (frame->pts, ==, time);
}

#define EXPECT(fixture, index, text, time)                                                         \
  expect_frame (fixture, index, text, sizeof text - 1, time)

static void
take_framed (Fixture *fixture, const guint8 *data, gsize size)
{
  for (gsize at = 0; at < size;)
    {
      const guint8 *rtp = data + at + 4;
      gsize length = data[at + 2] << 8 | data[at + 3];

      g_assert_true (take (fixture, rtp + 12, length - 12,
                           (gint64) rtp[4] << 24 | rtp[5] << 16 | rtp[6] << 8 | rtp[7], rtp[1] >> 7,
                           FALSE));
      at += 4 + length;
    }
}

static const struct
{
  const char *file;
  LecternMedia media;
} clips[] = {
  { "h264-aac.flv", LECTERN_MEDIA_VIDEO },  { "h265-fourcc.flv", LECTERN_MEDIA_VIDEO },
  { "h264-aac.flv", LECTERN_MEDIA_AUDIO },  { "opus-fourcc.flv", LECTERN_MEDIA_AUDIO },
  { "mp3-44100.flv", LECTERN_MEDIA_AUDIO }, { "pcma.flv", LECTERN_MEDIA_AUDIO },
  { "pcmu.flv", LECTERN_MEDIA_AUDIO },      { "mp3-22050.flv", LECTERN_MEDIA_AUDIO },
};

/* NAL units of H.264 that go into no frame that comes out: parameter sets, delimiters, filler. */
static GBytes *
strip (LecternPacket *packet)
{
  gboolean h265 = packet->track->codec == LECTERN_CODEC_H265;
  GByteArray *left = g_byte_array_new ();
  gsize size;
  const guint8 *data = g_bytes_get_data (packet->payload, &size);

  for (gsize at = 0; at < size;)
    {
      gsize length = (gsize) data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3];
      guint type = h265 ? data[at + 4] >> 1 & 0x3f : data[at + 4] & 0x1f;
      gboolean out = h265 ? (type >= 32 && type <= 35) || type == 38
                          : (type >= 7 && type <= 9) || type == 12;

      if (!out)
        g_byte_array_append (left, data + at, (guint) (4 + length));
      at += 4 + length;
    }
  return g_byte_array_free_to_bytes (left);
}

/* With the sets in the format and without: what an encoder made arrives as it was. */
static void
test_round_trip (gconstpointer data)
{
  guint clip = GPOINTER_TO_UINT (data) / 2;
  gboolean bare = GPOINTER_TO_UINT (data) % 2;
  gboolean video = clips[clip].media == LECTERN_MEDIA_VIDEO;
  g_autoptr (GPtrArray) packets = load_packets (clips[clip].file, clips[clip].media);
  LecternTrack *track = get_track (packets);
  g_auto (LecternRtpFormat) format = { 0 };
  g_auto (Fixture) fixture = { NULL };
  LecternRtpPacker packer;

  g_assert_true (lectern_rtp_format_init (&format, track, NULL));
  if (bare && video)
    g_clear_pointer (&format.fmtp, g_free);
  set_up (&fixture, &format);
  lectern_rtp_packer_init (&packer, clips[clip].media, 1, 0, 0);
  for (guint i = 0; i < packets->len; i++)
    {
      gsize bound = lectern_rtp_packer_bound (packets->pdata[i]);
      g_autofree guint8 *bytes = g_malloc (bound);

      take_framed (&fixture, bytes, lectern_rtp_packer_write (&packer, packets->pdata[i], bytes));
    }
  lectern_rtp_unpacker_flush (fixture.unpacker);
  g_assert_cmpuint (fixture.frames->len, ==, packets->len);
  g_assert_cmpuint (fixture.tracks, ==, 1);
  g_assert_cmpuint (lectern_rtp_unpacker_get_damaged (fixture.unpacker), ==, 0);
  g_assert_cmpint (fixture.track->codec, ==, track->codec);
  g_assert_cmpuint (fixture.track->width, ==, track->width);
  g_assert_cmpuint (fixture.track->rate, ==, track->rate);
  if (track->codec == LECTERN_CODEC_H264 || track->codec == LECTERN_CODEC_AAC)
    g_assert_true (g_bytes_equal (fixture.track->config, track->config));
  for (guint i = 0; i < packets->len; i++)
    {
      LecternPacket *sent = packets->pdata[i];
      LecternPacket *got = fixture.frames->pdata[i];
      g_autoptr (GBytes) payload = video ? strip (sent) : g_bytes_ref (sent->payload);

      g_assert_true (g_bytes_equal (payload, got->payload));
      g_assert_cmpint (
          got->pts, ==,
          (guint32) lectern_rtp_packer_get_time (&packer, sent->pts, format.clock_rate));
      if (video)
        g_assert_cmpint (got->flags, ==, sent->flags);
    }
}

#define SPS "\x67\xf4\0\x0c\x91\x9b\x28\x28\x33\xf1\xb8\x08\x80\0\0\3\0\x80\0\0\x19\7\x8a\x14\xcb"
#define PPS "\x68\xeb\xe3\xc4\x48\x44"
#define SPS_2 "\x67\x64\0\x15\xac\xd9\x41\xb1\xfe\x4f\1\x10\0\0\3\0\x10\0\0\3\3\x20\xf1\x62\xd9\x60"
#define PPS_2 "\x68\xeb\xe3\xcb\x22\xc0"

static void
take_sets (Fixture *fixture, gint64 time)
{
  g_assert_true (TAKE (fixture, SPS, time, FALSE, FALSE));
  g_assert_true (TAKE (fixture, PPS, time, FALSE, FALSE));
}

static void
test_aggregate (void)
{
  g_auto (Fixture) fixture = { NULL };

  set_up_video (&fixture);
  g_assert_true (TAKE (&fixture, "\x78\0\x19" SPS "\0\6" PPS "\0\2\x09\xf0", 9, FALSE, FALSE));
  g_assert_true (TAKE (&fixture, "\x78\0\3\x65\x88\1\0\3\x65\x40\2", 9, TRUE, FALSE));
  g_assert_cmpuint (fixture.frames->len, ==, 1);
  EXPECT (&fixture, 0, "\0\0\0\3\x65\x88\1\0\0\0\3\x65\x40\2", 9);
  g_assert_cmpint (((LecternPacket *) fixture.frames->pdata[0])->flags, ==, LECTERN_PACKET_KEY);
  g_assert_cmpuint (fixture.track->width, ==, 320);
  /* Lengths beyond the packet */
  g_assert_false (TAKE (&fixture, "\x78\0\4\x41\x88\1", 18, TRUE, FALSE));
  g_assert_false (TAKE (&fixture, "\x78\0", 27, TRUE, FALSE));
  g_assert_cmpuint (fixture.frames->len, ==, 1);
  g_assert_cmpuint (lectern_rtp_unpacker_get_damaged (fixture.unpacker), ==, 2);
}

static void
test_h265_aggregate (void)
{
  g_autoptr (GPtrArray) packets = load_packets ("h265-fourcc.flv", LECTERN_MEDIA_VIDEO);
  g_auto (LecternRtpFormat) format = { 0 };
  g_auto (Fixture) fixture = { NULL };

  g_assert_true (lectern_rtp_format_init (&format, get_track (packets), NULL));
  set_up (&fixture, &format);
  g_assert_true (TAKE (&fixture, "\x60\1\0\3\x46\1\x50\0\4\x28\1\x88\1", 9, TRUE, FALSE));
  EXPECT (&fixture, 0, "\0\0\0\4\x28\1\x88\1", 9);
  /* Fragments of a CRA picture, then a trailing one without its first slice. */
  g_assert_true (TAKE (&fixture, "\x62\1\x95\x80\1", 18, FALSE, FALSE));
  g_assert_true (TAKE (&fixture, "\x62\1\x15\2", 18, FALSE, FALSE));
  g_assert_true (TAKE (&fixture, "\x62\1\x55\3", 18, TRUE, FALSE));
  EXPECT (&fixture, 1, "\0\0\0\6\x2a\1\x80\1\2\3", 18);
  g_assert_cmpint (((LecternPacket *) fixture.frames->pdata[1])->flags, ==, LECTERN_PACKET_KEY);
  g_assert_true (TAKE (&fixture, "\2\1\x40\1", 27, TRUE, TRUE));
  g_assert_cmpuint (fixture.frames->len, ==, 2);
  g_assert_cmpuint (lectern_rtp_unpacker_get_damaged (fixture.unpacker), ==, 1);
  g_assert_false (TAKE (&fixture, "\x64\1\0\0\0", 36, TRUE, FALSE)); /* PACI */
  g_assert_false (TAKE (&fixture, "\x62", 36, TRUE, FALSE));
}

/* P-08: what of a frame is missing costs that frame. */
static void
test_fragments_lost (void)
{
  static const struct
  {
    const char *start; /* of each: a packet, or NULL: lost */
    const char *middle;
    const char *end;
    gboolean good;
    gboolean bad; /* some packet is called broken */
  } cases[] = {
    { "\x7c\x85\x88", "\x7c\x05\x11", "\x7c\x45\x22", TRUE, FALSE },
    { NULL, "\x7c\x05\x11", "\x7c\x45\x22", FALSE, FALSE },
    { "\x7c\x85\x88", NULL, "\x7c\x45\x22", FALSE, FALSE },
    { "\x7c\x85\x88", "\x7c\x05\x11", NULL, FALSE, FALSE },
    { "\x7c\x85\x88", "\x7c\x85\x88", "\x7c\x45\x22", FALSE, FALSE }, /* begins twice */
    { "\x7c\x85\x88", "\x7c\x41\x11", "\x7c\x45\x22", FALSE, TRUE },  /* of another unit */
    { "\x7c\x85\x88", "\x65\x88\x11", "\x7c\x45\x22", FALSE, TRUE },  /* a whole one between */
    { "\x7c\x05\x88", "\x7c\x05\x11", "\x7c\x45\x22", FALSE, TRUE },  /* never begins */
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *parts[] = { cases[i].start, cases[i].middle, cases[i].end };
      g_auto (Fixture) fixture = { NULL };
      gboolean lost = FALSE;
      gboolean bad = FALSE;

      set_up_video (&fixture);
      take_sets (&fixture, 9);
      g_assert_true (TAKE (&fixture, "\x65\x88\1", 9, TRUE, FALSE));
      for (guint j = 0; j < 3; j++)
        if (parts[j] == NULL)
          lost = TRUE;
        else
          {
            bad |= !take (&fixture, parts[j], 3, 18, j == 2, lost);
            lost = FALSE;
          }
      g_assert_true (TAKE (&fixture, "\x41\x9a\2", 27, TRUE, lost));
      g_assert_cmpuint (fixture.frames->len, ==, cases[i].good ? 3 : 2);
      g_assert_cmpuint (lectern_rtp_unpacker_get_damaged (fixture.unpacker), ==, !cases[i].good);
      g_assert_cmpint (bad, ==, cases[i].bad);
      if (cases[i].good)
        EXPECT (&fixture, 1, "\0\0\0\4\x65\x88\x11\x22", 18);
      EXPECT (&fixture, fixture.frames->len - 1, "\0\0\0\3\x41\x9a\2", 27);
    }
}

static void
test_refused_packets (void)
{
  static const struct
  {
    const char *bytes;
    gsize size;
  } refused[] = { { "", 0 },
                  { "\x60\0", 2 },                 /* type 0 */
                  { "\x79\0\0\0\3\x65\x88\1", 8 }, /* STAP-B */
                  { "\x7a\0\0\0\3\x65\x88\1", 8 }, /* MTAP */
                  { "\x7d\x85\0\0\x88", 5 },       /* FU-B */
                  { "\x7f\0", 2 },
                  { "\x7c", 1 } };

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_auto (Fixture) fixture = { NULL };

      set_up_video (&fixture);
      take_sets (&fixture, 9);
      g_assert_false (take (&fixture, refused[i].bytes, refused[i].size, 9, FALSE, FALSE));
      g_assert_true (TAKE (&fixture, "\x65\x88\1", 9, TRUE, FALSE));
      g_assert_cmpuint (fixture.frames->len, ==, 0);
      g_assert_true (TAKE (&fixture, "\x65\x88\1", 18, TRUE, FALSE));
      g_assert_cmpuint (fixture.frames->len, ==, 1);
      g_assert_cmpuint (lectern_rtp_unpacker_get_damaged (fixture.unpacker), ==, 1);
    }
}

/* Frames end where time goes on, too: no markers, and markers on every packet. */
static void
test_markers (void)
{
  for (guint always = 0; always < 2; always++)
    {
      g_auto (Fixture) fixture = { NULL };

      set_up_video (&fixture);
      for (gint64 time = 9; time <= 54; time += 9)
        {
          if (time == 9)
            take_sets (&fixture, time);
          g_assert_true (TAKE (&fixture, "\x65\x88\1", time, always, FALSE));
          g_assert_true (TAKE (&fixture, "\x65\x40\2", time, always, FALSE));
        }
      lectern_rtp_unpacker_flush (fixture.unpacker);
      g_assert_cmpuint (fixture.frames->len, ==, 6);
      /* The first is given out before the markers are known to lie. */
      EXPECT (&fixture, 1, "\0\0\0\3\x65\x88\1\0\0\0\3\x65\x40\2", 18);
      g_assert_cmpuint (lectern_rtp_unpacker_get_damaged (fixture.unpacker), ==, always);
    }
}

static void
test_new_track (void)
{
  g_auto (Fixture) fixture = { NULL };

  set_up_video (&fixture);
  /* Nothing before the first key frame, nor without sets. */
  g_assert_true (TAKE (&fixture, "\x41\x9a\1", 0, TRUE, FALSE));
  g_assert_true (TAKE (&fixture, "\x65\x88\1", 1, TRUE, FALSE));
  g_assert_cmpuint (fixture.frames->len, ==, 0);
  take_sets (&fixture, 2);
  g_assert_true (TAKE (&fixture, "\x65\x88\1", 2, TRUE, FALSE));
  take_sets (&fixture, 3);
  g_assert_true (TAKE (&fixture, "\x65\x88\1", 3, TRUE, FALSE));
  g_assert_cmpuint (fixture.tracks, ==, 1);
  /* A change counts from the next key frame on. */
  g_assert_true (TAKE (&fixture, SPS_2, 4, FALSE, FALSE));
  g_assert_true (TAKE (&fixture, PPS_2, 4, FALSE, FALSE));
  g_assert_true (TAKE (&fixture, "\x41\x9a\1", 4, TRUE, FALSE));
  g_assert_cmpuint (fixture.tracks, ==, 1);
  g_assert_true (TAKE (&fixture, "\x65\x88\1", 5, TRUE, FALSE));
  g_assert_cmpuint (fixture.tracks, ==, 2);
  g_assert_cmpuint (fixture.track->width, ==, 426);
  g_assert_cmpuint (fixture.frames->len, ==, 4);
}

/* Intra refresh has recovery points and no IDR pictures. */
static void
test_recovery_point (void)
{
  g_auto (Fixture) fixture = { NULL };

  set_up_video (&fixture);
  take_sets (&fixture, 1);
  g_assert_true (TAKE (&fixture, "\6\5\1\0\6\1\xc4\x80", 1, FALSE, FALSE));
  g_assert_true (TAKE (&fixture, "\x41\x9a\1", 1, TRUE, FALSE));
  g_assert_true (TAKE (&fixture, "\6\5\1\0\x80", 2, FALSE, FALSE));
  g_assert_true (TAKE (&fixture, "\6\5\xff\xff", 2, FALSE, FALSE));
  g_assert_true (TAKE (&fixture, "\x41\x9a\1", 2, TRUE, FALSE));
  g_assert_cmpuint (fixture.frames->len, ==, 2);
  g_assert_cmpint (((LecternPacket *) fixture.frames->pdata[0])->flags, ==, LECTERN_PACKET_KEY);
  g_assert_cmpint (((LecternPacket *) fixture.frames->pdata[1])->flags, ==, LECTERN_PACKET_NONE);
}

static void
test_too_large (void)
{
  g_autofree guint8 *piece = g_malloc0 (60000);
  g_auto (Fixture) fixture = { NULL };

  set_up_video (&fixture);
  take_sets (&fixture, 1);
  piece[0] = 0x7c;
  piece[1] = 0x85;
  piece[2] = 0x88;
  for (gsize sent = 0; sent < LECTERN_RTP_MAX_FRAME + 60000; sent += 59998)
    {
      g_assert_true (take (&fixture, piece, 60000, 1, FALSE, FALSE));
      piece[1] = 5;
    }
  g_assert_true (TAKE (&fixture, "\x7c\x45\0", 1, TRUE, FALSE));
  g_assert_cmpuint (fixture.frames->len, ==, 0);
  g_assert_cmpuint (lectern_rtp_unpacker_get_damaged (fixture.unpacker), ==, 1);
}

#define HBR "mode=AAC-hbr; config=1208; sizelength=13; indexlength=3; indexdeltalength=3"

static void
test_aac (void)
{
  g_auto (Fixture) fixture = { NULL };

  set_up_aac (&fixture, HBR);
  /* Two in a packet. */
  g_assert_true (TAKE (&fixture,
                       "\0\x20\0\x10\0\x18"
                       "ab"
                       "cde",
                       1000, TRUE, FALSE));
  EXPECT (&fixture, 0, "ab", 1000);
  EXPECT (&fixture, 1, "cde", 2024);
  /* One in two. */
  g_assert_true (TAKE (&fixture,
                       "\0\x10\0\x20"
                       "fg",
                       3048, FALSE, FALSE));
  g_assert_true (TAKE (&fixture,
                       "\0\x10\0\x20"
                       "hi",
                       3048, TRUE, FALSE));
  EXPECT (&fixture, 2, "fghi", 3048);
  /* Its second half is lost, and its first. */
  g_assert_true (TAKE (&fixture,
                       "\0\x10\0\x20"
                       "fg",
                       4072, FALSE, FALSE));
  g_assert_true (TAKE (&fixture,
                       "\0\x10\0\x08"
                       "j",
                       5096, TRUE, TRUE));
  EXPECT (&fixture, 3, "j", 5096);
  g_assert_cmpuint (lectern_rtp_unpacker_get_damaged (fixture.unpacker), ==, 1);
  /* Sizes beyond the packet, units out of order, headers cut off, of another size. */
  g_assert_false (TAKE (&fixture,
                        "\0\x20\0\x08\0\x18"
                        "kl",
                        6120, TRUE, FALSE));
  EXPECT (&fixture, 4, "k", 6120);
  g_assert_false (TAKE (&fixture, "\0\x20\0\x08\0\x19", 7144, TRUE, FALSE));
  g_assert_false (TAKE (&fixture, "\0\x20\0\x08", 7144, TRUE, FALSE));
  g_assert_false (TAKE (&fixture, "\0\0", 7144, TRUE, FALSE));
  g_assert_false (TAKE (&fixture, "\0", 7144, TRUE, FALSE));
  g_assert_true (TAKE (&fixture,
                       "\0\x10\0\x20"
                       "mn",
                       7144, FALSE, FALSE));
  g_assert_false (TAKE (&fixture,
                        "\0\x10\0\x28"
                        "op",
                        7144, TRUE, FALSE));
  g_assert_true (TAKE (&fixture,
                       "\0\x10\0\x20"
                       "mn",
                       8168, FALSE, FALSE));
  g_assert_false (TAKE (&fixture,
                        "\0\x10\0\x20"
                        "opq",
                        8168, TRUE, FALSE));
  g_assert_cmpuint (fixture.frames->len, ==, 5);
}

static void
test_aac_kinds (void)
{
  static const struct
  {
    const char *fmtp;
    const char *packet;
    gsize size;
    gint64 second; /* time of the second unit */
  } cases[] = {
    { "mode=AAC-lbr; config=1208; sizelength=6; indexlength=2; indexdeltalength=2",
      "\0\x10\4\4"
      "ab",
      6, 1024 },
    { "config=1208; constantsize=1", "ab", 2, 1024 },
    { "config=1208; constantsize=1; constantduration=77", "ab", 2, 77 },
    { "config=120c; constantsize=1", "ab", 2, 960 },
    /* With SBR told, one is 2048 samples of the rate that comes out. */
    { "config=2b920800; constantsize=1", "ab", 2, 2048 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Fixture) fixture = { NULL };

      set_up_aac (&fixture, cases[i].fmtp);
      g_assert_true (take (&fixture, cases[i].packet, cases[i].size, 0, TRUE, FALSE));
      EXPECT (&fixture, 0, "a", 0);
      EXPECT (&fixture, 1, "b", cases[i].second);
    }
}

static void
test_latm (void)
{
  g_autofree char *fmtp = g_strdup ("cpresent=0;config=40002320adca00");
  g_autofree guint8 *large = g_malloc0 (2 + 300);
  g_auto (Fixture) fixture = { NULL };

  set_up (&fixture, &(LecternRtpFormat){ .media = LECTERN_MEDIA_AUDIO,
                                         .encoding = "MP4A-LATM",
                                         .clock_rate = 48000,
                                         .fmtp = fmtp });
  g_assert_true (TAKE (&fixture, "\2ab\3cde", 0, TRUE, FALSE));
  EXPECT (&fixture, 0, "ab", 0);
  EXPECT (&fixture, 1, "cde", 1024);
  g_assert_cmpuint (fixture.track->rate, ==, 48000);
  g_assert_cmpuint (fixture.track->channels, ==, 2);
  large[0] = 255;
  large[1] = 45;
  g_assert_true (take (&fixture, large, 200, 2048, FALSE, FALSE));
  g_assert_true (take (&fixture, large + 200, 102, 2048, TRUE, FALSE));
  expect_frame (&fixture, 2, large + 2, 300, 2048);
  /* What begins with a loss is no element. */
  g_assert_true (take (&fixture, large, 200, 3072, FALSE, FALSE));
  g_assert_false (TAKE (&fixture, "\2c", 3072, TRUE, TRUE));
  g_assert_true (TAKE (&fixture, "\2ab", 4096, FALSE, TRUE));
  g_assert_true (TAKE (&fixture, "\2ab", 4096, TRUE, FALSE));
  g_assert_true (TAKE (&fixture, "\2fg", 5120, TRUE, FALSE));
  EXPECT (&fixture, 3, "fg", 5120);
  g_assert_false (TAKE (&fixture, "\xff", 6144, TRUE, FALSE));
  g_assert_cmpuint (fixture.frames->len, ==, 4);
}

static void
test_mp3 (void)
{
  guint8 payload[4 + 417 + 100] = { 0 };
  g_auto (Fixture) fixture = { NULL };

  set_up (&fixture, &(LecternRtpFormat){
                        .media = LECTERN_MEDIA_AUDIO, .encoding = "MPA", .clock_rate = 90000 });
  g_assert_null (lectern_rtp_unpacker_get_track (fixture.unpacker));
  /* 128 kbit/s, 44100 Hz, stereo: 417 bytes; then the beginning of another. */
  memcpy (payload + 4, "\xff\xfb\x90", 3);
  memcpy (payload + 4 + 417, "\xff\xfb\x90", 3);
  g_assert_true (take (&fixture, payload, sizeof payload, 0, FALSE, FALSE));
  expect_frame (&fixture, 0, payload + 4, 417, 0);
  g_assert_cmpuint (fixture.track->rate, ==, 44100);
  g_assert_cmpuint (fixture.track->channels, ==, 2);
  payload[3] = 100;
  g_assert_true (take (&fixture, payload, 4 + 317, 2351, FALSE, FALSE));
  g_assert_cmpuint (fixture.frames->len, ==, 2);
  g_assert_cmpint (((LecternPacket *) fixture.frames->pdata[1])->pts, ==, 2351);
  /* A middle without a beginning, layer II, too short. */
  g_assert_false (take (&fixture, payload, 4 + 317, 4702, FALSE, FALSE));
  g_assert_false (TAKE (&fixture, "\0\0\0\0\xff\xfd\x90\0", 0, FALSE, FALSE));
  g_assert_false (TAKE (&fixture, "\0\0\0\0\xff\xfb", 0, FALSE, FALSE));
  g_assert_false (TAKE (&fixture, "\0\0\0", 0, FALSE, FALSE));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < 2 * G_N_ELEMENTS (clips); i++)
    {
      g_autofree char *path
          = g_strdup_printf ("/rtsp/unpacker/round-trip/%s/%s/%s", clips[i / 2].file,
                             clips[i / 2].media == LECTERN_MEDIA_VIDEO ? "video" : "audio",
                             i % 2 == 0 ? "told" : "bare");

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_round_trip);
    }
  g_test_add_func ("/rtsp/unpacker/aggregate", test_aggregate);
  g_test_add_func ("/rtsp/unpacker/h265-aggregate", test_h265_aggregate);
  g_test_add_func ("/rtsp/unpacker/P-08-fragments-lost", test_fragments_lost);
  g_test_add_func ("/rtsp/unpacker/P-08-refused-packets", test_refused_packets);
  g_test_add_func ("/rtsp/unpacker/markers", test_markers);
  g_test_add_func ("/rtsp/unpacker/new-track-at-a-key-frame", test_new_track);
  g_test_add_func ("/rtsp/unpacker/recovery-point", test_recovery_point);
  g_test_add_func ("/rtsp/unpacker/too-large", test_too_large);
  g_test_add_func ("/rtsp/unpacker/aac", test_aac);
  g_test_add_func ("/rtsp/unpacker/aac-kinds", test_aac_kinds);
  g_test_add_func ("/rtsp/unpacker/latm", test_latm);
  g_test_add_func ("/rtsp/unpacker/mp3", test_mp3);
  return g_test_run ();
}
