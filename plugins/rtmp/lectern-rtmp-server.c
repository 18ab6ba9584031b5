/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-server-private.h"

#include "lectern-rtmp-chunk-writer.h"
#include "lectern-rtmp-data.h"

#include <string.h>

#define MAX_OUTPUT (128 * 1024)
#define DEFAULT_WINDOW 5000000
#define MIN_WINDOW (16 * 1024) /* or a peer could make us acknowledge every byte */
/* Of unfinished messages, as the peer is trusted more. */
#define STRANGER_BUDGET (8 * 1024)
#define GUEST_BUDGET (64 * 1024)
#define PUBLISHER_VIDEO_BUDGET LECTERN_RTMP_MAX_VIDEO
#define PUBLISHER_OTHER_BUDGET (4 * 1024 * 1024)
#define TAG_HEADER 11
#define TAG_TRAILER 4

void
lectern_rtmp_event_clear (LecternRtmpEvent *self)
{
  lectern_rtmp_message_clear (&self->message);
  g_clear_pointer (&self->value, g_variant_unref);
  self->type = LECTERN_RTMP_EVENT_NONE;
}

LecternRtmpServer *
lectern_rtmp_server_new (void)
{
  LecternRtmpServer *self = g_new0 (LecternRtmpServer, 1);

  lectern_rtmp_handshake_init_server (&self->handshake);
  self->reader = lectern_rtmp_chunk_reader_new ();
  lectern_rtmp_chunk_reader_set_budget (self->reader, STRANGER_BUDGET, STRANGER_BUDGET);
  lectern_byte_writer_init (&self->out, MAX_OUTPUT);
  self->window = DEFAULT_WINDOW;
  return self;
}

void
lectern_rtmp_server_free (LecternRtmpServer *self)
{
  lectern_rtmp_chunk_reader_free (self->reader);
  lectern_byte_writer_clear (&self->out);
  g_clear_pointer (&self->connect_object, g_variant_unref);
  g_clear_pointer (&self->aggregate, g_bytes_unref);
  g_free (self->app);
  g_free (self->app_query);
  g_free (self->page_url);
  g_free (self->via);
  g_free (self->thing);
  g_free (self->query);
  g_free (self);
}

static gboolean
take_user_control (LecternRtmpServer *self, LecternByteReader *reader, GError **error)
{
  guint16 kind;
  guint32 value;

  if (!lectern_byte_reader_read_u16 (reader, &kind)
      || !lectern_byte_reader_read_u32 (reader, &value))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "a user control message is too short");
      return FALSE;
    }
  /* A flood of pings in one batch is worth one pong. */
  if (kind == LECTERN_RTMP_PING_REQUEST)
    {
      self->pong_due = TRUE;
      self->pong = value;
    }
  return TRUE;
}

static gboolean
take_control (LecternRtmpServer *self, const LecternRtmpMessage *message, GError **error)
{
  LecternByteReader reader;
  gsize size;
  const guint8 *data = g_bytes_get_data (message->payload, &size);
  guint32 value;

  lectern_byte_reader_init (&reader, data, size);
  if (message->type == LECTERN_RTMP_USER_CONTROL)
    return take_user_control (self, &reader, error);
  if (!lectern_byte_reader_read_u32 (&reader, &value))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "a control message of type %u is too short", message->type);
      return FALSE;
    }
  if (message->type == LECTERN_RTMP_WINDOW_SIZE)
    self->window = MAX (value, MIN_WINDOW);
  return TRUE;
}

static void
take_media (LecternRtmpServer *self, LecternRtmpMessage *message, LecternRtmpEvent *event)
{
  gboolean wanted = self->role == LECTERN_RTMP_ROLE_PUBLISHER;

  event->type = wanted ? LECTERN_RTMP_EVENT_MEDIA : LECTERN_RTMP_EVENT_STRAY;
  event->message = *message;
  message->payload = NULL;
}

static void
take_data (LecternRtmpServer *self, const LecternRtmpMessage *message, LecternRtmpEvent *event)
{
  g_auto (LecternRtmpData) data = { NULL };

  if (self->role != LECTERN_RTMP_ROLE_PUBLISHER || !lectern_rtmp_data_parse (message, &data, NULL))
    {
      event->type = LECTERN_RTMP_EVENT_STRAY;
    }
  else if (data.metadata != NULL)
    {
      event->type = LECTERN_RTMP_EVENT_METADATA;
      event->value = g_steal_pointer (&data.metadata);
    }
  else if (data.script != NULL)
    {
      event->type = LECTERN_RTMP_EVENT_SCRIPT;
      event->message = *message;
      event->message.payload = g_steal_pointer (&data.script);
    }
}

/* The next tag of the aggregate (7.1.6) into @message. FALSE: there is none, or it is broken. */
static gboolean
next_of_aggregate (LecternRtmpServer *self, LecternRtmpMessage *message, gboolean *broken)
{
  LecternByteReader reader;
  gsize size;
  const guint8 *data = g_bytes_get_data (self->aggregate, &size);
  const guint8 *tag;
  guint32 length;

  *broken = FALSE;
  lectern_byte_reader_init (&reader, data + self->aggregate_offset, size - self->aggregate_offset);
  if (lectern_byte_reader_get_remaining (&reader) == 0)
    return FALSE;
  *broken = TRUE;
  tag = lectern_byte_reader_take (&reader, TAG_HEADER);
  if (tag == NULL)
    return FALSE;
  length = tag[1] << 16 | tag[2] << 8 | tag[3];
  if (!lectern_byte_reader_skip (&reader, length + TAG_TRAILER))
    return FALSE;
  *broken = FALSE;
  message->type = tag[0];
  message->timestamp = (guint32) tag[7] << 24 | tag[4] << 16 | tag[5] << 8 | tag[6];
  message->payload
      = g_bytes_new_from_bytes (self->aggregate, self->aggregate_offset + TAG_HEADER, length);
  self->aggregate_offset += reader.offset;
  return TRUE;
}

static void
continue_aggregate (LecternRtmpServer *self, LecternRtmpEvent *event)
{
  while (self->aggregate != NULL && event->type == LECTERN_RTMP_EVENT_NONE)
    {
      g_auto (LecternRtmpMessage) message = { 0 };
      gboolean broken;

      if (!next_of_aggregate (self, &message, &broken))
        {
          g_clear_pointer (&self->aggregate, g_bytes_unref);
          if (broken)
            event->type = LECTERN_RTMP_EVENT_STRAY;
          return;
        }
      message.timestamp += self->aggregate_shift;
      if (message.type == LECTERN_RTMP_AUDIO || message.type == LECTERN_RTMP_VIDEO)
        take_media (self, &message, event);
      else if (message.type == LECTERN_RTMP_DATA)
        take_data (self, &message, event);
      else
        event->type = LECTERN_RTMP_EVENT_STRAY;
    }
}

static void
begin_aggregate (LecternRtmpServer *self, LecternRtmpMessage *message, LecternRtmpEvent *event)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (message->payload, &size);

  if (size < TAG_HEADER)
    {
      event->type = LECTERN_RTMP_EVENT_STRAY;
      return;
    }
  self->aggregate_shift
      = message->timestamp - ((guint32) data[7] << 24 | data[4] << 16 | data[5] << 8 | data[6]);
  self->aggregate = g_steal_pointer (&message->payload);
  self->aggregate_offset = 0;
  continue_aggregate (self, event);
}

static gboolean
dispatch (LecternRtmpServer *self, LecternRtmpMessage *message, LecternRtmpEvent *event,
          GError **error)
{
  if (message->type <= LECTERN_RTMP_PEER_BANDWIDTH)
    return take_control (self, message, error);
  if (message->type == LECTERN_RTMP_COMMAND || message->type == LECTERN_RTMP_COMMAND_AMF3)
    return lectern_rtmp_server_handle_command (self, message, event, error);
  if (!self->connected)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "a message of type %u before connect", message->type);
      return FALSE;
    }
  if (message->type == LECTERN_RTMP_AUDIO || message->type == LECTERN_RTMP_VIDEO)
    take_media (self, message, event);
  else if (message->type == LECTERN_RTMP_AGGREGATE)
    begin_aggregate (self, message, event);
  else if (message->type == LECTERN_RTMP_DATA || message->type == LECTERN_RTMP_DATA_AMF3)
    take_data (self, message, event);
  return TRUE;
}

static gsize
read_messages (LecternRtmpServer *self, const guint8 *data, gsize length, LecternRtmpEvent *event,
               GError **error)
{
  gsize used = 0;

  for (;;)
    {
      g_auto (LecternRtmpMessage) message = { 0 };
      GError *local_error = NULL;

      used += lectern_rtmp_chunk_reader_read (self->reader, data + used, length - used, &message,
                                              &local_error);
      if (local_error == NULL && message.payload == NULL)
        return used;
      if (local_error == NULL)
        dispatch (self, &message, event, &local_error);
      if (local_error != NULL)
        {
          g_propagate_error (error, local_error);
          return used;
        }
      if (event->type != LECTERN_RTMP_EVENT_NONE)
        return used;
    }
}

static void
acknowledge (LecternRtmpServer *self)
{
  if (self->received - self->acknowledged < self->window)
    return;
  self->acknowledged = self->received;
  /* The count wraps with the field. */
  lectern_rtmp_write_control (&self->out, LECTERN_RTMP_ACKNOWLEDGEMENT, (guint32) self->received);
}

gsize
lectern_rtmp_server_input (LecternRtmpServer *self, const guint8 *data, gsize length,
                           LecternRtmpEvent *event, GError **error)
{
  GError *local_error = NULL;
  gsize used = 0;

  *event = (LecternRtmpEvent){ LECTERN_RTMP_EVENT_NONE };
  if (self->waiting != LECTERN_RTMP_EVENT_NONE)
    return 0;
  continue_aggregate (self, event);
  if (event->type != LECTERN_RTMP_EVENT_NONE || length == 0)
    return 0;
  if (self->handshake.state != LECTERN_RTMP_HANDSHAKE_DONE)
    used = lectern_rtmp_handshake_input (&self->handshake, data, length, &self->out, &local_error);
  if (local_error == NULL && self->handshake.state == LECTERN_RTMP_HANDSHAKE_DONE && used < length)
    used += read_messages (self, data + used, length - used, event, &local_error);
  self->received += used;
  acknowledge (self);
  if (local_error == NULL && self->out.overflow)
    g_set_error (&local_error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                 "the peer asks more than it reads answers");
  if (local_error != NULL)
    {
      lectern_rtmp_event_clear (event);
      g_propagate_error (error, local_error);
    }
  return used;
}

static const char *
choose_code (LecternRtmpRole role, const GError *error)
{
  gboolean publish = role == LECTERN_RTMP_ROLE_PUBLISHER;

  switch (error->domain == LECTERN_ERROR ? error->code : LECTERN_ERROR_FAILED)
    {
    case LECTERN_ERROR_DENIED:
    case LECTERN_ERROR_TIMED_OUT:
      return publish ? "NetStream.publish.Unauthorized" : "NetStream.play.Unauthorized";
    case LECTERN_ERROR_CONFLICT:
    case LECTERN_ERROR_INVALID_DATA:
    case LECTERN_ERROR_NOT_FOUND:
      return publish ? "NetStream.Publish.BadName" : "NetStream.Play.StreamNotFound";
    default:
      return publish ? "NetStream.Publish.Denied" : "NetStream.Play.Failed";
    }
}

static void
accept_publish (LecternRtmpServer *self)
{
  lectern_rtmp_chunk_reader_set_budget (self->reader, PUBLISHER_VIDEO_BUDGET,
                                        PUBLISHER_OTHER_BUDGET);
  lectern_rtmp_write_user_control (&self->out, LECTERN_RTMP_STREAM_BEGIN, self->media_stream);
  lectern_rtmp_write_status (&self->out, self->media_stream, "status", "NetStream.Publish.Start",
                             "Publishing.");
}

/* No data messages (sample access, "data start"): no player needs them, and ffmpeg takes them for a
 * track. */
static void
accept_play (LecternRtmpServer *self)
{
  guint32 stream = self->media_stream;

  lectern_rtmp_write_user_control (&self->out, LECTERN_RTMP_STREAM_BEGIN, stream);
  lectern_rtmp_write_status (&self->out, stream, "status", "NetStream.Play.Reset",
                             "Playing and resetting.");
  lectern_rtmp_write_status (&self->out, stream, "status", "NetStream.Play.Start",
                             "Started playing.");
}

void
lectern_rtmp_server_answer (LecternRtmpServer *self, const GError *error)
{
  LecternRtmpEventType question = self->waiting;

  self->waiting = LECTERN_RTMP_EVENT_NONE;
  if (question == LECTERN_RTMP_EVENT_CONNECT)
    {
      lectern_rtmp_chunk_reader_set_budget (self->reader, GUEST_BUDGET, GUEST_BUDGET);
      lectern_rtmp_server_answer_connect (self, error);
      return;
    }
  if (error != NULL)
    {
      lectern_rtmp_write_status (&self->out, self->media_stream, "error",
                                 choose_code (self->role, error),
                                 lectern_error_get_public_text (error));
      self->role = LECTERN_RTMP_ROLE_NONE;
    }
  else if (question == LECTERN_RTMP_EVENT_PUBLISH)
    {
      accept_publish (self);
    }
  else
    {
      accept_play (self);
    }
}

/* A player whose stream nobody published in time asked for what does not exist. */
static const char *
choose_end_code (LecternRtmpRole role, const GError *reason)
{
  if (role == LECTERN_RTMP_ROLE_PLAYER
      && g_error_matches (reason, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT))
    return "NetStream.Play.StreamNotFound";
  return choose_code (role, reason);
}

void
lectern_rtmp_server_end (LecternRtmpServer *self, const GError *reason)
{
  LecternRtmpRole role = self->role;
  guint32 stream = self->media_stream;

  self->role = LECTERN_RTMP_ROLE_NONE;
  if (role == LECTERN_RTMP_ROLE_NONE)
    return;
  if (role == LECTERN_RTMP_ROLE_PLAYER)
    lectern_rtmp_write_user_control (&self->out, LECTERN_RTMP_STREAM_EOF, stream);
  if (reason != NULL && !g_error_matches (reason, LECTERN_ERROR, LECTERN_ERROR_CLOSED))
    lectern_rtmp_write_status (&self->out, stream, "error", choose_end_code (role, reason),
                               lectern_error_get_public_text (reason));
  else if (role == LECTERN_RTMP_ROLE_PUBLISHER)
    lectern_rtmp_write_status (&self->out, stream, "status", "NetStream.Unpublish.Success",
                               "The stream was ended.");
  else
    lectern_rtmp_write_status (&self->out, stream, "status", "NetStream.Play.UnpublishNotify",
                               "The stream has ended.");
  if (role == LECTERN_RTMP_ROLE_PLAYER)
    lectern_rtmp_write_status (&self->out, stream, "status", "NetStream.Play.Stop",
                               "Stopped playing.");
}

void
lectern_rtmp_server_ping (LecternRtmpServer *self, guint32 timestamp)
{
  lectern_rtmp_write_user_control (&self->out, LECTERN_RTMP_PING_REQUEST, timestamp);
}

GBytes *
lectern_rtmp_server_take_output (LecternRtmpServer *self)
{
  if (self->pong_due)
    lectern_rtmp_write_user_control (&self->out, LECTERN_RTMP_PING_RESPONSE, self->pong);
  self->pong_due = FALSE;
  return self->out.size > 0 ? lectern_byte_writer_steal (&self->out) : NULL;
}

gboolean
lectern_rtmp_server_is_connected (LecternRtmpServer *self)
{
  return self->connected;
}

LecternRtmpRole
lectern_rtmp_server_get_role (LecternRtmpServer *self)
{
  return self->role;
}

gboolean
lectern_rtmp_server_is_waiting (LecternRtmpServer *self)
{
  return self->waiting != LECTERN_RTMP_EVENT_NONE;
}

const char *
lectern_rtmp_server_get_thing (LecternRtmpServer *self)
{
  return self->thing;
}

const char *
lectern_rtmp_server_get_query (LecternRtmpServer *self)
{
  return self->thing != NULL ? self->query : self->app_query;
}

const char *
lectern_rtmp_server_get_page_url (LecternRtmpServer *self)
{
  return self->page_url;
}

const char *
lectern_rtmp_server_get_via (LecternRtmpServer *self)
{
  return self->via;
}

gboolean
lectern_rtmp_server_wants (LecternRtmpServer *self, LecternMedia media)
{
  return media == LECTERN_MEDIA_VIDEO ? !self->no_video : !self->no_audio;
}
