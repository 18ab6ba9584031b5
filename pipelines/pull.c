/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fetches a stream, without decoding it, as lane 0: from an RTSP server, or from a file over and
 * over at the pace at which it was made. Video: H.264, H.265; sound: AAC, Opus, MP3, G.711; the
 * first of each, others are left out.
 *
 * Parameters of RTSP, whose spec says `network`:
 *   url         "rtsp://host:554/path?query", or rtsps; without user and password
 *   addresses   ["192.0.2.1", …]: what the host stands for; needed if it is a name. Nothing else is
 *               connected to, whatever the server says
 *   user, password
 *   transport   "tcp", "udp" or "auto" (UDP, then TCP); rtsps is always over TCP
 *   latency_ms  0 to 10000, default 200: how long late packets are waited for
 *   timeout_ms  1000 to 600000, default 10000: without any packet for so long it fails
 *   dscp        0 to 63, default 0: mark of the packets that are sent
 *   user_agent, via   said of us; `via`: the header Lectern-Via
 *   ca_file     certificates to trust instead of the system's; also the spec's `read_path`
 * Messages, every two seconds: {"event": "statistics", "received": packets so far,
 * "lost": …, "jitter_ms": …}.
 *
 * Parameters of a file, MP4, FLV, Matroska, WebM or MPEG-TS:
 *   path        also the spec's `read_path`
 *   loop        default true; else the job is done at the end */
#include "pull.h"

#include "lectern-rtsp.h"

PullOutlet *
pull_find_outlet (Pull *self, const char *kind, LecternMedia media)
{
  PullOutlet *outlet = media == LECTERN_MEDIA_VIDEO   ? &self->video
                       : media == LECTERN_MEDIA_AUDIO ? &self->sound
                                                      : NULL;

  if (outlet != NULL && !outlet->taken)
    return outlet;
  g_message ("a track of kind '%.40s' is left out: %s", kind,
             outlet != NULL ? "there is another" : "it is not supported");
  return NULL;
}

static gboolean
on_tick (gpointer user_data)
{
  Pull *self = user_data;
  gint heard = g_atomic_int_get (&self->heard);

  self->silent_s = heard == self->heard_before ? self->silent_s + 1 : 0;
  self->heard_before = heard;
  lectern_job_tick (self->job);
  pull_rtsp_tick (self);
  if (self->limit_s == 0 || self->silent_s < self->limit_s)
    return G_SOURCE_CONTINUE;
  lectern_job_fail (self->job, g_error_new (LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT,
                                            "nothing came for %d s", self->limit_s));
  return G_SOURCE_REMOVE;
}

static gboolean
start (LecternJob *job, JsonObject *parameters, GError **error)
{
  Pull *self = g_new0 (Pull, 1);

  self->job = job;
  pull_outlet_init (&self->video, job);
  pull_outlet_init (&self->sound, job);
  self->video.heard = self->sound.heard = &self->heard;
  lectern_job_set_data (job, self);
  g_timeout_add_seconds (1, on_tick, self);
  return json_object_has_member (parameters, "path") ? pull_file_start (self, parameters, error)
                                                     : pull_rtsp_start (self, parameters, error);
}

static void
stop (LecternJob *job)
{
  Pull *self = lectern_job_get_data (job);

  if (self->rtsp != NULL && !lectern_rtsp_leave (self->pipeline))
    return;
  if (self->pipeline != NULL)
    gst_element_set_state (self->pipeline, GST_STATE_NULL);
  gst_clear_object (&self->pipeline);
  pull_rtsp_stop (self);
  pull_file_stop (self);
  pull_outlet_clear (&self->video);
  pull_outlet_clear (&self->sound);
  g_free (self);
}

static const char *const elements[]
    = { "rtspsrc",        "rtpbin",          "rtpsession",   "rtpssrcdemux",
        "rtpptdemux",     "rtpjitterbuffer", "udpsrc",       "udpsink",
        "appsrc",         "appsink",         "queue",        "capsfilter",
        "filesrc",        "qtdemux",         "flvdemux",     "matroskademux",
        "tsdemux",        "h264parse",       "h265parse",    "aacparse",
        "mpegaudioparse", "rtph264depay",    "rtph265depay", "rtpmp4gdepay",
        "rtpmp4adepay",   "rtpopusdepay",    "rtppcmadepay", "rtppcmudepay",
        "rtpmpadepay",    "fakesrc",         "identity",     NULL };

const LecternJobClass lectern_pull_job
    = { .name = "pull", .elements = elements, .network = TRUE, .start = start, .stop = stop };
