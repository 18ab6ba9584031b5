/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Brings lane 0, without coding it anew, to an RTSP server (ANNOUNCE and RECORD): H.264, H.265,
 * AAC, Opus, MP3, G.711; other tracks are left out. The tracks come before the first packet; later
 * ones must be of the same codecs. Parameters: those of RTSP in pull.c, but latency_ms, and
 * transport "auto" is TCP; the spec says `network`. Messages: {"event": "started"} when the server
 * records. */
#include "lectern-job.h"

#include "lectern-rtsp.h"
#include "lectern-sample.h"
#include "push-hold.h"

#include <gst/app/app.h>

/* What may wait for a server that is slow; beyond it whole groups are left out. */
#define MAX_WAITING (8 * 1024 * 1024)
/* A payloader may keep as many frames as this for one packet. */
#define RECORDING 8
/* For what is under way when the stream ends. */
#define LAST_MS 500
/* Longer than this it does not wait for reports to be out. */
#define HOLD_S 5

typedef struct
{
  LecternTrack *track; /* the latest, or NULL */
  GstElement *source;  /* appsrc, or NULL: left out */
  gboolean skipping;   /* to a key frame */
} Input;

typedef struct
{
  LecternJob *job;
  LecternRtspTarget target;
  GstElement *pipeline; /* from the first packet on */
  Input inputs[3];      /* by media */
  gint64 shift;         /* ns from the stream's time to the pipeline's */
  gint64 begin;         /* PTS of the first picture, G_MAXINT64 before it */
  PushHold hold;        /* from the pipeline on */
  GstPad *leader;       /* of the picture, else of the sound; until it runs */
  gint passed;          /* frames of it */
  gboolean started;
  gint ending; /* atomic: the server may close the connection */
  guint tick;
  gint stuck_s;
  gint age_s;
  guint64 waiting; /* bytes, at the latest tick */
} Push;

static const struct
{
  LecternCodec codec;
  const char *payloader;
} kinds[] = {
  { LECTERN_CODEC_H264, "rtph264pay config-interval=-1 aggregate-mode=zero-latency" },
  { LECTERN_CODEC_H265, "rtph265pay config-interval=-1 aggregate-mode=zero-latency" },
  { LECTERN_CODEC_AAC, "rtpmp4gpay" },
  { LECTERN_CODEC_OPUS, "rtpopuspay" },
  { LECTERN_CODEC_MP3, "rtpmpapay" },
  { LECTERN_CODEC_PCMA, "rtppcmapay" },
  { LECTERN_CODEC_PCMU, "rtppcmupay" },
};

/* ── the pipeline ── */

static GstElement *
make_payloader (LecternCodec codec)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (kinds[i].codec == codec)
      return gst_parse_launch_full (kinds[i].payloader, NULL, GST_PARSE_FLAG_FATAL_ERRORS, NULL);
  return NULL;
}

static gboolean
set_caps (Input *self)
{
  g_autoptr (GstCaps) caps = lectern_sample_make_caps (self->track);

  if (caps == NULL)
    return FALSE;
  gst_app_src_set_caps (GST_APP_SRC (self->source), caps);
  return TRUE;
}

/* Until the server records, the sink holds the first packet back; it tells of that in no better
 * way.
 */
static GstPadProbeReturn
on_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Push *self = user_data;
  g_autoptr (JsonObject) object = NULL;

  if (g_atomic_int_add (&self->passed, 1) < RECORDING)
    return GST_PAD_PROBE_OK;
  g_atomic_int_set (&self->started, TRUE);
  object = json_object_new ();
  json_object_set_string_member (object, "event", "started");
  lectern_job_send_message (self->job, object);
  return GST_PAD_PROBE_REMOVE;
}

/* FALSE: it is left out. */
static gboolean
add_input (Push *self, Input *input, GstElement *sink)
{
  GstElement *payloader = make_payloader (input->track->codec);
  g_autoptr (GstPad) pad = NULL;
  g_autoptr (GstPad) source = NULL;

  if (payloader == NULL)
    {
      g_message ("%s is left out: RTSP does not carry it",
                 lectern_codec_get_name (input->track->codec));
      return FALSE;
    }
  input->source = gst_element_factory_make ("appsrc", NULL);
  g_object_set (input->source, "format", GST_FORMAT_TIME, "is-live", TRUE, "max-bytes",
                G_GUINT64_CONSTANT (0), NULL);
  gst_bin_add (GST_BIN (self->pipeline), input->source);
  pad = gst_element_request_pad_simple (sink, "sink_%u");
  g_object_set (pad, "payloader", payloader, NULL);
  source = gst_element_get_static_pad (input->source, "src");
  input->skipping = input->track->media == LECTERN_MEDIA_VIDEO;
  self->leader = source;
  return set_caps (input) && GST_PAD_LINK_SUCCESSFUL (gst_pad_link (source, pad));
}

/* What comes is sent at once: it is the time of the packets that counts, not that of sending. */
static void
on_element (GstBin *bin, GstBin *parent, GstElement *element, gpointer user_data)
{
  Push *self = user_data;

  push_hold_note_element (&self->hold, element);
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (element), "sync") != NULL)
    g_object_set (element, "sync", FALSE, NULL);
}

static gboolean
run (Push *self, GstElement *sink, GError **error)
{
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  guint n_inputs = 0;

  /* The session description names the latest first, and picture is to be first. */
  for (gsize i = G_N_ELEMENTS (self->inputs); i-- > 0;)
    if (self->inputs[i].track != NULL)
      n_inputs += add_input (self, &self->inputs[i], sink);
  if (n_inputs == 0)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                           "RTSP carries none of the tracks");
      return FALSE;
    }
  push_hold_expect (&self->hold, n_inputs);
  gst_pad_add_probe (self->leader, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, self, NULL);
  gst_pipeline_use_clock (GST_PIPELINE (self->pipeline), clock);
  gst_element_set_start_time (self->pipeline, GST_CLOCK_TIME_NONE);
  gst_element_set_base_time (self->pipeline, gst_clock_get_time (clock));
  lectern_job_watch (self->job, self->pipeline);
  gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
  return TRUE;
}

/* Over UDP nothing else would tell that the server is gone. */
static GstBusSyncReply
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  Push *self = user_data;

  if (!lectern_rtsp_is_loss (message))
    return GST_BUS_PASS;
  if (g_atomic_int_get (&self->ending))
    lectern_job_done (self->job);
  else
    lectern_job_fail (self->job, g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED,
                                                      "the server closed the connection"));
  gst_message_unref (message);
  return GST_BUS_DROP;
}

static gboolean
build (Push *self, GError **error)
{
  GstElement *sink = gst_element_factory_make ("rtspclientsink", "sink");
  g_autoptr (GstBus) bus = NULL;

  self->pipeline = gst_pipeline_new (NULL);
  if (sink == NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                           "GStreamer has no rtspclientsink here");
      return FALSE;
    }
  lectern_rtsp_guard (self->job, self->pipeline);
  push_hold_init (&self->hold);
  g_signal_connect (self->pipeline, "deep-element-added", G_CALLBACK (on_element), self);
  gst_bin_add (GST_BIN (self->pipeline), sink);
  bus = gst_element_get_bus (self->pipeline);
  gst_bus_set_sync_handler (bus, on_message, self, NULL);
  /* It would reconnect while other threads still send through what it frees for that, and without
   * announcing anything to the new connection. */
  g_object_set (sink, "rtx-time", 0, "latency", 0, "udp-reconnect", FALSE, NULL);
  return lectern_rtsp_target_apply (&self->target, sink, error) && run (self, sink, error);
}

/* ── what comes ── */

static void
take_track (LecternJob *job, guint lane, LecternTrack *track)
{
  Push *self = lectern_job_get_data (job);
  Input *input = track->media < G_N_ELEMENTS (self->inputs) ? &self->inputs[track->media] : NULL;
  gboolean same = input != NULL && input->track != NULL && input->track->codec == track->codec;

  if (input == NULL)
    return;
  if (self->pipeline != NULL && !same)
    {
      lectern_job_fail (job, g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                                                  "the tracks changed, and RTSP cannot tell it"));
      return;
    }
  g_clear_pointer (&input->track, lectern_track_unref);
  input->track = lectern_track_ref (track);
  if (input->source != NULL)
    set_caps (input);
}

static guint64
count_waiting (Push *self)
{
  guint64 sum = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (self->inputs); i++)
    if (self->inputs[i].source != NULL)
      sum += gst_app_src_get_current_level_bytes (GST_APP_SRC (self->inputs[i].source));
  return sum;
}

/* The stream begins with a picture. Servers take the first that comes for the beginning, and what
 * is earlier has no place there. */
static gboolean
is_before_picture (Push *self, LecternPacket *packet)
{
  return self->inputs[LECTERN_MEDIA_VIDEO].source != NULL && !lectern_packet_is_video (packet)
         && packet->pts < self->begin;
}

static gboolean
must_skip (Push *self, Input *input, LecternPacket *packet)
{
  if (is_before_picture (self, packet))
    return TRUE;
  if (count_waiting (self) > MAX_WAITING)
    input->skipping = TRUE;
  else if (packet->flags & LECTERN_PACKET_KEY)
    input->skipping = FALSE;
  return input->skipping;
}

static void
put (Push *self, Input *input, LecternPacket *packet)
{
  GstBuffer *buffer = gst_buffer_new_wrapped_bytes (packet->payload);

  GST_BUFFER_PTS (buffer) = (GstClockTime) MAX (packet->pts + self->shift, 0);
  GST_BUFFER_DTS (buffer) = (GstClockTime) MAX (packet->dts + self->shift, 0);
  if (packet->duration > 0)
    GST_BUFFER_DURATION (buffer) = (GstClockTime) packet->duration;
  if (lectern_packet_is_video (packet) && self->begin == G_MAXINT64)
    self->begin = packet->pts;
  if (lectern_packet_is_video (packet) && !(packet->flags & LECTERN_PACKET_KEY))
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  gst_app_src_push_buffer (GST_APP_SRC (input->source), buffer);
}

static void
take_packet (LecternJob *job, guint lane, LecternPacket *packet)
{
  Push *self = lectern_job_get_data (job);
  Input *input = &self->inputs[packet->track->media % G_N_ELEMENTS (self->inputs)];
  GError *error = NULL;

  if (self->pipeline == NULL && !build (self, &error))
    {
      lectern_job_fail (job, error);
      return;
    }
  if (input->source == NULL)
    return;
  if (self->shift == 0)
    self->shift = (gint64) gst_element_get_current_running_time (self->pipeline) - packet->dts;
  if (!must_skip (self, input, packet))
    put (self, input, packet);
}

static gboolean
on_late (gpointer job)
{
  lectern_job_done (job);
  return G_SOURCE_REMOVE;
}

/* The sink may keep the end of the stream to itself. */
static void
finish (LecternJob *job)
{
  Push *self = lectern_job_get_data (job);

  g_atomic_int_set (&self->ending, TRUE);
  g_timeout_add (LAST_MS, on_late, job);
  for (gsize i = 0; i < G_N_ELEMENTS (self->inputs); i++)
    if (self->inputs[i].source != NULL)
      gst_app_src_end_of_stream (GST_APP_SRC (self->inputs[i].source));
}

/* ── the job ── */

/* The server neither accepts nor takes what waits for it. */
static gboolean
on_tick (gpointer user_data)
{
  Push *self = user_data;
  guint64 waiting = self->pipeline != NULL ? count_waiting (self) : 0;
  gint limit_s = (gint) ((self->target.timeout_ms + 999) / 1000);

  if (waiting > 0 && (!g_atomic_int_get (&self->started) || waiting >= self->waiting))
    self->stuck_s++;
  else
    self->stuck_s = 0;
  self->waiting = waiting;
  if (self->pipeline != NULL && ++self->age_s == HOLD_S)
    push_hold_release (&self->hold);
  lectern_job_tick (self->job);
  if (self->stuck_s < limit_s)
    return G_SOURCE_CONTINUE;
  self->tick = 0;
  lectern_job_fail (self->job, g_error_new (LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT,
                                            "the server took nothing for %d s", limit_s));
  return G_SOURCE_REMOVE;
}

static gboolean
start (LecternJob *job, JsonObject *parameters, GError **error)
{
  Push *self = g_new0 (Push, 1);

  self->job = job;
  self->begin = G_MAXINT64;
  lectern_job_set_data (job, self);
  self->tick = g_timeout_add_seconds (1, on_tick, self);
  if (!lectern_rtsp_target_read (&self->target, parameters, error))
    return FALSE;
  /* The sink loses its way when a server refuses the first of two. */
  if (g_str_equal (self->target.protocols, "udp+tcp"))
    self->target.protocols = "tcp";
  return TRUE;
}

static void
stop (LecternJob *job)
{
  Push *self = lectern_job_get_data (job);

  g_clear_handle_id (&self->tick, g_source_remove);
  /* What is kept back would not end with the others. */
  if (self->pipeline != NULL)
    push_hold_release (&self->hold);
  if (self->pipeline != NULL && !lectern_rtsp_leave (self->pipeline))
    return;
  if (self->pipeline != NULL)
    push_hold_clear (&self->hold);
  gst_clear_object (&self->pipeline);
  for (gsize i = 0; i < G_N_ELEMENTS (self->inputs); i++)
    g_clear_pointer (&self->inputs[i].track, lectern_track_unref);
  lectern_rtsp_target_clear (&self->target);
  g_free (self);
}

static const char *const elements[]
    = { "rtspclientsink", "appsrc",     "appsink",    "rtpbin",     "rtpsession", "rtph264pay",
        "rtph265pay",     "rtpmp4gpay", "rtpopuspay", "rtpmpapay",  "rtppcmapay", "rtppcmupay",
        "multiudpsink",   "udpsrc",     "udpsink",    "queue",      "funnel",     "tee",
        "rtpssrcdemux",   "rtpptdemux", "identity",   "rtprtxsend", NULL };

const LecternJobClass lectern_push_job = { .name = "push",
                                           .elements = elements,
                                           .network = TRUE,
                                           .start = start,
                                           .track = take_track,
                                           .packet = take_packet,
                                           .finish = finish,
                                           .stop = stop };
