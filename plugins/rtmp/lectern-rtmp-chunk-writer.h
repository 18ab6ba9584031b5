/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtmp-message.h"

/* Messages → chunks (5.3), sans I/O, for both ends. The first header is always of format 0 with an
 * absolute time, so that bytes depend on the message alone and a reader may join at any of them. */

/* LecternRtmpHeader: what a message says of itself. */
typedef struct
{
  guint8 csid; /* 2 … 63 */
  guint8 type;
  guint32 stream;
  guint32 timestamp;
} LecternRtmpHeader;

/* Bytes before the body's first. */
gsize lectern_rtmp_chunk_header_size (const LecternRtmpHeader *header);

/* Most bytes a message with a body of @size needs. */
gsize lectern_rtmp_chunk_bound (gsize size, guint32 chunk_size);

/* The body of @size bytes stands at @to + lectern_rtmp_chunk_header_size(): puts the header before
 * it and continuation headers into it. Returns: the bytes of the whole. */
gsize lectern_rtmp_chunk_wrap (const LecternRtmpHeader *header, guint8 *to, gsize size,
                               guint32 chunk_size);

void lectern_rtmp_write_message (LecternByteWriter *out, const LecternRtmpHeader *header,
                                 const void *body, gsize size, guint32 chunk_size);

/* The protocol's own messages (5.4 and 7.1.7), on chunk stream 2. */
void lectern_rtmp_write_control (LecternByteWriter *out, LecternRtmpMessageType type,
                                 guint32 value);
/* Limit type 2: dynamic. */
void lectern_rtmp_write_peer_bandwidth (LecternByteWriter *out, guint32 window);
void lectern_rtmp_write_user_control (LecternByteWriter *out, LecternRtmpControlEvent event,
                                      guint32 value);
