/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-packet.h"

LecternPacket *
lectern_packet_new (LecternTrack *track, LecternPacketFlags flags, gint64 dts, gint64 pts,
                    gint64 duration, GBytes *payload)
{
  LecternPacket *self = g_new (LecternPacket, 1);

  *self = (LecternPacket){
    .track = lectern_track_ref (track),
    .flags = flags,
    .dts = dts,
    .pts = pts,
    .duration = duration,
    .payload = payload != NULL ? g_bytes_ref (payload) : NULL,
    .refs = 1,
  };
  return self;
}

LecternPacket *
lectern_packet_new_metadata (gint64 dts, GVariant *metadata)
{
  LecternPacket *self = g_new (LecternPacket, 1);

  *self = (LecternPacket){
    .flags = LECTERN_PACKET_METADATA,
    .dts = dts,
    .pts = dts,
    .metadata = g_variant_ref_sink (metadata),
    .refs = 1,
  };
  return self;
}

LecternPacket *
lectern_packet_retime (LecternPacket *self, LecternPacketFlags flags, gint64 dts, gint64 pts)
{
  LecternPacket *copy = g_new (LecternPacket, 1);

  *copy = *self;
  copy->flags = flags;
  copy->dts = dts;
  copy->pts = pts;
  copy->refs = 1;
  if (copy->track != NULL)
    lectern_track_ref (copy->track);
  if (copy->payload != NULL)
    g_bytes_ref (copy->payload);
  if (copy->metadata != NULL)
    g_variant_ref (copy->metadata);
  return copy;
}

LecternPacket *
lectern_packet_ref (LecternPacket *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
lectern_packet_unref (LecternPacket *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_clear_pointer (&self->track, lectern_track_unref);
  g_clear_pointer (&self->payload, g_bytes_unref);
  g_clear_pointer (&self->metadata, g_variant_unref);
  g_free (self);
}

gsize
lectern_packet_get_size (LecternPacket *self)
{
  return self->payload != NULL ? g_bytes_get_size (self->payload) : 0;
}

gboolean
lectern_packet_is_video (LecternPacket *self)
{
  return self->track != NULL && self->track->media == LECTERN_MEDIA_VIDEO;
}
