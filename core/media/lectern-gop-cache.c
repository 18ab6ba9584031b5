/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-gop-cache.h"

#define AUDIO_GROUP (1000 * G_GINT64_CONSTANT (1000000))
#define MAX_PACKETS 32768

void
lectern_gop_cache_init (LecternGopCache *self, gsize max_bytes)
{
  *self = (LecternGopCache){ .max_bytes = max_bytes };
  self->packets = g_ptr_array_new_with_free_func ((GDestroyNotify)lectern_packet_unref);
}

void
lectern_gop_cache_reset (LecternGopCache *self)
{
  g_ptr_array_set_size (self->packets, 0);
  g_clear_pointer (&self->video, lectern_track_unref);
  g_clear_pointer (&self->audio, lectern_track_unref);
  self->bytes = 0;
}

void
lectern_gop_cache_clear (LecternGopCache *self)
{
  lectern_gop_cache_reset (self);
  g_clear_pointer (&self->packets, g_ptr_array_unref);
}

static gboolean
begins_group (const LecternGopCache *self, LecternPacket *packet, LecternTrack *video)
{
  if (packet->flags & (LECTERN_PACKET_CONFIG | LECTERN_PACKET_METADATA))
    return FALSE;
  if (video != NULL)
    return lectern_packet_is_video (packet) && (packet->flags & LECTERN_PACKET_KEY);
  return packet->track->media == LECTERN_MEDIA_AUDIO
         && (self->packets->len == 0 || packet->dts - self->started >= AUDIO_GROUP);
}

static void
begin_group (LecternGopCache *self, LecternPacket *packet, LecternTrack *video, LecternTrack *audio)
{
  if (self->packets->len > 0)
    self->duration = packet->dts - self->started;
  lectern_gop_cache_reset (self);
  self->started = packet->dts;
  self->video = video != NULL ? lectern_track_ref (video) : NULL;
  self->audio = audio != NULL ? lectern_track_ref (audio) : NULL;
}

gboolean
lectern_gop_cache_push (LecternGopCache *self, LecternPacket *packet, LecternTrack *video,
                        LecternTrack *audio)
{
  gboolean begins = begins_group (self, packet, video);
  gsize size = lectern_packet_get_size (packet);

  if (begins)
    begin_group (self, packet, video, audio);
  else if (self->packets->len == 0)
    return FALSE;
  if (size > self->max_bytes - self->bytes || self->packets->len >= MAX_PACKETS)
    {
      lectern_gop_cache_reset (self);
      return begins;
    }
  self->bytes += size;
  g_ptr_array_add (self->packets, lectern_packet_ref (packet));
  return begins;
}

gboolean
lectern_gop_cache_add_track (LecternGopCache *self, LecternTrack *track)
{
  LecternTrack **own = track->media == LECTERN_MEDIA_VIDEO ? &self->video : &self->audio;

  if (self->packets->len == 0 || track->media == LECTERN_MEDIA_DATA)
    return TRUE;
  if (*own != NULL)
    return FALSE;
  *own = lectern_track_ref (track);
  return TRUE;
}
