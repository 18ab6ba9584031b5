/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternRtmpPush: the packets of a stream on their way out through a connection, as a publisher's
 * messages. It takes no more from the stream than the peer does; behind by more than
 * LECTERN_RTMP_PUSH_BEHIND it goes on at a key frame. Thread: the connection's reactor. */
typedef struct _LecternRtmpPush LecternRtmpPush;

#define LECTERN_RTMP_PUSH_BEHIND (8 * 1024 * 1024)

/* The stream is over and everything is on its way. May free the push. */
typedef void (*LecternRtmpPushFunc) (LecternRtmpPush *push, gpointer user_data);

/* Begins, with what is known of the stream and its GOP cache. @message_stream: of the protocol. */
LecternRtmpPush *lectern_rtmp_push_new (LecternStream *stream, LecternConnection *connection,
                                        guint32 message_stream, LecternRtmpPushFunc ended,
                                        gpointer user_data);
void lectern_rtmp_push_free (LecternRtmpPush *self);
/* The connection has room again. */
void lectern_rtmp_push_writable (LecternRtmpPush *self);
/* Bytes of media so far. */
guint64 lectern_rtmp_push_get_bytes (LecternRtmpPush *self);
