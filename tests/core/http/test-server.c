/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-fixture.h"

static void
say_path (LecternHttpExchange *exchange, gpointer user_data)
{
  const char *path = lectern_http_exchange_get_path (exchange);
  g_autoptr (GBytes) body = g_bytes_new (path, strlen (path));

  lectern_http_exchange_respond (exchange, 200, "text/plain", body);
}

static void
test_answers (void)
{
  Fixture fixture;
  g_auto (Answer) answer = { 0 };
  g_autofree char *date = NULL;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/a/{x}", LECTERN_ACTION_PUBLIC, NULL, say_path, NULL);
  fixture_ask (&fixture, "GET /a/b%20c HTTP/1.1\r\nHost: a\r\n\r\n", &answer);
  g_assert_cmpuint (answer.status, ==, 200);
  g_assert_cmpstr (answer.body, ==, "/a/b c");
  assert_header (&answer, "Content-Type", "text/plain");
  assert_header (&answer, "X-Content-Type-Options", "nosniff");
  assert_header (&answer, "Referrer-Policy", "no-referrer");
  assert_header (&answer, "Connection", NULL);
  assert_header (&answer, "Server", NULL);
  date = head_get (answer.head, "Date");
  g_assert_true (g_str_has_suffix (date, " GMT"));
  g_assert_cmpuint (strlen (date), ==, strlen ("Sun, 06 Nov 1994 08:49:37 GMT"));
  fixture_stop (&fixture);
}

static void
test_keep_alive (void)
{
  Fixture fixture;
  int fd;
  guint i;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/{x}", LECTERN_ACTION_PUBLIC, NULL, say_path, NULL);
  fd = fixture_connect (&fixture);
  for (i = 0; i < 20; i++)
    {
      g_auto (Answer) answer = { 0 };

      client_ask (fd, "GET /one HTTP/1.1\r\nHost: a\r\n\r\n", &answer);
      g_assert_cmpuint (answer.status, ==, 200);
      g_assert_cmpstr (answer.body, ==, "/one");
    }
  close (fd);
  fixture_stop (&fixture);
}

static void
test_pipelining (void)
{
  Fixture fixture;
  g_autoptr (GString) all = g_string_new (NULL);
  int fd;
  guint i;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/{x}", LECTERN_ACTION_PUBLIC, NULL, say_path, NULL);
  fd = fixture_connect (&fixture);
  for (i = 0; i < 10; i++)
    g_string_append_printf (all, "GET /%u HTTP/1.1\r\nHost: a\r\n\r\n", i);
  client_send (fd, all->str);
  for (i = 0; i < 10; i++)
    {
      g_auto (Answer) answer = { 0 };
      g_autofree char *path = g_strdup_printf ("/%u", i);

      client_read_answer (fd, &answer);
      g_assert_cmpstr (answer.body, ==, path);
    }
  close (fd);
  fixture_stop (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/server/answers", test_answers);
  g_test_add_func ("/http/server/keeps-the-connection", test_keep_alive);
  g_test_add_func ("/http/server/answers-ten-pipelined-requests-in-order", test_pipelining);
  return g_test_run ();
}
