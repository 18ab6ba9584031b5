/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../lectern-http-flv-url.h"

#include <string.h>

static void
check (const char *text, const char *via, gboolean secure, const char *host, guint16 port,
       const char *request)
{
  g_autofree char *got_host = NULL;
  g_autofree char *got_request = NULL;
  g_autoptr (GError) error = NULL;
  guint16 got_port;
  gboolean got_secure;

  lectern_http_flv_url_parse (text, via, &got_host, &got_port, &got_secure, &got_request, &error);
  g_assert_no_error (error);
  g_assert_cmpint (got_secure, ==, secure);
  g_assert_cmpstr (got_host, ==, host);
  g_assert_cmpuint (got_port, ==, port);
  g_assert_cmpstr (got_request, ==, request);
}

#define REST "User-Agent: Lectern\r\nAccept: */*\r\nConnection: close\r\n"

static void
test_good (void)
{
  check ("http://host/live/name.flv", NULL, FALSE, "host", 80,
         "GET /live/name.flv HTTP/1.1\r\nHost: host\r\n" REST "\r\n");
  check ("HTTPS://host:8443/live/name.flv?key=a&b", "one,two", TRUE, "host", 8443,
         "GET /live/name.flv?key=a&b HTTP/1.1\r\nHost: host:8443\r\n" REST
         "Lectern-Via: one,two\r\n\r\n");
  check ("https://[::1]/a", NULL, TRUE, "::1", 443,
         "GET /a HTTP/1.1\r\nHost: [::1]\r\n" REST "\r\n");
  check ("http://me:p%40ss@host", NULL, FALSE, "host", 80,
         "GET / HTTP/1.1\r\nHost: host\r\n" REST "Authorization: Basic bWU6cEBzcw==\r\n\r\n");
}

static void
test_bad (void)
{
  g_autofree char *deep = g_strnfill (5000, 'a');
  g_autofree char *long_url = g_strconcat ("http://host/", deep, NULL);
  const char *const urls[] = {
    "",
    "host",
    "ftp://secret/a",
    "http:///secret",
    "http://host:0/secret",
    "http://host:99999/secret",
    "http://host/secret\r\nX: y",
    "http://host/secret x",
    "http://ho st/secret",
    long_url,
  };

  for (guint i = 0; i < G_N_ELEMENTS (urls); i++)
    {
      g_autofree char *host = NULL;
      g_autofree char *request = NULL;
      g_autoptr (GError) error = NULL;
      guint16 port;
      gboolean secure;

      g_assert_false (
          lectern_http_flv_url_parse (urls[i], NULL, &host, &port, &secure, &request, &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
      g_assert_null (strstr (error->message, "secret"));
    }
}

/* What others say they are must not add a line to our request. */
static void
test_bad_via (void)
{
  g_autofree char *host = NULL;
  g_autofree char *request = NULL;
  guint16 port;
  gboolean secure;

  g_assert_false (lectern_http_flv_url_parse ("http://host/a", "a\r\nX: y", &host, &port, &secure,
                                              &request, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http-flv/url/makes-a-request", test_good);
  g_test_add_func ("/http-flv/url/refuses-what-is-none", test_bad);
  g_test_add_func ("/http-flv/url/adds-no-line", test_bad_via);
  return g_test_run ();
}
