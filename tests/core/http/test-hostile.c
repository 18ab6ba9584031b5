/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-fixture.h"

static gint called;

static void
say_ok (LecternHttpExchange *exchange, gpointer user_data)
{
  g_autoptr (GBytes) body = g_bytes_new_static ("abc", 3);

  g_atomic_int_inc (&called);
  lectern_http_exchange_respond (exchange, 200, "text/plain", body);
}

static void
start (Fixture *fixture, const LecternHttpLimits *limits)
{
  g_atomic_int_set (&called, 0);
  fixture_start (fixture, limits);
  fixture_route (fixture, "GET", "/{path*}", LECTERN_ACTION_PUBLIC, NULL, say_ok, NULL);
  fixture_route (fixture, "POST", "/{path*}", LECTERN_ACTION_PUBLIC, NULL, say_ok, NULL);
}

static guint
count_text (const char *text, const char *part)
{
  guint count = 0;

  while ((text = strstr (text, part)) != NULL)
    {
      count++;
      text += strlen (part);
    }
  return count;
}

/* Each of them once made a server execute a second request, or buffer without end. */
static void
test_probes (void)
{
  static const struct
  {
    const char *request;
    const char *status;
  } probes[] = {
    { "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
      "HTTP/1.1 400 " },
    { "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"
      "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
      "HTTP/1.1 400 " },
    { "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"
      "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
      "HTTP/1.1 501 " },
    { "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n"
      "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
      "HTTP/1.1 400 " },
    { "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
      "HTTP/1.1 400 " },
    { "GET /a HTTP/1.1\nHost: a\n\nGET /smuggled HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400 " },
    { "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4294967296\r\n\r\n", "HTTP/1.1 413 " },
    { "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "HTTP/1.1 400 " },
    { "GET /live/../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 " },
    { "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
      "HTTP/1.1 413 " },
    { "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n",
      "HTTP/1.1 400 " },
    { "POST /a HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx",
      "HTTP/1.1 415 " },
  };
  Fixture fixture;
  guint i;

  start (&fixture, NULL);
  for (i = 0; i < G_N_ELEMENTS (probes); i++)
    {
      int fd = fixture_connect (&fixture);
      g_autofree char *got = NULL;

      g_test_message ("%s", probes[i].request);
      client_send (fd, probes[i].request);
      got = client_read_all (fd);
      g_assert_true (g_str_has_prefix (got, probes[i].status));
      g_assert_nonnull (strstr (got, "\r\nConnection: close\r\n"));
      g_assert_cmpuint (count_text (got, "HTTP/1.1 "), ==, 1);
    }
  g_assert_cmpint (g_atomic_int_get (&called), ==, 0);
  fixture_stop (&fixture);
}

static void
test_range_probe (void)
{
  Fixture fixture;
  g_auto (Answer) over = { 0 };
  g_auto (Answer) suffix = { 0 };

  start (&fixture, NULL);
  fixture_ask (&fixture, "GET /a HTTP/1.1\r\nHost: a\r\nRange: bytes=0-99999\r\n\r\n", &over);
  g_assert_cmpstr (over.body, ==, "abc");
  assert_header (&over, "Content-Range", "bytes 0-2/3");
  fixture_ask (&fixture, "GET /a HTTP/1.1\r\nHost: a\r\nRange: bytes=-99999\r\n\r\n", &suffix);
  g_assert_cmpstr (suffix.body, ==, "abc");
  assert_header (&suffix, "Content-Range", "bytes 0-2/3");
  fixture_stop (&fixture);
}

static LecternHttpLimits
short_limits (void)
{
  LecternHttpLimits limits = usual_limits;

  limits.head_timeout_us = 40 * 1000;
  limits.idle_timeout_us = 300 * 1000;
  limits.body_grace_us = 40 * 1000;
  return limits;
}

static void
test_slow_head (void)
{
  static const char *const starts[] = { "G", "GET / HTTP/1.1\r\nHost: a\r\nX", "\r\n", "\r" };
  LecternHttpLimits limits = short_limits ();
  Fixture fixture;
  guint i;

  limits.idle_timeout_us = PATIENCE_US;
  start (&fixture, &limits);
  for (i = 0; i < G_N_ELEMENTS (starts); i++)
    {
      int fd = fixture_connect (&fixture);
      g_autofree char *got = NULL;

      client_send (fd, starts[i]);
      got = client_read_all (fd);
      g_assert_true (g_str_has_prefix (got, "HTTP/1.1 408 "));
    }
  fixture_stop (&fixture);
}

/* A byte now and then buys no more time. */
static void
test_trickled_head (void)
{
  LecternHttpLimits limits = short_limits ();
  Fixture fixture;
  g_autofree char *got = NULL;
  struct pollfd waits;
  int fd;

  limits.idle_timeout_us = PATIENCE_US;
  start (&fixture, &limits);
  fd = fixture_connect (&fixture);
  waits = (struct pollfd){ fd, POLLIN, 0 };
  client_send (fd, "GET / HTTP/1.1\r\nX: ");
  while (poll (&waits, 1, 5) == 0)
    client_send (fd, "y");
  got = client_read_all (fd);
  g_assert_true (g_str_has_prefix (got, "HTTP/1.1 408 "));
  fixture_stop (&fixture);
}

static void
test_half_open (void)
{
  LecternHttpLimits limits = short_limits ();
  Fixture fixture;
  int fds[400];
  guint i;

  start (&fixture, &limits);
  for (i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      fds[i] = fixture_connect (&fixture);
      if (i % 2 == 0)
        client_send (fds[i], "GET / HT");
    }
  for (i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      g_autofree char *got = client_read_all (fds[i]);

      if (i % 2 == 0)
        g_assert_true (g_str_has_prefix (got, "HTTP/1.1 408 "));
      else
        g_assert_cmpstr (got, ==, "");
    }
  fixture_stop (&fixture);
}

static void
test_slow_body (void)
{
  static const char *const starts[] = {
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nxxx",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
  };
  LecternHttpLimits limits = short_limits ();
  Fixture fixture;
  guint i;

  limits.idle_timeout_us = PATIENCE_US;
  start (&fixture, &limits);
  fixture_route (&fixture, "POST", "/", LECTERN_ACTION_PUBLIC, NULL, say_ok, NULL);
  for (i = 0; i < G_N_ELEMENTS (starts); i++)
    {
      int fd = fixture_connect (&fixture);
      g_autofree char *got = NULL;

      client_send (fd, starts[i]);
      got = client_read_all (fd);
      g_assert_true (g_str_has_prefix (got, "HTTP/1.1 408 "));
    }
  g_assert_cmpint (g_atomic_int_get (&called), ==, 0);
  fixture_stop (&fixture);
}

/* Bytes that came give the body the time they would take at 1 KiB/s. */
static void
test_body_rate (void)
{
  LecternHttpLimits limits = short_limits ();
  Fixture fixture;
  g_autofree char *part = g_strnfill (4096, 'x');
  g_auto (Answer) answer = { 0 };
  struct pollfd waits;
  int fd;

  start (&fixture, &limits);
  fd = fixture_connect (&fixture);
  waits = (struct pollfd){ fd, POLLIN, 0 };
  client_send (fd, "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                   "Content-Length: 4097\r\n\r\n");
  g_free (client_read_head (fd));
  client_send (fd, part);
  /* Several times the grace, which the four KiB have paid for. */
  g_assert_cmpint (poll (&waits, 1, 300), ==, 0);
  client_ask (fd, "x", &answer);
  g_assert_cmpuint (answer.status, ==, 200);
  close (fd);
  fixture_stop (&fixture);
}

static void
test_idle (void)
{
  LecternHttpLimits limits = short_limits ();
  Fixture fixture;
  g_auto (Answer) answer = { 0 };
  g_autofree char *rest = NULL;
  int fd;

  start (&fixture, &limits);
  fd = fixture_connect (&fixture);
  client_ask (fd, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n", &answer);
  rest = client_read_all (fd);
  g_assert_cmpstr (rest, ==, "");
  fixture_stop (&fixture);
}

static void
test_body_limit (void)
{
  LecternHttpLimits limits = usual_limits;
  Fixture fixture;
  g_auto (Answer) fits = { 0 };
  g_auto (Answer) over = { 0 };
  g_auto (Answer) chunked = { 0 };

  limits.body_size = 10;
  start (&fixture, &limits);
  fixture_ask (&fixture, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
               &fits);
  g_assert_cmpuint (fits.status, ==, 200);
  fixture_ask (&fixture, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", &over);
  g_assert_cmpuint (over.status, ==, 413);
  fixture_ask (&fixture,
               "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
               "5\r\nhello\r\n6\r\n",
               &chunked);
  g_assert_cmpuint (chunked.status, ==, 413);
  fixture_stop (&fixture);
}

static void
test_head_limits (void)
{
  Fixture fixture;
  g_autofree char *filling = g_strnfill (20000, 'x');
  g_autofree char *head = g_strdup_printf ("GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", filling);
  g_autofree char *target = g_strdup_printf ("GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", filling);
  g_auto (Answer) large = { 0 };
  g_auto (Answer) longer = { 0 };

  start (&fixture, NULL);
  fixture_ask (&fixture, head, &large);
  g_assert_cmpuint (large.status, ==, 431);
  fixture_ask (&fixture, target, &longer);
  g_assert_cmpuint (longer.status, ==, 414);
  fixture_stop (&fixture);
}

/* A flood of bytes behind a request that is being worked on stops being read. */
typedef struct
{
  LecternHttpExchange *exchange;
  LecternReactor *reactor;
} Held;

static void
hold (LecternHttpExchange *exchange, gpointer user_data)
{
  Held *held = user_data;

  held->exchange = lectern_http_exchange_ref (exchange);
  held->reactor = lectern_reactor_get_current ();
  g_atomic_int_inc (&called);
}

static void
release (gpointer data)
{
  lectern_http_exchange_unref (data);
}

static void
test_flood_behind (void)
{
  Fixture fixture;
  Held held = { NULL, NULL };
  g_autofree char *flood = g_strnfill (1000000, 'x');
  g_autofree char *got = NULL;
  gsize sent = 0;
  int fd;

  start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/hold", LECTERN_ACTION_PUBLIC, NULL, hold, &held);
  fd = fixture_connect (&fixture);
  client_send (fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  while (g_atomic_int_get (&called) == 0)
    g_main_context_iteration (NULL, FALSE);
  /* Sends until the socket has been full for a while. */
  while (sent < 100 * 1000 * 1000)
    {
      struct pollfd waits = { fd, POLLOUT, 0 };
      gssize n = send (fd, flood, 1000000, MSG_DONTWAIT | MSG_NOSIGNAL);

      if (n > 0)
        sent += (gsize) n;
      else if (poll (&waits, 1, 100) == 0)
        break;
    }
  g_assert_cmpuint (sent, <, 50 * 1000 * 1000);
  lectern_reactor_post (held.reactor, release, held.exchange, NULL);
  got = client_read_all (fd);
  g_assert_true (g_str_has_prefix (got, "HTTP/1.1 500 "));
  fixture_stop (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/hostile/refuses-the-probes-h-01", test_probes);
  g_test_add_func ("/http/hostile/clamps-ranges-h-01-h-04", test_range_probe);
  g_test_add_func ("/http/hostile/ends-slow-heads-h-02", test_slow_head);
  g_test_add_func ("/http/hostile/ends-trickled-heads-h-02", test_trickled_head);
  g_test_add_func ("/http/hostile/ends-400-half-open-heads-h-01-h-02", test_half_open);
  g_test_add_func ("/http/hostile/ends-slow-bodies-h-02", test_slow_body);
  g_test_add_func ("/http/hostile/lets-a-body-come-at-1-kib-per-second-h-02", test_body_rate);
  g_test_add_func ("/http/hostile/ends-idle-connections-h-03", test_idle);
  g_test_add_func ("/http/hostile/bounds-bodies-h-01", test_body_limit);
  g_test_add_func ("/http/hostile/bounds-heads-h-01", test_head_limits);
  g_test_add_func ("/http/hostile/stops-reading-a-flood-h-01", test_flood_behind);
  return g_test_run ();
}
