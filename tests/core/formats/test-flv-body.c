/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-flv.h"
#include "hex.h"

typedef struct
{
  const char *body;
  LecternCodec codec;
  int kind;
  gboolean key;
  gboolean fourcc;
  gint32 composition_ms;
  gsize payload_offset;
} VideoCase;

#define AVC1 "61766331"
#define HVC1 "68766331"
#define AV01 "61763031"
#define VP09 "76703039"

static const VideoCase video_cases[] = {
  { "17 00 000000 0164", LECTERN_CODEC_H264, LECTERN_FLV_CONFIG, TRUE, FALSE, 0, 5 },
  { "17 01 000028 00", LECTERN_CODEC_H264, LECTERN_FLV_FRAME, TRUE, FALSE, 40, 5 },
  { "27 01 ffffff 00", LECTERN_CODEC_H264, LECTERN_FLV_FRAME, FALSE, FALSE, -1, 5 },
  { "27 01 800000 00", LECTERN_CODEC_H264, LECTERN_FLV_FRAME, FALSE, FALSE, -8388608, 5 },
  { "27 01 7fffff 00", LECTERN_CODEC_H264, LECTERN_FLV_FRAME, FALSE, FALSE, 8388607, 5 },
  { "37 01 000000 00", LECTERN_CODEC_H264, LECTERN_FLV_FRAME, FALSE, FALSE, 0, 5 },
  { "47 01 000000 00", LECTERN_CODEC_H264, LECTERN_FLV_FRAME, TRUE, FALSE, 0, 5 },
  { "17 02 000000", LECTERN_CODEC_H264, LECTERN_FLV_END, TRUE, FALSE, 0, 0 },
  { "17 02", LECTERN_CODEC_H264, LECTERN_FLV_END, TRUE, FALSE, 0, 0 },
  { "1c 00 000000 01", LECTERN_CODEC_H265, LECTERN_FLV_CONFIG, TRUE, FALSE, 0, 5 },
  { "2c 01 000010 00", LECTERN_CODEC_H265, LECTERN_FLV_FRAME, FALSE, FALSE, 16, 5 },
  { "57 00", LECTERN_CODEC_NONE, LECTERN_FLV_IGNORE, FALSE, FALSE, 0, 0 },
  { "52 01", LECTERN_CODEC_NONE, LECTERN_FLV_IGNORE, FALSE, FALSE, 0, 0 },
  { "90" HVC1 "01", LECTERN_CODEC_H265, LECTERN_FLV_CONFIG, TRUE, TRUE, 0, 5 },
  { "91" HVC1 "000021 00", LECTERN_CODEC_H265, LECTERN_FLV_FRAME, TRUE, TRUE, 33, 8 },
  { "a1" AVC1 "fffffe 00", LECTERN_CODEC_H264, LECTERN_FLV_FRAME, FALSE, TRUE, -2, 8 },
  { "a3" HVC1 "00", LECTERN_CODEC_H265, LECTERN_FLV_FRAME, FALSE, TRUE, 0, 5 },
  { "92" HVC1, LECTERN_CODEC_H265, LECTERN_FLV_END, TRUE, TRUE, 0, 0 },
  { "90" AV01 "81", LECTERN_CODEC_AV1, LECTERN_FLV_CONFIG, TRUE, TRUE, 0, 5 },
  { "a1" AV01 "00", LECTERN_CODEC_AV1, LECTERN_FLV_FRAME, FALSE, TRUE, 0, 5 },
  { "91" VP09 "00", LECTERN_CODEC_VP9, LECTERN_FLV_FRAME, TRUE, TRUE, 0, 5 },
  { "94" HVC1 "02", LECTERN_CODEC_H265, LECTERN_FLV_IGNORE, TRUE, TRUE, 0, 0 },
  { "d1 00", LECTERN_CODEC_NONE, LECTERN_FLV_IGNORE, FALSE, FALSE, 0, 0 },
  /* a nanosecond offset before a frame; two modifiers; one whose length is written wide */
  { "97 02 000001 01" HVC1 "000000 00", LECTERN_CODEC_H265, LECTERN_FLV_FRAME, TRUE, TRUE, 0, 13 },
  { "a7 00 00 07 00 00 03" AVC1 "00", LECTERN_CODEC_H264, LECTERN_FLV_FRAME, FALSE, TRUE, 0, 11 },
  { "97 ff 0000 aa 01" AV01 "00", LECTERN_CODEC_AV1, LECTERN_FLV_FRAME, TRUE, TRUE, 0, 10 },
};

static void
test_reads_video (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (video_cases); i++)
    {
      const VideoCase *expected = &video_cases[i];
      g_autoptr (GBytes) bytes = unhex (expected->body);
      gsize size = g_bytes_get_size (bytes);
      g_autofree guint8 *data = cut (bytes, size);
      g_autoptr (GError) error = NULL;
      LecternFlvBody body;

      g_test_message ("%s", expected->body);
      g_assert_true (lectern_flv_parse_video (data, size, &body, &error));
      g_assert_no_error (error);
      g_assert_cmpint (body.codec, ==, expected->codec);
      g_assert_cmpint (body.kind, ==, expected->kind);
      g_assert_cmpint (body.key, ==, expected->key);
      g_assert_cmpint (body.fourcc, ==, expected->fourcc);
      g_assert_cmpint (body.composition_ms, ==, expected->composition_ms);
      g_assert_cmpuint (body.payload_offset, ==, expected->payload_offset);
      if (body.payload_offset > 0)
        g_assert_cmpuint (body.payload_offset + body.payload_size, ==, size);
      else
        g_assert_cmpuint (body.payload_size, ==, 0);
    }
}

typedef gboolean (*ParseFunc) (const guint8 *data, gsize size, LecternFlvBody *body,
                               GError **error);

static void
assert_refused (ParseFunc parse, const char *hex, LecternError code)
{
  g_autoptr (GBytes) bytes = unhex (hex);
  gsize size = g_bytes_get_size (bytes);
  g_autofree guint8 *data = cut (bytes, size);
  g_autoptr (GError) error = NULL;
  LecternFlvBody body;

  g_test_message ("%s", hex);
  g_assert_false (parse (data, size, &body, &error));
  g_assert_error (error, LECTERN_ERROR, (int) code);
}

static void
test_refuses_video (void)
{
  static const char *const broken[] = {
    "",
    "17",
    "17 01",
    "17 01 0000",
    "17 00 000000",
    "17 03 000000 00",
    "07 01 000000 00",
    "67 01 000000 00",
    "77 01 000000 00",
    "1c",
    "90",
    "90 6876",
    "90" HVC1,
    "91" HVC1 "0000",
    "91" HVC1 "000000",
    "a3" HVC1,
    "98" HVC1 "00",
    "9f" HVC1 "00",
    "80" HVC1 "00",
    "97",
    "97 05 00",
    "97 ff 00",
    "97 ff ffff 00",
    "97 00 00",
  };
  static const char *const foreign[] = {
    "12 00",          "13 00",          "14 00",        "16 00",
    "10 00",          "1d 00",          "1f 00",        "90 76766331 00",
    "90 76703038 00", "90 00000000 00", "95" HVC1 "00", "96 01" HVC1 "00 00",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    assert_refused (lectern_flv_parse_video, broken[i], LECTERN_ERROR_INVALID_DATA);
  for (gsize i = 0; i < G_N_ELEMENTS (foreign); i++)
    assert_refused (lectern_flv_parse_video, foreign[i], LECTERN_ERROR_NOT_SUPPORTED);
}

static const struct
{
  const char *body;
  LecternCodec codec;
  int kind;
  gboolean fourcc;
  guint rate;
  guint channels;
  guint bits;
  gsize payload_offset;
} audio_cases[] = {
  { "af 00 1210", LECTERN_CODEC_AAC, LECTERN_FLV_CONFIG, FALSE, 44100, 2, 16, 2 },
  { "af 01 21", LECTERN_CODEC_AAC, LECTERN_FLV_FRAME, FALSE, 44100, 2, 16, 2 },
  { "ae 01 21", LECTERN_CODEC_AAC, LECTERN_FLV_FRAME, FALSE, 44100, 1, 16, 2 },
  { "2f ff", LECTERN_CODEC_MP3, LECTERN_FLV_FRAME, FALSE, 44100, 2, 16, 1 },
  { "2a ff", LECTERN_CODEC_MP3, LECTERN_FLV_FRAME, FALSE, 22050, 1, 16, 1 },
  { "26 ff", LECTERN_CODEC_MP3, LECTERN_FLV_FRAME, FALSE, 11025, 1, 16, 1 },
  { "e2 ff", LECTERN_CODEC_MP3, LECTERN_FLV_FRAME, FALSE, 8000, 1, 16, 1 },
  { "b6 00", LECTERN_CODEC_SPEEX, LECTERN_FLV_FRAME, FALSE, 16000, 1, 16, 1 },
  { "b2 00", LECTERN_CODEC_SPEEX, LECTERN_FLV_FRAME, FALSE, 16000, 1, 16, 1 },
  { "bf 00", LECTERN_CODEC_SPEEX, LECTERN_FLV_FRAME, FALSE, 16000, 1, 16, 1 },
  { "42 00", LECTERN_CODEC_NELLYMOSER, LECTERN_FLV_FRAME, FALSE, 16000, 1, 16, 1 },
  { "52 00", LECTERN_CODEC_NELLYMOSER, LECTERN_FLV_FRAME, FALSE, 8000, 1, 16, 1 },
  { "6a 00", LECTERN_CODEC_NELLYMOSER, LECTERN_FLV_FRAME, FALSE, 22050, 1, 16, 1 },
  { "6f 00", LECTERN_CODEC_NELLYMOSER, LECTERN_FLV_FRAME, FALSE, 44100, 2, 16, 1 },
  { "72 d5", LECTERN_CODEC_PCMA, LECTERN_FLV_FRAME, FALSE, 8000, 1, 16, 1 },
  { "81 ff", LECTERN_CODEC_PCMU, LECTERN_FLV_FRAME, FALSE, 8000, 2, 8, 1 },
  { "90 6d703461 1210", LECTERN_CODEC_AAC, LECTERN_FLV_CONFIG, TRUE, 0, 0, 0, 5 },
  { "91 6d703461 21", LECTERN_CODEC_AAC, LECTERN_FLV_FRAME, TRUE, 0, 0, 0, 5 },
  { "91 4f707573 fc", LECTERN_CODEC_OPUS, LECTERN_FLV_FRAME, TRUE, 0, 0, 0, 5 },
  { "92 4f707573", LECTERN_CODEC_OPUS, LECTERN_FLV_END, TRUE, 0, 0, 0, 0 },
  { "94 4f707573 00 02", LECTERN_CODEC_OPUS, LECTERN_FLV_IGNORE, TRUE, 0, 0, 0, 0 },
  { "91 2e6d7033 ff", LECTERN_CODEC_MP3, LECTERN_FLV_FRAME, TRUE, 0, 0, 0, 5 },
  { "90 2e6d7033", LECTERN_CODEC_MP3, LECTERN_FLV_IGNORE, TRUE, 0, 0, 0, 0 },
  { "97 02 000001 01 4f707573 fc", LECTERN_CODEC_OPUS, LECTERN_FLV_FRAME, TRUE, 0, 0, 0, 10 },
};

static void
test_reads_audio (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (audio_cases); i++)
    {
      g_autoptr (GBytes) bytes = unhex (audio_cases[i].body);
      gsize size = g_bytes_get_size (bytes);
      g_autofree guint8 *data = cut (bytes, size);
      g_autoptr (GError) error = NULL;
      LecternFlvBody body;

      g_test_message ("%s", audio_cases[i].body);
      g_assert_true (lectern_flv_parse_audio (data, size, &body, &error));
      g_assert_no_error (error);
      g_assert_cmpint (body.codec, ==, audio_cases[i].codec);
      g_assert_cmpint (body.kind, ==, audio_cases[i].kind);
      g_assert_cmpint (body.fourcc, ==, audio_cases[i].fourcc);
      g_assert_cmpuint (body.rate, ==, audio_cases[i].rate);
      g_assert_cmpuint (body.channels, ==, audio_cases[i].channels);
      g_assert_cmpuint (body.bits, ==, audio_cases[i].bits);
      g_assert_cmpuint (body.payload_offset, ==, audio_cases[i].payload_offset);
      g_assert_false (body.key);
      g_assert_cmpint (body.composition_ms, ==, 0);
    }
}

static void
test_refuses_audio (void)
{
  static const char *const broken[] = {
    "",   "af",       "af 00",          "af 01",       "af 02 00",    "2f",
    "b6", "90",       "90 4f",          "90 4f707573", "91 6d703461", "93 4f707573 00",
    "97", "97 01 00", "98 4f707573 00", "91 2e6d7033",
  };
  static const char *const foreign[] = {
    "0f 00", "1f 00",          "3f 00",          "cf 00",          "df 00",
    "ff 00", "90 664c6143 00", "91 61632d33 00", "91 65632d33 00", "95 00 4f707573 00 00",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    assert_refused (lectern_flv_parse_audio, broken[i], LECTERN_ERROR_INVALID_DATA);
  for (gsize i = 0; i < G_N_ELEMENTS (foreign); i++)
    assert_refused (lectern_flv_parse_audio, foreign[i], LECTERN_ERROR_NOT_SUPPORTED);
}

#define AVCC "0142c00dffe1001b6742c00dda05067e7ffc000c001040000003004000000c83c50aa801000468ce0fc8"
#define OPUS_HEAD "4f707573486561640101380180bb0000000000"

static LecternTrack *
make (LecternCodec codec, const char *hex, GError **error)
{
  LecternFlvBody body = { .codec = codec, .rate = 11025, .channels = 1, .bits = 8 };
  g_autoptr (GBytes) config = hex != NULL ? unhex (hex) : NULL;
  LecternTrack *track = lectern_flv_make_track (&body, config, error);

  if (track != NULL && lectern_codec_needs_config (codec))
    g_assert_true (track->config == config);
  else if (track != NULL)
    g_assert_null (track->config);
  return track;
}

static void
test_makes_tracks (void)
{
  static const struct
  {
    LecternCodec codec;
    const char *config;
    guint width;
    guint height;
    guint rate;
    guint channels;
    const char *profile;
  } cases[] = {
    { LECTERN_CODEC_H264, AVCC, 320, 180, 11025, 1, "Baseline 1.3" },
    { LECTERN_CODEC_AAC, "118856e500", 0, 0, 48000, 1, "LC" },
    { LECTERN_CODEC_AAC, "eb8a0800", 0, 0, 44100, 2, "HEv2" },
    { LECTERN_CODEC_AV1, "81000c000a0b000000043cfeccdaf90040", 0, 0, 11025, 1, "Main 2.0" },
    { LECTERN_CODEC_AV1, "81290c00", 0, 0, 11025, 1, "High 4.1" },
    { LECTERN_CODEC_VP9, "000b820202020000", 0, 0, 11025, 1, "Profile 0" },
    { LECTERN_CODEC_VP9, "01000000020b820202020000", 0, 0, 11025, 1, "Profile 2" },
    { LECTERN_CODEC_OPUS, OPUS_HEAD, 0, 0, 48000, 1, "" },
    { LECTERN_CODEC_MP3, NULL, 0, 0, 11025, 1, "" },
    { LECTERN_CODEC_MP3, "fffb", 0, 0, 11025, 1, "" },
    { LECTERN_CODEC_SPEEX, NULL, 0, 0, 11025, 1, "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (LecternTrack) track = make (cases[i].codec, cases[i].config, &error);

      g_assert_no_error (error);
      g_assert_cmpint (track->codec, ==, cases[i].codec);
      g_assert_cmpint (track->media, ==, lectern_codec_get_media (cases[i].codec));
      g_assert_cmpuint (track->width, ==, cases[i].width);
      g_assert_cmpuint (track->height, ==, cases[i].height);
      g_assert_cmpuint (track->rate, ==, cases[i].rate);
      g_assert_cmpuint (track->channels, ==, cases[i].channels);
      g_assert_cmpuint (track->bits, ==, 8);
      g_assert_cmpstr (track->profile, ==, cases[i].profile);
    }
}

static void
test_refuses_broken_configs (void)
{
  static const struct
  {
    LecternCodec codec;
    const char *config;
  } cases[] = {
    { LECTERN_CODEC_H264, NULL },
    { LECTERN_CODEC_H264, "" },
    { LECTERN_CODEC_H264, "0142c00dffe000" },
    { LECTERN_CODEC_H265, NULL },
    { LECTERN_CODEC_H265, AVCC },
    { LECTERN_CODEC_AAC, NULL },
    { LECTERN_CODEC_AAC, "12" },
    { LECTERN_CODEC_AV1, "81000c" },
    { LECTERN_CODEC_AV1, "01000c00" },
    { LECTERN_CODEC_AV1, "82000c00" },
    { LECTERN_CODEC_AV1, "81600c00" },
    { LECTERN_CODEC_VP9, "000b8202020200" },
    { LECTERN_CODEC_VP9, "040b820202020000" },
    { LECTERN_CODEC_VP9, "000b820202020001" },
    { LECTERN_CODEC_VP9, "01000000000b8202" },
    { LECTERN_CODEC_OPUS, "4f70757348656164010138018"
                          "0bb00000000" },
    { LECTERN_CODEC_OPUS, "4f707573486561641101380180bb0000000000" },
    { LECTERN_CODEC_OPUS, "4f707573486561640100380180bb0000000000" },
    { LECTERN_CODEC_OPUS, "4f707573546167730101380180bb0000000000" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (LecternTrack) track = make (cases[i].codec, cases[i].config, &error);

      g_test_message ("%s", cases[i].config != NULL ? cases[i].config : "none");
      g_assert_null (track);
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/flv-body/reads-video", test_reads_video);
  g_test_add_func ("/formats/flv-body/refuses-video", test_refuses_video);
  g_test_add_func ("/formats/flv-body/reads-audio", test_reads_audio);
  g_test_add_func ("/formats/flv-body/refuses-audio", test_refuses_audio);
  g_test_add_func ("/formats/flv-body/makes-tracks", test_makes_tracks);
  g_test_add_func ("/formats/flv-body/refuses-broken-configs", test_refuses_broken_configs);
  return g_test_run ();
}
