/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-fixture.h"

#include "http/lectern-websocket.h"

#define MAX_MESSAGE 65536
#define UPGRADE                                                                                    \
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"                     \
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* What the server's side saw. */
typedef struct
{
  Fixture fixture;
  const LecternWebsocketHandler *handler;
  gint64 interval_us; /* of pings; 0: the usual */
  gint64 timeout_us;
  gint closed;
  gint code;
  gint messages;
} Server;

static void
echo (LecternWebsocket *websocket, gboolean text, const guint8 *data, gsize length,
      gpointer user_data)
{
  g_atomic_int_inc (&((Server *) user_data)->messages);
  g_assert_true (lectern_websocket_send (websocket, text, data, length));
}

static void
note_closed (LecternWebsocket *websocket, guint16 code, gpointer user_data)
{
  Server *server = user_data;

  g_assert_false (lectern_websocket_send (websocket, TRUE, "x", 1));
  g_atomic_int_set (&server->code, code);
  g_atomic_int_inc (&server->closed);
}

static const LecternWebsocketHandler echo_handler = { echo, NULL, note_closed };

static void
accept_websocket (LecternHttpExchange *exchange, gpointer user_data)
{
  Server *server = user_data;
  g_autoptr (LecternWebsocket) websocket
      = lectern_websocket_accept (exchange, NULL, MAX_MESSAGE, server->handler, server);

  if (websocket != NULL && server->interval_us > 0)
    lectern_websocket_set_ping (websocket, server->interval_us, server->timeout_us);
}

static void
server_start (Server *self, const LecternWebsocketHandler *handler)
{
  *self = (Server){ .handler = handler };
  fixture_start (&self->fixture, NULL);
  fixture_route (&self->fixture, "WEBSOCKET", "/{x}", LECTERN_ACTION_PLAY, "{x}", accept_websocket,
                 self);
}

static void
wait_for (gint *value, gint wanted)
{
  gint64 end_us = g_get_monotonic_time () + PATIENCE_US;

  while (g_atomic_int_get (value) < wanted)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end_us);
      g_main_context_iteration (NULL, FALSE);
      g_thread_yield ();
    }
}

static int
server_connect (Server *self)
{
  int fd = fixture_connect (&self->fixture);
  g_autofree char *head = NULL;

  client_send (fd, "GET /x HTTP/1.1\r\nHost: a\r\n" UPGRADE "\r\n");
  head = client_read_head (fd);
  g_assert_true (g_str_has_prefix (head, "HTTP/1.1 101 "));
  return fd;
}

static void
send_frame (int fd, guint8 first, const void *data, gsize length)
{
  static const guint8 mask[4] = { 1, 2, 3, 4 };
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  guint8 header[14] = { first };
  gsize size = lectern_websocket_put_header (header, TRUE, length);
  gsize i;

  header[0] = first;
  header[1] |= 0x80;
  g_byte_array_append (frame, header, (guint) size);
  g_byte_array_append (frame, mask, 4);
  g_byte_array_append (frame, data, (guint) length);
  for (i = 0; i < length; i++)
    frame->data[size + 4 + i] ^= mask[i % 4];
  client_send_bytes (fd, frame->data, frame->len);
}

/* Returns: (transfer full): the payload of the next frame, whose first byte must be @first. */
static char *
read_frame (int fd, guint8 first, gsize *length)
{
  g_autofree char *head = client_read_exactly (fd, 2);
  g_autofree char *more = NULL;
  gsize size = (guint8) head[1];
  guint i, width;

  g_assert_cmphex ((guint8) head[0], ==, first);
  g_assert_cmpuint (size, <, 128);
  width = size == 126 ? 2 : size == 127 ? 8 : 0;
  more = client_read_exactly (fd, width);
  for (i = 0; i < width; i++)
    size = (i == 0 ? 0 : size << 8) | (guint8) more[i];
  if (length != NULL)
    *length = size;
  return client_read_exactly (fd, size);
}

static void
assert_close (int fd, guint code)
{
  gsize length;
  g_autofree char *payload = read_frame (fd, 0x88, &length);
  g_autofree char *rest = NULL;

  g_assert_cmpuint (length, >=, 2);
  g_assert_cmpuint ((guint8) payload[0] << 8 | (guint8) payload[1], ==, code);
  rest = client_read_all (fd);
  g_assert_cmpstr (rest, ==, "");
}

static void
test_handshake (void)
{
  Server server;
  g_autofree char *head = NULL;
  int fd;

  server_start (&server, &echo_handler);
  fd = fixture_connect (&server.fixture);
  client_send (fd, "GET /x HTTP/1.1\r\nHost: a\r\n" UPGRADE
                   "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
  head = client_read_head (fd);
  g_assert_nonnull (strstr (head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  g_assert_nonnull (strstr (head, "\r\nUpgrade: websocket\r\n"));
  g_assert_nonnull (strstr (head, "\r\nConnection: Upgrade\r\n"));
  g_assert_null (strstr (head, "Extensions"));
  g_assert_null (strstr (head, "Content-Length"));
  g_assert_cmpstr (server.fixture.guard->last->protocol, ==, "ws");
  g_assert_cmpint (server.fixture.guard->last->action, ==, LECTERN_ACTION_PLAY);
  close (fd);
  wait_for (&server.closed, 1);
  g_assert_cmpint (server.code, ==, 1006);
  fixture_stop (&server.fixture);
}

static void
test_refused_handshakes (void)
{
#define UP "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
  static const struct
  {
    const char *headers;
    guint status;
  } cases[] = {
    { UP KEY VERSION "Origin: http://foreign\r\n", 403 },
    { UP KEY VERSION "Origin: null\r\n", 403 },
    { UP KEY VERSION "Origin: http://a.foreign\r\n", 403 },
    { UP KEY VERSION "Origin: http://a:81\r\n", 403 },
    { UP KEY, 426 },
    { UP KEY "Sec-WebSocket-Version: 8\r\n", 426 },
    { UP KEY "Sec-WebSocket-Version: 13, 8\r\n", 426 },
    { UP VERSION, 400 },
    { UP VERSION "Sec-WebSocket-Key: \r\n", 400 },
    { UP VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n", 400 },
    { UP VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n", 400 },
    { UP VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=!\r\n", 400 },
    { UP VERSION "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA\r\n", 400 },
    { UP VERSION KEY KEY, 400 },
    { "Upgrade: websocket\r\n" KEY VERSION, 426 },
    { "Connection: Upgrade\r\n" KEY VERSION, 426 },
    { "", 426 },
  };
  Server server;
  guint i;

  server_start (&server, &echo_handler);
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Answer) answer = { 0 };
      g_autofree char *request
          = g_strdup_printf ("GET /x HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].headers);

      g_test_message ("%s", cases[i].headers);
      fixture_ask (&server.fixture, request, &answer);
      g_assert_cmpuint (answer.status, ==, cases[i].status);
      if (cases[i].status == 426)
        assert_header (&answer, "Sec-WebSocket-Version", "13");
    }
  fixture_stop (&server.fixture);
}

static guint
try_origin (Server *server, const char *host, const char *origin)
{
  g_autofree char *request = g_strdup_printf (
      "GET /x HTTP/1.1\r\nHost: %s\r\n" UPGRADE "Origin: %s\r\n\r\n", host, origin);
  g_auto (Answer) answer = { 0 };

  fixture_ask (&server->fixture, request, &answer);
  return answer.status;
}

static void
test_origins (void)
{
  static const char *const listed[] = { "https://school.example", NULL };
  static const char *const any[] = { "*", NULL };
  Server server;

  server_start (&server, &echo_handler);
  g_assert_cmpuint (try_origin (&server, "a", "http://a"), ==, 101);
  g_assert_cmpuint (try_origin (&server, "A:8000", "http://a:8000"), ==, 101);
  g_assert_cmpuint (try_origin (&server, "a:80", "http://a"), ==, 101);
  g_assert_cmpuint (try_origin (&server, "a", "https://a"), ==, 101);
  g_assert_cmpuint (try_origin (&server, "a:8000", "http://a"), ==, 403);
  g_assert_cmpuint (try_origin (&server, "a", "http://ab"), ==, 403);
  g_assert_cmpuint (try_origin (&server, "a", "http://"), ==, 403);
  g_assert_cmpuint (try_origin (&server, "a", "https://school.example"), ==, 403);
  lectern_http_server_set_origins (server.fixture.server, listed);
  g_assert_cmpuint (try_origin (&server, "a", "https://school.example"), ==, 101);
  g_assert_cmpuint (try_origin (&server, "a", "http://school.example"), ==, 403);
  g_assert_cmpuint (try_origin (&server, "a", "https://school.example.evil"), ==, 403);
  lectern_http_server_set_origins (server.fixture.server, any);
  g_assert_cmpuint (try_origin (&server, "a", "https://anything"), ==, 101);
  wait_for (&server.closed, 6);
  fixture_stop (&server.fixture);
}

static void
test_denied (void)
{
  Server server;
  g_auto (Answer) answer = { 0 };

  server_start (&server, &echo_handler);
  fixture_ask (&server.fixture, "GET /secret HTTP/1.1\r\nHost: a\r\n" UPGRADE "\r\n", &answer);
  g_assert_cmpuint (answer.status, ==, 403);
  fixture_stop (&server.fixture);
}

static void
test_messages (void)
{
  static const gsize sizes[] = { 0, 1, 125, 126, 1024, 1025, 40000, 65535, 65536 };
  Server server;
  g_autofree char *data = g_strnfill (MAX_MESSAGE, 'a');
  int fd;
  guint i;

  server_start (&server, &echo_handler);
  fd = server_connect (&server);
  for (i = 0; i < 2 * G_N_ELEMENTS (sizes); i++)
    {
      guint8 first = i % 2 == 0 ? 0x81 : 0x82;
      g_autofree char *got = NULL;
      gsize length;

      send_frame (fd, first, data, sizes[i / 2]);
      got = read_frame (fd, first, &length);
      g_assert_cmpmem (got, length, data, sizes[i / 2]);
    }
  close (fd);
  wait_for (&server.closed, 1);
  fixture_stop (&server.fixture);
}

static void
test_fragments (void)
{
  Server server;
  g_autofree char *pong = NULL;
  g_autofree char *got = NULL;
  int fd;

  server_start (&server, &echo_handler);
  fd = server_connect (&server);
  send_frame (fd, 0x01, "\xe8", 1);
  send_frame (fd, 0x89, "ping", 4);
  send_frame (fd, 0x00, "\xaf", 1);
  send_frame (fd, 0x80, "\xbe!", 2);
  pong = read_frame (fd, 0x8a, NULL);
  g_assert_cmpstr (pong, ==, "ping");
  got = read_frame (fd, 0x81, NULL);
  g_assert_cmpstr (got, ==, "课!");
  close (fd);
  wait_for (&server.closed, 1);
  fixture_stop (&server.fixture);
}

/* Frames that come with the handshake are not lost. */
static void
test_eager (void)
{
  Server server;
  g_autofree char *head = NULL;
  g_autofree char *got = NULL;
  int fd;

  server_start (&server, &echo_handler);
  fd = fixture_connect (&server.fixture);
  client_send (fd, "GET /x HTTP/1.1\r\nHost: a\r\n" UPGRADE "\r\n\x81\x82\x01\x02\x03\x04if");
  head = client_read_head (fd);
  got = read_frame (fd, 0x81, NULL);
  g_assert_cmpstr (got, ==, "hd");
  close (fd);
  wait_for (&server.closed, 1);
  fixture_stop (&server.fixture);
}

static void
test_peer_closes (void)
{
  static const struct
  {
    const char *payload;
    gsize size;
    guint told;
  } cases[] = { { "", 0, 1005 }, { "\x03\xe8", 2, 1000 }, { "\x0f\xa0gone", 6, 4000 } };
  Server server;
  guint i;

  server_start (&server, &echo_handler);
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      int fd = server_connect (&server);
      gsize length;
      g_autofree char *payload = NULL;
      g_autofree char *rest = NULL;

      send_frame (fd, 0x88, cases[i].payload, cases[i].size);
      payload = read_frame (fd, 0x88, &length);
      g_assert_cmpmem (payload, length, cases[i].payload, MIN (cases[i].size, 2));
      rest = client_read_all (fd);
      g_assert_cmpstr (rest, ==, "");
      wait_for (&server.closed, (gint) i + 1);
      g_assert_cmpint (server.code, ==, cases[i].told);
    }
  fixture_stop (&server.fixture);
}

static void
test_violations (void)
{
  g_autofree char *large = g_strnfill (40000, 'a');
  Server server;
  int fd;

  server_start (&server, &echo_handler);
  fd = server_connect (&server);
  send_frame (fd, 0x01, large, 40000);
  send_frame (fd, 0x00, large, 40000);
  assert_close (fd, 1009);
  fd = server_connect (&server);
  client_send_bytes (fd, "\x81\x01x", 3);
  assert_close (fd, 1002);
  fd = server_connect (&server);
  send_frame (fd, 0xc1, "x", 1);
  assert_close (fd, 1002);
  fd = server_connect (&server);
  send_frame (fd, 0x81, "\xff", 1);
  assert_close (fd, 1007);
  wait_for (&server.closed, 4);
  g_assert_cmpint (server.code, ==, 1006);
  g_assert_cmpint (server.messages, ==, 0);
  fixture_stop (&server.fixture);
}

static void
test_ping_flood (void)
{
  Server server;
  gsize length;
  guint i, pongs = 0;
  int fd;

  server_start (&server, &echo_handler);
  fd = server_connect (&server);
  for (i = 0; i < 100; i++)
    send_frame (fd, 0x89, "", 0);
  while (TRUE)
    {
      g_autofree char *head = client_read_exactly (fd, 2);
      g_autofree char *payload = NULL;

      length = (guint8) head[1];
      payload = client_read_exactly (fd, length);
      if ((guint8) head[0] == 0x88)
        {
          g_assert_cmpuint ((guint8) payload[0] << 8 | (guint8) payload[1], ==, 1008);
          break;
        }
      g_assert_cmphex ((guint8) head[0], ==, 0x8a);
      pongs++;
    }
  g_assert_cmpuint (pongs, >=, 10);
  g_assert_cmpuint (pongs, <, 20);
  close (fd);
  wait_for (&server.closed, 1);
  fixture_stop (&server.fixture);
}

static void
test_pings (void)
{
  Server server;
  guint i;
  int fd;

  server_start (&server, &echo_handler);
  server.interval_us = 20 * 1000;
  server.timeout_us = PATIENCE_US;
  fd = server_connect (&server);
  for (i = 0; i < 3; i++)
    {
      g_free (read_frame (fd, 0x89, NULL));
      send_frame (fd, 0x8a, "", 0);
    }
  g_assert_cmpint (g_atomic_int_get (&server.closed), ==, 0);
  close (fd);
  wait_for (&server.closed, 1);
  server.timeout_us = 20 * 1000;
  fd = server_connect (&server);
  g_free (read_frame (fd, 0x89, NULL));
  wait_for (&server.closed, 2);
  g_assert_cmpint (server.code, ==, 1006);
  close (fd);
  fixture_stop (&server.fixture);
}

/* A message makes the server close. */
static void
say_goodbye (LecternWebsocket *websocket, gboolean text, const guint8 *data, gsize length,
             gpointer user_data)
{
  g_atomic_int_inc (&((Server *) user_data)->messages);
  lectern_websocket_close (websocket, 4001, "goodbye");
  lectern_websocket_close (websocket, 4002, "again");
  g_assert_false (lectern_websocket_send (websocket, TRUE, "x", 1));
}

static void
test_server_closes (void)
{
  static const LecternWebsocketHandler handler = { say_goodbye, NULL, note_closed };
  Server server;
  g_autofree char *payload = NULL;
  g_autofree char *rest = NULL;
  int fd;

  server_start (&server, &handler);
  fd = server_connect (&server);
  send_frame (fd, 0x81, "x", 1);
  payload = read_frame (fd, 0x88, NULL);
  g_assert_cmpstr (payload, ==, "\x0f\xa1goodbye");
  /* Messages that were under way are passed over. */
  send_frame (fd, 0x81, "y", 1);
  g_assert_cmpint (g_atomic_int_get (&server.closed), ==, 0);
  send_frame (fd, 0x88, "\x0f\xa1", 2);
  rest = client_read_all (fd);
  g_assert_cmpstr (rest, ==, "");
  wait_for (&server.closed, 1);
  g_assert_cmpint (server.code, ==, 4001);
  g_assert_cmpint (server.messages, ==, 1);
  fixture_stop (&server.fixture);
}

/* Two seconds are all that a peer gets to answer a close. */
static void
test_close_unanswered (void)
{
  static const LecternWebsocketHandler handler = { say_goodbye, NULL, note_closed };
  Server server;
  gint64 start_us;
  int fd;

  server_start (&server, &handler);
  fd = server_connect (&server);
  start_us = g_get_monotonic_time ();
  send_frame (fd, 0x81, "x", 1);
  wait_for (&server.closed, 1);
  g_assert_cmpint (server.code, ==, 1006);
  g_assert_cmpint (g_get_monotonic_time () - start_us, >, G_USEC_PER_SEC);
  close (fd);
  fixture_stop (&server.fixture);
}

/* A message sets off more than the connection may keep for its peer. */
static void
send_flood (LecternWebsocket *websocket, gboolean text, const guint8 *data, gsize length,
            gpointer user_data)
{
  g_autofree char *part = g_strnfill (100000, 'x');
  g_autoptr (GBytes) frame = lectern_websocket_frame (FALSE, part, 100000);
  guint i;

  for (i = 0; i < 1000; i++)
    if (!lectern_websocket_send_frame (websocket, frame))
      break;
  g_assert_cmpuint (i, <, 1000);
}

static void
test_slow_reader (void)
{
  static const LecternWebsocketHandler handler = { send_flood, NULL, note_closed };
  Server server;
  int fd;

  server_start (&server, &handler);
  fd = server_connect (&server);
  send_frame (fd, 0x81, "x", 1);
  wait_for (&server.closed, 1);
  g_assert_cmpint (server.code, ==, 1006);
  close (fd);
  fixture_stop (&server.fixture);
}

/* Frames of the socket's own take the way that was set for them. */
static void
pass_control (const guint8 *frame, gsize length, gpointer user_data)
{
  LecternConnection *connection = lectern_websocket_get_connection (user_data);

  lectern_connection_write (connection, "[", 1);
  lectern_connection_write (connection, frame, length);
  lectern_connection_write (connection, "]", 1);
}

static void
divert (LecternWebsocket *websocket, gboolean text, const guint8 *data, gsize length,
        gpointer user_data)
{
  lectern_websocket_set_control_func (websocket, pass_control, websocket);
}

static void
test_control_func (void)
{
  static const LecternWebsocketHandler handler = { divert, NULL, note_closed };
  Server server;
  g_autofree char *got = NULL;
  int fd;

  server_start (&server, &handler);
  fd = server_connect (&server);
  send_frame (fd, 0x81, "x", 1);
  send_frame (fd, 0x89, "a", 1);
  send_frame (fd, 0x88, "", 0);
  got = client_read_all (fd);
  g_assert_cmpmem (got, 9,
                   "[\x8a\x01"
                   "a][\x88\x00]",
                   9);
  wait_for (&server.closed, 1);
  fixture_stop (&server.fixture);
}

static void
test_drain (void)
{
  Server server;
  g_autofree char *payload = NULL;
  int fd;

  server_start (&server, &echo_handler);
  fd = server_connect (&server);
  lectern_http_server_drain (server.fixture.server);
  payload = read_frame (fd, 0x88, NULL);
  g_assert_cmpmem (payload, 2, "\x03\xe9", 2);
  send_frame (fd, 0x88, "\x03\xe9", 2);
  wait_for (&server.closed, 1);
  close (fd);
  fixture_stop (&server.fixture);
}

/* The protocol that the handler chose is told. */
static void
accept_protocol (LecternHttpExchange *exchange, gpointer user_data)
{
  Server *server = user_data;

  lectern_websocket_unref (
      lectern_websocket_accept (exchange, "chat", MAX_MESSAGE, server->handler, server));
}

static void
test_protocol (void)
{
  Server server;
  g_auto (Answer) answer = { 0 };

  server_start (&server, &echo_handler);
  fixture_route (&server.fixture, "WEBSOCKET", "/p/{x}", LECTERN_ACTION_PLAY, NULL, accept_protocol,
                 &server);
  fixture_ask (&server.fixture,
               "GET /p/x HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: chat\r\n" UPGRADE "\r\n",
               &answer);
  assert_header (&answer, "Sec-WebSocket-Protocol", "chat");
  wait_for (&server.closed, 1);
  fixture_stop (&server.fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/websocket/shakes-hands", test_handshake);
  g_test_add_func ("/http/websocket/refuses-bad-handshakes", test_refused_handshakes);
  g_test_add_func ("/http/websocket/checks-origins-h-05", test_origins);
  g_test_add_func ("/http/websocket/asks-the-access-chain", test_denied);
  g_test_add_func ("/http/websocket/carries-messages", test_messages);
  g_test_add_func ("/http/websocket/joins-fragments", test_fragments);
  g_test_add_func ("/http/websocket/takes-frames-behind-the-handshake", test_eager);
  g_test_add_func ("/http/websocket/answers-a-close", test_peer_closes);
  g_test_add_func ("/http/websocket/closes-on-violations-w-01-w-02", test_violations);
  g_test_add_func ("/http/websocket/ends-a-ping-flood-w-03", test_ping_flood);
  g_test_add_func ("/http/websocket/pings", test_pings);
  g_test_add_func ("/http/websocket/closes", test_server_closes);
  g_test_add_func ("/http/websocket/waits-two-seconds-for-a-close", test_close_unanswered);
  g_test_add_func ("/http/websocket/drops-a-slow-reader-w-04", test_slow_reader);
  g_test_add_func ("/http/websocket/diverts-its-own-frames", test_control_func);
  g_test_add_func ("/http/websocket/drains", test_drain);
  g_test_add_func ("/http/websocket/tells-the-protocol", test_protocol);
  return g_test_run ();
}
