/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pull.h"

#include "lectern-rtsp.h"

#define STATISTICS_S 2
#define BYE_S 2 /* of silence after a BYE: it is over, even if not all tracks said so */
#define BYE_WAIT_MS 300
#define MAX_BUFFERS 16 /* jitter buffers whose numbers are told */

typedef struct
{
  GMutex lock; /* guards what follows: pads come on threads of rtspsrc's */
  GPtrArray *buffers;
  guint seconds;
  gint bye;  /* atomic */
  gint over; /* atomic: and on_over is on its way */
} Rtsp;

static const struct
{
  const char *encoding; /* as in SDP */
  LecternMedia media;
  const char *chain;
} kinds[] = {
  { "H264", LECTERN_MEDIA_VIDEO,
    "rtph264depay ! h264parse ! video/x-h264,stream-format=avc,alignment=au" },
  { "H265", LECTERN_MEDIA_VIDEO,
    "rtph265depay ! h265parse ! video/x-h265,stream-format=hvc1,alignment=au" },
  { "MPEG4-GENERIC", LECTERN_MEDIA_AUDIO,
    "rtpmp4gdepay ! aacparse ! audio/mpeg,mpegversion=4,stream-format=raw" },
  { "MP4A-LATM", LECTERN_MEDIA_AUDIO,
    "rtpmp4adepay ! aacparse ! audio/mpeg,mpegversion=4,stream-format=raw" },
  { "OPUS", LECTERN_MEDIA_AUDIO, "rtpopusdepay" },
  { "PCMA", LECTERN_MEDIA_AUDIO, "rtppcmadepay" },
  { "PCMU", LECTERN_MEDIA_AUDIO, "rtppcmudepay" },
  { "MPA", LECTERN_MEDIA_AUDIO, "rtpmpadepay ! mpegaudioparse ! audio/mpeg,mpegversion=1,layer=3" },
};

/* Payload types that mean something without a name (RFC 3551, 6). */
static const struct
{
  gint payload;
  const char *encoding;
} fixed[] = { { 0, "PCMU" }, { 8, "PCMA" }, { 14, "MPA" } };

static const char *
get_encoding (GstCaps *caps)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  const char *encoding = gst_structure_get_string (structure, "encoding-name");
  gint payload = -1;

  gst_structure_get_int (structure, "payload", &payload);
  for (gsize i = 0; encoding == NULL && i < G_N_ELEMENTS (fixed); i++)
    if (fixed[i].payload == payload)
      encoding = fixed[i].encoding;
  return encoding != NULL ? encoding : "";
}

static gssize
find_kind (GstCaps *caps)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_ascii_strcasecmp (get_encoding (caps), kinds[i].encoding) == 0)
      return (gssize) i;
  return -1;
}

/* It begins, or begins anew, as when UDP did not get through. */
static void
on_sdp (GstElement *source, gpointer sdp, gpointer user_data)
{
  Pull *self = user_data;

  self->video.taken = self->sound.taken = FALSE;
}

/* What is not wanted is not even asked for. */
static gboolean
on_select (GstElement *source, guint number, GstCaps *caps, gpointer user_data)
{
  Pull *self = user_data;
  gssize kind = find_kind (caps);
  PullOutlet *outlet = pull_find_outlet (self, get_encoding (caps),
                                         kind >= 0 ? kinds[kind].media : LECTERN_MEDIA_DATA);

  if (outlet == NULL)
    return FALSE;
  outlet->taken = TRUE;
  return TRUE;
}

static void
on_pad (GstElement *source, GstPad *pad, gpointer user_data)
{
  Pull *self = user_data;
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  gssize kind = caps != NULL ? find_kind (caps) : -1;
  GError *error = NULL;

  if (kind < 0)
    return;
  if (!pull_outlet_attach (kinds[kind].media == LECTERN_MEDIA_VIDEO ? &self->video : &self->sound,
                           self->pipeline, pad, kinds[kind].chain, FALSE, &error))
    lectern_job_fail (self->job, error);
}

/* ── statistics ── */

static void
on_jitter_buffer (GstElement *bin, GstElement *buffer, guint session, guint ssrc,
                  gpointer user_data)
{
  Rtsp *rtsp = ((Pull *) user_data)->rtsp;

  g_mutex_lock (&rtsp->lock);
  if (rtsp->buffers->len < MAX_BUFFERS)
    g_ptr_array_add (rtsp->buffers, gst_object_ref (buffer));
  g_mutex_unlock (&rtsp->lock);
}

/* The server says that a track is over (RFC 3550, 6.6). */
static void
on_bye (GstElement *bin, guint session, guint ssrc, gpointer user_data)
{
  Rtsp *rtsp = ((Pull *) user_data)->rtsp;

  g_atomic_int_set (&rtsp->bye, TRUE);
}

static gboolean
on_over (gpointer user_data)
{
  Pull *self = user_data;
  Rtsp *rtsp = self->rtsp;

  if (g_atomic_int_get (&rtsp->bye))
    lectern_job_done (self->job);
  else
    lectern_job_fail (self->job, g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED,
                                                      "the server closed the connection"));
  return G_SOURCE_REMOVE;
}

/* A server that crashed closes its connections too, and so that alone is no end of the stream. When
 * the connection is gone the streams end, but for those that have not begun. */
static GstBusSyncReply
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  Pull *self = user_data;
  Rtsp *rtsp = self->rtsp;
  gboolean bye = g_atomic_int_get (&rtsp->bye);

  if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_EOS && !lectern_rtsp_is_loss (message)
      && !((bye || g_atomic_int_get (&rtsp->over))
           && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR))
    return GST_BUS_PASS;
  /* A datagram with BYE may come after the end of the connection. */
  if (!g_atomic_int_exchange (&rtsp->over, TRUE))
    g_timeout_add (bye ? 0 : BYE_WAIT_MS, on_over, self);
  gst_message_unref (message);
  return GST_BUS_DROP;
}

static void
on_manager (GstElement *source, GstElement *bin, gpointer user_data)
{
  g_signal_connect (bin, "on-bye-ssrc", G_CALLBACK (on_bye), user_data);
  g_signal_connect (bin, "new-jitterbuffer", G_CALLBACK (on_jitter_buffer), user_data);
}

static void
add_numbers (GstElement *buffer, guint64 *received, guint64 *lost, guint64 *jitter)
{
  GstStructure *stats = NULL;
  guint64 value;

  g_object_get (buffer, "stats", &stats, NULL);
  if (stats == NULL)
    return;
  if (gst_structure_get_uint64 (stats, "num-pushed", &value))
    *received += value;
  if (gst_structure_get_uint64 (stats, "num-lost", &value))
    *lost += value;
  if (gst_structure_get_uint64 (stats, "avg-jitter", &value))
    *jitter = MAX (*jitter, value);
  gst_structure_free (stats);
}

void
pull_rtsp_tick (Pull *self)
{
  Rtsp *rtsp = self->rtsp;
  g_autoptr (JsonObject) message = NULL;
  guint64 received = 0;
  guint64 lost = 0;
  guint64 jitter = 0;
  guint count;

  if (rtsp == NULL)
    return;
  if (g_atomic_int_get (&rtsp->bye) && self->silent_s >= BYE_S)
    lectern_job_done (self->job);
  if (++rtsp->seconds % STATISTICS_S != 0)
    return;
  g_mutex_lock (&rtsp->lock);
  count = rtsp->buffers->len;
  for (guint i = 0; i < count; i++)
    add_numbers (rtsp->buffers->pdata[i], &received, &lost, &jitter);
  g_mutex_unlock (&rtsp->lock);
  if (count == 0)
    return;
  message = json_object_new ();
  json_object_set_string_member (message, "event", "statistics");
  json_object_set_int_member (message, "received", (gint64) received);
  json_object_set_int_member (message, "lost", (gint64) lost);
  json_object_set_double_member (message, "jitter_ms", (double) jitter / GST_MSECOND);
  lectern_job_send_message (self->job, message);
}

/* ── start ── */

static gboolean
make_source (Pull *self, const LecternRtspTarget *target, JsonObject *object, GError **error)
{
  gint64 latency_ms = json_object_get_int_member_with_default (object, "latency_ms", 200);
  GstElement *source = gst_element_factory_make ("rtspsrc", "source");

  if (source == NULL || latency_ms < 0 || latency_ms > 10000)
    {
      g_clear_object (&source);
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                   "latency_ms is %" G_GINT64_FORMAT ", and must be 0 to 10000", latency_ms);
      return FALSE;
    }
  gst_bin_add (GST_BIN (self->pipeline), source);
  g_object_set (source, "latency", (guint) latency_ms, "ignore-x-server-reply", TRUE,
                "do-retransmission", FALSE, NULL);
  gst_util_set_object_arg (G_OBJECT (source), "buffer-mode", "none");
  g_signal_connect (source, "on-sdp", G_CALLBACK (on_sdp), self);
  g_signal_connect (source, "select-stream", G_CALLBACK (on_select), self);
  g_signal_connect (source, "pad-added", G_CALLBACK (on_pad), self);
  g_signal_connect (source, "new-manager", G_CALLBACK (on_manager), self);
  return lectern_rtsp_target_apply (target, source, error);
}

gboolean
pull_rtsp_start (Pull *self, JsonObject *object, GError **error)
{
  g_auto (LecternRtspTarget) target = { 0 };
  Rtsp *rtsp = g_new0 (Rtsp, 1);

  g_autoptr (GstBus) bus = NULL;

  g_mutex_init (&rtsp->lock);
  rtsp->buffers = g_ptr_array_new_with_free_func (gst_object_unref);
  self->rtsp = rtsp;
  self->pipeline = gst_pipeline_new (NULL);
  self->video.shown_only = TRUE;
  if (!lectern_rtsp_target_read (&target, object, error)
      || !make_source (self, &target, object, error))
    return FALSE;
  self->limit_s = (gint) ((target.timeout_ms + 999) / 1000);
  lectern_rtsp_guard (self->job, self->pipeline);
  bus = gst_element_get_bus (self->pipeline);
  gst_bus_set_sync_handler (bus, on_message, self, NULL);
  lectern_job_watch (self->job, self->pipeline);
  gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
  return TRUE;
}

void
pull_rtsp_stop (Pull *self)
{
  Rtsp *rtsp = self->rtsp;

  if (rtsp == NULL)
    return;
  g_ptr_array_unref (rtsp->buffers);
  g_mutex_clear (&rtsp->lock);
  g_free (rtsp);
}
