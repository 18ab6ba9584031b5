/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transcode-rung.h"

#include "lectern-sample.h"

#include <gst/video/video.h>

/* More key frames than any decoder holds back. */
#define MAX_KEYS 256
/* A frame's time after decoding may differ by the parser's rounding. */
#define SAME_NS 500000

struct _TranscodeKeys
{
  GMutex lock;
  GArray *times; /* GstClockTime, ascending */
  gint64 distance;
  gint64 resume;
};

struct _TranscodeRung
{
  LecternJob *job;
  TranscodeKeys *keys;
  guint lane;
  LecternTrack *track; /* the sink's thread */
  gint64 last_key;     /* the encoder's thread */
  gboolean resumed;
  gint on;      /* atomic: wanted */
  gint waiting; /* atomic: off until a key frame */

  GMutex lock;
  gint64 newest;
};

TranscodeKeys *
transcode_keys_new (gint64 distance)
{
  TranscodeKeys *self = g_new0 (TranscodeKeys, 1);

  g_mutex_init (&self->lock);
  self->times = g_array_new (FALSE, FALSE, sizeof (GstClockTime));
  self->distance = distance;
  self->resume = -1;
  return self;
}

void
transcode_keys_set_resume (TranscodeKeys *self, gint64 resume)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->resume = resume >= 0 ? resume + TRANSCODE_EPOCH : -1;
}

void
transcode_keys_free (TranscodeKeys *self)
{
  g_array_unref (self->times);
  g_mutex_clear (&self->lock);
  g_free (self);
}

void
transcode_keys_add (TranscodeKeys *self, GstClockTime pts)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->times->len >= MAX_KEYS)
    g_array_remove_range (self->times, 0, MAX_KEYS / 2);
  g_array_append_val (self->times, pts);
}

static gboolean
is_behind_resume (TranscodeKeys *self, GstClockTime pts)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->resume >= 0 && (gint64) pts > self->resume;
}

static gboolean
is_source_key (TranscodeKeys *self, GstClockTime pts)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  for (guint i = self->times->len; i > 0; i--)
    {
      GstClockTime time = g_array_index (self->times, GstClockTime, i - 1);

      if (time + SAME_NS < pts)
        return FALSE;
      if (time <= pts + SAME_NS)
        return TRUE;
    }
  return FALSE;
}

/* ── into the encoder ── */

static gboolean
wants_key (TranscodeRung *self, GstClockTime pts)
{
  TranscodeKeys *keys = self->keys;
  gboolean resumes = !self->resumed && is_behind_resume (keys, pts);

  if (resumes)
    self->resumed = TRUE;
  if (keys->distance > 0)
    return resumes || self->last_key < 0 || (gint64) pts - self->last_key >= keys->distance;
  return resumes || is_source_key (keys, pts);
}

static void
set_newest (TranscodeRung *self, gint64 newest)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->newest = newest;
}

static GstPadProbeReturn
on_picture (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  TranscodeRung *self = user_data;
  GstClockTime pts = GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info));

  if (!GST_CLOCK_TIME_IS_VALID (pts))
    return GST_PAD_PROBE_OK;
  set_newest (self, (gint64) pts - TRANSCODE_EPOCH);
  if (!wants_key (self, pts))
    return GST_PAD_PROBE_OK;
  self->last_key = pts;
  /* With its time: of requests without one only the first is heard while a picture waits. */
  gst_pad_send_event (pad, gst_video_event_new_downstream_force_key_unit (
                               GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, pts, TRUE, 0));
  return GST_PAD_PROBE_OK;
}

/* Before the queue: what is left out costs nothing behind it. */
static GstPadProbeReturn
on_feed (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  TranscodeRung *self = user_data;
  GstClockTime pts = GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info));

  if (!g_atomic_int_get (&self->on))
    return GST_PAD_PROBE_DROP;
  if (!g_atomic_int_get (&self->waiting))
    return GST_PAD_PROBE_OK;
  if (self->keys->distance == 0 && !is_source_key (self->keys, pts))
    return GST_PAD_PROBE_DROP;
  g_atomic_int_set (&self->waiting, FALSE);
  return GST_PAD_PROBE_OK;
}

/* ── out of it ── */

/* FALSE: the job has failed. */
static gboolean
take_track (LecternJob *job, guint lane, GstSample *sample, LecternTrack **track)
{
  GError *error = NULL;
  g_autoptr (LecternTrack) made = lectern_sample_make_track (gst_sample_get_caps (sample), &error);

  if (made == NULL)
    {
      lectern_job_fail (job, error);
      return FALSE;
    }
  if (lectern_track_equal (*track, made))
    return TRUE;
  g_clear_pointer (track, lectern_track_unref);
  *track = g_steal_pointer (&made);
  lectern_job_send_track (job, lane, *track);
  return TRUE;
}

/* FALSE: the job has failed. */
static gboolean
send_sample (LecternJob *job, guint lane, GstSample *sample, LecternTrack **track)
{
  g_autoptr (LecternPacket) packet = NULL;

  if (!take_track (job, lane, sample, track))
    return FALSE;
  packet = lectern_sample_make_packet (sample, *track, -TRANSCODE_EPOCH);
  if (packet != NULL && packet->pts >= 0)
    lectern_job_send_packet (job, lane, packet);
  return TRUE;
}

static GstFlowReturn
on_sample (GstAppSink *sink, gpointer user_data)
{
  TranscodeRung *self = user_data;
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);

  if (sample == NULL)
    return GST_FLOW_EOS;
  return send_sample (self->job, self->lane, sample, &self->track) ? GST_FLOW_OK : GST_FLOW_ERROR;
}

static void
add_probe (GstElement *pipeline, const char *name, guint lane, GstPadProbeCallback callback,
           gpointer user_data)
{
  g_autofree char *full = g_strdup_printf ("%s-%u", name, lane);
  g_autoptr (GstElement) element = gst_bin_get_by_name (GST_BIN (pipeline), full);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "sink");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, callback, user_data, NULL);
}

static void
connect_sink (GstElement *pipeline, guint lane, GstAppSinkCallbacks *callbacks, gpointer user_data,
              GDestroyNotify free_user_data)
{
  g_autofree char *name = g_strdup_printf ("sink-%u", lane);
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), name);

  gst_app_sink_set_callbacks (GST_APP_SINK (sink), callbacks, user_data, free_user_data);
}

TranscodeRung *
transcode_rung_new (LecternJob *job, GstElement *pipeline, TranscodeKeys *keys, guint lane)
{
  TranscodeRung *self = g_new0 (TranscodeRung, 1);
  GstAppSinkCallbacks callbacks = { .new_sample = on_sample };

  g_mutex_init (&self->lock);
  self->job = job;
  self->keys = keys;
  self->lane = lane;
  self->last_key = self->newest = -1;
  self->on = TRUE;
  add_probe (pipeline, "feed", lane, on_feed, self);
  add_probe (pipeline, "encoder", lane, on_picture, self);
  connect_sink (pipeline, lane, &callbacks, self, NULL);
  return self;
}

void
transcode_rung_free (TranscodeRung *self)
{
  g_clear_pointer (&self->track, lectern_track_unref);
  g_mutex_clear (&self->lock);
  g_free (self);
}

guint
transcode_rung_get_lane (TranscodeRung *self)
{
  return self->lane;
}

void
transcode_rung_set_on (TranscodeRung *self, gboolean on)
{
  set_newest (self, -1);
  if (on)
    g_atomic_int_set (&self->waiting, TRUE);
  g_atomic_int_set (&self->on, on);
}

gboolean
transcode_rung_is_on (TranscodeRung *self)
{
  return g_atomic_int_get (&self->on);
}

gint64
transcode_rung_get_newest (TranscodeRung *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->newest;
}

/* ── sound ── */

typedef struct
{
  LecternJob *job;
  guint lane;
  LecternTrack **track;
} Sound;

static GstFlowReturn
on_sound (GstAppSink *sink, gpointer user_data)
{
  Sound *self = user_data;
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);

  if (sample == NULL)
    return GST_FLOW_EOS;
  return send_sample (self->job, self->lane, sample, self->track) ? GST_FLOW_OK : GST_FLOW_ERROR;
}

void
transcode_watch_sink (LecternJob *job, GstElement *pipeline, guint lane, LecternTrack **track)
{
  GstAppSinkCallbacks callbacks = { .new_sample = on_sound };
  Sound *self = g_new0 (Sound, 1);

  self->job = job;
  self->lane = lane;
  self->track = track;
  connect_sink (pipeline, lane, &callbacks, self, g_free);
}
