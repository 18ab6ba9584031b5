/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../lectern-rtp-parameters.h"
#include "../lectern-sdp.h"
#include "rtp-frames.h"

#define HEAD "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
#define H264_SETS "Z/QADJGbKCgz8bgIgAAAAwCAAAAZB4oUyw==,aO+xkhk="
#define VIDEO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:streamid=0\r\n"
#define AAC "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=fmtp:97 "

/* What encoders really say: ffmpeg 5.1, rtspclientsink of GStreamer 1.22. */
static const char ffmpeg_sdp[] = HEAD
    "a=tool:libavformat LIBAVFORMAT_VERSION\r\nm=video 0 RTP/AVP 96\r\nb=AS:300\r\n"
    "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1; sprop-parameter-sets=" H264_SETS
    "; profile-level-id=F4000C\r\na=control:streamid=0\r\nm=audio 0 RTP/AVP 97\r\nb=AS:128\r\n"
    "a=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=fmtp:97 profile-level-id=1;mode=AAC-hbr;"
    "sizelength=13;indexlength=3;indexdeltalength=3; config=119056E500\r\n"
    "a=control:streamid=1\r\n";
static const char gstreamer_sdp[]
    = "v=0\r\no=- 4101941963 1 IN IP4 127.0.0.1\r\ns=Session streamed with GStreamer\r\n"
      "i=rtspclientsink\r\nt=0 0\r\na=tool:GStreamer\r\nm=audio 0 RTP/AVP 96\r\nc=IN IP4 "
      "0.0.0.0\r\n"
      "a=rtpmap:96 MP4A-LATM/48000\r\na=fmtp:96 cpresent=0;config=40002320adca00\r\n"
      "a=control: stream=1 \r\na=ts-refclk:local\r\na=mediaclk:sender\r\n"
      "a=ssrc:3242935194 cname:user3471188983@host\r\nm=video 0 RTP/AVP 99\r\nc=IN IP4 0.0.0.0\r\n"
      "b=AS:2097\r\na=rtpmap:99 H264/90000\r\na=framerate:25\r\na=fmtp:99 packetization-mode=1;"
      "sprop-parameter-sets=" H264_SETS ";profile-level-id=f4000d;level-asymmetry-allowed=1\r\n"
      "a=control:stream=0\r\n";

static void
parse (LecternSdp *sdp, const char *text)
{
  g_autoptr (GError) error = NULL;

  lectern_sdp_parse (sdp, text, strlen (text), &error);
  g_assert_no_error (error);
}

static void
expect_refused (const char *text, gsize size, LecternError code)
{
  LecternSdp sdp;
  g_autoptr (GError) error = NULL;

  g_assert_false (lectern_sdp_parse (&sdp, text, size, &error));
  g_assert_error (error, LECTERN_ERROR, (int) code);
  g_assert_cmpuint (sdp.n_media, ==, 0);
}

static void
test_ffmpeg (void)
{
  g_auto (LecternSdp) sdp = { NULL };
  g_auto (LecternRtpParameters) video = { LECTERN_CODEC_NONE };
  g_auto (LecternRtpParameters) audio = { LECTERN_CODEC_NONE };

  parse (&sdp, ffmpeg_sdp);
  g_assert_cmpuint (sdp.n_media, ==, 2);
  g_assert_cmpint (sdp.video, ==, 0);
  g_assert_cmpint (sdp.audio, ==, 1);
  g_assert_null (sdp.control);
  g_assert_cmpstr (sdp.media[0].control, ==, "streamid=0");
  g_assert_cmpuint (sdp.media[0].format.payload_type, ==, 96);
  g_assert_true (lectern_rtp_parameters_init (&video, &sdp.media[0].format, NULL));
  g_assert_cmpint (video.codec, ==, LECTERN_CODEC_H264);
  g_assert_cmpuint (video.sets->len, ==, 2);
  g_assert_cmpuint (g_bytes_get_size (video.sets->pdata[0]), ==, 25);
  g_assert_true (lectern_rtp_parameters_init (&audio, &sdp.media[1].format, NULL));
  g_assert_cmpint (audio.codec, ==, LECTERN_CODEC_AAC);
  g_assert_cmpuint (audio.clock_rate, ==, 48000);
  g_assert_cmpuint (audio.size_length, ==, 13);
  g_assert_cmpuint (audio.index_length, ==, 3);
  g_assert_cmpmem (g_bytes_get_data (audio.config, NULL), g_bytes_get_size (audio.config),
                   "\x11\x90\x56\xe5\0", 5);
}

/* Sound before picture, and LATM, whose config is not aligned. */
static void
test_gstreamer (void)
{
  g_auto (LecternSdp) sdp = { NULL };
  g_auto (LecternRtpParameters) audio = { LECTERN_CODEC_NONE };

  parse (&sdp, gstreamer_sdp);
  g_assert_cmpint (sdp.video, ==, 1);
  g_assert_cmpint (sdp.audio, ==, 0);
  g_assert_cmpstr (sdp.media[0].control, ==, "stream=1");
  g_assert_true (lectern_rtp_parameters_init (&audio, &sdp.media[0].format, NULL));
  g_assert_true (audio.latm);
  g_assert_cmpmem (g_bytes_get_data (audio.config, NULL), g_bytes_get_size (audio.config),
                   "\x11\x90", 2);
}

/* What is not used keeps its place, so that its set-up can be answered. */
static void
test_other_media (void)
{
  g_auto (LecternSdp) sdp = { NULL };

  parse (&sdp, HEAD "a=control:rtsp://h/a\n"
                    "m=application 0 RTP/AVP 107\na=control:data\n"
                    "m=video 0 RTP/AVP 26 96\na=rtpmap:96 h264/90000\na=control:v\n"
                    "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:v2\n"
                    "m=audio 0 RTP/SAVP 0\na=control:secret\n"
                    "m=audio 0 RTP/AVP 3 8\na=control:rtsp://h/a/g711\n");
  g_assert_cmpuint (sdp.n_media, ==, 5);
  g_assert_cmpstr (sdp.control, ==, "rtsp://h/a");
  g_assert_cmpint (sdp.video, ==, 1);
  g_assert_cmpint (sdp.audio, ==, 4);
  g_assert_cmpuint (sdp.media[1].format.payload_type, ==, 96);
  g_assert_cmpstr (sdp.media[4].format.encoding, ==, "PCMA");
  g_assert_cmpuint (sdp.media[4].format.clock_rate, ==, 8000);
  g_assert_cmpstr (sdp.media[4].control, ==, "rtsp://h/a/g711");
  g_assert_false (sdp.media[0].used);
  g_assert_false (sdp.media[2].used);
  g_assert_false (sdp.media[3].used);
  g_assert_cmpstr (sdp.media[3].control, ==, "secret");
}

/* P-07 */
static void
test_broken (void)
{
  static const char *const broken[] = {
    "",
    "hello",
    "V=0\r\n",
    HEAD "m=video\r\n",
    HEAD "m=video 0 RTP/AVP 96x\r\n",
    HEAD "m=video 0 RTP/AVP 300\r\n",
    HEAD "nonsense\r\n" VIDEO,
    HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264\r\n",
    HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/0\r\n",
    HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000/x\r\n",
    HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/7\r\n",
    HEAD VIDEO "a=fmtp:96 sprop-parameter-sets=Z/Q*\r\n",
    HEAD VIDEO "a=fmtp:96 sprop-parameter-sets=Z\r\n",
    HEAD VIDEO "a=fmtp:96 packetization-mode=x\r\n",
    HEAD AAC "sizelength=13; config=11g0\r\n",
    HEAD AAC "sizelength=13; config=119\r\n",
    HEAD AAC "sizelength=13; config=ffff\r\n",
    HEAD AAC "sizelength=13\r\n",
    HEAD AAC "config=1190\r\n",
    HEAD AAC "config=1190; sizelength=99\r\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (broken); i++)
    expect_refused (broken[i], strlen (broken[i]), LECTERN_ERROR_INVALID_DATA);
  expect_refused (HEAD VIDEO "\0", strlen (HEAD VIDEO) + 1, LECTERN_ERROR_INVALID_DATA);
}

static void
test_not_supported (void)
{
  static const char *const strange[] = {
    HEAD,
    HEAD "m=video 0 RTP/AVP 26\r\n",
    HEAD "m=video 0 RTP/AVP 96\r\n", /* of an unknown kind */
    HEAD "m=video 0 RTP/SAVP 96\r\na=rtpmap:96 H264/90000\r\n",
    HEAD "m=audio 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
    HEAD "m=audio 0 RTP/AVP 3\r\n",
    HEAD VIDEO "a=fmtp:96 packetization-mode=2\r\n",
    HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 sprop-max-don-diff=2\r\n",
    HEAD AAC "mode=CELP-cbr; config=1190; sizelength=13\r\n",
    HEAD AAC "config=1190; sizelength=13; maxDisplacement=3\r\n",
    HEAD "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MP4A-LATM/48000\r\n",
    HEAD
    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MP4A-LATM/48000\r\na=fmtp:97 config=c0002320adca00\r\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (strange); i++)
    expect_refused (strange[i], strlen (strange[i]), LECTERN_ERROR_NOT_SUPPORTED);
}

static void
test_limits (void)
{
  g_autoptr (GString) text = g_string_new (HEAD);
  g_auto (LecternSdp) sdp = { NULL };

  for (guint i = 0; i < LECTERN_SDP_MAX_MEDIA; i++)
    g_string_append (text, VIDEO);
  parse (&sdp, text->str);
  g_assert_cmpuint (sdp.n_media, ==, LECTERN_SDP_MAX_MEDIA);
  g_string_append (text, VIDEO);
  expect_refused (text->str, text->len, LECTERN_ERROR_INVALID_DATA);
  for (guint i = 0; i < 1000; i++)
    g_string_append (text, VIDEO);
  expect_refused (text->str, text->len, LECTERN_ERROR_INVALID_DATA);

  g_string_assign (text, HEAD VIDEO "a=fmtp:96 sprop-parameter-sets=");
  for (guint i = 0; i < 30000; i++)
    g_string_append_c (text, 'A');
  expect_refused (text->str, text->len, LECTERN_ERROR_INVALID_DATA);
  for (guint i = 0; i < 10000; i++)
    g_string_append_c (text, 'A');
  expect_refused (text->str, text->len, LECTERN_ERROR_INVALID_DATA);

  g_string_assign (text, HEAD VIDEO "a=fmtp:96 sprop-parameter-sets=");
  for (guint i = 0; i < LECTERN_RTP_MAX_SETS + 1; i++)
    g_string_append (text, "Z/Q=,");
  expect_refused (text->str, text->len, LECTERN_ERROR_INVALID_DATA);

  g_string_assign (text, HEAD VIDEO "a=control:");
  for (guint i = 0; i < LECTERN_SDP_MAX_CONTROL + 1; i++)
    g_string_append_c (text, 'A');
  expect_refused (text->str, text->len, LECTERN_ERROR_INVALID_DATA);

  g_string_assign (text, HEAD VIDEO);
  while (text->len <= LECTERN_SDP_MAX_SIZE)
    g_string_append (text, "a=x:1\r\n");
  expect_refused (text->str, text->len, LECTERN_ERROR_INVALID_DATA);
}

/* What we print, we read. */
static void
test_print (void)
{
  static const struct
  {
    const char *file;
    LecternMedia media;
  } cases[]
      = { { "h264-aac.flv", LECTERN_MEDIA_VIDEO },  { "h265-fourcc.flv", LECTERN_MEDIA_VIDEO },
          { "h264-aac.flv", LECTERN_MEDIA_AUDIO },  { "opus-fourcc.flv", LECTERN_MEDIA_AUDIO },
          { "mp3-44100.flv", LECTERN_MEDIA_AUDIO }, { "pcma.flv", LECTERN_MEDIA_AUDIO },
          { "pcmu.flv", LECTERN_MEDIA_AUDIO } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GPtrArray) packets = load_packets (cases[i].file, cases[i].media);
      gboolean video = cases[i].media == LECTERN_MEDIA_VIDEO;
      g_auto (LecternRtpFormat) format = { 0 };
      g_auto (LecternRtpParameters) parameters = { LECTERN_CODEC_NONE };
      g_auto (LecternSdp) sdp = { NULL };
      g_autofree char *text = NULL;
      const LecternRtpFormat *read;

      g_assert_true (lectern_rtp_format_init (&format, get_track (packets), NULL));
      text = lectern_sdp_print (&(LecternSdpOffer){ .video = video ? &format : NULL,
                                                    .audio = video ? NULL : &format,
                                                    .title = "a\r\nm=video",
                                                    .address = "127.0.0.1",
                                                    .session = 7,
                                                    .video_kbps = 300 });
      g_assert_nonnull (
          strstr (text, "o=- 7 1 IN IP4 127.0.0.1\r\ns=am=video\r\nc=IN IP4 0.0.0.0"));
      parse (&sdp, text);
      g_assert_cmpuint (sdp.n_media, ==, 1);
      g_assert_cmpstr (sdp.control, ==, "*");
      g_assert_cmpstr (sdp.media[0].control, ==, video ? "trackID=1" : "trackID=2");
      read = &sdp.media[0].format;
      g_assert_cmpint (read->media, ==, cases[i].media);
      g_assert_cmpuint (read->payload_type, ==, format.payload_type);
      g_assert_cmpstr (read->fmtp, ==, format.fmtp);
      g_assert_true (lectern_rtp_parameters_init (&parameters, read, NULL));
      g_assert_cmpint (parameters.codec, ==, get_track (packets)->codec);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtsp/sdp/ffmpeg", test_ffmpeg);
  g_test_add_func ("/rtsp/sdp/gstreamer", test_gstreamer);
  g_test_add_func ("/rtsp/sdp/other-media-keep-their-place", test_other_media);
  g_test_add_func ("/rtsp/sdp/P-07-broken", test_broken);
  g_test_add_func ("/rtsp/sdp/not-supported", test_not_supported);
  g_test_add_func ("/rtsp/sdp/P-07-limits", test_limits);
  g_test_add_func ("/rtsp/sdp/reads-what-it-prints", test_print);
  return g_test_run ();
}
