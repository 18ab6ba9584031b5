/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-job-private.h"

#include <worker/lectern-link.h>

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>

#define READ_SIZE (64 * 1024)
#define TICK_MS 1000
/* A job that was given a packet so recently must show by itself that it works. */
#define GIVEN_US (1500 * 1000)

struct _LecternJob
{
  const LecternJobClass *class;
  gpointer data;
  GMainLoop *loop;
  LecternLinkReader *reader;
  gint64 given_us; /* when the latest packet came */
  gboolean done;

  GMutex lock; /* guards what follows: one frame at a time */
  int link;
  gboolean closed; /* nothing more can be, or is to be, sent */
};

LecternJob *
lectern_job_new (const LecternJobClass *class, int link)
{
  LecternJob *self = g_new0 (LecternJob, 1);

  self->class = class;
  self->link = link;
  self->loop = g_main_loop_new (NULL, FALSE);
  self->reader = lectern_link_reader_new ();
  g_mutex_init (&self->lock);
  return self;
}

void
lectern_job_set_data (LecternJob *self, gpointer data)
{
  self->data = data;
}

gpointer
lectern_job_get_data (LecternJob *self)
{
  return self->data;
}

static gboolean
quit_loop (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

/* From within the loop, as it may not run yet. */
void
lectern_job_quit (LecternJob *self)
{
  g_idle_add_full (G_PRIORITY_HIGH, quit_loop, self->loop, NULL);
}

/* ── to the server ── */

static gboolean
send_all (int link, const void *data, gsize size)
{
  const guint8 *at = data;

  while (size > 0)
    {
      gssize sent = send (link, at, size, MSG_NOSIGNAL);

      if (sent < 0 && errno == EINTR)
        continue;
      if (sent <= 0)
        return FALSE;
      at += sent;
      size -= sent;
    }
  return TRUE;
}

/* @head: (transfer full). @last: nothing is sent after it. */
static void
send_frame (LecternJob *self, GBytes *head, GBytes *body, gboolean last)
{
  g_autoptr (GBytes) owned = head;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->closed)
    return;
  self->closed = last;
  if (send_all (self->link, g_bytes_get_data (head, NULL), g_bytes_get_size (head))
      && (body == NULL
          || send_all (self->link, g_bytes_get_data (body, NULL), g_bytes_get_size (body))))
    return;
  self->closed = TRUE;
  lectern_job_quit (self);
}

void
lectern_job_send_track (LecternJob *self, guint lane, LecternTrack *track)
{
  GError *error = NULL;
  GBytes *frame = lectern_link_write_track (lane, track, &error);

  if (frame != NULL)
    send_frame (self, frame, NULL, FALSE);
  else
    lectern_job_fail (self, error);
}

void
lectern_job_send_packet (LecternJob *self, guint lane, LecternPacket *packet)
{
  GError *error = NULL;
  GBytes *head = lectern_link_write_packet_header (lane, packet, &error);

  if (head != NULL)
    send_frame (self, head, packet->payload, FALSE);
  else
    lectern_job_fail (self, error);
}

void
lectern_job_send_message (LecternJob *self, JsonObject *message)
{
  GError *error = NULL;
  GBytes *frame = lectern_link_write_object (LECTERN_LINK_MESSAGE, message, &error);

  if (frame != NULL)
    send_frame (self, frame, NULL, FALSE);
  else
    lectern_job_fail (self, error);
}

void
lectern_job_tick (LecternJob *self)
{
  send_frame (self, lectern_link_write (LECTERN_LINK_TICK), NULL, FALSE);
}

static void
send_failure (LecternJob *self, const GError *error, gboolean refused)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autofree char *text = lectern_log_escape (error->message, -1, 1000);

  json_object_set_int_member (object, "code",
                              error->domain == LECTERN_ERROR ? error->code : LECTERN_ERROR_FAILED);
  json_object_set_string_member (object, "text", text);
  json_object_set_boolean_member (object, "refused", refused);
  send_frame (self, lectern_link_write_object (LECTERN_LINK_FAILED, object, NULL), NULL, TRUE);
}

void
lectern_job_refuse (LecternJob *self, const GError *error)
{
  send_failure (self, error, TRUE);
}

void
lectern_job_done (LecternJob *self)
{
  self->done = TRUE;
  send_frame (self, lectern_link_write (LECTERN_LINK_DONE), NULL, TRUE);
  lectern_job_quit (self);
}

void
lectern_job_fail (LecternJob *self, GError *error)
{
  send_failure (self, error, FALSE);
  g_error_free (error);
  lectern_job_quit (self);
}

/* ── from the server ── */

static void
take_frame (LecternJob *self, LecternLinkFrame *frame)
{
  const LecternJobClass *class = self->class;

  switch (frame->type)
    {
    case LECTERN_LINK_TRACK:
      if (class->track != NULL)
        class->track (self, frame->lane, frame->track);
      break;
    case LECTERN_LINK_PACKET:
      self->given_us = g_get_monotonic_time ();
      if (class->packet != NULL)
        class->packet (self, frame->lane, frame->packet);
      break;
    case LECTERN_LINK_MESSAGE:
      if (class->message != NULL)
        class->message (self, frame->object);
      break;
    case LECTERN_LINK_FINISH:
      if (class->finish != NULL)
        class->finish (self);
      else
        lectern_job_done (self);
      break;
    default:
      break;
    }
}

/* Returns: the bytes read; 0: the server is gone. Waits unless @flags say otherwise; -1: none. */
static gssize
receive (LecternJob *self, guint8 *data, gsize size, int flags)
{
  gssize count;

  do
    count = recv (self->link, data, size, flags);
  while (count < 0 && errno == EINTR);
  return count < 0 && errno != EAGAIN ? 0 : count;
}

static gboolean
on_link (int link, GIOCondition condition, gpointer user_data)
{
  LecternJob *self = user_data;
  guint8 data[READ_SIZE];
  gssize size = receive (self, data, sizeof data, MSG_DONTWAIT);
  LecternByteReader bytes;

  if (size == 0)
    {
      lectern_job_quit (self);
      return G_SOURCE_REMOVE;
    }
  lectern_byte_reader_init (&bytes, data, MAX (size, 0));
  for (;;)
    {
      g_auto (LecternLinkFrame) frame = { 0 };
      GError *error = NULL;

      if (lectern_link_reader_read (self->reader, &bytes, &frame, &error))
        {
          take_frame (self, &frame);
          continue;
        }
      if (error != NULL)
        lectern_job_fail (self, error);
      return error == NULL;
    }
}

JsonObject *
lectern_job_read_start (LecternJob *self, GError **error)
{
  for (;;)
    {
      g_auto (LecternLinkFrame) frame = { 0 };
      GError *reason = NULL;
      /* Byte by byte, so that nothing of the next frame is taken; it is short, and only once. */
      guint8 byte;
      LecternByteReader bytes;

      if (receive (self, &byte, 1, 0) != 1)
        {
          g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the server is gone");
          return NULL;
        }
      lectern_byte_reader_init (&bytes, &byte, 1);
      if (lectern_link_reader_read (self->reader, &bytes, &frame, &reason)
          && frame.type == LECTERN_LINK_START)
        return json_object_ref (frame.object);
      if (reason != NULL)
        {
          g_propagate_error (error, reason);
          return NULL;
        }
    }
}

/* ── running ── */

/* A job without packets of its own shows by itself that it works. */
static gboolean
on_tick (gpointer user_data)
{
  LecternJob *self = user_data;

  if (g_get_monotonic_time () - self->given_us >= GIVEN_US)
    lectern_job_tick (self);
  return G_SOURCE_CONTINUE;
}

gboolean
lectern_job_run (LecternJob *self, JsonObject *parameters)
{
  g_autoptr (GError) error = NULL;
  gboolean started = self->class->start (self, parameters, &error);

  if (started)
    {
      send_frame (self, lectern_link_write (LECTERN_LINK_READY), NULL, FALSE);
      g_unix_fd_add (self->link, G_IO_IN, on_link, self);
      if (self->class->packet != NULL)
        g_timeout_add (TICK_MS, on_tick, self);
      g_main_loop_run (self->loop);
    }
  else
    lectern_job_refuse (self, error);
  if (self->class->stop != NULL)
    self->class->stop (self);
  return self->done;
}

static LecternError
get_code (const GError *error)
{
  if (error->domain == GST_STREAM_ERROR)
    return error->code == GST_STREAM_ERROR_NOT_IMPLEMENTED ? LECTERN_ERROR_NOT_SUPPORTED
                                                           : LECTERN_ERROR_INVALID_DATA;
  if (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND))
    return LECTERN_ERROR_NOT_FOUND;
  if (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED))
    return LECTERN_ERROR_DENIED;
  return LECTERN_ERROR_FAILED;
}

static gboolean
on_bus (GstBus *bus, GstMessage *message, gpointer user_data)
{
  LecternJob *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *detail = NULL;

  switch (GST_MESSAGE_TYPE (message))
    {
    case GST_MESSAGE_EOS:
      lectern_job_done (self);
      break;
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (message, &error, &detail);
      g_info ("%s", detail != NULL ? detail : "");
      lectern_job_fail (self, g_error_new (LECTERN_ERROR, get_code (error), "%s: %s",
                                           GST_MESSAGE_SRC_NAME (message), error->message));
      break;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (message, &error, &detail);
      g_message ("%s: %s", GST_MESSAGE_SRC_NAME (message), error->message);
      break;
    default:
      break;
    }
  return G_SOURCE_CONTINUE;
}

void
lectern_job_watch (LecternJob *self, GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);

  gst_bus_add_watch (bus, on_bus, self);
}
