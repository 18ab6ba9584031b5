/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-websocket-private.h"

#include "base/lectern-clock.h"
#include "http/lectern-http-exchange-private.h"
#include "http/lectern-http-status.h"
#include "http/lectern-websocket-codec.h"

#include <string.h>

#define PING_US (30 * G_USEC_PER_SEC)
#define PONG_US (20 * G_USEC_PER_SEC)
#define CLOSE_US (2 * G_USEC_PER_SEC)
/* Pings and pongs of the peer a second; beyond it is closed with 1008. */
#define CONTROLS 10
/* Messages up to here are framed on the stack. */
#define SMALL 1024

typedef enum
{
  OPEN,
  CLOSING, /* our close frame is sent; the peer's is awaited */
  OVER,    /* told so to the owner */
} State;

struct _LecternWebsocket
{
  guint refs; /* one is the connection's */
  LecternConnection *connection;
  LecternHttpCell *cell;
  GList link;
  const LecternWebsocketHandler *handler;
  gpointer user_data;
  LecternWebsocketControlFunc control_func;
  gpointer control_data;
  LecternTimer timer; /* until the next ping, the pong or the peer's close */
  gint64 interval_us;
  gint64 timeout_us;
  State state;
  gboolean awaits_pong;
  LecternRateLimiter controls;
  LecternWebsocketCodec codec;
};

static void on_time (LecternTimer *timer);

LecternWebsocket *
lectern_websocket_ref (LecternWebsocket *self)
{
  self->refs++;
  return self;
}

void
lectern_websocket_unref (LecternWebsocket *self)
{
  if (--self->refs > 0)
    return;
  lectern_websocket_codec_clear (&self->codec);
  lectern_http_cell_unref (self->cell);
  lectern_connection_unref (self->connection);
  g_free (self);
}

LecternConnection *
lectern_websocket_get_connection (LecternWebsocket *self)
{
  return self->connection;
}

static void
start_timer (LecternWebsocket *self, gint64 delay_us)
{
  lectern_timer_start (&self->timer, self->cell->reactor, delay_us, on_time);
}

/* Tells the owner, once; nothing is read or sent for it from here on. */
static void
tell_closed (LecternWebsocket *self, guint16 code)
{
  if (self->state == OVER)
    return;
  self->state = OVER;
  lectern_timer_stop (&self->timer);
  lectern_websocket_codec_clear (&self->codec);
  if (self->handler->closed != NULL)
    self->handler->closed (self, code, self->user_data);
}

static void
send_control (LecternWebsocket *self, LecternWebsocketOpcode opcode, const void *payload,
              gsize length)
{
  guint8 frame[2 + LECTERN_WEBSOCKET_CONTROL_MAX];
  gsize size = lectern_websocket_codec_put_header (frame, opcode, length);

  if (length > 0)
    memcpy (frame + size, payload, length);
  if (self->control_func != NULL)
    self->control_func (frame, size + length, self->control_data);
  else
    lectern_connection_write (self->connection, frame, size + length);
}

static void
send_close (LecternWebsocket *self, guint16 code, const char *reason)
{
  guint8 payload[LECTERN_WEBSOCKET_CONTROL_MAX];
  gsize size = reason != NULL ? MIN (strlen (reason), sizeof payload - 2) : 0;

  if (code == 1005)
    {
      send_control (self, LECTERN_WEBSOCKET_CLOSE, NULL, 0);
      return;
    }
  payload[0] = (guint8) (code >> 8);
  payload[1] = (guint8) code;
  if (size > 0)
    memcpy (payload + 2, reason, size);
  send_control (self, LECTERN_WEBSOCKET_CLOSE, payload, size + 2);
}

/* Ends on our side: says why, tells the owner and lets the bytes go out. */
static void
fail (LecternWebsocket *self, guint16 code)
{
  if (self->state == OPEN)
    send_close (self, code, NULL);
  tell_closed (self, 1006);
  lectern_connection_finish (self->connection);
}

static void
take_close (LecternWebsocket *self, guint16 code)
{
  if (self->state == OPEN)
    send_close (self, code, NULL);
  tell_closed (self, code);
  lectern_connection_finish (self->connection);
}

static void
take_pong (LecternWebsocket *self)
{
  if (!self->awaits_pong || self->state != OPEN)
    return;
  self->awaits_pong = FALSE;
  start_timer (self, self->interval_us);
}

static void
take_event (LecternWebsocket *self, const LecternWebsocketEvent *event)
{
  gboolean control
      = event->kind == LECTERN_WEBSOCKET_EVENT_PING || event->kind == LECTERN_WEBSOCKET_EVENT_PONG;

  if (control && !lectern_rate_limiter_take (&self->controls, lectern_clock_now_us ()))
    {
      fail (self, 1008);
      return;
    }
  switch (event->kind)
    {
    case LECTERN_WEBSOCKET_EVENT_MESSAGE:
      if (self->state == OPEN && self->handler->message != NULL)
        self->handler->message (self, event->text, event->data, event->length, self->user_data);
      break;
    case LECTERN_WEBSOCKET_EVENT_PING:
      if (self->state == OPEN)
        send_control (self, LECTERN_WEBSOCKET_PONG, event->data, event->length);
      break;
    case LECTERN_WEBSOCKET_EVENT_PONG:
      take_pong (self);
      break;
    case LECTERN_WEBSOCKET_EVENT_CLOSE:
      take_close (self, event->code);
      break;
    case LECTERN_WEBSOCKET_EVENT_ERROR:
      fail (self, event->code);
      break;
    default:
      break;
    }
}

static gsize
input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  g_autoptr (LecternWebsocket) self = lectern_websocket_ref (user_data);
  LecternWebsocketEvent event;
  gsize used = 0;

  do
    {
      if (self->state == OVER || lectern_connection_is_closed (connection))
        return length;
      used += lectern_websocket_codec_feed (&self->codec, data + used, length - used, &event);
      take_event (self, &event);
    }
  while (event.kind != LECTERN_WEBSOCKET_EVENT_NONE);
  return used;
}

static void
writable (LecternConnection *connection, gpointer user_data)
{
  g_autoptr (LecternWebsocket) self = lectern_websocket_ref (user_data);

  if (self->state == OPEN && self->handler->writable != NULL)
    self->handler->writable (self, self->user_data);
}

static void
closed (LecternConnection *connection, const GError *error, gpointer user_data)
{
  LecternWebsocket *self = user_data;

  tell_closed (self, 1006);
  g_queue_unlink (&self->cell->websockets, &self->link);
  lectern_websocket_unref (self);
}

static const LecternConnectionHandler connection_handler = { input, writable, closed };

static void
on_time (LecternTimer *timer)
{
  LecternWebsocket *self
      = (LecternWebsocket *) ((char *) timer - G_STRUCT_OFFSET (LecternWebsocket, timer));
  g_autoptr (LecternWebsocket) kept = lectern_websocket_ref (self);

  if (self->state == CLOSING)
    {
      tell_closed (self, 1006);
      lectern_connection_finish (self->connection);
    }
  else if (self->awaits_pong)
    {
      g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT,
                                                      "the peer does not answer pings");

      tell_closed (self, 1006);
      lectern_connection_close (self->connection, error);
    }
  else
    {
      self->awaits_pong = TRUE;
      start_timer (self, self->timeout_us);
      send_control (self, LECTERN_WEBSOCKET_PING, NULL, 0);
    }
}

static LecternWebsocket *
start (LecternConnection *connection, LecternHttpCell *cell, gsize max_message,
       const LecternWebsocketHandler *handler, gpointer user_data)
{
  LecternWebsocket *self = g_new0 (LecternWebsocket, 1);

  self->refs = 2;
  self->connection = connection;
  self->cell = lectern_http_cell_ref (cell);
  self->handler = handler;
  self->user_data = user_data;
  self->link.data = self;
  g_queue_push_tail_link (&cell->websockets, &self->link);
  lectern_websocket_codec_init (&self->codec, max_message);
  lectern_rate_limiter_init (&self->controls, CONTROLS, CONTROLS, lectern_clock_now_us ());
  lectern_websocket_set_ping (self, PING_US, PONG_US);
  lectern_connection_set_handler (connection, &connection_handler, self);
  return self;
}

gboolean
lectern_websocket_check_request (const LecternHttpRequest *request, LecternHttpRefusal *refusal)
{
  const char *version = lectern_http_request_get (request, "Sec-WebSocket-Version");
  const char *key = lectern_http_request_get (request, "Sec-WebSocket-Key");
  g_autofree guchar *bytes = NULL;
  g_autofree char *again = NULL;
  gsize size;

  if (g_strcmp0 (version, "13") != 0)
    return lectern_http_refuse (refusal, 426, "Only version 13 of WebSocket is spoken here.");
  if (key == NULL || strlen (key) != 24
      || lectern_http_request_count (request, "Sec-WebSocket-Key") > 1)
    return lectern_http_refuse (refusal, 400, "The WebSocket key is not one.");
  bytes = g_base64_decode (key, &size);
  again = g_base64_encode (bytes, size);
  if (size != 16 || strcmp (again, key) != 0)
    return lectern_http_refuse (refusal, 400, "The WebSocket key is not one.");
  return TRUE;
}

/* Returns: (transfer full): the answer to @key (RFC 6455, 4.2.2). */
static char *
make_accept (const char *key)
{
  g_autoptr (GChecksum) sha1 = g_checksum_new (G_CHECKSUM_SHA1);
  guint8 digest[20];
  gsize size = sizeof digest;

  g_checksum_update (sha1, (const guchar *) key, -1);
  g_checksum_update (sha1, (const guchar *) "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", -1);
  g_checksum_get_digest (sha1, digest, &size);
  return g_base64_encode (digest, size);
}

LecternWebsocket *
lectern_websocket_accept (LecternHttpExchange *exchange, const char *protocol, gsize max_message,
                          const LecternWebsocketHandler *handler, gpointer user_data)
{
  const char *key = lectern_http_request_get (&exchange->request, "Sec-WebSocket-Key");
  g_autofree char *proof = NULL;
  g_autoptr (GString) head = NULL;
  LecternHttpCell *cell;
  LecternConnection *connection;

  if (exchange->owner == NULL || key == NULL || !exchange->request.wants_websocket)
    return NULL;
  cell = lectern_http_connection_get_cell (exchange->owner);
  proof = make_accept (key);
  if (protocol != NULL)
    lectern_http_exchange_set_header (exchange, "Sec-WebSocket-Protocol", protocol);
  head = g_string_sized_new (512);
  lectern_http_status_put_start (head, 101, lectern_http_cell_get_date (cell));
  g_string_append_printf (head,
                          "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                          "Sec-WebSocket-Accept: %s\r\n",
                          proof);
  lectern_http_exchange_put_head (exchange, head);
  g_string_append (head, "\r\n");
  lectern_http_cell_ref (cell);
  connection = lectern_http_exchange_hand_over (exchange, head);
  if (connection != NULL)
    {
      LecternWebsocket *self = start (connection, cell, max_message, handler, user_data);

      lectern_http_cell_unref (cell);
      return self;
    }
  lectern_http_cell_unref (cell);
  return NULL;
}

gboolean
lectern_websocket_send (LecternWebsocket *self, gboolean text, const void *data, gsize length)
{
  guint8 small[10 + SMALL];
  g_autoptr (GBytes) frame = NULL;
  gsize size;

  if (self->state != OPEN)
    return FALSE;
  if (length > SMALL)
    {
      frame = lectern_websocket_frame (text, data, length);
      return lectern_websocket_send_frame (self, frame);
    }
  size = lectern_websocket_put_header (small, text, length);
  if (length > 0)
    memcpy (small + size, data, length);
  return lectern_connection_write (self->connection, small, size + length);
}

gboolean
lectern_websocket_send_frame (LecternWebsocket *self, GBytes *frame)
{
  gsize size;
  const void *data = g_bytes_get_data (frame, &size);

  return self->state == OPEN && lectern_connection_write (self->connection, data, size);
}

void
lectern_websocket_close (LecternWebsocket *self, guint16 code, const char *reason)
{
  if (self->state != OPEN)
    return;
  send_close (self, code, reason);
  self->state = CLOSING;
  start_timer (self, CLOSE_US);
}

void
lectern_websocket_set_ping (LecternWebsocket *self, gint64 interval_us, gint64 timeout_us)
{
  self->interval_us = interval_us;
  self->timeout_us = timeout_us;
  self->awaits_pong = FALSE;
  if (self->state != OPEN)
    return;
  if (interval_us > 0)
    start_timer (self, interval_us);
  else
    lectern_timer_stop (&self->timer);
}

void
lectern_websocket_set_control_func (LecternWebsocket *self, LecternWebsocketControlFunc func,
                                    gpointer user_data)
{
  self->control_func = func;
  self->control_data = user_data;
}

GBytes *
lectern_websocket_frame (gboolean text, const void *data, gsize length)
{
  guint8 header[10];
  gsize size = lectern_websocket_put_header (header, text, length);
  guint8 *frame = g_malloc (size + length);

  memcpy (frame, header, size);
  if (length > 0)
    memcpy (frame + size, data, length);
  return g_bytes_new_take (frame, size + length);
}

gsize
lectern_websocket_put_header (guint8 *to, gboolean text, guint64 length)
{
  return lectern_websocket_codec_put_header (
      to, text ? LECTERN_WEBSOCKET_TEXT : LECTERN_WEBSOCKET_BINARY, length);
}

void
lectern_websocket_drain (LecternHttpCell *cell)
{
  g_autoptr (GPtrArray) all
      = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_websocket_unref);
  GList *link;
  guint i;

  for (link = cell->websockets.head; link != NULL; link = link->next)
    g_ptr_array_add (all, lectern_websocket_ref (link->data));
  for (i = 0; i < all->len; i++)
    lectern_websocket_close (g_ptr_array_index (all, i), 1001, "the server stops");
}
