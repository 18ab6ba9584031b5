/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-push.h"

#include "lectern-rtmp-chunk-writer.h"
#include "lectern-rtmp-tape-format.h"

#define NS_PER_MS 1000000
/* While so much waits for the peer, the rest waits in the feed, which knows what may be dropped. */
#define PENDING_MAX (256 * 1024)
#define METADATA_MAX (64 * 1024)

struct _LecternRtmpPush
{
  LecternConnection *connection;
  guint32 message_stream;
  LecternFeed *feed;
  LecternRtmpPushFunc ended;
  gpointer user_data;
  LecternTrack *video; /* whose configuration the peer has */
  LecternTrack *audio;
  gboolean timed;
  gint64 first_dts;
  guint64 bytes;
};

static void
write_packet (LecternRtmpPush *self, const LecternPacket *packet)
{
  gsize room = lectern_rtmp_packet_bound (packet);
  g_autofree guint8 *chunks = g_malloc (room);
  gint64 time_ms = (packet->dts - self->first_dts) / NS_PER_MS;
  gsize size = lectern_rtmp_packet_write (packet, self->message_stream, (guint32) MAX (time_ms, 0),
                                          chunks);

  if (size > 0)
    (void) lectern_connection_write (self->connection, chunks, size);
}

/* A publisher's metadata is said to be some, by a name before it. */
static void
write_metadata (LecternRtmpPush *self, GVariant *metadata)
{
  const LecternRtmpHeader header
      = { LECTERN_RTMP_CSID_DATA, LECTERN_RTMP_DATA, self->message_stream, 0 };
  g_auto (LecternByteWriter) body = { NULL };
  g_auto (LecternByteWriter) message = { NULL };

  lectern_byte_writer_init (&body, METADATA_MAX);
  lectern_byte_writer_init (&message, 2 * METADATA_MAX);
  lectern_amf0_write (&body, g_variant_new_string ("@setDataFrame"));
  lectern_amf0_write (&body, g_variant_new_string ("onMetaData"));
  if (!lectern_amf0_write_ecma_array (&body, metadata))
    return;
  lectern_rtmp_write_message (&message, &header, body.data, body.size, LECTERN_RTMP_CHUNK_SIZE);
  (void) lectern_connection_write (self->connection, message.data, message.size);
}

static void
announce (LecternRtmpPush *self, LecternTrack *track, gint64 dts)
{
  LecternTrack **slot = track->media == LECTERN_MEDIA_VIDEO ? &self->video : &self->audio;
  g_autoptr (LecternPacket) packet = NULL;

  if (track->media == LECTERN_MEDIA_DATA || lectern_track_equal (*slot, track))
    return;
  g_clear_pointer (slot, lectern_track_unref);
  *slot = lectern_track_ref (track);
  if (track->config == NULL)
    return;
  packet = lectern_packet_new (track, LECTERN_PACKET_CONFIG, dts, dts, 0, track->config);
  write_packet (self, packet);
}

static void
take_packet (LecternRtmpPush *self, LecternPacket *packet)
{
  if (packet->metadata != NULL)
    {
      write_metadata (self, packet->metadata);
      return;
    }
  if (!self->timed)
    self->first_dts = packet->dts;
  self->timed = TRUE;
  announce (self, packet->track, packet->dts);
  write_packet (self, packet);
  self->bytes += lectern_packet_get_size (packet);
}

static void
run (LecternRtmpPush *self)
{
  while (!lectern_connection_is_closed (self->connection)
         && lectern_connection_get_pending (self->connection) < PENDING_MAX)
    {
      g_autoptr (LecternPacket) packet = lectern_feed_pop (self->feed);

      if (packet == NULL && lectern_feed_get_state (self->feed) == LECTERN_STREAM_ENDED)
        {
          self->ended (self, self->user_data);
          return;
        }
      if (packet == NULL)
        return;
      take_packet (self, packet);
    }
}

static void
on_feed (LecternFeed *feed, gpointer user_data)
{
  run (user_data);
}

/* All of it first, so that a server knows both tracks when the first frame comes. */
static void
write_head (LecternRtmpPush *self, LecternStream *stream)
{
  g_auto (LecternStreamInfo) info = { 0 };

  lectern_stream_get_info (stream, &info);
  if (info.metadata != NULL)
    write_metadata (self, info.metadata);
  if (info.video != NULL)
    announce (self, info.video, 0);
  if (info.audio != NULL)
    announce (self, info.audio, 0);
}

LecternRtmpPush *
lectern_rtmp_push_new (LecternStream *stream, LecternConnection *connection, guint32 message_stream,
                       LecternRtmpPushFunc ended, gpointer user_data)
{
  LecternRtmpPush *self = g_new0 (LecternRtmpPush, 1);

  self->connection = lectern_connection_ref (connection);
  self->message_stream = message_stream;
  self->ended = ended;
  self->user_data = user_data;
  lectern_connection_set_output_limit (connection, 2 * LECTERN_RTMP_PUSH_BEHIND);
  write_head (self, stream);
  self->feed = lectern_feed_new (stream, lectern_connection_get_reactor (connection),
                                 LECTERN_RTMP_PUSH_BEHIND, on_feed, self);
  return self;
}

void
lectern_rtmp_push_free (LecternRtmpPush *self)
{
  lectern_feed_free (self->feed);
  lectern_connection_unref (self->connection);
  g_clear_pointer (&self->video, lectern_track_unref);
  g_clear_pointer (&self->audio, lectern_track_unref);
  g_free (self);
}

void
lectern_rtmp_push_writable (LecternRtmpPush *self)
{
  run (self);
}

guint64
lectern_rtmp_push_get_bytes (LecternRtmpPush *self)
{
  return self->bytes;
}
