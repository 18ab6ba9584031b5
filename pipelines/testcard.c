/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A moving test picture with a clock, and a tone that beeps each second. Parameters: width, height,
 * fps, bitrate (bits a second, picture and sound), key_ms (between key frames), epoch (ns of the
 * monotonic clock that is time 0; so that a second worker goes on where the first one ended). */
#include "lectern-job.h"

#include "lectern-sample.h"
#include "testcard-paint.h"

#include <gst/app/app.h>

#define AUDIO_RATE 48000
#define AUDIO_BITRATE 64000

typedef struct
{
  LecternJob *job;
  GstElement *pipeline;
  gint64 epoch;
  LecternTrack *tracks[2]; /* each touched by its own sink's thread */
} Testcard;

typedef struct
{
  gint64 width, height, fps, bitrate, key_ms, epoch;
} Parameters;

static gboolean
read_range (JsonObject *object, const char *name, gint64 usual, gint64 low, gint64 high,
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
read_parameters (JsonObject *object, Parameters *self, GError **error)
{
  return read_range (object, "width", 640, 64, 3840, &self->width, error)
         && read_range (object, "height", 360, 64, 2160, &self->height, error)
         && read_range (object, "fps", 25, 1, 120, &self->fps, error)
         && read_range (object, "bitrate", 800000, 100000, 100000000, &self->bitrate, error)
         && read_range (object, "key_ms", 2000, 100, 60000, &self->key_ms, error)
         && read_range (object, "epoch", 0, 0, G_MAXINT64, &self->epoch, error);
}

static GstPadProbeReturn
on_picture (GstPad *pad, GstPadProbeInfo *info, gpointer unused)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));
  GstVideoInfo format;
  GstVideoFrame frame;

  GST_PAD_PROBE_INFO_DATA (info) = buffer;
  if (caps == NULL || !gst_video_info_from_caps (&format, caps)
      || !gst_video_frame_map (&frame, &format, buffer, GST_MAP_READWRITE))
    return GST_PAD_PROBE_OK;
  testcard_paint (&frame, GST_BUFFER_PTS (buffer), g_get_real_time ());
  gst_video_frame_unmap (&frame);
  return GST_PAD_PROBE_OK;
}

static gboolean
send_track (Testcard *self, GstSample *sample, LecternTrack **track)
{
  GError *error = NULL;

  if (*track != NULL)
    return TRUE;
  *track = lectern_sample_make_track (gst_sample_get_caps (sample), &error);
  if (*track != NULL)
    lectern_job_send_track (self->job, 0, *track);
  else
    lectern_job_fail (self->job, error);
  return *track != NULL;
}

static GstFlowReturn
on_sample (GstAppSink *sink, gpointer user_data)
{
  Testcard *self = user_data;
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);
  LecternTrack **track = &self->tracks[g_str_equal (GST_OBJECT_NAME (sink), "sound")];
  g_autoptr (LecternPacket) packet = NULL;

  if (sample == NULL || !send_track (self, sample, track))
    return GST_FLOW_EOS;
  packet = lectern_sample_make_packet (
      sample, *track,
      self->epoch > 0 ? (gint64) gst_element_get_base_time (self->pipeline) - self->epoch : 0);
  if (packet != NULL)
    lectern_job_send_packet (self->job, 0, packet);
  return GST_FLOW_OK;
}

static char *
describe_encoder (const Parameters *self)
{
  gint64 bitrate = MAX (self->bitrate - AUDIO_BITRATE, self->bitrate / 2);
  gint64 distance = MAX (self->key_ms * self->fps / 1000, 1);
  g_autoptr (GstElementFactory) x264 = gst_element_factory_find ("x264enc");

  if (x264 != NULL)
    return g_strdup_printf ("x264enc tune=zerolatency speed-preset=veryfast bframes=0 threads=2 "
                            "bitrate=%" G_GINT64_FORMAT " key-int-max=%" G_GINT64_FORMAT
                            " ! video/x-h264,stream-format=avc,alignment=au,profile=main",
                            bitrate / 1000, distance);
  return g_strdup_printf (
      "openh264enc complexity=low rate-control=bitrate bitrate=%" G_GINT64_FORMAT
      " gop-size=%" G_GINT64_FORMAT " ! h264parse ! video/x-h264,stream-format=avc,alignment=au",
      bitrate, distance);
}

static char *
describe_pipeline (const Parameters *self)
{
  g_autofree char *encoder = describe_encoder (self);

  return g_strdup_printf (
      "videotestsrc is-live=true pattern=smpte ! capsfilter name=picture "
      "caps=video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1 ! queue "
      "max-size-buffers=4 leaky=downstream ! %s ! appsink name=video sync=false "
      "audiotestsrc is-live=true wave=ticks freq=880 sine-periods-per-tick=88 volume=0.4 "
      "samplesperbuffer=1024 ! audio/x-raw,format=F32LE,layout=interleaved,rate=%d,channels=2 ! "
      "audioconvert ! avenc_aac bitrate=%d ! appsink name=sound sync=false",
      (int) self->width, (int) self->height, (int) self->fps, encoder, AUDIO_RATE, AUDIO_BITRATE);
}

static void
connect_sink (Testcard *self, const char *name)
{
  GstAppSinkCallbacks callbacks = { .new_sample = on_sample };
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (self->pipeline), name);

  gst_app_sink_set_callbacks (GST_APP_SINK (sink), &callbacks, self, NULL);
}

static void
connect_painter (Testcard *self)
{
  g_autoptr (GstElement) picture = gst_bin_get_by_name (GST_BIN (self->pipeline), "picture");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (picture, "src");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_picture, NULL, NULL);
}

static gboolean
start (LecternJob *job, JsonObject *object, GError **error)
{
  Testcard *self = g_new0 (Testcard, 1);
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  g_autofree char *description = NULL;
  Parameters parameters;

  self->job = job;
  lectern_job_set_data (job, self);
  if (!read_parameters (object, &parameters, error))
    return FALSE;
  self->epoch = parameters.epoch;
  description = describe_pipeline (&parameters);
  self->pipeline = gst_parse_launch_full (description, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  if (self->pipeline == NULL)
    {
      lectern_error_convert (error);
      return FALSE;
    }
  gst_pipeline_use_clock (GST_PIPELINE (self->pipeline), clock);
  connect_painter (self);
  connect_sink (self, "video");
  connect_sink (self, "sound");
  lectern_job_watch (job, self->pipeline);
  gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
  return TRUE;
}

static void
stop (LecternJob *job)
{
  Testcard *self = lectern_job_get_data (job);

  if (self->pipeline != NULL)
    gst_element_set_state (self->pipeline, GST_STATE_NULL);
  g_clear_object (&self->pipeline);
  for (gsize i = 0; i < G_N_ELEMENTS (self->tracks); i++)
    g_clear_pointer (&self->tracks[i], lectern_track_unref);
  g_free (self);
}

static const char *const elements[]
    = { "videotestsrc", "audiotestsrc", "capsfilter", "queue",        "x264enc", "openh264enc",
        "h264parse",    "appsink",      "avenc_aac",  "audioconvert", NULL };

const LecternJobClass lectern_testcard_job
    = { .name = "testcard", .elements = elements, .start = start, .stop = stop };
