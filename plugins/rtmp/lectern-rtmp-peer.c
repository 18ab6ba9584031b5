/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-peer.h"

#include "lectern-rtmp-chunk-writer.h"

#define MAX_OUTPUT (128 * 1024)
#define DEFAULT_WINDOW 5000000
#define MIN_WINDOW (16 * 1024) /* or a peer could make us acknowledge every byte */
#define TAG_HEADER 11
#define TAG_TRAILER 4
#define AMF0_STRING 0x02

void
lectern_rtmp_event_clear (LecternRtmpEvent *self)
{
  lectern_rtmp_message_clear (&self->message);
  g_clear_pointer (&self->value, g_variant_unref);
  self->type = LECTERN_RTMP_EVENT_NONE;
}

void
lectern_rtmp_peer_init (LecternRtmpPeer *self, const LecternRtmpPeerClass *class)
{
  *self = (LecternRtmpPeer){ .class = class, .window = DEFAULT_WINDOW };
  self->reader = lectern_rtmp_chunk_reader_new ();
  lectern_rtmp_chunk_reader_set_budget (self->reader, LECTERN_RTMP_STRANGER_BUDGET,
                                        LECTERN_RTMP_STRANGER_BUDGET);
  lectern_byte_writer_init (&self->out, MAX_OUTPUT);
}

void
lectern_rtmp_peer_clear (LecternRtmpPeer *self)
{
  lectern_rtmp_chunk_reader_free (self->reader);
  lectern_byte_writer_clear (&self->out);
  g_clear_pointer (&self->aggregate, g_bytes_unref);
}

static gboolean
take_user_control (LecternRtmpPeer *self, LecternByteReader *reader, GError **error)
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
  else if (self->class->control != NULL)
    {
      self->class->control (self, kind, value);
    }
  return TRUE;
}

static gboolean
take_control (LecternRtmpPeer *self, const LecternRtmpMessage *message, GError **error)
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
take_media (LecternRtmpPeer *self, LecternRtmpMessage *message, LecternRtmpEvent *event)
{
  gboolean wanted = self->class->wants_media (self);

  event->type = wanted ? LECTERN_RTMP_EVENT_MEDIA : LECTERN_RTMP_EVENT_STRAY;
  event->message = *message;
  message->payload = NULL;
}

/* The AMF3 form is a zero byte and then AMF0. */
static GBytes *
get_script (const LecternRtmpMessage *message)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (message->payload, &size);
  gsize skip = message->type == LECTERN_RTMP_DATA_AMF3 && size > 0 && data[0] != AMF0_STRING;

  return g_bytes_new_from_bytes (message->payload, skip, size - skip);
}

static void
take_data (LecternRtmpPeer *self, const LecternRtmpMessage *message, LecternRtmpEvent *event)
{
  g_autoptr (GBytes) body = get_script (message);
  g_auto (LecternFlvScript) data = { NULL };

  if (!self->class->wants_media (self) || !lectern_flv_script_parse (body, &data, NULL))
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
next_of_aggregate (LecternRtmpPeer *self, LecternRtmpMessage *message, gboolean *broken)
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
continue_aggregate (LecternRtmpPeer *self, LecternRtmpEvent *event)
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
begin_aggregate (LecternRtmpPeer *self, LecternRtmpMessage *message, LecternRtmpEvent *event)
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
dispatch (LecternRtmpPeer *self, LecternRtmpMessage *message, LecternRtmpEvent *event,
          GError **error)
{
  if (message->type <= LECTERN_RTMP_PEER_BANDWIDTH)
    return take_control (self, message, error);
  if (message->type == LECTERN_RTMP_COMMAND || message->type == LECTERN_RTMP_COMMAND_AMF3)
    return self->class->command (self, message, event, error);
  if (!self->class->is_connected (self))
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
read_messages (LecternRtmpPeer *self, const guint8 *data, gsize length, LecternRtmpEvent *event,
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
acknowledge (LecternRtmpPeer *self)
{
  if (self->received - self->acknowledged < self->window)
    return;
  self->acknowledged = self->received;
  /* The count wraps with the field. */
  lectern_rtmp_write_control (&self->out, LECTERN_RTMP_ACKNOWLEDGEMENT, (guint32) self->received);
}

gsize
lectern_rtmp_peer_input (LecternRtmpPeer *self, const guint8 *data, gsize length,
                         LecternRtmpEvent *event, GError **error)
{
  GError *local_error = NULL;
  gsize used = 0;

  *event = (LecternRtmpEvent){ LECTERN_RTMP_EVENT_NONE };
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

GBytes *
lectern_rtmp_peer_take_output (LecternRtmpPeer *self)
{
  if (self->pong_due)
    lectern_rtmp_write_user_control (&self->out, LECTERN_RTMP_PING_RESPONSE, self->pong);
  self->pong_due = FALSE;
  return self->out.size > 0 ? lectern_byte_writer_steal (&self->out) : NULL;
}
