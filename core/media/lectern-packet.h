/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-track.h"

typedef enum
{
  LECTERN_PACKET_NONE = 0,
  LECTERN_PACKET_KEY = 1 << 0,      /* decoding may start here */
  LECTERN_PACKET_CONFIG = 1 << 1,   /* payload is the track's config: a codec begins or changes */
  LECTERN_PACKET_METADATA = 1 << 2, /* the stream's metadata changed; no payload, no track */
  LECTERN_PACKET_DISCONTINUITY = 1 << 3, /* time was re-anchored just before */
} LecternPacketFlags;

/* LecternPacket: one frame. Immutable, atomically reference-counted. Times are nanoseconds of the
 * stream's own clock, which starts near 0. The payload is in ISO form: length-prefixed NAL units,
 * raw AAC frames, one Opus packet. Thread: any. */
typedef struct
{
  LecternTrack *track; /* NULL for METADATA */
  LecternPacketFlags flags;
  gint64 dts;
  gint64 pts;
  gint64 duration;    /* 0 unknown */
  GBytes *payload;    /* NULL for METADATA */
  GVariant *metadata; /* a{sv}, for METADATA only */
  /*< private >*/
  gint refs;
} LecternPacket;

LECTERN_API LecternPacket *lectern_packet_new (LecternTrack *track, LecternPacketFlags flags,
                                               gint64 dts, gint64 pts, gint64 duration,
                                               GBytes *payload);
/* @metadata: a{sv}; a floating reference is taken. */
LECTERN_API LecternPacket *lectern_packet_new_metadata (gint64 dts, GVariant *metadata);
/* A copy with other times (the payload is shared). */
LECTERN_API LecternPacket *lectern_packet_retime (LecternPacket *self, LecternPacketFlags flags,
                                                  gint64 dts, gint64 pts);
LECTERN_API LecternPacket *lectern_packet_ref (LecternPacket *self);
LECTERN_API void lectern_packet_unref (LecternPacket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternPacket, lectern_packet_unref)
LECTERN_API gsize lectern_packet_get_size (LecternPacket *self);
LECTERN_API gboolean lectern_packet_is_video (LecternPacket *self);
