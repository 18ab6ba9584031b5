/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ts-input.h"

#include "lectern-sample.h"

#include <formats/lectern-ts-packets.h>
#include <gst/app/app.h>
#include <worker/lectern-link.h>

/* Bytes that wait for the demultiplexer; beyond it they are left out. */
#define MAX_WAITING (4 * 1024 * 1024)
/* One frame, and what a parser may collect for one. */
#define MAX_FRAME (8 * 1024 * 1024)
#define MAX_COLLECTED (2 * MAX_FRAME)
/* How much is held until both tracks are there. */
#define MAX_HELD_NS (1000 * G_GINT64_CONSTANT (1000000))
#define MAX_HELD 512
/* A peer that sends more of what is no packet, and more of it than of packets, is sent away. */
#define MAX_GARBAGE (64 * 1024)

/* Picture or sound. */
typedef struct
{
  TsInput *input;
  GstPad *pad;     /* the demultiplexer's; NULL: there is none */
  GstElement *bin; /* parser and sink */
  GstCaps *caps;   /* of the newest frame */
  LecternTrack *track;
  gboolean useless; /* a codec that we cannot pass on */
  gboolean came;    /* a frame */
  gsize collected;  /* bytes since the latest frame */
} Track;

struct _TsInput
{
  LecternJob *job;
  guint lane;
  char *name;
  GstElement *pipeline;
  GstElement *source;
  LecternTsPackets *packets;
  guint64 taken;     /* bytes of packets */
  gboolean skipping; /* since too much waits */

  /* The streaming thread's. */
  Track tracks[2];
  GPtrArray *spares; /* of GstPad: further ones of a kind */
  gboolean complete; /* no further tracks come */
  gboolean flowing;  /* nothing is held any more */
  GPtrArray *held;   /* of LecternPacket */

  gint frames; /* atomic */
  GMutex lock;
  GError *failure; /* guarded by lock; the first one */
};

/* @error: (transfer full). Thread: any. */
static void
fail (TsInput *self, GError *error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->failure == NULL)
    self->failure = error;
  else
    g_error_free (error);
}

/* ── frames ── */

static gint
compare_times (gconstpointer a, gconstpointer b)
{
  gint64 first = (*(LecternPacket *const *) a)->dts;
  gint64 second = (*(LecternPacket *const *) b)->dts;

  return first < second ? -1 : first > second;
}

static void
let_flow (TsInput *self)
{
  self->flowing = TRUE;
  g_ptr_array_sort (self->held, compare_times);
  for (guint i = 0; i < self->held->len; i++)
    lectern_job_send_packet (self->job, self->lane, self->held->pdata[i]);
  g_ptr_array_set_size (self->held, 0);
}

/* Whether all that is to come has come. */
static gboolean
is_together (TsInput *self)
{
  gboolean all = self->complete;

  for (gsize i = 0; i < G_N_ELEMENTS (self->tracks); i++)
    all = all && (self->tracks[i].pad == NULL || self->tracks[i].useless || self->tracks[i].came);
  return all;
}

/* @packet: (transfer full). The parsers hold back differently much; to begin with what came first
 * would cost the other its beginning. */
static void
give (TsInput *self, LecternPacket *packet)
{
  g_autoptr (LecternPacket) owned = packet;
  LecternPacket *first;

  if (self->flowing)
    {
      lectern_job_send_packet (self->job, self->lane, packet);
      return;
    }
  g_ptr_array_add (self->held, lectern_packet_ref (packet));
  first = g_ptr_array_index (self->held, 0);
  if (is_together (self) || self->held->len >= MAX_HELD || packet->dts - first->dts > MAX_HELD_NS)
    let_flow (self);
}

/* FALSE: there is no track, as its codec cannot be passed on. */
static gboolean
update_track (TsInput *self, Track *track, GstCaps *caps)
{
  g_autoptr (GError) error = NULL;
  LecternTrack *made;

  if (caps == track->caps || (track->caps != NULL && gst_caps_is_equal (caps, track->caps)))
    return !track->useless;
  gst_caps_replace (&track->caps, caps);
  made = lectern_sample_make_track (caps, &error);
  track->useless
      = made == NULL
        || (made->config != NULL && g_bytes_get_size (made->config) > LECTERN_LINK_MAX_CONFIG);
  if (track->useless)
    g_message ("%s: a track is left out: %s", self->name,
               error != NULL ? error->message : "its configuration is too large");
  else if (!lectern_track_equal (made, track->track))
    lectern_job_send_track (self->job, self->lane, made);
  if (made != NULL)
    {
      g_clear_pointer (&track->track, lectern_track_unref);
      track->track = made;
    }
  return !track->useless;
}

static GstFlowReturn
on_sample (GstAppSink *sink, gpointer user_data)
{
  Track *track = user_data;
  TsInput *self = track->input;
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);
  LecternPacket *packet;

  if (sample == NULL)
    return GST_FLOW_EOS;
  track->collected = 0;
  if (gst_sample_get_caps (sample) == NULL
      || !update_track (self, track, gst_sample_get_caps (sample)))
    return GST_FLOW_OK;
  if (gst_buffer_get_size (gst_sample_get_buffer (sample)) > MAX_FRAME)
    {
      fail (self, g_error_new (LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                               "a frame is larger than %d bytes", MAX_FRAME));
      return GST_FLOW_OK;
    }
  packet = lectern_sample_make_packet (sample, track->track, 0);
  if (packet == NULL)
    return GST_FLOW_OK;
  track->came = TRUE;
  g_atomic_int_inc (&self->frames);
  give (self, packet);
  return GST_FLOW_OK;
}

/* ── tracks ── */

/* What makes whole frames of it; NULL: nothing. */
static const char *
describe_parser (GstCaps *caps)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  const char *format = gst_structure_get_string (structure, "stream-format");
  int version = 0;

  if (gst_structure_has_name (structure, "video/x-h264"))
    return "h264parse ! video/x-h264,stream-format=avc,alignment=au";
  if (gst_structure_has_name (structure, "video/x-h265"))
    return "h265parse ! video/x-h265,stream-format=hvc1,alignment=au";
  if (gst_structure_has_name (structure, "audio/x-opus"))
    return "opusparse";
  if (!gst_structure_has_name (structure, "audio/mpeg"))
    return NULL;
  gst_structure_get_int (structure, "mpegversion", &version);
  if (version == 1)
    return "mpegaudioparse";
  /* ADTS; the parser cannot turn LOAS into frames. */
  return format == NULL || g_str_equal (format, "adts")
             ? "aacparse ! audio/mpeg,mpegversion=4,stream-format=raw"
             : NULL;
}

static GstPadProbeReturn
on_unit (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Track *track = user_data;

  track->collected += gst_buffer_get_size (GST_PAD_PROBE_INFO_BUFFER (info));
  if (track->collected > MAX_COLLECTED)
    fail (track->input, g_error_new (LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                                     "%d bytes without the end of a frame", MAX_COLLECTED));
  return GST_PAD_PROBE_OK;
}

static GstElement *
make_bin (Track *track, const char *parser, GError **error)
{
  GstAppSinkCallbacks callbacks = { .new_sample = on_sample };
  g_autofree char *description
      = g_strconcat (parser, " ! appsink name=sink sync=false async=false", NULL);
  GstElement *bin = gst_parse_bin_from_description_full (description, TRUE, NULL,
                                                         GST_PARSE_FLAG_FATAL_ERRORS, error);
  g_autoptr (GstElement) sink = NULL;

  if (bin == NULL)
    return NULL;
  sink = gst_bin_get_by_name (GST_BIN (bin), "sink");
  gst_app_sink_set_callbacks (GST_APP_SINK (sink), &callbacks, track, NULL);
  return bin;
}

static void
link_track (Track *track, GstPad *pad, const char *parser)
{
  TsInput *self = track->input;
  g_autoptr (GError) error = NULL;
  g_autoptr (GstPad) sink = NULL;

  track->bin = make_bin (track, parser, &error);
  if (track->bin == NULL)
    {
      lectern_error_convert (&error);
      fail (self, g_steal_pointer (&error));
      return;
    }
  track->pad = pad;
  track->useless = FALSE;
  track->collected = 0;
  gst_bin_add (GST_BIN (self->pipeline), track->bin);
  gst_element_sync_state_with_parent (track->bin);
  sink = gst_element_get_static_pad (track->bin, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_unit, track, NULL);
  gst_pad_link (pad, sink);
}

static GstCaps *
get_caps (GstPad *pad)
{
  GstCaps *caps = gst_pad_get_current_caps (pad);

  return caps != NULL ? caps : gst_caps_new_empty_simple ("none");
}

/* Returns: (nullable): what takes @caps when it is the first of its kind. */
static Track *
find_track (TsInput *self, GstCaps *caps)
{
  const char *name = gst_structure_get_name (gst_caps_get_structure (caps, 0));

  return g_str_has_prefix (name, "video/")   ? &self->tracks[0]
         : g_str_has_prefix (name, "audio/") ? &self->tracks[1]
                                             : NULL;
}

static void
on_pad_added (GstElement *demux, GstPad *pad, gpointer user_data)
{
  TsInput *self = user_data;
  g_autoptr (GstCaps) caps = get_caps (pad);
  Track *track = find_track (self, caps);
  const char *parser = describe_parser (caps);

  if (track == NULL)
    return;
  if (parser == NULL)
    g_message ("%s: a track is left out: %s", self->name,
               gst_structure_get_name (gst_caps_get_structure (caps, 0)));
  else if (track->pad == NULL)
    link_track (track, pad, parser);
  else
    g_ptr_array_add (self->spares, gst_object_ref (pad));
}

/* A new programme's pads are added before the old one's are removed. */
static void
link_spare (Track *track)
{
  TsInput *self = track->input;

  for (guint i = 0; i < self->spares->len && track->pad == NULL; i++)
    {
      GstPad *pad = self->spares->pdata[i];
      g_autoptr (GstCaps) caps = get_caps (pad);

      if (find_track (self, caps) != track)
        continue;
      link_track (track, pad, describe_parser (caps));
      g_ptr_array_remove_index (self->spares, i);
      return;
    }
}

/* The programme has changed. */
static void
on_pad_removed (GstElement *demux, GstPad *pad, gpointer user_data)
{
  TsInput *self = user_data;

  g_ptr_array_remove (self->spares, pad);
  for (gsize i = 0; i < G_N_ELEMENTS (self->tracks); i++)
    if (self->tracks[i].pad == pad)
      {
        GstElement *bin = g_steal_pointer (&self->tracks[i].bin);

        self->tracks[i].pad = NULL;
        gst_element_set_state (bin, GST_STATE_NULL);
        gst_bin_remove (GST_BIN (self->pipeline), bin);
        link_spare (&self->tracks[i]);
      }
}

static void
on_complete (GstElement *demux, gpointer user_data)
{
  TsInput *self = user_data;

  self->complete = TRUE;
  if (self->spares->len > 0)
    g_message ("%s: a track is left out: it is the second of its kind", self->name);
  if (self->tracks[0].pad == NULL && self->tracks[1].pad == NULL)
    fail (self, g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                                     "its transport stream has no picture or sound that can be "
                                     "passed on"));
}

/* ── the pipeline ── */

static GstBusSyncReply
on_bus (GstBus *bus, GstMessage *message, gpointer user_data)
{
  GError *error = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    {
      gst_message_parse_error (message, &error, NULL);
      fail (user_data, g_error_new (LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "%s: %s",
                                    GST_MESSAGE_SRC_NAME (message), error->message));
      g_error_free (error);
    }
  gst_message_unref (message);
  return GST_BUS_DROP;
}

TsInput *
ts_input_new (LecternJob *job, guint lane, const char *name, GError **error)
{
  g_autoptr (GstElement) demux = NULL;
  g_autoptr (GstBus) bus = NULL;
  GstElement *pipeline = gst_parse_launch_full (
      "appsrc name=source format=bytes block=false max-bytes=0 ! tsdemux name=demux", NULL,
      GST_PARSE_FLAG_FATAL_ERRORS, error);
  TsInput *self;

  if (pipeline == NULL)
    {
      lectern_error_convert (error);
      return NULL;
    }
  self = g_new0 (TsInput, 1);
  self->job = job;
  self->lane = lane;
  self->name = g_strdup (name);
  self->pipeline = pipeline;
  self->packets = lectern_ts_packets_new ();
  self->held = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_packet_unref);
  self->spares = g_ptr_array_new_with_free_func (gst_object_unref);
  g_mutex_init (&self->lock);
  for (gsize i = 0; i < G_N_ELEMENTS (self->tracks); i++)
    self->tracks[i].input = self;
  self->source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  demux = gst_bin_get_by_name (GST_BIN (pipeline), "demux");
  g_signal_connect (demux, "pad-added", G_CALLBACK (on_pad_added), self);
  g_signal_connect (demux, "pad-removed", G_CALLBACK (on_pad_removed), self);
  g_signal_connect (demux, "no-more-pads", G_CALLBACK (on_complete), self);
  bus = gst_element_get_bus (pipeline);
  gst_bus_set_sync_handler (bus, on_bus, self, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  return self;
}

gboolean
ts_input_check (TsInput *self, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->failure == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (self->failure));
  return FALSE;
}

/* Whether so much waits that this is to be left out: until half of it is worked off. */
static gboolean
must_skip (TsInput *self)
{
  guint64 waiting = gst_app_src_get_current_level_bytes (GST_APP_SRC (self->source));
  gboolean skip = waiting > (self->skipping ? MAX_WAITING / 2 : MAX_WAITING);

  if (skip && !self->skipping)
    g_message ("%s: it sends more than can be worked off; some is left out", self->name);
  self->skipping = skip;
  return skip;
}

static gboolean
check_garbage (TsInput *self, GError **error)
{
  guint64 garbage = lectern_ts_packets_get_skipped (self->packets);

  if (garbage <= MAX_GARBAGE || garbage <= self->taken)
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                       "what it sends is no MPEG transport stream");
  return FALSE;
}

gboolean
ts_input_push (TsInput *self, const guint8 *data, gsize size, GError **error)
{
  g_autoptr (GBytes) packets = NULL;

  if (!ts_input_check (self, error))
    return FALSE;
  packets = lectern_ts_packets_take (self->packets, data, size, error);
  if (packets == NULL)
    return FALSE;
  self->taken += g_bytes_get_size (packets);
  if (!check_garbage (self, error))
    return FALSE;
  if (g_bytes_get_size (packets) > 0 && !must_skip (self))
    gst_app_src_push_buffer (GST_APP_SRC (self->source), gst_buffer_new_wrapped_bytes (packets));
  return TRUE;
}

guint
ts_input_get_frames (TsInput *self)
{
  return (guint) g_atomic_int_get (&self->frames);
}

void
ts_input_free (TsInput *self)
{
  /* The thread ends first, so that nothing is added or removed meanwhile. */
  gst_element_set_locked_state (self->source, TRUE);
  gst_element_set_state (self->source, GST_STATE_NULL);
  g_ptr_array_set_size (self->spares, 0);
  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (self->tracks); i++)
    {
      gst_caps_replace (&self->tracks[i].caps, NULL);
      g_clear_pointer (&self->tracks[i].track, lectern_track_unref);
    }
  g_object_unref (self->source);
  /* Pads are removed up to its end. */
  g_object_unref (self->pipeline);
  g_ptr_array_unref (self->spares);
  g_ptr_array_unref (self->held);
  lectern_ts_packets_free (self->packets);
  g_clear_error (&self->failure);
  g_mutex_clear (&self->lock);
  g_free (self->name);
  g_free (self);
}
