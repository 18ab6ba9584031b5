/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-chunk-writer.h"

#include <string.h>

#define EXTENDED 0xffffff

static inline gboolean
is_extended (const LecternRtmpHeader *header)
{
  return header->timestamp >= EXTENDED;
}

gsize
lectern_rtmp_chunk_header_size (const LecternRtmpHeader *header)
{
  return is_extended (header) ? 16 : 12;
}

gsize
lectern_rtmp_chunk_bound (gsize size, guint32 chunk_size)
{
  return 16 + size + 5 * (size / chunk_size);
}

static void
put_u24 (guint8 *to, guint32 value)
{
  to[0] = value >> 16;
  to[1] = value >> 8;
  to[2] = value;
}

static void
put_u32 (guint8 *to, guint32 value)
{
  to[0] = value >> 24;
  put_u24 (to + 1, value);
}

static void
put_header (const LecternRtmpHeader *header, guint8 *to, gsize size)
{
  guint32 stream = GUINT32_TO_LE (header->stream);

  to[0] = header->csid;
  put_u24 (to + 1, is_extended (header) ? EXTENDED : header->timestamp);
  put_u24 (to + 4, size);
  to[7] = header->type;
  memcpy (to + 8, &stream, 4);
  if (is_extended (header))
    put_u32 (to + 12, header->timestamp);
}

gsize
lectern_rtmp_chunk_wrap (const LecternRtmpHeader *header, guint8 *to, gsize size,
                         guint32 chunk_size)
{
  gsize first = lectern_rtmp_chunk_header_size (header);
  gsize between = is_extended (header) ? 5 : 1;
  gsize breaks = size > 0 ? (size - 1) / chunk_size : 0;

  put_header (header, to, size);
  /* From the last chunk to the second, so that none is overwritten before it has moved. */
  for (gsize i = breaks; i > 0; i--)
    {
      guint8 *body = to + first + i * chunk_size;
      guint8 *moved = body + i * between;

      memmove (moved, body, MIN (chunk_size, size - i * chunk_size));
      moved -= between;
      moved[0] = 0xc0 | header->csid;
      if (is_extended (header))
        put_u32 (moved + 1, header->timestamp);
    }
  return first + size + breaks * between;
}

void
lectern_rtmp_write_message (LecternByteWriter *out, const LecternRtmpHeader *header,
                            const void *body, gsize size, guint32 chunk_size)
{
  gsize bound = lectern_rtmp_chunk_bound (size, chunk_size);
  guint8 *to = lectern_byte_writer_reserve (out, bound);
  gsize written;

  if (to == NULL)
    return;
  memcpy (to + lectern_rtmp_chunk_header_size (header), body, size);
  written = lectern_rtmp_chunk_wrap (header, to, size, chunk_size);
  out->size -= bound - written;
}

static void
write_control (LecternByteWriter *out, guint8 type, const guint8 *body, gsize size)
{
  LecternRtmpHeader header = { LECTERN_RTMP_CSID_CONTROL, type, 0, 0 };

  lectern_rtmp_write_message (out, &header, body, size, LECTERN_RTMP_INITIAL_CHUNK_SIZE);
}

void
lectern_rtmp_write_control (LecternByteWriter *out, LecternRtmpMessageType type, guint32 value)
{
  guint8 body[4];

  put_u32 (body, value);
  write_control (out, type, body, sizeof body);
}

void
lectern_rtmp_write_peer_bandwidth (LecternByteWriter *out, guint32 window)
{
  guint8 body[5];

  put_u32 (body, window);
  body[4] = 2;
  write_control (out, LECTERN_RTMP_PEER_BANDWIDTH, body, sizeof body);
}

void
lectern_rtmp_write_user_control (LecternByteWriter *out, LecternRtmpControlEvent event,
                                 guint32 value)
{
  guint8 body[6];

  body[0] = event >> 8;
  body[1] = event;
  put_u32 (body + 2, value);
  write_control (out, LECTERN_RTMP_USER_CONTROL, body, sizeof body);
}
