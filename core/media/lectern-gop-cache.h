/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-packet.h"

/* LecternGopCache: the packets since the newest key frame, with the tracks in force at its start.
 * It is bounded in bytes; a larger group is dropped whole, never cut. Without video a group is the
 * last second of audio. The stream's lock guards it. */
typedef struct
{
  GPtrArray *packets;
  LecternTrack *video; /* in force before the first packet */
  LecternTrack *audio;
  gsize bytes;
  gsize max_bytes;
  gint64 started;  /* DTS of the first packet */
  gint64 duration; /* between the last two key frames, ns; 0 unknown */
} LecternGopCache;

void lectern_gop_cache_init (LecternGopCache *self, gsize max_bytes);
void lectern_gop_cache_clear (LecternGopCache *self);
/* @video, @audio: (nullable): the stream's tracks now. Returns: TRUE when @packet begins a group.
 */
gboolean lectern_gop_cache_push (LecternGopCache *self, LecternPacket *packet, LecternTrack *video,
                                 LecternTrack *audio);
/* A track that was not there when the group began, of which it therefore holds no packet, counts as
 * in force from the first packet on. Returns: FALSE: there was another of its media, so that the
 * change must be among the packets. */
gboolean lectern_gop_cache_add_track (LecternGopCache *self, LecternTrack *track);
/* Forgets the packets (a re-anchored clock or a new codec makes them useless). */
void lectern_gop_cache_reset (LecternGopCache *self);
