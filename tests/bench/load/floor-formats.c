/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "floor.h"
#include "bench-rtmp.h"

#include <string.h>

enum
{
  FLV_TAG = 11,
  RTMP_HEAD = 12,
  RTMP_CHUNK = 65536,
};

static gsize
put_flv (guint8 *to, const BenchTag *tag)
{
  memset (to, 0, FLV_TAG);
  to[0] = tag->type;
  bench_put24 (to + 1, tag->size);
  memcpy (to + FLV_TAG, tag->data, tag->size);
  bench_put32 (to + FLV_TAG + tag->size, FLV_TAG + tag->size);
  return FLV_TAG + tag->size + 4;
}

static gsize
put_frame_header (guint8 *to, gsize size)
{
  gsize at = 2;

  to[0] = 0x82;
  if (size < 126)
    to[1] = (guint8)size;
  else if (size < 65536)
    {
      to[1] = 126;
      to[2] = (guint8)(size >> 8);
      to[3] = (guint8)size;
      at = 4;
    }
  else
    {
      to[1] = 127;
      bench_put32 (to + 2, 0);
      bench_put32 (to + 6, (guint32)size);
      at = 10;
    }
  return at;
}

static gsize
put_ws (guint8 *to, const BenchTag *tag)
{
  gsize header = put_frame_header (to, FLV_TAG + tag->size + 4);

  return header + put_flv (to + header, tag);
}

static gsize
put_rtmp (guint8 *to, const BenchTag *tag)
{
  guint8 id = tag->type == BENCH_AUDIO ? 4 : 6;
  gsize at = RTMP_HEAD;

  memset (to, 0, RTMP_HEAD);
  to[0] = id;
  bench_put24 (to + 4, tag->size);
  to[7] = tag->type;
  to[8] = 1;
  for (guint32 done = 0; done < tag->size; done += RTMP_CHUNK)
    {
      guint32 part = MIN (tag->size - done, RTMP_CHUNK);

      if (done > 0)
        to[at++] = 0xc0 | id;
      memcpy (to + at, tag->data + done, part);
      at += part;
    }
  return at;
}

static void
append_config (GByteArray *out, GArray *tags, gsize (*put) (guint8 *to, const BenchTag *tag))
{
  for (guint i = 0; i < tags->len; i++)
    {
      const BenchTag *tag = &g_array_index (tags, BenchTag, i);
      g_autofree guint8 *bytes = g_malloc (tag->size + 64);

      if (tag->config)
        g_byte_array_append (out, bytes, (guint)put (bytes, tag));
    }
}

static void
begin_flv (GByteArray *out, GArray *tags)
{
  g_byte_array_append (out, (const guint8 *)"FLV\1\5\0\0\0\11\0\0\0\0", 13);
  append_config (out, tags, put_flv);
}

static void
begin_ws (GByteArray *out, GArray *tags)
{
  g_byte_array_append (out, (const guint8 *)"\202\15FLV\1\5\0\0\0\11\0\0\0\0", 15);
  append_config (out, tags, put_ws);
}

static void
begin_rtmp (GByteArray *out, GArray *tags)
{
  append_config (out, tags, put_rtmp);
}

static gboolean
answer_flv (FloorViewer *viewer, const guint8 *data, gsize size)
{
  static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\n"
                             "Connection: close\r\n\r\n";

  floor_send (viewer, head, sizeof head - 1);
  return TRUE;
}

static gboolean
answer_ws (FloorViewer *viewer, const guint8 *data, gsize size)
{
  static const char head[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

  floor_send (viewer, head, sizeof head - 1);
  return TRUE;
}

static void
answer_connect (FloorViewer *viewer)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  guint8 chunk[4];

  bench_put32 (chunk, RTMP_CHUNK);
  bench_rtmp_append (out, BENCH_RTMP_CHUNK_SIZE, 0, chunk, 4);
  bench_rtmp_append_result (out, 1);
  floor_send (viewer, out->data, out->len);
}

static void
answer_create (FloorViewer *viewer)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();

  bench_rtmp_append_result (out, 2);
  floor_send (viewer, out->data, out->len);
}

/* Our own viewers send a message with one call and wait for each answer, so a look for words will
 * do. */
static gboolean
answer_rtmp (FloorViewer *viewer, const guint8 *data, gsize size)
{
  static const guint8 hello[1 + 2 * BENCH_RTMP_HANDSHAKE] = { 3 };

  if (!viewer->greeted)
    {
      viewer->greeted = TRUE;
      floor_send (viewer, hello, sizeof hello);
    }
  else if (memmem (data, size, "\7connect", 8) != NULL)
    answer_connect (viewer);
  else if (memmem (data, size, "\14createStream", 13) != NULL)
    answer_create (viewer);
  else if (memmem (data, size, "\4play", 5) != NULL)
    return TRUE;
  return FALSE;
}

const FloorFormat floor_format_flv = { "flv", put_flv, 15, 4, FLV_TAG + BENCH_STAMP_AT, answer_flv, begin_flv, NULL };
const FloorFormat floor_format_ws = { "ws", put_ws, 25, 4, FLV_TAG + BENCH_STAMP_AT, answer_ws, begin_ws, NULL };
const FloorFormat floor_format_rtmp = { "rtmp", put_rtmp, 64, 1, RTMP_HEAD + BENCH_STAMP_AT, answer_rtmp, begin_rtmp, NULL };
