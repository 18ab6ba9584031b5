/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../lectern-rtp-intake.h"
#include "../lectern-rtp-packer.h"
#include "rtp-frames.h"

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)
#define LATENCY_US 200000

typedef struct
{
  LecternMedia media;
  LecternPacketFlags flags;
  gint64 dts;
  gint64 pts;
  gsize size;
} Frame;

typedef struct
{
  LecternRtpIntake *intake;
  LecternRtpPacker packers[3]; /* by media */
  GArray *frames;              /* Frame */
  guint tracks;
  gint64 last[3]; /* DTS */
  gint64 now_us;
  GRand *random;
  double loss[3];
  guint dropped[3];
  GPtrArray *held; /* packets that come later, GBytes */
} Fixture;

static void
on_track (LecternTrack *track, gpointer user_data)
{
  ((Fixture *) user_data)->tracks++;
  g_assert_true (track->media == LECTERN_MEDIA_VIDEO || track->media == LECTERN_MEDIA_AUDIO);
}

static void
on_frame (LecternMedia media, LecternPacketFlags flags, gint64 dts_ns, gint64 pts_ns,
          GBytes *payload, gpointer user_data)
{
  Fixture *fixture = user_data;
  Frame frame = { media, flags, dts_ns, pts_ns, g_bytes_get_size (payload) };

  g_assert_cmpint (pts_ns, >=, dts_ns);
  if (fixture->last[media] != G_MININT64)
    g_assert_cmpint (dts_ns, >, fixture->last[media]);
  fixture->last[media] = dts_ns;
  g_array_append_val (fixture->frames, frame);
}

static void
set_up (Fixture *fixture, gint64 latency_us)
{
  static const LecternRtpIntakeEvents events = { on_track, on_frame };

  *fixture = (Fixture){ .now_us = 5000000 };
  fixture->frames = g_array_new (FALSE, FALSE, sizeof (Frame));
  fixture->intake = lectern_rtp_intake_new (latency_us, &events, fixture);
  fixture->random = g_rand_new_with_seed (7);
  fixture->held = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  for (LecternMedia media = LECTERN_MEDIA_VIDEO; media <= LECTERN_MEDIA_AUDIO; media++)
    {
      fixture->last[media] = G_MININT64;
      lectern_rtp_packer_init (&fixture->packers[media], media, media * 11u, 65000, 0xffffff00);
    }
}

static void
tear_down (Fixture *fixture)
{
  lectern_rtp_intake_free (fixture->intake);
  g_array_unref (fixture->frames);
  g_rand_free (fixture->random);
  g_ptr_array_unref (fixture->held);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, tear_down)

static void
add (Fixture *fixture, LecternTrack *track)
{
  g_auto (LecternRtpFormat) format = { 0 };
  g_autoptr (GError) error = NULL;

  lectern_rtp_format_init (&format, track, &error);
  g_assert_no_error (error);
  lectern_rtp_intake_add (fixture->intake, &format, &error);
  g_assert_no_error (error);
}

static void
deliver (Fixture *fixture, const guint8 *framed, gsize size)
{
  LecternMedia media = framed[1] < 2 ? LECTERN_MEDIA_VIDEO : LECTERN_MEDIA_AUDIO;
  g_autofree guint8 *copy = g_memdup2 (framed + 4, size - 4);

  if (framed[1] % 2 == 1)
    g_assert_true (
        lectern_rtp_intake_take_rtcp (fixture->intake, media, copy, size - 4, fixture->now_us));
  else
    lectern_rtp_intake_take_rtp (fixture->intake, media, copy, size - 4, fixture->now_us);
}

/* Loses some, and holds some of the others back for a few packets. */
static void
pass_on (Fixture *fixture, const guint8 *framed, gsize size)
{
  LecternMedia media = framed[1] < 2 ? LECTERN_MEDIA_VIDEO : LECTERN_MEDIA_AUDIO;

  if (fixture->loss[media] == 0)
    {
      deliver (fixture, framed, size);
      return;
    }
  if (g_rand_double (fixture->random) < fixture->loss[media])
    fixture->dropped[media]++;
  else if (g_rand_double (fixture->random) < 0.2)
    g_ptr_array_add (fixture->held, g_bytes_new (framed, size));
  else
    deliver (fixture, framed, size);
  if (fixture->held->len > 5)
    {
      g_autoptr (GBytes) late = g_ptr_array_steal_index (fixture->held, 2);
      gsize late_size;
      const guint8 *data = g_bytes_get_data (late, &late_size);

      deliver (fixture, data, late_size);
    }
}

static void
send_framed (Fixture *fixture, const guint8 *data, gsize size)
{
  for (gsize at = 0; at < size;)
    {
      gsize length = 4 + (gsize) (data[at + 2] << 8 | data[at + 3]);

      pass_on (fixture, data + at, length);
      at += length;
    }
}

static void
send_packet (Fixture *fixture, LecternPacket *packet)
{
  g_autofree guint8 *bytes = g_malloc (lectern_rtp_packer_bound (packet));

  send_framed (fixture, bytes,
               lectern_rtp_packer_write (&fixture->packers[packet->track->media], packet, bytes));
}

static void
send_at (Fixture *fixture, LecternPacket *packet, gint64 dts, gint64 pts)
{
  g_autoptr (LecternPacket) copy = lectern_packet_retime (packet, packet->flags, dts, pts);

  send_packet (fixture, copy);
}

/* That @pts of the sender was at @wall_us. */
static void
send_report (Fixture *fixture, LecternMedia media, gint64 pts, gint64 wall_us)
{
  guint8 report[LECTERN_RTP_REPORT_SIZE];
  LecternRtpPacker packer = fixture->packers[media];
  gsize size;

  packer.clock_rate = media == LECTERN_MEDIA_VIDEO ? 90000 : 44100;
  size = lectern_rtp_packer_write_report (&packer, pts, wall_us, report);
  g_assert_cmpuint (size, >, 0);
  deliver (fixture, report, size);
}

static const Frame *
get_frame (Fixture *fixture, guint index)
{
  g_assert_cmpuint (fixture->frames->len, >, index);
  return &g_array_index (fixture->frames, Frame, index);
}

static const Frame *
get_last (Fixture *fixture)
{
  return get_frame (fixture, fixture->frames->len - 1);
}

/* Within the rounding of a sound's clock. */
static void
expect_time (gint64 time, gint64 expected)
{
  g_assert_cmpint (ABS (time - expected), <=, MS / 20);
}

typedef struct
{
  GPtrArray *video;
  GPtrArray *audio;
} Clip;

static void
load_clip (Clip *clip)
{
  clip->video = load_packets ("h264-aac.flv", LECTERN_MEDIA_VIDEO);
  clip->audio = load_packets ("h264-aac.flv", LECTERN_MEDIA_AUDIO);
}

static void
clear_clip (Clip *clip)
{
  g_ptr_array_unref (clip->video);
  g_ptr_array_unref (clip->audio);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Clip, clear_clip)

static void
set_up_clip (Fixture *fixture, Clip *clip, gint64 latency_us)
{
  load_clip (clip);
  set_up (fixture, latency_us);
  add (fixture, get_track (clip->video));
  add (fixture, get_track (clip->audio));
}

/* What is known from the description is told before the first frame. */
static void
test_tracks (void)
{
  g_auto (Fixture) fixture = { NULL };
  g_auto (Clip) clip = { NULL };

  set_up_clip (&fixture, &clip, 0);
  g_assert_cmpuint (fixture.tracks, ==, 0);
  send_packet (&fixture, clip.audio->pdata[0]);
  g_assert_cmpuint (fixture.tracks, ==, 2);
  for (guint i = 0; i < clip.video->len; i++)
    send_packet (&fixture, clip.video->pdata[i]);
  g_assert_cmpuint (fixture.tracks, ==, 2);
  g_assert_cmpuint (fixture.frames->len, ==, 1 + clip.video->len);
  {
    g_auto (LecternRtpFormat) format = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_true (lectern_rtp_format_init (&format, get_track (clip.video), NULL));
    g_assert_false (lectern_rtp_intake_add (fixture.intake, &format, &error));
    g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT);
  }
}

/* Times of showing are the sender's, times of decoding grow and are not after them, with pictures
 * out of order as an encoder sends them. */
static void
test_reordered_pictures (void)
{
  static const char *const files[] = { "h264-aac.flv", "h264-fourcc.flv", "h265-fourcc.flv" };

  for (guint f = 0; f < G_N_ELEMENTS (files); f++)
    {
      g_autoptr (GPtrArray) video = load_packets (files[f], LECTERN_MEDIA_VIDEO);
      g_auto (Fixture) fixture = { NULL };
      gint64 first = ((LecternPacket *) video->pdata[0])->pts;

      set_up (&fixture, 0);
      add (&fixture, get_track (video));
      for (guint i = 0; i < video->len; i++)
        {
          LecternPacket *packet = video->pdata[i];

          fixture.now_us += 40000;
          send_packet (&fixture, packet);
          expect_time (get_last (&fixture)->pts, packet->pts - first);
          g_assert_cmpint (get_last (&fixture)->dts, <=, packet->dts - first + 200 * MS);
        }
      g_assert_cmpuint (fixture.frames->len, ==, video->len);
    }
}

static void
test_by_arrival (void)
{
  g_auto (Fixture) fixture = { NULL };
  g_auto (Clip) clip = { NULL };

  set_up_clip (&fixture, &clip, 0);
  send_at (&fixture, clip.video->pdata[0], 1000 * SECOND, 1000 * SECOND);
  fixture.now_us += 30000;
  send_at (&fixture, clip.audio->pdata[0], 7 * SECOND, 7 * SECOND);
  send_at (&fixture, clip.audio->pdata[0], 8 * SECOND, 8 * SECOND);
  g_assert_cmpint (get_frame (&fixture, 0)->pts, ==, 0);
  expect_time (get_frame (&fixture, 1)->pts, 30 * MS);
  expect_time (get_frame (&fixture, 2)->pts, 1030 * MS);
}

/* As ffmpeg does it: a report before the first packet of each. */
static void
test_reports_first (void)
{
  g_auto (Fixture) fixture = { NULL };
  g_auto (Clip) clip = { NULL };

  set_up_clip (&fixture, &clip, 0);
  send_report (&fixture, LECTERN_MEDIA_VIDEO, 1000 * SECOND, 50000000);
  send_at (&fixture, clip.video->pdata[0], 1000 * SECOND, 1000 * SECOND);
  fixture.now_us += 30000;
  send_report (&fixture, LECTERN_MEDIA_AUDIO, 7 * SECOND, 50000000);
  send_at (&fixture, clip.audio->pdata[0], 7 * SECOND + 100 * MS, 7 * SECOND + 100 * MS);
  expect_time (get_frame (&fixture, 1)->pts, 100 * MS);
}

/* As GStreamer does it: reports come later. Sound that is late moves at once, */
static void
test_sound_moves (void)
{
  g_auto (Fixture) fixture = { NULL };
  g_auto (Clip) clip = { NULL };

  set_up_clip (&fixture, &clip, 0);
  send_at (&fixture, clip.video->pdata[0], 1000 * SECOND, 1000 * SECOND);
  send_at (&fixture, clip.audio->pdata[0], 7 * SECOND, 7 * SECOND);
  g_assert_cmpint (get_last (&fixture)->pts, ==, 0);
  send_report (&fixture, LECTERN_MEDIA_VIDEO, 1000 * SECOND, 50000000);
  send_report (&fixture, LECTERN_MEDIA_AUDIO, 7 * SECOND, 50120000);
  fixture.now_us += 40000;
  send_at (&fixture, clip.audio->pdata[0], 7 * SECOND + 40 * MS, 7 * SECOND + 40 * MS);
  expect_time (get_last (&fixture)->pts, 160 * MS);
  send_at (&fixture, clip.video->pdata[1], 1000 * SECOND + 40 * MS, 1000 * SECOND + 40 * MS);
  expect_time (get_last (&fixture)->pts, 40 * MS);
}

/* and a picture at its next key frame. Reports that wander a little change nothing then. */
static void
test_picture_moves (void)
{
  g_auto (Fixture) fixture = { NULL };
  g_auto (Clip) clip = { NULL };

  set_up_clip (&fixture, &clip, 0);
  send_at (&fixture, clip.video->pdata[0], 1000 * SECOND, 1000 * SECOND);
  send_at (&fixture, clip.audio->pdata[0], 7 * SECOND, 7 * SECOND);
  send_report (&fixture, LECTERN_MEDIA_AUDIO, 7 * SECOND, 50000000);
  send_report (&fixture, LECTERN_MEDIA_VIDEO, 1000 * SECOND, 50120000);
  fixture.now_us += 40000;
  send_at (&fixture, clip.audio->pdata[0], 7 * SECOND + 40 * MS, 7 * SECOND + 40 * MS);
  expect_time (get_last (&fixture)->pts, 40 * MS);
  send_at (&fixture, clip.video->pdata[1], 1000 * SECOND + 40 * MS, 1000 * SECOND + 40 * MS);
  expect_time (get_last (&fixture)->pts, 40 * MS);
  send_at (&fixture, clip.video->pdata[0], 1000 * SECOND + 80 * MS, 1000 * SECOND + 80 * MS);
  expect_time (get_last (&fixture)->pts, 200 * MS);
  send_report (&fixture, LECTERN_MEDIA_VIDEO, 1000 * SECOND, 50130000);
  send_report (&fixture, LECTERN_MEDIA_AUDIO, 7 * SECOND, 49998000);
  send_at (&fixture, clip.video->pdata[0], 1000 * SECOND + 120 * MS, 1000 * SECOND + 120 * MS);
  expect_time (get_last (&fixture)->pts, 240 * MS);
}

/* Reports that wander back and forth by 40 ms move nothing, a lasting difference does. */
static void
test_uneven_reports (void)
{
  g_auto (Fixture) fixture = { NULL };
  g_auto (Clip) clip = { NULL };

  set_up_clip (&fixture, &clip, 0);
  send_at (&fixture, clip.video->pdata[0], 1000 * SECOND, 1000 * SECOND);
  send_at (&fixture, clip.audio->pdata[0], 7 * SECOND, 7 * SECOND);
  for (guint i = 0; i < 20; i++)
    {
      send_report (&fixture, LECTERN_MEDIA_VIDEO, 1000 * SECOND, 50000000);
      send_report (&fixture, LECTERN_MEDIA_AUDIO, 7 * SECOND,
                   50000000
                       + (i == 0       ? 0
                          : i % 2 == 0 ? 40000
                                       : -40000));
    }
  send_at (&fixture, clip.video->pdata[0], 1000 * SECOND + 40 * MS, 1000 * SECOND + 40 * MS);
  expect_time (get_last (&fixture)->pts, 40 * MS);
  send_at (&fixture, clip.audio->pdata[0], 7 * SECOND + 40 * MS, 7 * SECOND + 40 * MS);
  expect_time (get_last (&fixture)->pts, 40 * MS);
  for (guint i = 0; i < 3; i++)
    {
      send_report (&fixture, LECTERN_MEDIA_AUDIO, 7 * SECOND, 50040000);
      send_report (&fixture, LECTERN_MEDIA_VIDEO, 1000 * SECOND, 50000000);
    }
  send_at (&fixture, clip.audio->pdata[0], 7 * SECOND + 80 * MS, 7 * SECOND + 80 * MS);
  expect_time (get_last (&fixture)->pts, 120 * MS);
}

static void
test_wrong_reports (void)
{
  g_auto (Fixture) fixture = { NULL };
  g_auto (Clip) clip = { NULL };

  set_up_clip (&fixture, &clip, 0);
  send_at (&fixture, clip.video->pdata[0], 1000 * SECOND, 1000 * SECOND);
  send_at (&fixture, clip.audio->pdata[0], 7 * SECOND, 7 * SECOND);
  send_report (&fixture, LECTERN_MEDIA_VIDEO, 1000 * SECOND, 50000000);
  send_report (&fixture, LECTERN_MEDIA_AUDIO, 7 * SECOND, 90000000);
  send_at (&fixture, clip.audio->pdata[0], 7 * SECOND + 40 * MS, 7 * SECOND + 40 * MS);
  expect_time (get_last (&fixture)->pts, 40 * MS);
  send_at (&fixture, clip.video->pdata[0], 1000 * SECOND + 40 * MS, 1000 * SECOND + 40 * MS);
  expect_time (get_last (&fixture)->pts, 40 * MS);
  g_assert_false (
      lectern_rtp_intake_take_rtcp (fixture.intake, LECTERN_MEDIA_VIDEO, (guint8 *) "\x80", 1, 0));
}

/* The sender's clock jumps, back and ahead, then is another: time goes on as it passed. */
static void
test_jumps (void)
{
  static const gint64 starts[] = { 1000 * SECOND, 3 * SECOND, 90000 * SECOND };
  g_auto (Fixture) fixture = { NULL };
  g_auto (Clip) clip = { NULL };
  gint64 passed = 0;

  set_up_clip (&fixture, &clip, 0);
  for (guint i = 0; i < G_N_ELEMENTS (starts) + 1; i++)
    {
      gint64 start = i < G_N_ELEMENTS (starts) ? starts[i] : 0;

      if (i == G_N_ELEMENTS (starts))
        fixture.packers[LECTERN_MEDIA_VIDEO].ssrc = 99;
      for (guint j = 0; j < 25; j++)
        {
          send_at (&fixture, clip.video->pdata[0], start + j * 40 * MS, start + j * 40 * MS);
          expect_time (get_last (&fixture)->pts, passed);
          fixture.now_us += 40000;
          passed += 40 * MS;
        }
    }
  g_assert_cmpuint (fixture.tracks, ==, 2);
}

/* P-08: 20 % loss and reordering of one track: it goes on, losses are told, the other has none. */
static void
test_loss (void)
{
  g_auto (Fixture) fixture = { NULL };
  g_auto (Clip) clip = { NULL };
  LecternRtpQuality quality;
  gint64 wanted_us;
  guint video = 0;

  set_up_clip (&fixture, &clip, LATENCY_US);
  send_packet (&fixture, clip.video->pdata[0]);
  fixture.loss[LECTERN_MEDIA_VIDEO] = 0.2;
  for (guint i = 1; i < 2000; i++)
    {
      gint64 time = i * 40 * MS;

      send_at (&fixture, clip.video->pdata[i % 10 == 0 ? 0 : 1], time, time);
      send_at (&fixture, clip.audio->pdata[0], time, time);
      fixture.now_us += 40000;
      wanted_us = lectern_rtp_intake_tick (fixture.intake, fixture.now_us);
      g_assert_true (wanted_us == 0
                     || (wanted_us > fixture.now_us && wanted_us <= fixture.now_us + LATENCY_US));
    }
  lectern_rtp_intake_flush (fixture.intake);
  for (guint i = 0; i < fixture.frames->len; i++)
    video += get_frame (&fixture, i)->media == LECTERN_MEDIA_VIDEO ? 1 : 0;
  g_assert_cmpuint (fixture.frames->len - video, ==, 1999);
  g_assert_cmpuint (video, >, 1000);
  g_assert_true (lectern_rtp_intake_get_quality (fixture.intake, LECTERN_MEDIA_VIDEO, &quality));
  g_assert_cmpuint (quality.lost, >=, fixture.dropped[LECTERN_MEDIA_VIDEO] - 5);
  g_assert_cmpuint (quality.lost, <=, fixture.dropped[LECTERN_MEDIA_VIDEO] + 5);
  g_assert_cmpuint (quality.damaged, >, 0);
  g_assert_cmpuint (quality.bad, ==, 0);
  g_assert_true (lectern_rtp_intake_get_quality (fixture.intake, LECTERN_MEDIA_AUDIO, &quality));
  g_assert_cmpuint (quality.lost + quality.bad + quality.damaged, ==, 0);
  g_assert_cmpuint (quality.received, ==, 1999);
}

static void
test_reports_and_end (void)
{
  g_auto (Fixture) fixture = { NULL };
  g_auto (Clip) clip = { NULL };
  guint8 bytes[LECTERN_RTP_REPORT_SIZE];
  LecternRtcp report;
  gsize size;

  load_clip (&clip);
  set_up (&fixture, 0);
  add (&fixture, get_track (clip.video));
  g_assert_cmpuint (lectern_rtp_intake_write_report (fixture.intake, LECTERN_MEDIA_AUDIO, 0, bytes),
                    ==, 0);
  size = lectern_rtp_intake_write_report (fixture.intake, LECTERN_MEDIA_VIDEO, 0, bytes);
  g_assert_true (lectern_rtcp_parse (&report, bytes, size, NULL));
  g_assert_cmpuint (report.n_blocks, ==, 0);
  send_packet (&fixture, clip.video->pdata[0]);
  size = lectern_rtp_intake_write_report (fixture.intake, LECTERN_MEDIA_VIDEO, fixture.now_us,
                                          bytes);
  g_assert_true (lectern_rtcp_parse (&report, bytes, size, NULL));
  g_assert_cmpuint (report.n_blocks, ==, 1);
  g_assert_cmpuint (report.blocks[0].ssrc, ==, 11);
  g_assert_false (lectern_rtp_intake_has_ended (fixture.intake));
  size = lectern_rtp_packer_write_bye (&fixture.packers[LECTERN_MEDIA_VIDEO], bytes);
  deliver (&fixture, bytes, size);
  g_assert_true (lectern_rtp_intake_has_ended (fixture.intake));
  g_assert_false (
      lectern_rtp_intake_take_rtp (fixture.intake, LECTERN_MEDIA_AUDIO, bytes, size, 0));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtsp/intake/tracks-first", test_tracks);
  g_test_add_func ("/rtsp/intake/reordered-pictures", test_reordered_pictures);
  g_test_add_func ("/rtsp/intake/aligns-by-arrival", test_by_arrival);
  g_test_add_func ("/rtsp/intake/reports-first", test_reports_first);
  g_test_add_func ("/rtsp/intake/sound-moves-at-once", test_sound_moves);
  g_test_add_func ("/rtsp/intake/picture-moves-at-a-key-frame", test_picture_moves);
  g_test_add_func ("/rtsp/intake/uneven-reports", test_uneven_reports);
  g_test_add_func ("/rtsp/intake/wrong-reports", test_wrong_reports);
  g_test_add_func ("/rtsp/intake/jumps", test_jumps);
  g_test_add_func ("/rtsp/intake/P-08-loss", test_loss);
  g_test_add_func ("/rtsp/intake/reports-and-end", test_reports_and_end);
  return g_test_run ();
}
