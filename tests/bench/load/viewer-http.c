/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HTTP-FLV, plain or chunked, and FLV in binary WebSocket frames. */
#include "viewers.h"
#include "bench-flv.h"

#include <string.h>

enum
{
  PHASE_HEAD,
  PHASE_BODY,
  HEAD_LIMIT = 4096,
  FLV_START = 13, /* file header and first back pointer */
  FLV_TAG = 11,
};

static void
begin_message (Viewer *viewer)
{
  const guint8 *tag = viewer->header + viewer->header_wanted - FLV_TAG;
  guint32 size = bench_get24 (tag + 1);

  viewer->message = (Message){ .type = tag[0] & 31, .size = size, .left = size };
  if (size == 0)
    viewer_message (viewer, &viewer->message);
}

/* Takes bytes of a message's body. Returns: how many. */
static gsize
feed_message (Viewer *viewer, const guint8 *data, gsize size)
{
  gsize taken = MIN (viewer->message.left, size);

  viewer_message_keep (&viewer->message, data, taken);
  viewer->message.left -= (guint32)taken;
  if (viewer->message.left == 0)
    viewer_message (viewer, &viewer->message);
  return taken;
}

static void
feed_flv (Viewer *viewer, const guint8 *data, gsize size)
{
  while (size > 0)
    {
      gsize taken;

      if (viewer->message.left > 0)
        {
          taken = feed_message (viewer, data, size);
          data += taken;
          size -= taken;
          continue;
        }
      if (viewer->header_wanted == 0)
        viewer->header_wanted = FLV_START;
      taken = MIN ((gsize)(viewer->header_wanted - viewer->header_size), size);
      memcpy (viewer->header + viewer->header_size, data, taken);
      viewer->header_size += (int)taken;
      data += taken;
      size -= taken;
      if (viewer->header_size < viewer->header_wanted)
        return;
      if (viewer->header_wanted == FLV_START)
        {
          if (memcmp (viewer->header, "FLV", 3) != 0)
            {
              viewer_drop (viewer);
              return;
            }
          viewer->header_wanted = FLV_TAG;
        }
      else
        {
          begin_message (viewer);
          viewer->header_wanted = 4 + FLV_TAG; /* the back pointer comes first */
        }
      viewer->header_size = 0;
    }
}

/* An empty pong will do: the server only wants to hear something. */
static void
answer_ping (Viewer *viewer)
{
  static const guint8 pong[6] = { 0x8a, 0x80 };

  viewer_send (viewer, pong, sizeof pong);
}

/* One byte of a WebSocket frame's header: opcode, length, 2 or 8 bytes of more length. */
static void
step_frame (Viewer *viewer, guint8 byte)
{
  if (viewer->body_step == 0)
    {
      viewer->opcode = byte & 15;
      viewer->body_step = 1;
      viewer->body_size = 0;
    }
  else if (viewer->body_step == 1)
    {
      viewer->body_step = byte == 126 ? -2 : byte == 127 ? -8 : 0;
      viewer->body_left = byte < 126 ? byte : 0;
      if (viewer->opcode == 9)
        answer_ping (viewer);
    }
  else
    {
      viewer->body_size = viewer->body_size << 8 | byte;
      if (++viewer->body_step == 0)
        viewer->body_left = viewer->body_size;
    }
}

/* One byte around an HTTP chunk: its size line, or the line end after it. */
static void
step_chunk (Viewer *viewer, guint8 byte)
{
  if (viewer->body_step > 0)
    viewer->body_step--;
  else if (g_ascii_isxdigit (byte))
    viewer->body_size = viewer->body_size * 16 + (guint64)g_ascii_xdigit_value (byte);
  else if (byte == '\n')
    {
      viewer->body_left = viewer->body_size;
      viewer->body_size = 0;
      viewer->body_step = 2;
      if (viewer->body_left == 0)
        viewer_drop (viewer);
    }
}

static void
feed_framed (Viewer *viewer, const guint8 *data, gsize size)
{
  while (size > 0 && viewer->fd >= 0)
    {
      gsize taken = MIN (viewer->body_left, size);

      if (taken == 0)
        {
          taken = 1;
          if (viewer->chunked)
            step_chunk (viewer, *data);
          else
            step_frame (viewer, *data);
        }
      else
        {
          if (viewer->chunked || viewer->opcode < 8)
            feed_flv (viewer, data, taken);
          viewer->body_left -= taken;
        }
      data += taken;
      size -= taken;
    }
}

/* Returns: bytes that belong to the head; the phase changes at its end. */
static gsize
feed_head (Viewer *viewer, const guint8 *data, gsize size, const char *status)
{
  gsize before = viewer->text->len;
  const char *end;

  g_byte_array_append (viewer->text, data, (guint)MIN (size, HEAD_LIMIT - before));
  end = g_strstr_len ((char *)viewer->text->data, viewer->text->len, "\r\n\r\n");
  if (end == NULL)
    return size;
  if (memcmp (viewer->text->data + 8, status, 4) != 0)
    viewer_drop (viewer);
  viewer->chunked = g_strstr_len ((char *)viewer->text->data, end - (char *)viewer->text->data,
                                  "ransfer-Encoding: chunked")
                    != NULL;
  viewer->phase = PHASE_BODY;
  size = (gsize)(end + 4 - (char *)viewer->text->data) - before;
  g_clear_pointer (&viewer->text, g_byte_array_unref);
  return size;
}

static void
flv_feed (Viewer *viewer, const guint8 *data, gsize size)
{
  gsize head = viewer->phase == PHASE_HEAD ? feed_head (viewer, data, size, " 200") : 0;

  if (viewer->phase == PHASE_HEAD || viewer->fd < 0)
    return;
  if (viewer->chunked)
    feed_framed (viewer, data + head, size - head);
  else
    feed_flv (viewer, data + head, size - head);
}

static void
ws_feed (Viewer *viewer, const guint8 *data, gsize size)
{
  gsize head = viewer->phase == PHASE_HEAD ? feed_head (viewer, data, size, " 101") : 0;

  if (viewer->phase == PHASE_BODY)
    feed_framed (viewer, data + head, size - head);
}

static void
ask (Viewer *viewer, const char *more)
{
  g_autofree char *request
      = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: %s:%d\r\n%s\r\n", viewers_url.path,
                         viewers_url.host, viewers_url.port, more);

  viewer->text = g_byte_array_new ();
  viewer_send (viewer, request, strlen (request));
}

static void
flv_begin (Viewer *viewer)
{
  ask (viewer, "");
}

static void
ws_begin (Viewer *viewer)
{
  ask (viewer, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
}

const ViewerFormat viewer_format_flv = { "flv", flv_begin, flv_feed };
const ViewerFormat viewer_format_ws = { "ws", ws_begin, ws_feed };
