/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames → RTP packets and their description. What a receiver makes of them: test-rtp-unpacker. */
#include "../lectern-rtp-packer.h"
#include "rtp-frames.h"

#define MS G_GINT64_CONSTANT (1000000)

typedef struct
{
  const guint8 *rtp;
  gsize size;
  const guint8 *payload;
  gsize payload_size;
  gboolean marker;
  guint type;
  guint16 seq;
  guint32 time;
} Packet;

static GArray *
split (const guint8 *data, gsize size)
{
  GArray *packets = g_array_new (FALSE, FALSE, sizeof (Packet));

  for (gsize at = 0; at < size;)
    {
      Packet packet = { .rtp = data + at + 4, .size = data[at + 2] << 8 | data[at + 3] };

      g_assert_cmpuint (data[at], ==, '$');
      g_assert_cmpuint (packet.size, >, LECTERN_RTP_HEADER_SIZE);
      g_assert_cmpuint (at + 4 + packet.size, <=, size);
      g_assert_cmpuint (packet.rtp[0], ==, 0x80);
      packet.marker = packet.rtp[1] >> 7;
      packet.type = packet.rtp[1] & 0x7f;
      packet.seq = (guint16) (packet.rtp[2] << 8 | packet.rtp[3]);
      packet.time = (guint32) packet.rtp[4] << 24 | packet.rtp[5] << 16 | packet.rtp[6] << 8
                    | packet.rtp[7];
      packet.payload = packet.rtp + 12;
      packet.payload_size = packet.size - 12;
      g_assert_cmpuint (packet.payload_size, <=, LECTERN_RTP_MAX_PAYLOAD);
      g_array_append_val (packets, packet);
      at += 4 + packet.size;
    }
  return packets;
}

/* Returns: (transfer full): what @packet becomes; @bytes keeps it. */
static GArray *
pack (LecternRtpPacker *packer, LecternPacket *packet, GByteArray *bytes)
{
  gsize bound = lectern_rtp_packer_bound (packet);
  gsize size;

  g_byte_array_set_size (bytes, (guint) bound);
  size = lectern_rtp_packer_write (packer, packet, bytes->data);
  g_assert_cmpuint (size, <=, bound);
  return split (bytes->data, size);
}

#define AT(packets, i) (&g_array_index (packets, Packet, i))

static void
test_formats (void)
{
  static const struct
  {
    const char *file;
    LecternMedia media;
    guint type;
    const char *encoding;
    guint clock;
    guint channels;
    const char *fmtp; /* begins so */
  } cases[] = {
    { "h264-aac.flv", LECTERN_MEDIA_VIDEO, 96, "H264", 90000, 0,
      "packetization-mode=1; profile-level-id=" },
    { "h265-fourcc.flv", LECTERN_MEDIA_VIDEO, 96, "H265", 90000, 0, "sprop-vps=" },
    { "h264-aac.flv", LECTERN_MEDIA_AUDIO, 97, "mpeg4-generic", 44100, 1,
      "streamtype=5; profile-level-id=1; mode=AAC-hbr; config=1208" },
    { "opus-fourcc.flv", LECTERN_MEDIA_AUDIO, 97, "opus", 48000, 2, NULL },
    { "mp3-44100.flv", LECTERN_MEDIA_AUDIO, 14, "MPA", 90000, 0, NULL },
    { "pcma.flv", LECTERN_MEDIA_AUDIO, 8, "PCMA", 8000, 1, NULL },
    { "pcmu.flv", LECTERN_MEDIA_AUDIO, 0, "PCMU", 8000, 1, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GPtrArray) packets = load_packets (cases[i].file, cases[i].media);
      g_auto (LecternRtpFormat) format = { 0 };
      g_autoptr (GError) error = NULL;

      lectern_rtp_format_init (&format, get_track (packets), &error);
      g_assert_no_error (error);
      g_assert_cmpuint (format.payload_type, ==, cases[i].type);
      g_assert_cmpstr (format.encoding, ==, cases[i].encoding);
      g_assert_cmpuint (format.clock_rate, ==, cases[i].clock);
      g_assert_cmpuint (format.channels, ==, cases[i].channels);
      if (cases[i].fmtp != NULL)
        g_assert_true (g_str_has_prefix (format.fmtp, cases[i].fmtp));
    }
}

static void
test_refused_formats (void)
{
  g_autoptr (LecternTrack) speex = make_plain_track (LECTERN_CODEC_SPEEX, 16000, 1);
  g_autoptr (LecternTrack) bare = make_plain_track (LECTERN_CODEC_H264, 0, 0);
  g_auto (LecternRtpFormat) format = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_false (lectern_rtp_format_init (&format, speex, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_false (lectern_rtp_format_init (&format, bare, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
}

/* Parameter sets before each key frame, a marker at its end, times and numbers that wrap. */
static void
test_video (void)
{
  static const char *const files[] = { "h264-aac.flv", "h265-fourcc.flv" };

  for (guint f = 0; f < G_N_ELEMENTS (files); f++)
    {
      g_autoptr (GPtrArray) frames = load_packets (files[f], LECTERN_MEDIA_VIDEO);
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      LecternRtpPacker packer;
      guint16 seq = 65534;

      lectern_rtp_packer_init (&packer, LECTERN_MEDIA_VIDEO, 7, seq, 0xffffff00);
      for (guint i = 0; i < frames->len; i++)
        {
          LecternPacket *frame = frames->pdata[i];
          g_autoptr (GArray) packets = pack (&packer, frame, bytes);
          guint first = AT (packets, 0)->payload[0];

          g_assert_cmpuint (bytes->data[1], ==, LECTERN_RTP_CHANNEL_VIDEO);
          if ((frame->flags & LECTERN_PACKET_KEY) != 0)
            g_assert_cmpuint (f == 0 ? first & 0x1f : first >> 1, ==, f == 0 ? 7 : 32);
          for (guint j = 0; j < packets->len; j++)
            {
              g_assert_cmpuint (AT (packets, j)->seq, ==, seq++);
              g_assert_cmpuint (AT (packets, j)->marker, ==, j + 1 == packets->len);
              g_assert_cmpuint (AT (packets, j)->time, ==,
                                (guint32) (frame->pts / MS * 90 + 0xffffff00));
            }
        }
      g_assert_cmpuint (packer.packets, ==, (guint16) (seq - 65534));
    }
}

/* A NAL unit over one packet is cut, and put together again is the same. */
static void
test_fragments (void)
{
  static const gsize sizes[] = { 2, 3, 1399, 1400, 1401, 1402, 2797, 2798, 2799, 300000 };
  static const char *const files[] = { "h264-aac.flv", "h265-fourcc.flv" };

  for (guint f = 0; f < G_N_ELEMENTS (files); f++)
    for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
      {
        g_autoptr (GPtrArray) frames = load_packets (files[f], LECTERN_MEDIA_VIDEO);
        gsize size = MAX (sizes[i], f + 2);
        g_autofree guint8 *data = g_malloc0 (4 + size);
        g_autoptr (GByteArray) bytes = g_byte_array_new ();
        g_autoptr (GByteArray) whole = g_byte_array_new ();
        g_autoptr (LecternPacket) frame = NULL;
        g_autoptr (GArray) packets = NULL;
        guint head = f + 1;
        LecternRtpPacker packer;

        for (gsize j = 0; j < size; j++)
          data[4 + j] = (guint8) (j * 37 >> 2);
        data[2] = (guint8) (size >> 8);
        data[1] = (guint8) (size >> 16);
        data[3] = (guint8) size;
        data[4] = f == 0 ? 0x41 : 0x02;
        data[5] = f == 0 ? data[5] : 0x01;
        frame = make_packet (get_track (frames), LECTERN_PACKET_NONE, 0, 0, data, 4 + size);
        lectern_rtp_packer_init (&packer, LECTERN_MEDIA_VIDEO, 7, 0, 0);
        packets = pack (&packer, frame, bytes);
        g_assert_cmpuint (packets->len == 1, ==, size <= LECTERN_RTP_MAX_PAYLOAD);
        if (packets->len == 1)
          {
            g_assert_cmpmem (AT (packets, 0)->payload, AT (packets, 0)->payload_size, data + 4,
                             size);
            continue;
          }
        g_byte_array_append (whole, data + 4, head);
        for (guint j = 0; j < packets->len; j++)
          {
            const guint8 *payload = AT (packets, j)->payload;

            g_assert_cmpuint (f == 0 ? payload[0] & 0x1f : payload[0] >> 1, ==, f == 0 ? 28 : 49);
            g_assert_cmpuint (payload[head] >> 7, ==, j == 0);
            g_assert_cmpuint (payload[head] >> 6 & 1, ==, j + 1 == packets->len);
            g_assert_cmpuint (payload[head] & 0x3f, ==, 1);
            g_byte_array_append (whole, payload + head + 1,
                                 (guint) AT (packets, j)->payload_size - head - 1);
          }
        g_assert_cmpmem (whole->data, whole->len, data + 4, size);
      }
}

static LecternPacket *
make_audio (LecternTrack *track, gsize size)
{
  g_autofree guint8 *data = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (i * 37 >> 2);
  return make_packet (track, LECTERN_PACKET_KEY, 20 * MS, 20 * MS, data, size);
}

static void
test_aac (void)
{
  static const struct
  {
    gsize size;
    guint packets;
  } cases[] = { { 1, 1 }, { 1396, 1 }, { 1397, 2 }, { 8191, 6 }, { 8192, 0 } };
  g_autoptr (GPtrArray) frames = load_packets ("h264-aac.flv", LECTERN_MEDIA_AUDIO);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (LecternPacket) frame = make_audio (get_track (frames), cases[i].size);
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      g_autoptr (GArray) packets = NULL;
      LecternRtpPacker packer;

      lectern_rtp_packer_init (&packer, LECTERN_MEDIA_AUDIO, 7, 0, 0);
      packets = pack (&packer, frame, bytes);
      g_assert_cmpuint (packets->len, ==, cases[i].packets);
      for (guint j = 0; j < packets->len; j++)
        {
          const guint8 *payload = AT (packets, j)->payload;

          g_assert_cmpuint (bytes->data[1], ==, LECTERN_RTP_CHANNEL_AUDIO);
          g_assert_cmpuint (payload[0] << 8 | payload[1], ==, 16);
          g_assert_cmpuint ((payload[2] << 8 | payload[3]) >> 3, ==, cases[i].size);
          g_assert_cmpuint (AT (packets, j)->time, ==, 882);
          g_assert_cmpuint (AT (packets, j)->marker, ==, j + 1 == packets->len);
        }
    }
}

static void
test_other_audio (void)
{
  static const struct
  {
    LecternCodec codec;
    guint rate;
    guint channels;
    gsize size;
    guint packets;
    guint type;
    guint32 first;
    guint32 last; /* times */
  } cases[] = {
    { LECTERN_CODEC_PCMA, 8000, 1, 160, 1, 8, 160, 160 },
    { LECTERN_CODEC_PCMU, 8000, 1, 3000, 3, 0, 160, 2960 },
    { LECTERN_CODEC_PCMU, 8000, 2, 2800, 2, 97, 160, 860 },
    { LECTERN_CODEC_PCMA, 11025, 1, 100, 1, 97, 221, 221 },
    { LECTERN_CODEC_OPUS, 48000, 2, 1400, 1, 97, 960, 960 },
    { LECTERN_CODEC_OPUS, 48000, 2, 1401, 0, 0, 0, 0 },
    { LECTERN_CODEC_MP3, 44100, 2, 417, 1, 14, 1800, 1800 },
    { LECTERN_CODEC_MP3, 44100, 2, 1441, 2, 14, 1800, 1800 },
    { LECTERN_CODEC_SPEEX, 16000, 1, 100, 0, 0, 0, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (LecternTrack) track
          = make_plain_track (cases[i].codec, cases[i].rate, cases[i].channels);
      g_autoptr (LecternPacket) frame = make_audio (track, cases[i].size);
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      g_autoptr (GArray) packets = NULL;
      LecternRtpPacker packer;

      lectern_rtp_packer_init (&packer, LECTERN_MEDIA_AUDIO, 7, 0, 0);
      packets = pack (&packer, frame, bytes);
      g_assert_cmpuint (packets->len, ==, cases[i].packets);
      if (packets->len == 0)
        continue;
      g_assert_cmpuint (AT (packets, 0)->type, ==, cases[i].type);
      g_assert_cmpuint (AT (packets, 0)->time, ==, cases[i].first);
      g_assert_cmpuint (AT (packets, packets->len - 1)->time, ==, cases[i].last);
    }
}

/* Broken frames, configs and metadata become nothing. */
static void
test_nothing (void)
{
  static const char *const broken[]
      = { "", "\0\0\0\5\x65\x88", "\0\0", "\0\0\0\2\x09\xf0", "\0\0\0\0", "\0\0\0\1\x65" };
  static const gsize sizes[] = { 0, 6, 2, 6, 4, 5 };
  g_autoptr (GPtrArray) frames = load_packets ("h264-aac.flv", LECTERN_MEDIA_VIDEO);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  LecternRtpPacker packer;

  lectern_rtp_packer_init (&packer, LECTERN_MEDIA_VIDEO, 7, 0, 0);
  for (guint i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autoptr (LecternPacket) frame
          = make_packet (get_track (frames), LECTERN_PACKET_NONE, 0, 0, broken[i], sizes[i]);
      g_autoptr (GArray) packets = pack (&packer, frame, bytes);

      g_assert_cmpuint (packets->len, ==, 0);
    }
  {
    g_autoptr (LecternPacket) metadata
        = lectern_packet_new_metadata (0, g_variant_new ("a{sv}", NULL));
    g_autoptr (LecternPacket) config = lectern_packet_new (
        get_track (frames), LECTERN_PACKET_CONFIG, 0, 0, 0, get_track (frames)->config);
    guint8 none[1];

    g_assert_cmpuint (lectern_rtp_packer_write (&packer, metadata, none), ==, 0);
    g_assert_cmpuint (lectern_rtp_packer_write (&packer, config, none), ==, 0);
    g_assert_cmpuint (lectern_rtp_packer_write_report (&packer, 0, 0, none), ==, 0);
  }
}

static void
test_reports (void)
{
  static const guint8 expected[]
      = { 0x80, 200,  0,    6,    0,    0,   0,    7, /* sender report of 7 */
          0x83, 0xaa, 0x7e, 0x81, 0x80, 0,   0,    0, /* 1.5 s behind 1970 */
          0,    0,    0x1f, 0x40,                     /* 1 s of 8 kHz */
          0,    0,    0,    3,    0,    0,   0x0b, 0xb8, 0x81, 202, 0,   4, 0, 0,
          0,    7,    1,    7,    'l',  'e', 'c',  't',  'e',  'r', 'n', 0, 0, 0 };
  g_autoptr (LecternTrack) track = make_plain_track (LECTERN_CODEC_PCMU, 8000, 1);
  g_autoptr (LecternPacket) frame = make_audio (track, 3000);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GArray) packets = NULL;
  guint8 report[LECTERN_RTP_REPORT_SIZE];
  LecternRtpPacker packer;
  gsize size;

  lectern_rtp_packer_init (&packer, LECTERN_MEDIA_AUDIO, 7, 0, 0);
  packets = pack (&packer, frame, bytes);
  size = lectern_rtp_packer_write_report (&packer, 1000 * MS, 1500000, report);
  g_assert_cmpmem (report, 4, "$\3\0\60", 4);
  g_assert_cmpmem (report + 4, size - 4, expected, sizeof expected);
  size = lectern_rtp_packer_write_bye (&packer, report);
  g_assert_cmpuint (size, <=, sizeof report);
  g_assert_cmpmem (report + size - 8, 8, "\x81\xcb\0\1\0\0\0\7", 8);
}

static void
test_times (void)
{
  LecternRtpPacker packer;

  lectern_rtp_packer_init (&packer, LECTERN_MEDIA_AUDIO, 7, 0, 10);
  g_assert_cmpuint (lectern_rtp_packer_get_time (&packer, -1000 * MS, 48000), ==,
                    (guint32) (10 - 48000));
  g_assert_cmpuint (lectern_rtp_packer_get_time (&packer, 21333333, 48000), ==, 10 + 1024);
  /* 1000 days */
  g_assert_cmpuint (lectern_rtp_packer_get_time (&packer, 86400000000 * MS, 90000), ==,
                    (guint32) (10 + G_GUINT64_CONSTANT (86400000) * 90000));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtsp/packer/formats", test_formats);
  g_test_add_func ("/rtsp/packer/refused-formats", test_refused_formats);
  g_test_add_func ("/rtsp/packer/video", test_video);
  g_test_add_func ("/rtsp/packer/fragments", test_fragments);
  g_test_add_func ("/rtsp/packer/aac", test_aac);
  g_test_add_func ("/rtsp/packer/other-audio", test_other_audio);
  g_test_add_func ("/rtsp/packer/nothing-for-what-is-no-frame", test_nothing);
  g_test_add_func ("/rtsp/packer/reports", test_reports);
  g_test_add_func ("/rtsp/packer/times", test_times);
  return g_test_run ();
}
