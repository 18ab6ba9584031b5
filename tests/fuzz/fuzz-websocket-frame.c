/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client's frames behind the handshake. The first byte says where they are split, the second how
 * large a message may be; the events must not depend on the split. */
#include "http/lectern-websocket-codec.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_event (const LecternWebsocketEvent *event, gsize max_message)
{
  g_assert (event->length == 0 || event->data != NULL);
  switch (event->kind)
    {
    case LECTERN_WEBSOCKET_EVENT_MESSAGE:
      g_assert (event->length <= max_message);
      if (event->text && memchr (event->data, 0, event->length) == NULL)
        g_assert (g_utf8_validate ((const char *) event->data, (gssize) event->length, NULL));
      break;
    case LECTERN_WEBSOCKET_EVENT_CLOSE:
      g_assert (event->code == 1005 || lectern_websocket_code_is_valid (event->code));
      break;
    case LECTERN_WEBSOCKET_EVENT_ERROR:
      g_assert (event->code == 1002 || event->code == 1007 || event->code == 1009);
      break;
    default:
      g_assert (event->length <= LECTERN_WEBSOCKET_CONTROL_MAX);
      break;
    }
}

static void
note_event (GByteArray *log, const LecternWebsocketEvent *event)
{
  guint8 head[4] = { (guint8) event->kind, (guint8) event->text, (guint8) (event->code >> 8),
                     (guint8) event->code };

  g_byte_array_append (log, head, sizeof head);
  if (event->kind != LECTERN_WEBSOCKET_EVENT_ERROR && event->length > 0)
    g_byte_array_append (log, event->data, (guint) event->length);
}

/* Returns: (transfer full): all events, as the bytes come @step by @step. */
static GByteArray *
run (const guint8 *data, gsize size, gsize step, gsize max_message)
{
  GByteArray *log = g_byte_array_new ();
  LecternWebsocketCodec codec;
  LecternWebsocketEvent event = { LECTERN_WEBSOCKET_EVENT_NONE };
  gsize used = 0, came = 0;

  lectern_websocket_codec_init (&codec, max_message);
  while (came < size && event.kind != LECTERN_WEBSOCKET_EVENT_ERROR)
    {
      came = MIN (came + step, size);
      do
        {
          used += lectern_websocket_codec_feed (&codec, data + used, came - used, &event);
          g_assert (used <= came);
          if (event.kind == LECTERN_WEBSOCKET_EVENT_NONE)
            break;
          check_event (&event, max_message);
          note_event (log, &event);
        }
      while (event.kind != LECTERN_WEBSOCKET_EVENT_ERROR);
      /* What the connection would have to keep stays small. */
      if (event.kind == LECTERN_WEBSOCKET_EVENT_NONE)
        g_assert (came - used < LECTERN_WEBSOCKET_HEADER_MAX + LECTERN_WEBSOCKET_CONTROL_MAX);
    }
  lectern_websocket_codec_clear (&codec);
  return log;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GByteArray) whole = NULL;
  g_autoptr (GByteArray) split = NULL;
  gsize step, max_message;

  if (size < 3)
    return 0;
  step = 1 + data[0] % 16;
  max_message = data[1] * 4;
  whole = run (data + 2, size - 2, size, max_message);
  split = run (data + 2, size - 2, step, max_message);
  g_assert (whole->len == split->len);
  g_assert (whole->len == 0 || memcmp (whole->data, split->data, whole->len) == 0);
  return 0;
}
