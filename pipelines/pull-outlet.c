/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pull-outlet.h"

#include "lectern-sample.h"

#include <gst/app/app.h>

void
pull_outlet_init (PullOutlet *self, LecternJob *job)
{
  *self = (PullOutlet){ .job = job, .skipping = TRUE, .last = G_MININT64 };
  lectern_decode_times_init (&self->times, -1);
}

void
pull_outlet_clear (PullOutlet *self)
{
  gst_clear_caps (&self->caps);
  g_clear_pointer (&self->track, lectern_track_unref);
}

static void
set_reorder (PullOutlet *self)
{
  LecternVideoParameters video = { .reorder = 0 };
  gsize size;
  const guint8 *data;

  if (self->track->media == LECTERN_MEDIA_VIDEO)
    {
      data = g_bytes_get_data (self->track->config, &size);
      if (self->track->codec == LECTERN_CODEC_H264)
        lectern_h264_parse_config (data, size, &video, NULL);
      else
        lectern_h265_parse_config (data, size, &video, NULL);
    }
  lectern_decode_times_init (&self->times, video.reorder);
}

/* Parsers give caps anew for what is the same track. */
static gboolean
take_caps (PullOutlet *self, GstCaps *caps)
{
  GError *error = NULL;
  g_autoptr (LecternTrack) track = NULL;

  if (caps == self->caps)
    return TRUE;
  track = lectern_sample_make_track (caps, &error);
  if (track == NULL)
    {
      lectern_job_fail (self->job, error);
      return FALSE;
    }
  gst_caps_replace (&self->caps, caps);
  if (lectern_track_equal (track, self->track))
    return TRUE;
  g_clear_pointer (&self->track, lectern_track_unref);
  self->track = g_steal_pointer (&track);
  set_reorder (self);
  lectern_job_send_track (self->job, 0, self->track);
  return TRUE;
}

/* Nothing is of use before the first key frame. */
static gboolean
must_skip (PullOutlet *self, LecternPacket *packet)
{
  self->skipping = self->skipping && !(packet->flags & LECTERN_PACKET_KEY);
  return self->skipping;
}

static void
give (PullOutlet *self, LecternPacket *packet)
{
  g_autoptr (LecternPacket) timed = NULL;
  gint64 pts = packet->pts;
  gint64 dts = packet->dts;

  if (self->shown_only && self->track->media == LECTERN_MEDIA_VIDEO)
    dts = lectern_decode_times_next (&self->times, &pts);
  if (!self->shown_only && dts <= self->last)
    dts = self->last + 1;
  timed = lectern_packet_retime (packet, packet->flags, dts, MAX (pts, dts));
  self->last = dts;
  self->end = MAX (self->end, timed->pts + timed->duration);
  lectern_job_send_packet (self->job, 0, timed);
  if (self->heard != NULL)
    g_atomic_int_inc (self->heard);
}

static GstFlowReturn
on_sample (GstAppSink *sink, gpointer user_data)
{
  PullOutlet *self = user_data;
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);
  g_autoptr (LecternPacket) packet = NULL;

  if (sample == NULL || !take_caps (self, gst_sample_get_caps (sample)))
    return GST_FLOW_EOS;
  packet = lectern_sample_make_packet (sample, self->track, self->offset);
  if (packet != NULL && !must_skip (self, packet))
    give (self, packet);
  return GST_FLOW_OK;
}

gboolean
pull_outlet_attach (PullOutlet *self, GstElement *pipeline, GstPad *pad, const char *chain,
                    gboolean sync, GError **error)
{
  GstAppSinkCallbacks callbacks = { .new_sample = on_sample };
  g_autofree char *description = g_strdup_printf ("%s ! appsink name=sink async=false sync=%s",
                                                  chain, sync ? "true" : "false");
  GstElement *bin = gst_parse_bin_from_description_full (description, TRUE, NULL,
                                                         GST_PARSE_FLAG_FATAL_ERRORS, error);
  g_autoptr (GstElement) sink = NULL;
  g_autoptr (GstPad) entry = NULL;

  if (bin == NULL)
    {
      lectern_error_convert (error);
      return FALSE;
    }
  /* A source that begins anew has left the old one behind. */
  if (self->bin != NULL)
    {
      gst_element_set_state (self->bin, GST_STATE_NULL);
      gst_bin_remove (GST_BIN (pipeline), self->bin);
    }
  self->bin = bin;
  sink = gst_bin_get_by_name (GST_BIN (bin), "sink");
  gst_app_sink_set_callbacks (GST_APP_SINK (sink), &callbacks, self, NULL);
  gst_bin_add (GST_BIN (pipeline), bin);
  entry = gst_element_get_static_pad (bin, "sink");
  self->taken = TRUE;
  if (gst_element_sync_state_with_parent (bin)
      && GST_PAD_LINK_SUCCESSFUL (gst_pad_link (pad, entry)))
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_FAILED, "'%s' cannot be used here", chain);
  return FALSE;
}
