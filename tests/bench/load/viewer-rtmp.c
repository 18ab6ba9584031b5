/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RTMP play: handshake, connect, createStream, play, then chunks. */
#include "viewers.h"
#include "bench-flv.h"
#include "bench-rtmp.h"

#include <string.h>

enum
{
  PHASE_HANDSHAKE,
  PHASE_CHUNKS,
  ANSWER = 1 + 2 * BENCH_RTMP_HANDSHAKE, /* S0, S1 and S2 */
};

static void
flush (Viewer *viewer, GByteArray *out)
{
  viewer_send (viewer, out->data, out->len);
}

static void
answer_command (Viewer *viewer, const Message *message)
{
  static const guint8 first_transaction[8] = { 0x3f, 0xf0 };
  static const guint8 buffer_length[10] = { 0, 3, 0, 0, 0, 1, 0, 0, 0x0b, 0xb8 };
  g_autoptr (GByteArray) out = g_byte_array_new ();

  if (memmem (message->head, message->kept, "_error", 6) != NULL)
    {
      viewer_drop (viewer);
      return;
    }
  if (message->kept < 19 || memcmp (message->head + 3, "_result", 7) != 0)
    return;
  if (memcmp (message->head + 11, first_transaction, 8) == 0)
    bench_rtmp_append_create (out);
  else
    {
      bench_rtmp_append_start (out, "play", viewers_url.stream);
      bench_rtmp_append (out, BENCH_RTMP_USER_CONTROL, 0, buffer_length, sizeof buffer_length);
    }
  flush (viewer, out);
}

static void
answer_ping (Viewer *viewer, const Message *message)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  guint8 pong[6];

  memcpy (pong, message->head, sizeof pong);
  pong[1] = 7;
  bench_rtmp_append (out, BENCH_RTMP_USER_CONTROL, 0, pong, sizeof pong);
  flush (viewer, out);
}

static void
on_message (Viewer *viewer, const Message *message)
{
  if (message->type == BENCH_AUDIO || message->type == BENCH_VIDEO)
    viewer_message (viewer, message);
  else if (message->type == BENCH_RTMP_CHUNK_SIZE && message->kept >= 4)
    viewer->chunk_size = bench_get32 (message->head) & G_MAXINT32;
  else if (message->type == BENCH_RTMP_WINDOW_SIZE && message->kept >= 4)
    viewer->ack_every = bench_get32 (message->head);
  else if (message->type == BENCH_RTMP_USER_CONTROL && message->kept >= 6 && message->head[1] == 6)
    answer_ping (viewer, message);
  else if (message->type == BENCH_RTMP_COMMAND)
    answer_command (viewer, message);
}

/* Takes bytes of the current chunk. Returns: how many. */
static gsize
feed_chunk (Viewer *viewer, const guint8 *data, gsize size)
{
  ChunkStream *stream = viewer->current;
  gsize taken = MIN (stream->part, size);

  viewer_message_keep (&stream->message, data, taken);
  stream->part -= (guint32)taken;
  stream->message.left -= (guint32)taken;
  if (stream->part > 0)
    return taken;
  viewer->current = NULL;
  if (stream->message.left == 0)
    on_message (viewer, &stream->message);
  return taken;
}

static ChunkStream *
find_stream (Viewer *viewer, int id)
{
  for (ChunkStream *s = viewer->chunk_streams; s < viewer->chunk_streams + CHUNK_STREAMS; s++)
    if (s->id == id || s->id == 0)
      {
        s->id = id;
        return s;
      }
  return NULL;
}

/* The header so far is whole, or asks for more bytes: basic header, message header, extended time.
 */
static void
on_header (Viewer *viewer)
{
  static const int sizes[4] = { 11, 7, 3, 0 };
  const guint8 *head = viewer->header;
  int format = head[0] >> 6, id = head[0] & 63;
  int basic = id == 0 ? 2 : id == 1 ? 3 : 1, all = basic + sizes[format];
  ChunkStream *stream;

  if (viewer->header_wanted < all)
    {
      viewer->header_wanted = all;
      return;
    }
  if (id < 2)
    id = 64 + head[1] + (id == 1 ? head[2] << 8 : 0);
  stream = find_stream (viewer, id);
  if (stream == NULL)
    {
      viewer_drop (viewer);
      return;
    }
  if (format < 3)
    stream->extended = bench_get24 (head + basic) == 0xffffff;
  if (stream->extended && viewer->header_wanted < all + 4)
    {
      viewer->header_wanted = all + 4;
      return;
    }
  if (format < 2)
    {
      stream->message.size = bench_get24 (head + basic + 3);
      stream->message.type = head[basic + 6];
    }
  if (stream->message.left == 0)
    {
      stream->message.left = stream->message.size;
      stream->message.kept = 0;
    }
  stream->part = MIN (stream->message.left, viewer->chunk_size);
  viewer->current = stream->part > 0 ? stream : NULL;
  viewer->header_size = 0;
  viewer->header_wanted = 1;
}

static void
feed_chunks (Viewer *viewer, const guint8 *data, gsize size)
{
  while (size > 0 && viewer->fd >= 0)
    {
      gsize taken;

      if (viewer->current != NULL)
        taken = feed_chunk (viewer, data, size);
      else
        {
          taken = MIN ((gsize)(viewer->header_wanted - viewer->header_size), size);
          memcpy (viewer->header + viewer->header_size, data, taken);
          viewer->header_size += (int)taken;
          if (viewer->header_size == viewer->header_wanted)
            on_header (viewer);
        }
      data += taken;
      size -= taken;
    }
}

static gsize
feed_handshake (Viewer *viewer, const guint8 *data, gsize size)
{
  g_autoptr (GByteArray) out = NULL;
  gsize taken = MIN (ANSWER - viewer->text->len, size);

  g_byte_array_append (viewer->text, data, (guint)taken);
  if (viewer->text->len < ANSWER)
    return taken;
  out = g_byte_array_new ();
  g_byte_array_append (out, viewer->text->data + 1, BENCH_RTMP_HANDSHAKE);
  bench_rtmp_append_connect (out, &viewers_url);
  flush (viewer, out);
  g_clear_pointer (&viewer->text, g_byte_array_unref);
  viewer->phase = PHASE_CHUNKS;
  viewer->header_wanted = 1;
  viewer->chunk_size = 128;
  viewer->chunk_streams = g_new0 (ChunkStream, CHUNK_STREAMS);
  return taken;
}

static void
acknowledge (Viewer *viewer, gsize size)
{
  g_autoptr (GByteArray) out = NULL;
  guint8 total[4];

  viewer->unacked += (guint32)size;
  if (viewer->ack_every == 0 || viewer->unacked < viewer->ack_every)
    return;
  viewer->unacked = 0;
  out = g_byte_array_new ();
  bench_put32 (total, (guint32)viewer->bytes);
  bench_rtmp_append (out, BENCH_RTMP_ACKNOWLEDGEMENT, 0, total, sizeof total);
  flush (viewer, out);
}

static void
rtmp_feed (Viewer *viewer, const guint8 *data, gsize size)
{
  gsize taken = viewer->phase == PHASE_HANDSHAKE ? feed_handshake (viewer, data, size) : 0;

  acknowledge (viewer, size);
  if (viewer->phase == PHASE_CHUNKS)
    feed_chunks (viewer, data + taken, size - taken);
}

static void
rtmp_begin (Viewer *viewer)
{
  guint8 hello[1 + BENCH_RTMP_HANDSHAKE] = { 3 };

  viewer->text = g_byte_array_new ();
  viewer_send (viewer, hello, sizeof hello);
}

const ViewerFormat viewer_format_rtmp = { "rtmp", rtmp_begin, rtmp_feed };
