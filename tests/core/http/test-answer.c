/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-fixture.h"

static GBytes *
text_bytes (const char *text)
{
  return g_bytes_new (text, strlen (text));
}

static void
respond_text (LecternHttpExchange *exchange, const char *text)
{
  g_autoptr (GBytes) body = text_bytes (text);

  lectern_http_exchange_respond (exchange, 200, "text/plain", body);
}

/* The last one asks for the end. */
static char *
make_requests (guint count)
{
  GString *all = g_string_new (NULL);
  guint i;

  for (i = 0; i < count; i++)
    g_string_append_printf (all, "GET /%u HTTP/1.1\r\nHost: a\r\n%s\r\n", i,
                            i == count - 1 ? "Connection: close\r\n" : "");
  return g_string_free (all, FALSE);
}

/* Ranges and tags */

static void
say_tagged (LecternHttpExchange *exchange, gpointer user_data)
{
  lectern_http_exchange_set_header (exchange, "ETag", "\"v1\"");
  respond_text (exchange, "0123456789");
}

static void
test_ranges (void)
{
  static const struct
  {
    const char *headers;
    guint status;
    const char *body;
    const char *range;
  } cases[] = {
    { "", 200, "0123456789", NULL },
    { "Range: bytes=2-4\r\n", 206, "234", "bytes 2-4/10" },
    { "Range: bytes=-3\r\n", 206, "789", "bytes 7-9/10" },
    { "Range: bytes=0-99999\r\n", 206, "0123456789", "bytes 0-9/10" },
    { "Range: bytes=10-\r\n", 416, NULL, "bytes */10" },
    { "Range: bytes=4-2\r\n", 416, NULL, "bytes */10" },
    { "Range: bytes=0-1,3-4\r\n", 200, "0123456789", NULL },
    { "Range: bytes=2-4\r\nRange: bytes=5-6\r\n", 200, "0123456789", NULL },
    { "Range: bytes=2-4\r\nIf-Range: \"v1\"\r\n", 206, "234", "bytes 2-4/10" },
    { "Range: bytes=2-4\r\nIf-Range: \"v2\"\r\n", 200, "0123456789", NULL },
    { "Range: bytes=2-4\r\nIf-Range: W/\"v1\"\r\n", 200, "0123456789", NULL },
    { "If-None-Match: \"v1\"\r\n", 304, "", NULL },
    { "If-None-Match: \"v0\", W/\"v1\"\r\n", 304, "", NULL },
    { "If-None-Match: *\r\nRange: bytes=2-4\r\n", 304, "", NULL },
    { "If-None-Match: \"v2\"\r\n", 200, "0123456789", NULL },
  };
  Fixture fixture;
  int fd;
  guint i;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/", LECTERN_ACTION_PUBLIC, NULL, say_tagged, NULL);
  fd = fixture_connect (&fixture);
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Answer) answer = { 0 };
      g_autofree char *request
          = g_strdup_printf ("GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].headers);

      g_test_message ("%s", cases[i].headers);
      client_ask (fd, request, &answer);
      g_assert_cmpuint (answer.status, ==, cases[i].status);
      if (cases[i].body != NULL)
        g_assert_cmpstr (answer.body, ==, cases[i].body);
      assert_header (&answer, "Content-Range", cases[i].range);
      assert_header (&answer, "ETag", "\"v1\"");
    }
  close (fd);
  fixture_stop (&fixture);
}

/* A body far over the connection's output limit, to a peer that waits before it reads. */
static void
say_much (LecternHttpExchange *exchange, gpointer user_data)
{
  lectern_http_exchange_respond (exchange, 200, "application/octet-stream", user_data);
}

static void
test_large_body (void)
{
  const gsize size = 8 * 1000 * 1000;
  guint8 *data = g_malloc (size);
  g_autoptr (GBytes) body = NULL;
  Fixture fixture;
  int fd;
  gsize i;

  for (i = 0; i < size; i++)
    data[i] = (guint8) (i * 31 >> 8);
  body = g_bytes_new_take (data, size);
  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/", LECTERN_ACTION_PUBLIC, NULL, say_much, body);
  fd = fixture_connect (&fixture);
  for (i = 0; i < 2; i++)
    {
      g_autofree char *head = NULL;
      g_autofree char *got = NULL;

      client_send (fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      head = client_read_head (fd);
      got = client_read_exactly (fd, size);
      g_assert_cmpmem (got, size, data, size);
    }
  close (fd);
  fixture_stop (&fixture);
}

/* Requests one behind the other by a peer that does not read the answers: they wait. */
static void
test_unread_answers (void)
{
  g_autoptr (GBytes) body = g_bytes_new_take (g_malloc0 (15000), 15000);
  Fixture fixture;
  g_autofree char *all = make_requests (400);
  int fd;
  guint i;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/{x}", LECTERN_ACTION_PUBLIC, NULL, say_much, body);
  fd = fixture_connect (&fixture);
  client_send (fd, all);
  for (i = 0; i < 400; i++)
    {
      g_auto (Answer) answer = { 0 };

      client_read_answer (fd, &answer);
      g_assert_cmpuint (answer.status, ==, 200);
    }
  close (fd);
  fixture_stop (&fixture);
}

/* Answers that come later, or never */

typedef struct
{
  LecternHttpExchange *exchange;
  LecternReactor *reactor;
} Later;

static void
answer_now (gpointer data)
{
  Later *later = data;

  respond_text (later->exchange, "later");
  lectern_http_exchange_unref (later->exchange);
  g_free (later);
}

static gboolean
answer_from_control (gpointer data)
{
  Later *later = data;

  lectern_reactor_post (later->reactor, answer_now, later, NULL);
  return G_SOURCE_REMOVE;
}

static void
answer_later (LecternHttpExchange *exchange, gpointer user_data)
{
  Later *later = g_new0 (Later, 1);

  later->exchange = lectern_http_exchange_ref (exchange);
  later->reactor = lectern_reactor_get_current ();
  g_idle_add (answer_from_control, later);
}

static void
test_later (void)
{
  Fixture fixture;
  int fd;
  guint i;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/", LECTERN_ACTION_PUBLIC, NULL, answer_later, NULL);
  fd = fixture_connect (&fixture);
  client_send (fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client_send (fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (i = 0; i < 3; i++)
    {
      g_auto (Answer) answer = { 0 };

      client_read_answer (fd, &answer);
      g_assert_cmpstr (answer.body, ==, "later");
    }
  /* And one whose peer does not wait. */
  client_send (fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  close (fd);
  fixture_stop (&fixture);
}

static void
drop (LecternHttpExchange *exchange, gpointer user_data)
{
}

static void
answer_twice (LecternHttpExchange *exchange, gpointer user_data)
{
  respond_text (exchange, "first");
  respond_text (exchange, "second");
}

static void
test_dropped (void)
{
  Fixture fixture;
  g_auto (Answer) answer = { 0 };
  g_auto (Answer) first = { 0 };
  g_auto (Answer) again = { 0 };
  int fd;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/", LECTERN_ACTION_PUBLIC, NULL, drop, NULL);
  fixture_route (&fixture, "GET", "/twice", LECTERN_ACTION_PUBLIC, NULL, answer_twice, NULL);
  fd = fixture_connect (&fixture);
  client_ask (fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", &answer);
  g_assert_cmpuint (answer.status, ==, 500);
  client_ask (fd, "GET /twice HTTP/1.1\r\nHost: a\r\n\r\n", &first);
  g_assert_cmpstr (first.body, ==, "first");
  client_ask (fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", &again);
  g_assert_cmpuint (again.status, ==, 500);
  close (fd);
  fixture_stop (&fixture);
}

/* Connections that are taken over */

static gsize
echo_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  lectern_connection_write (connection, data, length);
  if (memchr (data, '.', length) != NULL)
    lectern_connection_finish (connection);
  return length;
}

static void
echo_closed (LecternConnection *connection, const GError *error, gpointer user_data)
{
  lectern_connection_unref (connection);
}

static const LecternConnectionHandler echo_handler = { echo_input, NULL, echo_closed };

static void
take_over (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternConnection *connection;

  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-store");
  connection = lectern_http_exchange_take_over (exchange, 200, "video/x-flv");
  if (connection == NULL)
    return;
  lectern_connection_write (connection, "start:", 6);
  lectern_connection_set_handler (connection, &echo_handler, NULL);
}

static void
test_take_over (void)
{
  Fixture fixture;
  g_autofree char *got = NULL;
  g_autofree char *head = NULL;
  int fd;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/", LECTERN_ACTION_PUBLIC, NULL, take_over, NULL);
  fd = fixture_connect (&fixture);
  client_send (fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\nbytes behind the request");
  head = client_read_head (fd);
  g_assert_nonnull (strstr (head, "\r\nConnection: close\r\n"));
  g_assert_nonnull (strstr (head, "\r\nContent-Type: video/x-flv\r\n"));
  g_assert_nonnull (strstr (head, "\r\nCache-Control: no-store\r\n"));
  g_assert_null (strstr (head, "Content-Length"));
  g_assert_null (strstr (head, "Transfer-Encoding"));
  client_send (fd, " and more.");
  got = client_read_all (fd);
  g_assert_cmpstr (got, ==, "start:bytes behind the request and more.");
  fixture_stop (&fixture);
}

static void
test_take_over_head (void)
{
  Fixture fixture;
  g_autofree char *got = NULL;
  int fd;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/", LECTERN_ACTION_PUBLIC, NULL, take_over, NULL);
  fd = fixture_connect (&fixture);
  client_send (fd, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  got = client_read_all (fd);
  g_assert_true (g_str_has_prefix (got, "HTTP/1.1 200 OK\r\n"));
  g_assert_true (g_str_has_suffix (got, "\r\n\r\n"));
  fixture_stop (&fixture);
}

/* Routes and the end */

static void
count_free (gpointer data)
{
  g_atomic_int_inc ((gint *) data);
}

static void
test_removed_route (void)
{
  Fixture fixture;
  g_auto (Answer) before = { 0 };
  g_auto (Answer) after = { 0 };
  gint freed = 0;
  guint id;

  fixture_start (&fixture, NULL);
  id = lectern_http_server_add_route (fixture.server, "GET", "/", LECTERN_ACTION_PUBLIC, NULL, drop,
                                      &freed, count_free, NULL);
  g_assert_cmpuint (lectern_http_server_add_route (fixture.server, "GET", "/",
                                                   LECTERN_ACTION_PUBLIC, NULL, drop, NULL, NULL,
                                                   NULL),
                    ==, 0);
  g_assert_cmpuint (lectern_http_server_add_route (fixture.server, "HEAD", "/x",
                                                   LECTERN_ACTION_PUBLIC, NULL, drop, NULL, NULL,
                                                   NULL),
                    ==, 0);
  fixture_ask (&fixture, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", &before);
  g_assert_cmpuint (before.status, ==, 500);
  lectern_http_server_remove_route (fixture.server, id);
  lectern_http_server_remove_route (fixture.server, 4711);
  fixture_ask (&fixture, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", &after);
  g_assert_cmpuint (after.status, ==, 404);
  while (g_atomic_int_get (&freed) == 0)
    g_main_context_iteration (NULL, TRUE);
  fixture_stop (&fixture);
  g_assert_cmpint (freed, ==, 1);
}

static void
test_drain (void)
{
  Fixture fixture;
  g_auto (Answer) before = { 0 };
  g_auto (Answer) running = { 0 };
  g_autofree char *idle_end = NULL;
  g_autofree char *running_end = NULL;
  int idle, busy;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/", LECTERN_ACTION_PUBLIC, NULL, answer_later, NULL);
  idle = fixture_connect (&fixture);
  client_ask (idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", &before);
  busy = fixture_connect (&fixture);
  client_send (busy, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  lectern_http_server_drain (fixture.server);
  idle_end = client_read_all (idle);
  g_assert_cmpstr (idle_end, ==, "");
  client_read_answer (busy, &running);
  g_assert_cmpstr (running.body, ==, "later");
  assert_header (&running, "Connection", "close");
  running_end = client_read_all (busy);
  fixture_stop (&fixture);
}

/* Other origins */

static void
say_hello (LecternHttpExchange *exchange, gpointer user_data)
{
  respond_text (exchange, "hello");
}

static void
test_origins (void)
{
  static const char *const listed[] = { "https://a.example", "http://b.example:8080", NULL };
  static const char *const any[] = { "*", NULL };
  static const struct
  {
    const char *const *origins;
    const char *origin;
    const char *allowed;
    const char *vary;
  } cases[] = {
    { NULL, "https://a.example", NULL, NULL },
    { listed, "https://a.example", "https://a.example", "Origin" },
    { listed, "http://b.example:8080", "http://b.example:8080", "Origin" },
    { listed, "http://a.example", NULL, "Origin" },
    { listed, "https://a.example:443", NULL, "Origin" },
    { listed, "https://a.example.evil", NULL, "Origin" },
    { listed, "null", NULL, "Origin" },
    { any, "https://c.example", "*", NULL },
  };
  Fixture fixture;
  guint i;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/", LECTERN_ACTION_PUBLIC, NULL, say_hello, NULL);
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Answer) answer = { 0 };
      g_auto (Answer) plain = { 0 };
      g_autofree char *request
          = g_strdup_printf ("GET / HTTP/1.1\r\nHost: a\r\nOrigin: %s\r\n\r\n", cases[i].origin);

      lectern_http_server_set_origins (fixture.server, cases[i].origins);
      fixture_ask (&fixture, request, &answer);
      g_assert_cmpuint (answer.status, ==, 200);
      assert_header (&answer, "Access-Control-Allow-Origin", cases[i].allowed);
      assert_header (&answer, "Access-Control-Allow-Credentials", NULL);
      assert_header (&answer, "Vary", cases[i].vary);
      fixture_ask (&fixture, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", &plain);
      assert_header (&plain, "Access-Control-Allow-Origin", NULL);
      assert_header (&plain, "Vary", cases[i].vary);
    }
  fixture_stop (&fixture);
}

#define PREFLIGHT                                                                                  \
  "Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n"                           \
  "Access-Control-Request-Headers: content-type\r\n\r\n"

static void
test_preflight (void)
{
  static const char *const listed[] = { "https://a.example", NULL };
  Fixture fixture;
  g_auto (Answer) answer = { 0 };
  g_auto (Answer) nowhere = { 0 };
  g_auto (Answer) foreign = { 0 };
  g_autofree char *headers = NULL;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "POST", "/{x}", LECTERN_ACTION_MANAGE, "{x}", say_hello, NULL);
  fixture_route (&fixture, "OPTIONS", "/{x}", LECTERN_ACTION_MANAGE, "{x}", say_hello, NULL);
  fixture_ask (&fixture, "OPTIONS /secret HTTP/1.1\r\nHost: a\r\n" PREFLIGHT, &foreign);
  assert_header (&foreign, "Access-Control-Allow-Origin", NULL);
  lectern_http_server_set_origins (fixture.server, listed);
  fixture_ask (&fixture, "OPTIONS /secret HTTP/1.1\r\nHost: a\r\n" PREFLIGHT, &answer);
  g_assert_cmpuint (answer.status, ==, 204);
  assert_header (&answer, "Access-Control-Allow-Origin", "https://a.example");
  assert_header (&answer, "Access-Control-Allow-Methods", "POST, OPTIONS");
  assert_header (&answer, "Access-Control-Max-Age", "600");
  assert_header (&answer, "Content-Length", NULL);
  headers = head_get (answer.head, "Access-Control-Allow-Headers");
  g_assert_nonnull (strstr (headers, "Content-Type"));
  g_assert_null (fixture.guard->last);
  fixture_ask (&fixture, "OPTIONS /no/where HTTP/1.1\r\nHost: a\r\n" PREFLIGHT, &nowhere);
  g_assert_cmpuint (nowhere.status, ==, 404);
  fixture_stop (&fixture);
}

static void
test_options (void)
{
  Fixture fixture;
  g_auto (Answer) own = { 0 };
  g_auto (Answer) whole = { 0 };
  g_auto (Answer) route = { 0 };
  int fd;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/", LECTERN_ACTION_PUBLIC, NULL, say_hello, NULL);
  fixture_route (&fixture, "OPTIONS", "/own", LECTERN_ACTION_PUBLIC, NULL, say_hello, NULL);
  fd = fixture_connect (&fixture);
  client_ask (fd, "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n", &own);
  g_assert_cmpuint (own.status, ==, 204);
  assert_header (&own, "Allow", "GET, HEAD, OPTIONS");
  assert_header (&own, "Access-Control-Allow-Methods", NULL);
  client_ask (fd, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &whole);
  g_assert_cmpuint (whole.status, ==, 204);
  client_ask (fd, "OPTIONS /own HTTP/1.1\r\nHost: a\r\n\r\n", &route);
  g_assert_cmpstr (route.body, ==, "hello");
  close (fd);
  fixture_stop (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/answer/serves-ranges-and-tags-h-04", test_ranges);
  g_test_add_func ("/http/answer/sends-large-bodies", test_large_body);
  g_test_add_func ("/http/answer/waits-for-peers-to-read", test_unread_answers);
  g_test_add_func ("/http/answer/answers-later", test_later);
  g_test_add_func ("/http/answer/answers-500-for-the-forgetful", test_dropped);
  g_test_add_func ("/http/answer/hands-connections-over", test_take_over);
  g_test_add_func ("/http/answer/answers-head-of-an-endless-answer", test_take_over_head);
  g_test_add_func ("/http/answer/removes-routes", test_removed_route);
  g_test_add_func ("/http/answer/drains", test_drain);
  g_test_add_func ("/http/answer/tells-listed-origins-only-h-05", test_origins);
  g_test_add_func ("/http/answer/answers-preflights-without-asking-h-05", test_preflight);
  g_test_add_func ("/http/answer/answers-options", test_options);
  return g_test_run ();
}
