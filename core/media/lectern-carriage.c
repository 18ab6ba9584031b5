/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-carriage.h"

#include "base/lectern-clock.h"

#define TIMEOUT_US (10 * G_USEC_PER_SEC)

/* Life */

gpointer
lectern_carriage_new (gsize size, const LecternCarriageClass *class, const LecternCarrierSpec *spec,
                      LecternStream *stream, const LecternCarrierEvents *events,
                      gpointer events_data)
{
  LecternCarriage *self = g_malloc0 (size);

  self->class = class;
  self->refs = 1;
  self->reactor = g_object_ref (spec->reactor);
  self->stream = stream != NULL ? lectern_stream_ref (stream) : NULL;
  self->events = events;
  self->events_data = events_data;
  self->filter = spec->filter;
  self->follow = spec->follow;
  self->filter_data = spec->filter_data;
  self->timeout_us = spec->timeout_us > 0 ? spec->timeout_us : TIMEOUT_US;
  return self;
}

void
lectern_carriage_ref (LecternCarriage *self)
{
  self->refs++;
}

void
lectern_carriage_unref (LecternCarriage *self)
{
  if (--self->refs > 0)
    return;
  if (self->class->clear != NULL)
    self->class->clear (self);
  g_object_unref (self->reactor);
  g_clear_pointer (&self->stream, lectern_stream_unref);
  g_clear_pointer (&self->metadata, g_variant_unref);
  g_clear_error (&self->failure);
  g_free (self);
}

/* Ends all but telling. */
static void
tear_down (LecternCarriage *self)
{
  self->over = TRUE;
  lectern_timer_stop (&self->timer);
  g_clear_pointer (&self->dial, lectern_dial_cancel);
  if (self->connection != NULL)
    lectern_connection_set_handler (self->connection, NULL, NULL);
  self->class->halt (self);
  g_clear_pointer (&self->connection, lectern_connection_unref);
  g_clear_pointer (&self->publisher, lectern_publisher_unref);
}

void
lectern_carriage_end (LecternCarriage *self, const GError *error)
{
  if (self->over)
    return;
  lectern_carriage_ref (self);
  tear_down (self);
  self->events->ended (error, self->events_data);
  lectern_carriage_unref (self);
}

void
lectern_carriage_end_with (LecternCarriage *self, LecternError code, const char *text)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, (int) code, text);

  lectern_carriage_end (self, error);
}

void
lectern_carriage_stop (gpointer transfer)
{
  LecternCarriage *self = transfer;

  if (!self->over)
    tear_down (self);
  lectern_carriage_unref (self);
}

guint64
lectern_carriage_get_bytes (gpointer transfer)
{
  return ((LecternCarriage *) transfer)->bytes;
}

/* Time */

static void
on_time (LecternTimer *timer)
{
  LecternCarriage *self
      = (LecternCarriage *) ((char *) timer - G_STRUCT_OFFSET (LecternCarriage, timer));
  gint64 left_us = self->heard_us + self->timeout_us - lectern_clock_now_us ();

  if (self->failure != NULL)
    lectern_carriage_end (self, self->failure);
  else if (left_us <= 0)
    lectern_carriage_end_with (self, LECTERN_ERROR_TIMED_OUT, self->otherwise);
  else
    lectern_timer_start (timer, self->reactor, left_us, on_time);
}

void
lectern_carriage_fail (LecternCarriage *self, GError *error)
{
  self->failure = error;
  lectern_timer_start (&self->timer, self->reactor, 0, on_time);
}

void
lectern_carriage_expect (LecternCarriage *self, const char *otherwise)
{
  self->otherwise = otherwise;
  lectern_carriage_heard (self);
  lectern_timer_stop (&self->timer);
  if (otherwise != NULL)
    lectern_timer_start (&self->timer, self->reactor, self->timeout_us, on_time);
}

void
lectern_carriage_heard (LecternCarriage *self)
{
  self->heard_us = lectern_clock_now_us ();
}

/* Connecting */

static void
on_dialled (LecternConnection *connection, const GError *error, gpointer user_data)
{
  LecternCarriage *self = user_data;

  self->dial = NULL;
  if (connection == NULL)
    {
      lectern_carriage_end (self, error);
      return;
    }
  self->connection = lectern_connection_ref (connection);
  lectern_carriage_expect (self, "the server sends no stream");
  self->class->connected (self, connection);
}

static void
drop_connection (LecternCarriage *self)
{
  if (self->connection == NULL)
    return;
  lectern_connection_set_handler (self->connection, NULL, NULL);
  lectern_connection_close (self->connection, NULL);
  g_clear_pointer (&self->connection, lectern_connection_unref);
}

void
lectern_carriage_dial (LecternCarriage *self, LecternDialer *dialer, LecternDialTarget *target)
{
  target->filter = self->filter;
  target->filter_data = self->filter_data;
  target->timeout_us = self->timeout_us;
  drop_connection (self);
  lectern_carriage_expect (self, NULL);
  self->dial = lectern_dialer_dial (dialer, self->reactor, target, on_dialled, self);
}

void
lectern_carriage_closed (LecternConnection *connection, const GError *error, gpointer data)
{
  LecternCarriage *self = data;

  g_clear_pointer (&self->connection, lectern_connection_unref);
  if (error != NULL)
    lectern_carriage_end (self, error);
  else
    lectern_carriage_end_with (self, LECTERN_ERROR_CLOSED, "the server closed the connection");
}

gboolean
lectern_carriage_follow (LecternCarriage *self, const char *url, GError **error)
{
  if (self->follow == NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                           "the server refers to another one");
      return FALSE;
    }
  if (++self->redirects > LECTERN_CARRIAGE_MAX_REDIRECTS)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                   "servers refer to each other more than %d times",
                   LECTERN_CARRIAGE_MAX_REDIRECTS);
      return FALSE;
    }
  if (self->follow (url, self->filter_data, error))
    return TRUE;
  g_prefix_error_literal (error, "the server refers to another one: ");
  return FALSE;
}

/* Media */

/* Whoever is asked may stop the transfer. */
gboolean
lectern_carriage_publish (LecternCarriage *self)
{
  g_autoptr (GError) error = NULL;
  LecternPublisher *publisher;

  if (self->over || self->publisher != NULL)
    return !self->over;
  lectern_carriage_ref (self);
  publisher = self->events->publish (self->events_data, &error);
  if (publisher == NULL)
    lectern_carriage_end (self, error);
  else if (self->over)
    lectern_publisher_unref (publisher);
  else
    {
      self->publisher = publisher;
      if (self->otherwise != NULL)
        self->otherwise = "the server sends nothing";
      if (self->metadata != NULL)
        lectern_publisher_set_metadata (publisher, self->metadata);
    }
  publisher = self->publisher;
  lectern_carriage_unref (self);
  return publisher != NULL;
}

void
lectern_carriage_take_metadata (LecternCarriage *self, GVariant *metadata)
{
  if (self->publisher != NULL)
    {
      lectern_publisher_set_metadata (self->publisher, metadata);
      return;
    }
  g_clear_pointer (&self->metadata, g_variant_unref);
  self->metadata = g_variant_ref (metadata);
}

void
lectern_carriage_take_track (LecternCarriage *self, LecternTrack *track)
{
  lectern_carriage_ref (self);
  if (lectern_carriage_publish (self))
    lectern_publisher_set_track (self->publisher, track);
  lectern_carriage_unref (self);
}

void
lectern_carriage_take_packet (LecternCarriage *self, LecternPacket *packet)
{
  if (self->publisher == NULL)
    return;
  self->bytes += lectern_packet_get_size (packet);
  lectern_publisher_push (self->publisher, packet->track->media, packet->flags, packet->dts,
                          packet->pts, packet->payload);
}

void
lectern_carriage_started (LecternCarriage *self)
{
  if (self->events->started != NULL)
    self->events->started (self->events_data);
}
