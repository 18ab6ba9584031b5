/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtmp-message.h"

#define LECTERN_RTMP_MAX_CHUNK_STREAMS 64
#define LECTERN_RTMP_MAX_CONTROL 64
#define LECTERN_RTMP_MAX_OTHER (1024 * 1024)
#define LECTERN_RTMP_MAX_VIDEO (8 * 1024 * 1024)

/* LecternRtmpChunkReader: chunks (5.3) → messages, sans I/O, for both ends. It follows Set Chunk
 * Size and Abort by itself. Memory grows with what has arrived, never with what a header promises.
 */
typedef struct _LecternRtmpChunkReader LecternRtmpChunkReader;

LecternRtmpChunkReader *lectern_rtmp_chunk_reader_new (void);
void lectern_rtmp_chunk_reader_free (LecternRtmpChunkReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRtmpChunkReader, lectern_rtmp_chunk_reader_free)

/* How many bytes of unfinished messages may be held: of video (and aggregates), and of all else. */
void lectern_rtmp_chunk_reader_set_budget (LecternRtmpChunkReader *self, gsize video, gsize other);

/* Reads on, at most to the end of one message, which is then in @message. Returns: the bytes
 * consumed. When it is less than @length and there is no message, the rest (17 bytes at most) must
 * come again with more behind it. Errors: INVALID_DATA, LIMIT; the reader is then of no more use.
 */
gsize lectern_rtmp_chunk_reader_read (LecternRtmpChunkReader *self, const guint8 *data,
                                      gsize length, LecternRtmpMessage *message, GError **error);

/* Bytes held for unfinished messages. */
gsize lectern_rtmp_chunk_reader_get_held (LecternRtmpChunkReader *self);
