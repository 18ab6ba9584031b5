/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transcode-pipeline.h"

#define MS G_GINT64_CONSTANT (1000000)
#define MAX_SIDE 8192

static const struct
{
  LecternCodec codec;
  const char *name;   /* in the job's parameters */
  const char *decode; /* from coded frames to raw ones */
} decoders[] = {
  { LECTERN_CODEC_H264, "h264", "h264parse ! avdec_h264 name=decoder max-threads=2" },
  { LECTERN_CODEC_H265, "h265", "h265parse ! avdec_h265 name=decoder max-threads=2" },
  { LECTERN_CODEC_AV1, "av1", "av1dec name=decoder" },
  { LECTERN_CODEC_VP9, "vp9", "vp9dec name=decoder" },
  { LECTERN_CODEC_AAC, "aac", "aacparse ! avdec_aac" },
  { LECTERN_CODEC_MP3, "mp3", "mpegaudioparse ! avdec_mp3" },
  { LECTERN_CODEC_OPUS, "opus", "opusparse ! opusdec" },
  { LECTERN_CODEC_SPEEX, "speex", "speexdec" },
  { LECTERN_CODEC_NELLYMOSER, "nellymoser", "avdec_nellymoser" },
  { LECTERN_CODEC_PCMA, "pcma", "alawdec" },
  { LECTERN_CODEC_PCMU, "pcmu", "mulawdec" },
};

/* How much each profile looks ahead, and what it aims at. */
static const struct
{
  const char *name;
  guint bframes, lookahead, quantizer;
  const char *x264;
} profiles[] = {
  [TRANSCODE_CAMERA] = { "camera", 2, 10, 23, "speed-preset=veryfast pass=qual" },
  [TRANSCODE_SLIDES] = { "slides", 3, 25, 21, "speed-preset=veryfast pass=qual" },
  [TRANSCODE_FAST] = { "fast", 0, 0, 23, "speed-preset=veryfast tune=zerolatency pass=cbr" },
};

const char *const transcode_pipeline_elements[] = {
  "appsrc",
  "appsink",
  "queue",
  "tee",
  "capsfilter",
  "videoconvert",
  "videoscale",
  "h264parse",
  "avdec_h264",
  "h265parse",
  "avdec_h265",
  "av1dec",
  "vp9dec",
  "x264enc",
  "openh264enc",
  "aacparse",
  "avdec_aac",
  "mpegaudioparse",
  "avdec_mp3",
  "opusparse",
  "opusdec",
  "speexdec",
  "avdec_nellymoser",
  "alawdec",
  "mulawdec",
  "audioconvert",
  "audioresample",
  "avenc_aac",
  NULL,
};

/* ── parameters ── */

static const char *
find_decoder (LecternCodec codec)
{
  for (gsize i = 0; i < G_N_ELEMENTS (decoders); i++)
    if (decoders[i].codec == codec)
      return decoders[i].decode;
  return NULL;
}

static gboolean
read_codec (JsonObject *object, const char *member, LecternMedia media, LecternCodec *codec,
            GError **error)
{
  const char *name = json_object_get_string_member_with_default (object, member, NULL);

  *codec = LECTERN_CODEC_NONE;
  for (gsize i = 0; name != NULL && i < G_N_ELEMENTS (decoders); i++)
    if (g_str_equal (decoders[i].name, name)
        && lectern_codec_get_media (decoders[i].codec) == media)
      *codec = decoders[i].codec;
  if (name == NULL || *codec != LECTERN_CODEC_NONE)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED, "%s of kind '%.32s'", member,
               name);
  return FALSE;
}

static gboolean
read_integer (JsonObject *object, const char *name, gint64 usual, gint64 low, gint64 high,
              gint64 *value, GError **error)
{
  *value = json_object_get_int_member_with_default (object, name, usual);
  if (*value >= low && *value <= high)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
               "%s is %" G_GINT64_FORMAT ", and must be %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
               name, *value, low, high);
  return FALSE;
}

static gboolean
read_rung (TranscodeTarget *self, JsonNode *node, GError **error)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  gint64 lane, width, height, bitrate;

  if (object == NULL || !read_integer (object, "lane", 0, 1, TRANSCODE_MAX_RUNGS, &lane, error)
      || !read_integer (object, "width", 0, 16, MAX_SIDE, &width, error)
      || !read_integer (object, "height", 0, 16, MAX_SIDE, &height, error)
      || !read_integer (object, "bitrate", 0, 10000, 100000000, &bitrate, error))
    return FALSE;
  *self = (TranscodeTarget){ lane, width, height, bitrate };
  return TRUE;
}

static gboolean
read_rungs (TranscodeParameters *self, JsonObject *object, GError **error)
{
  JsonArray *array = json_object_has_member (object, "rungs")
                         ? json_object_get_array_member (object, "rungs")
                         : NULL;
  guint count = array != NULL ? json_array_get_length (array) : 0;

  if (count > TRANSCODE_MAX_RUNGS)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "%u rungs", count);
      return FALSE;
    }
  for (; self->n_rungs < count; self->n_rungs++)
    if (!read_rung (&self->rungs[self->n_rungs], json_array_get_element (array, self->n_rungs),
                    error))
      {
        if (error != NULL && *error == NULL)
          g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                               "a rung is no object");
        return FALSE;
      }
  return TRUE;
}

static gboolean
has_element (const char *name)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find (name);

  return factory != NULL;
}

static gboolean
read_encoder (TranscodeParameters *self, JsonObject *object, GError **error)
{
  const char *wanted = json_object_get_string_member_with_default (object, "encoder", "auto");
  gboolean x264 = has_element ("x264enc");

  self->openh264 = g_str_equal (wanted, "openh264") || (!x264 && !g_str_equal (wanted, "x264"));
  if (self->openh264 ? has_element ("openh264enc") : x264)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED, "GStreamer has no %s here",
               self->openh264 ? "openh264enc" : "x264enc");
  return FALSE;
}

static gboolean
read_profile (TranscodeParameters *self, JsonObject *object, GError **error)
{
  const char *wanted = json_object_get_string_member_with_default (object, "profile", "camera");

  for (gsize i = 0; i < G_N_ELEMENTS (profiles); i++)
    if (g_str_equal (profiles[i].name, wanted))
      {
        self->profile = (TranscodeProfile) i;
        return TRUE;
      }
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG, "no profile '%.32s'", wanted);
  return FALSE;
}

static gboolean
read_times (TranscodeParameters *self, JsonObject *object, GError **error)
{
  gint64 distance_ms, shed_ms, shed_for_ms, calm_ms, calm_for_ms, lane, bitrate;

  if (!read_integer (object, "key_ms", 0, 0, 60000, &distance_ms, error)
      || !read_integer (object, "shed_lag_ms", 1000, 0, 60000, &shed_ms, error)
      || !read_integer (object, "shed_for_ms", 3000, 0, 60000, &shed_for_ms, error)
      || !read_integer (object, "calm_lag_ms", 200, 0, 60000, &calm_ms, error)
      || !read_integer (object, "calm_for_ms", 60000, 0, 3600000, &calm_for_ms, error)
      || !read_integer (object, "audio_lane", 0, 0, TRANSCODE_MAX_RUNGS + 1, &lane, error)
      || !read_integer (object, "audio_bitrate", 64000, 8000, 512000, &bitrate, error))
    return FALSE;
  self->distance = distance_ms * MS;
  self->shed_lag = shed_ms * MS;
  self->shed_time = shed_for_ms * MS;
  self->calm_lag = calm_ms * MS;
  self->calm_time = calm_for_ms * MS;
  self->audio_lane = lane;
  self->audio_bitrate = bitrate;
  return TRUE;
}

gboolean
transcode_parameters_read (TranscodeParameters *self, JsonObject *object, GError **error)
{
  *self = (TranscodeParameters){ 0 };
  if (!read_codec (object, "video", LECTERN_MEDIA_VIDEO, &self->video, error)
      || !read_codec (object, "audio", LECTERN_MEDIA_AUDIO, &self->audio, error)
      || !read_rungs (self, object, error) || !read_encoder (self, object, error)
      || !read_profile (self, object, error) || !read_times (self, object, error))
    return FALSE;
  if (self->video == LECTERN_CODEC_NONE)
    self->n_rungs = 0;
  if (self->audio_lane == 0)
    self->audio = LECTERN_CODEC_NONE;
  if (self->n_rungs > 0 || self->audio != LECTERN_CODEC_NONE)
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG, "nothing to transcode");
  return FALSE;
}

/* ── the pipeline ── */

static void
put_x264 (GString *text, const TranscodeParameters *self, const TranscodeTarget *rung)
{
  gboolean fast = self->profile == TRANSCODE_FAST;

  g_string_append_printf (
      text,
      "x264enc name=encoder-%u %s bitrate=%u vbv-buf-capacity=%u bframes=%u rc-lookahead=%u "
      "threads=2 key-int-max=2147483647 option-string=scenecut=0:open-gop=0%s",
      rung->lane, profiles[self->profile].x264, MAX (rung->bitrate / 1000, 1), fast ? 1000 : 2000,
      profiles[self->profile].bframes, profiles[self->profile].lookahead, fast ? "" : ":aq-mode=3");
  if (!fast)
    g_string_append_printf (text, " quantizer=%u", profiles[self->profile].quantizer);
  g_string_append_printf (text, " ! video/x-h264,stream-format=avc,alignment=au,profile=%s",
                          fast ? "main" : "high");
}

static void
put_openh264 (GString *text, const TranscodeParameters *self, const TranscodeTarget *rung)
{
  g_string_append_printf (
      text,
      "openh264enc name=encoder-%u complexity=low rate-control=bitrate bitrate=%u max-bitrate=%u "
      "usage-type=%s gop-size=2147483 scene-change-detection=false ! h264parse ! "
      "video/x-h264,stream-format=avc,alignment=au",
      rung->lane, rung->bitrate, rung->bitrate,
      self->profile == TRANSCODE_SLIDES ? "screen" : "camera");
}

/* Each rung is scaled from the one above it. */
static void
put_rung (GString *text, const TranscodeParameters *self, guint index)
{
  const TranscodeTarget *rung = &self->rungs[index];

  g_string_append_printf (text,
                          "scale-%u. ! queue max-size-buffers=4 max-size-bytes=0 max-size-time=0 ! "
                          "videoscale ! video/x-raw,width=%u,height=%u,pixel-aspect-ratio=1/1 ! "
                          "tee name=scale-%u ",
                          index, rung->width, rung->height, index + 1);
  g_string_append_printf (text,
                          "scale-%u. ! queue name=feed-%u max-size-buffers=8 max-size-bytes=0 "
                          "max-size-time=0 ! ",
                          index + 1, rung->lane);
  if (self->openh264)
    put_openh264 (text, self, rung);
  else
    put_x264 (text, self, rung);
  g_string_append_printf (text, " ! appsink name=sink-%u sync=false async=false ", rung->lane);
}

char *
transcode_pipeline_describe (const TranscodeParameters *self)
{
  GString *text = g_string_new (NULL);

  if (self->n_rungs > 0)
    g_string_append_printf (text,
                            "appsrc name=picture format=time max-bytes=0 ! %s ! videoconvert ! "
                            "video/x-raw,format=I420 ! tee name=scale-0 ",
                            find_decoder (self->video));
  for (guint i = 0; i < self->n_rungs; i++)
    put_rung (text, self, i);
  if (self->audio != LECTERN_CODEC_NONE)
    g_string_append_printf (text,
                            "appsrc name=sound format=time max-bytes=0 ! %s ! audioconvert ! "
                            "audioresample ! audio/x-raw,rate=48000,channels=[1,2] ! "
                            "avenc_aac bitrate=%u ! audio/mpeg,stream-format=raw ! "
                            "appsink name=sink-%u sync=false async=false",
                            find_decoder (self->audio), self->audio_bitrate, self->audio_lane);
  return g_string_free (text, FALSE);
}
