/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "push-hold.h"

/* At first, and from then on: servers that do not heed reports of what they have not seen are soon
 * told again. */
#define FIRST_INTERVAL (10 * GST_MSECOND)
#define FIRST_MS 300
#define INTERVAL (100 * GST_MSECOND)
/* Of which reports are to take whatever that needs. */
#define REPORT_BITRATE 64000.0

void
push_hold_init (PushHold *self)
{
  g_mutex_init (&self->lock);
  self->sinks = g_ptr_array_new_with_free_func (gst_object_unref);
  self->sessions = g_ptr_array_new_with_free_func (gst_object_unref);
}

void
push_hold_expect (PushHold *self, guint n_tracks)
{
  g_atomic_int_set (&self->untold, (gint) n_tracks);
}

void
push_hold_clear (PushHold *self)
{
  g_clear_pointer (&self->sinks, g_ptr_array_unref);
  g_clear_pointer (&self->sessions, g_ptr_array_unref);
  g_mutex_clear (&self->lock);
}

static void
set_interval (GstElement *session, GstClockTime interval)
{
  g_autoptr (GObject) internal = NULL;

  g_object_get (session, "internal-session", &internal, NULL);
  if (internal != NULL)
    g_object_set (internal, "rtcp-min-interval", (guint64) interval, "rtcp-fraction",
                  REPORT_BITRATE, NULL);
}

static gboolean
on_begun (gpointer user_data)
{
  PushHold *self = user_data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  for (guint i = 0; i < self->sessions->len; i++)
    set_interval (self->sessions->pdata[i], INTERVAL);
  return G_SOURCE_REMOVE;
}

void
push_hold_release (PushHold *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->released)
    return;
  self->released = TRUE;
  g_timeout_add (FIRST_MS, on_begun, self);
  for (guint i = 0; i < self->sinks->len; i++)
    {
      gst_element_set_locked_state (self->sinks->pdata[i], FALSE);
      gst_element_sync_state_with_parent (self->sinks->pdata[i]);
    }
}

static gboolean
on_told (gpointer hold)
{
  push_hold_release (hold);
  return G_SOURCE_REMOVE;
}

/* The second is made when the first has been sent. */
static GstPadProbeReturn
on_report (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  PushHold *self = user_data;
  static const char *const key = "lectern-reported";

  if (g_object_get_data (G_OBJECT (pad), key) == NULL)
    {
      g_object_set_data (G_OBJECT (pad), key, self);
      return GST_PAD_PROBE_OK;
    }
  if (g_atomic_int_dec_and_test (&self->untold))
    g_idle_add_full (G_PRIORITY_HIGH, on_told, self, NULL);
  return GST_PAD_PROBE_REMOVE;
}

static void
on_session_pad (GstElement *session, GstPad *pad, gpointer hold)
{
  if (g_str_equal (GST_OBJECT_NAME (pad), "send_rtcp_src"))
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_report, hold, NULL);
}

/* The sink takes its first packet, and will wait with it; from there it is not taken along when the
 * others begin to play. */
static GstPadProbeReturn
on_packet (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  PushHold *self = user_data;
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  g_autoptr (GstElement) sink = gst_pad_get_parent_element (pad);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (sink == NULL || caps == NULL || self->released
      || !gst_structure_has_name (gst_caps_get_structure (caps, 0), "application/x-rtp"))
    return GST_PAD_PROBE_REMOVE;
  gst_element_set_locked_state (sink, TRUE);
  g_ptr_array_add (self->sinks, gst_object_ref (sink));
  return GST_PAD_PROBE_REMOVE;
}

void
push_hold_note_element (PushHold *self, GstElement *element)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  g_autoptr (GstPad) pad = NULL;

  if (factory != NULL && g_str_equal (GST_OBJECT_NAME (factory), "rtpsession"))
    {
      set_interval (element, FIRST_INTERVAL);
      /* Before the sinks play, only the time of making is known. */
      g_object_set (element, "rtcp-sync-send-time", FALSE, NULL);
      g_signal_connect (element, "pad-added", G_CALLBACK (on_session_pad), self);
      g_mutex_lock (&self->lock);
      g_ptr_array_add (self->sessions, gst_object_ref (element));
      g_mutex_unlock (&self->lock);
    }
  else if (GST_OBJECT_FLAG_IS_SET (element, GST_ELEMENT_FLAG_SINK)
           && (pad = gst_element_get_static_pad (element, "sink")) != NULL)
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_packet,
                       self, NULL);
}
