/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The job "poster": a JPEG of an early key frame of a finished recording, at most 640 wide. */
#include "lectern-job.h"

#include <gst/app/gstappsink.h>
#include <unistd.h>

/* The very first picture is often black. */
#define AT (2 * GST_SECOND)
#define WAIT (30 * GST_SECOND)

typedef struct
{
  LecternJob *job;
  char *folder;
  char *name;
  GstElement *pipeline;
} Poster;

static gboolean
fail (GError **error, const char *why)
{
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED, "no picture: %s", why);
  return FALSE;
}

/* Returns: (nullable). */
static const char *
get_decoder (const char *codec)
{
  static const char *const decoders[][2] = { { "H.264", "h264parse ! avdec_h264 max-threads=1" },
                                             { "H.265", "h265parse ! avdec_h265 max-threads=1" },
                                             { "VP9", "vp9parse ! avdec_vp9 max-threads=1" },
                                             { "AV1", "av1parse ! dav1ddec" } };

  for (gsize i = 0; i < G_N_ELEMENTS (decoders); i++)
    if (g_strcmp0 (decoders[i][0], codec) == 0)
      return decoders[i][1];
  return NULL;
}

static gboolean
build (Poster *self, const char *codec, GError **error)
{
  g_autofree char *path = g_strdup_printf ("%s/%s.mp4", self->folder, self->name);
  g_autofree char *description = NULL;
  g_autoptr (GstElement) source = NULL;

  if (get_decoder (codec) == NULL)
    return fail (error, "of a codec that cannot be decoded here");
  description = g_strdup_printf (
      "filesrc name=source ! qtdemux name=demux demux.video_0 ! queue ! %s ! videoconvert ! "
      "videoscale ! video/x-raw,width=[1,640],height=[1,640],pixel-aspect-ratio=1/1 ! "
      "jpegenc quality=80 ! appsink name=sink sync=false",
      get_decoder (codec));
  self->pipeline = gst_parse_launch_full (description, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  if (self->pipeline == NULL)
    {
      lectern_error_convert (error);
      return FALSE;
    }
  source = gst_bin_get_by_name (GST_BIN (self->pipeline), "source");
  g_object_set (source, "location", path, NULL);
  return TRUE;
}

static gboolean
write_picture (Poster *self, GstSample *sample, GError **error)
{
  g_autofree char *name = g_strconcat (self->name, ".jpg", NULL);
  g_autoptr (GBytes) bytes = NULL;
  int root = lectern_beneath_open_root (self->folder, error);
  int folder = root >= 0 ? lectern_beneath_open_folder (root, ".", FALSE) : -1;
  gboolean done = FALSE;
  GstMapInfo map;

  if (folder >= 0 && gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ))
    {
      bytes = g_bytes_new (map.data, map.size);
      gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
      done = lectern_beneath_replace (folder, name, bytes, error);
    }
  else if (root >= 0)
    fail (error, "its folder cannot be opened");
  if (folder >= 0)
    close (folder);
  if (root >= 0)
    close (root);
  return done;
}

static gboolean
is_paused (Poster *self)
{
  return gst_element_get_state (self->pipeline, NULL, NULL, WAIT) == GST_STATE_CHANGE_SUCCESS;
}

static gboolean
take_picture (Poster *self, GError **error)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (self->pipeline), "sink");
  g_autoptr (GstSample) sample = NULL;
  gint64 duration = 0;

  gst_element_set_state (self->pipeline, GST_STATE_PAUSED);
  if (!is_paused (self))
    return fail (error, "the recording cannot be decoded");
  /* A short one has its first picture taken. */
  if (gst_element_query_duration (self->pipeline, GST_FORMAT_TIME, &duration)
      && duration > 2 * (gint64) AT
      && gst_element_seek_simple (
          self->pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT | GST_SEEK_FLAG_SNAP_BEFORE, AT)
      && !is_paused (self))
    return fail (error, "the recording cannot be sought");
  sample = gst_app_sink_try_pull_preroll (GST_APP_SINK (sink), WAIT);
  if (sample == NULL)
    return fail (error, "none was decoded");
  return write_picture (self, sample, error);
}

static gpointer
run (gpointer data)
{
  Poster *self = data;
  GError *error = NULL;

  if (take_picture (self, &error))
    lectern_job_done (self->job);
  else
    lectern_job_fail (self->job, error);
  return NULL;
}

static gboolean
start (LecternJob *job, JsonObject *parameters, GError **error)
{
  const char *folder = json_object_get_string_member_with_default (parameters, "folder", NULL);
  const char *name = json_object_get_string_member_with_default (parameters, "name", NULL);
  const char *codec = json_object_get_string_member_with_default (parameters, "codec", NULL);
  Poster *self = g_new0 (Poster, 1);

  self->job = job;
  lectern_job_set_data (job, self);
  if (folder == NULL || name == NULL)
    return fail (error, "a folder and a name are needed");
  self->folder = g_strdup (folder);
  self->name = g_strdup (name);
  if (!build (self, codec, error))
    return FALSE;
  g_thread_unref (g_thread_new ("poster", run, self));
  return TRUE;
}

/* The thread may still run; the process ends with it. */
static void
stop (LecternJob *job)
{
}

static const char *const elements[]
    = { "filesrc",    "qtdemux",    "queue",     "h264parse", "avdec_h264", "h265parse",
        "avdec_h265", "vp9parse",   "avdec_vp9", "av1parse",  "dav1ddec",   "videoconvert",
        "videoscale", "capsfilter", "jpegenc",   "appsink",   NULL };

const LecternJobClass lectern_poster_job
    = { .name = "poster", .elements = elements, .start = start, .stop = stop };
