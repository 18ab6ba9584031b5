/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-stream.h"
#include "net/lectern-reactor.h"

/* LecternFeed: the packets of a stream for one who works on them: a segmenter, a worker, a relay.
 * It begins with the GOP cache. The queue is bounded in bytes; a reader that falls behind loses
 * whole groups, up to the next key frame, and is told. CONFIG packets are not given: a packet's own
 * track tells its codec. Thread: the reactor's. */
typedef struct _LecternFeed LecternFeed;

/* Packets wait, or the stream's state changed. */
typedef void (*LecternFeedFunc) (LecternFeed *feed, gpointer user_data);

/* Begins to listen. @max_bytes: of waiting payload. @func runs on @reactor, the caller's own.
 * Returns: (transfer full). */
LECTERN_API LecternFeed *lectern_feed_new (LecternStream *stream, LecternReactor *reactor,
                                           gsize max_bytes, LecternFeedFunc func,
                                           gpointer user_data);
/* Returns: (transfer full) (nullable): the next packet; NULL: none waits. */
LECTERN_API LecternPacket *lectern_feed_pop (LecternFeed *self);
/* Returns: how many packets were left out before the next one; each loss is told once. */
LECTERN_API guint lectern_feed_take_lost (LecternFeed *self);
/* The stream's state behind the packets given out so far: once the queue is empty. */
LECTERN_API LecternStreamState lectern_feed_get_state (LecternFeed *self);
LECTERN_API LecternStream *lectern_feed_get_stream (LecternFeed *self);
/* No call follows. */
LECTERN_API void lectern_feed_free (LecternFeed *self);
