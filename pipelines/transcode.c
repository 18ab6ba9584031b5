/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes smaller renditions of one stream: lane 0 comes in; for each rung a lane goes out, and one
 * with the sound. One decoder serves all; key frames are where the source has them, or at a
 * distance of their own; presentation times are the source's. When the machine is too slow the
 * highest rung is left out for a while. Parameters: see transcode-pipeline.h. */
#include "lectern-job.h"

#include "lectern-sample.h"
#include "transcode-pipeline.h"
#include "transcode-rung.h"

#include <gst/app/app.h>
#include <gst/video/video.h>

/* Coded input that waits for the decoder; beyond it whole groups are left out. */
#define MAX_WAITING (8 * 1024 * 1024)
#define CHECK_MS 250
/* Pictures in a decoder: B-frames, and one for each of its threads. */
#define HELD_BACK 6

typedef struct
{
  LecternJob *job;
  TranscodeParameters parameters;
  GstElement *pipeline;
  GstElement *inputs[3]; /* appsrc by media, or NULL */
  TranscodeKeys *keys;
  TranscodeRung *rungs[TRANSCODE_MAX_RUNGS];
  LecternTrack *sound; /* its sink's thread */
  gboolean skipping;   /* picture, up to the next key frame */
  gint64 newest;       /* PTS of the newest picture given in; -1 none */
  gint64 dts;          /* of the newest picture given in; -1 none */
  gint64 interval;     /* between two pictures, ns: the longest of late */

  guint check;
  guint n_on;  /* rungs that are not shed: the lower ones */
  gint64 told; /* PTS of the newest picture that had been taken when lag was last told */
  gint64 slow_since_us;
  gint64 calm_since_us;
} Transcode;

/* ── in ── */

static void
take_track (LecternJob *job, guint lane, LecternTrack *track)
{
  Transcode *self = lectern_job_get_data (job);
  GstElement *input
      = track->media < G_N_ELEMENTS (self->inputs) ? self->inputs[track->media] : NULL;
  g_autoptr (GstCaps) caps = NULL;

  if (input == NULL)
    return;
  caps = lectern_sample_make_caps (track);
  if (caps != NULL)
    gst_app_src_set_caps (GST_APP_SRC (input), caps);
}

static GstBuffer *
make_buffer (LecternPacket *packet)
{
  GstBuffer *buffer = gst_buffer_new_wrapped_bytes (packet->payload);

  GST_BUFFER_PTS (buffer) = MAX (packet->pts, 0) + TRANSCODE_EPOCH;
  GST_BUFFER_DTS (buffer) = MAX (packet->dts, 0) + TRANSCODE_EPOCH;
  if (lectern_packet_is_video (packet) && !(packet->flags & LECTERN_PACKET_KEY))
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  return buffer;
}

/* Whether a picture is to be left out, since too much waits. */
static gboolean
must_skip (Transcode *self, LecternPacket *packet)
{
  guint64 waiting
      = gst_app_src_get_current_level_bytes (GST_APP_SRC (self->inputs[LECTERN_MEDIA_VIDEO]));

  if (waiting > MAX_WAITING)
    self->skipping = TRUE;
  else if (packet->flags & LECTERN_PACKET_KEY)
    self->skipping = FALSE;
  return self->skipping;
}

/* A picture may be shown for seconds where slides are shared. */
static void
take_interval (Transcode *self, LecternPacket *packet)
{
  gint64 passed = CLAMP (packet->dts - self->dts, 0, 5 * (gint64) GST_SECOND);

  if (self->dts >= 0)
    self->interval = MAX (passed, self->interval - self->interval / 8);
  self->dts = packet->dts;
}

static void
take_packet (LecternJob *job, guint lane, LecternPacket *packet)
{
  Transcode *self = lectern_job_get_data (job);
  LecternMedia media = packet->track->media;
  GstElement *input = media < G_N_ELEMENTS (self->inputs) ? self->inputs[media] : NULL;

  if (input == NULL)
    return;
  if (media == LECTERN_MEDIA_VIDEO)
    {
      if (must_skip (self, packet))
        return;
      take_interval (self, packet);
      self->newest = MAX (self->newest, packet->pts);
    }
  else if (gst_app_src_get_current_level_bytes (GST_APP_SRC (input)) > MAX_WAITING)
    return;
  gst_app_src_push_buffer (GST_APP_SRC (input), make_buffer (packet));
}

static void
finish (LecternJob *job)
{
  Transcode *self = lectern_job_get_data (job);

  for (gsize i = 0; i < G_N_ELEMENTS (self->inputs); i++)
    if (self->inputs[i] != NULL)
      gst_app_src_end_of_stream (GST_APP_SRC (self->inputs[i]));
}

static GstPadProbeReturn
on_coded (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

  if (!GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT)
      && GST_BUFFER_PTS_IS_VALID (buffer))
    transcode_keys_add (user_data, GST_BUFFER_PTS (buffer));
  return GST_PAD_PROBE_OK;
}

/* Colours that the source does not name are guessed by the picture's height, so a small picture
 * would be another's; and converting them costs three times what scaling does. */
static GstPadProbeReturn
name_colours (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  g_autoptr (GstCaps) named = NULL;
  GstVideoInfo video;
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  gst_event_parse_caps (event, &caps);
  if (!gst_video_info_from_caps (&video, caps))
    return GST_PAD_PROBE_OK;
  named = gst_video_info_to_caps (&video);
  gst_event_unref (event);
  GST_PAD_PROBE_INFO_DATA (info) = gst_event_new_caps (named);
  return GST_PAD_PROBE_OK;
}

/* ── short of CPU ── */

/* What a decoder holds back by design is no lag, nor what an encoder does: what counts is when that
 * takes a picture, as it takes none while it is behind. */
static gint64
get_usual_lag (Transcode *self)
{
  return HELD_BACK * self->interval;
}

/* The largest of the rungs that are on, ns; -1: none has taken a picture yet. *@newest: the PTS of
 * the newest that one has. */
static gint64
measure_lag (Transcode *self, gint64 *newest_out)
{
  gint64 lag = -1;

  *newest_out = -1;
  for (guint i = self->parameters.n_rungs - self->n_on; i < self->parameters.n_rungs; i++)
    {
      gint64 newest = transcode_rung_get_newest (self->rungs[i]);

      if (newest >= 0)
        lag = MAX (MAX (lag, 0), self->newest - newest - get_usual_lag (self));
      *newest_out = MAX (*newest_out, newest);
    }
  return lag;
}

static void
tell (Transcode *self, const char *event, guint lane, gint64 lag)
{
  g_autoptr (JsonObject) object = json_object_new ();

  json_object_set_string_member (object, "event", event);
  json_object_set_int_member (object, "lane", lane);
  json_object_set_int_member (object, "lag_ms", MAX (lag, 0) / 1000000);
  lectern_job_send_message (self->job, object);
}

static void
switch_highest (Transcode *self, gboolean on, gint64 lag)
{
  guint index = self->parameters.n_rungs - self->n_on - (on ? 1 : 0);
  TranscodeRung *rung = self->rungs[index];

  transcode_rung_set_on (rung, on);
  self->n_on += on ? 1 : -1;
  self->slow_since_us = self->calm_since_us = 0;
  tell (self, on ? "back" : "shed", transcode_rung_get_lane (rung), lag);
}

/* Returns: whether @condition has held for @time ns. */
static gboolean
has_lasted (gboolean condition, gint64 *since_us, gint64 time)
{
  gint64 now_us = g_get_monotonic_time ();

  if (!condition)
    *since_us = 0;
  else if (*since_us == 0)
    *since_us = now_us;
  return condition && (now_us - *since_us) * 1000 >= time;
}

/* Lag is told only when a picture has been taken, as a job that sends is taken for one that works.
 */
static gboolean
on_check (gpointer user_data)
{
  Transcode *self = user_data;
  gint64 newest;
  gint64 lag = measure_lag (self, &newest);
  gboolean slow = has_lasted (lag >= 0 && lag >= self->parameters.shed_lag, &self->slow_since_us,
                              self->parameters.shed_time);
  gboolean calm = has_lasted (lag >= 0 && lag <= self->parameters.calm_lag, &self->calm_since_us,
                              self->parameters.calm_time);

  if (slow && self->n_on > 1)
    switch_highest (self, FALSE, lag);
  else if (calm && self->n_on < self->parameters.n_rungs)
    switch_highest (self, TRUE, lag);
  else if (newest > self->told)
    tell (self, "lag", 0, lag);
  self->told = MAX (self->told, newest);
  return G_SOURCE_CONTINUE;
}

/* {"resume": ns}: before the first packet. */
static void
take_message (LecternJob *job, JsonObject *message)
{
  Transcode *self = lectern_job_get_data (job);

  transcode_keys_set_resume (self->keys,
                             json_object_get_int_member_with_default (message, "resume", -1));
}

/* ── life ── */

static void
connect_picture (Transcode *self)
{
  g_autoptr (GstElement) decoder = gst_bin_get_by_name (GST_BIN (self->pipeline), "decoder");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (decoder, "sink");
  g_autoptr (GstElement) raw = gst_bin_get_by_name (GST_BIN (self->pipeline), "scale-0");
  g_autoptr (GstPad) raw_pad = gst_element_get_static_pad (raw, "sink");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_coded, self->keys, NULL);
  gst_pad_add_probe (raw_pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, name_colours, NULL, NULL);
  self->n_on = self->parameters.n_rungs;
  for (guint i = 0; i < self->parameters.n_rungs; i++)
    self->rungs[i] = transcode_rung_new (self->job, self->pipeline, self->keys,
                                         self->parameters.rungs[i].lane);
  self->check = g_timeout_add (CHECK_MS, on_check, self);
}

static gboolean
build (Transcode *self, GError **error)
{
  g_autofree char *description = transcode_pipeline_describe (&self->parameters);

  self->pipeline = gst_parse_launch_full (description, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  if (self->pipeline == NULL)
    {
      lectern_error_convert (error);
      return FALSE;
    }
  self->inputs[LECTERN_MEDIA_VIDEO] = gst_bin_get_by_name (GST_BIN (self->pipeline), "picture");
  self->inputs[LECTERN_MEDIA_AUDIO] = gst_bin_get_by_name (GST_BIN (self->pipeline), "sound");
  if (self->inputs[LECTERN_MEDIA_VIDEO] != NULL)
    connect_picture (self);
  if (self->inputs[LECTERN_MEDIA_AUDIO] != NULL)
    transcode_watch_sink (self->job, self->pipeline, self->parameters.audio_lane, &self->sound);
  return TRUE;
}

static gboolean
start (LecternJob *job, JsonObject *object, GError **error)
{
  Transcode *self = g_new0 (Transcode, 1);

  self->job = job;
  self->newest = self->dts = self->told = -1;
  lectern_job_set_data (job, self);
  if (!transcode_parameters_read (&self->parameters, object, error))
    return FALSE;
  self->keys = transcode_keys_new (self->parameters.distance);
  if (!build (self, error))
    return FALSE;
  lectern_job_watch (job, self->pipeline);
  gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
  return TRUE;
}

static void
stop (LecternJob *job)
{
  Transcode *self = lectern_job_get_data (job);

  g_clear_handle_id (&self->check, g_source_remove);
  if (self->pipeline != NULL)
    gst_element_set_state (self->pipeline, GST_STATE_NULL);
  for (guint i = 0; i < G_N_ELEMENTS (self->rungs); i++)
    g_clear_pointer (&self->rungs[i], transcode_rung_free);
  for (guint i = 0; i < G_N_ELEMENTS (self->inputs); i++)
    g_clear_object (&self->inputs[i]);
  g_clear_object (&self->pipeline);
  g_clear_pointer (&self->keys, transcode_keys_free);
  g_clear_pointer (&self->sound, lectern_track_unref);
  g_free (self);
}

const LecternJobClass lectern_transcode_job = {
  .name = "transcode",
  .elements = transcode_pipeline_elements,
  .start = start,
  .track = take_track,
  .packet = take_packet,
  .message = take_message,
  .finish = finish,
  .stop = stop,
};
