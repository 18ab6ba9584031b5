/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-stream.h"

/* LecternPublisher: the right to append to a stream, held by one protocol session. Times may be
 * any: jumps and backward steps are re-anchored and outgoing DTS is strictly monotonic for each
 * track. Atomically reference-counted. Thread: any, one at a time. */
typedef struct _LecternPublisher LecternPublisher;

/* The right is gone: CONFLICT: taken over; CLOSED: the stream was ended. */
typedef void (*LecternPublisherLostFunc) (LecternPublisher *publisher, const GError *reason,
                                          gpointer user_data);

LECTERN_API LecternPublisher *lectern_publisher_ref (LecternPublisher *self);
LECTERN_API void lectern_publisher_unref (LecternPublisher *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternPublisher, lectern_publisher_unref)
LECTERN_API LecternStream *lectern_publisher_get_stream (LecternPublisher *self);

/* Sets the track of its media; viewers get the new config in order with the packets. The same track
 * again does nothing. */
LECTERN_API void lectern_publisher_set_track (LecternPublisher *self, LecternTrack *track);
/* @metadata: a{sv} of bytes at most 64 KiB; a floating reference is taken. */
LECTERN_API void lectern_publisher_set_metadata (LecternPublisher *self, GVariant *metadata);
/* From now on anybody who may publish here takes over, as from a test picture; viewers stay. */
LECTERN_API void lectern_publisher_set_yielding (LecternPublisher *self);
/* How long the stream stays away when this publisher is lost, instead of [media] grace; µs. */
LECTERN_API void lectern_publisher_set_grace (LecternPublisher *self, gint64 grace_us);
/* How the publisher's packets fare on their way here. */
LECTERN_API void lectern_publisher_set_reception (LecternPublisher *self,
                                                  const LecternReception *reception);
/* Appends one frame of a track that was set (others are dropped and counted). @dts and @pts: ns on
 * the publisher's own clock, unwrapped. */
LECTERN_API void lectern_publisher_push (LecternPublisher *self, LecternMedia media,
                                         LecternPacketFlags flags, gint64 dts, gint64 pts,
                                         GBytes *payload);
/* @lost: TRUE: the connection broke: the stream goes away, with grace; FALSE: the teacher stopped:
 * it ends, also for one that was lost and will not return. Idempotent. */
LECTERN_API void lectern_publisher_end (LecternPublisher *self, gboolean lost);

/* LecternUnwrap: 32-bit millisecond wire time → unwrapped ms; a step of more than half the range is
 * a wrap. Plain memory, zero-initialised. */
typedef struct
{
  gboolean started;
  gint64 last;
} LecternUnwrap;
LECTERN_API gint64 lectern_unwrap_ms (LecternUnwrap *self, guint32 wire);
