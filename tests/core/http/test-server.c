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

static void
say_path (LecternHttpExchange *exchange, gpointer user_data)
{
  respond_text (exchange, lectern_http_exchange_get_path (exchange));
}

/* A server whose "/{x}" says its path. */
static void
start_saying (Fixture *fixture)
{
  fixture_start (fixture, NULL);
  fixture_route (fixture, "GET", "/{x}", LECTERN_ACTION_PUBLIC, NULL, say_path, NULL);
}

static void
test_answers (void)
{
  Fixture fixture;
  g_auto (Answer) answer = { 0 };
  g_autofree char *date = NULL;

  start_saying (&fixture);
  fixture_ask (&fixture, "GET /b%20c HTTP/1.1\r\nHost: a\r\n\r\n", &answer);
  g_assert_cmpuint (answer.status, ==, 200);
  g_assert_cmpstr (answer.body, ==, "/b c");
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

  start_saying (&fixture);
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

static void
test_pipelining (void)
{
  Fixture fixture;
  g_autofree char *all = make_requests (10);
  g_autofree char *rest = NULL;
  int fd;
  guint i;

  start_saying (&fixture);
  fd = fixture_connect (&fixture);
  client_send (fd, all);
  for (i = 0; i < 10; i++)
    {
      g_auto (Answer) answer = { 0 };
      g_autofree char *path = g_strdup_printf ("/%u", i);

      client_read_answer (fd, &answer);
      g_assert_cmpstr (answer.body, ==, path);
      assert_header (&answer, "Connection", i == 9 ? "close" : NULL);
    }
  rest = client_read_all (fd);
  g_assert_cmpstr (rest, ==, "");
  fixture_stop (&fixture);
}

/* The requests come in pieces that end anywhere. */
static void
test_pieces (void)
{
  Fixture fixture;
  g_autofree char *all = make_requests (5);
  gsize each;

  start_saying (&fixture);
  for (each = 1; each < 60; each += 7)
    {
      int fd = fixture_connect (&fixture);
      gsize at, length = strlen (all);
      g_autofree char *got = NULL;

      for (at = 0; at < length; at += each)
        client_send_bytes (fd, all + at, MIN (each, length - at));
      got = client_read_all (fd);
      g_assert_nonnull (strstr (got, "\r\n\r\n/4"));
    }
  fixture_stop (&fixture);
}

static void
test_head (void)
{
  Fixture fixture;
  g_autofree char *got = NULL;
  int fd;

  start_saying (&fixture);
  fd = fixture_connect (&fixture);
  client_send (fd, "HEAD /abc HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  got = client_read_all (fd);
  g_assert_true (g_str_has_prefix (got, "HTTP/1.1 200 OK\r\n"));
  g_assert_nonnull (strstr (got, "\r\nContent-Length: 4\r\n"));
  g_assert_true (g_str_has_suffix (got, "\r\n\r\n"));
  fixture_stop (&fixture);
}

static void
test_versions (void)
{
  Fixture fixture;
  g_auto (Answer) old = { 0 };
  g_auto (Answer) kept = { 0 };
  g_auto (Answer) again = { 0 };
  int fd;

  start_saying (&fixture);
  fixture_ask (&fixture, "GET /a HTTP/1.0\r\n\r\n", &old);
  g_assert_cmpstr (old.body, ==, "/a");
  assert_header (&old, "Connection", "close");
  fd = fixture_connect (&fixture);
  client_ask (fd, "GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &kept);
  assert_header (&kept, "Connection", "keep-alive");
  client_ask (fd, "GET /c HTTP/1.0\r\n\r\n", &again);
  g_assert_cmpstr (again.body, ==, "/c");
  close (fd);
  fixture_stop (&fixture);
}

static void
test_problems (void)
{
  static const struct
  {
    const char *request;
    guint status;
    const char *name;
    const char *header;
    const char *value;
  } cases[] = {
    { "GET /a/b HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not-found", NULL, NULL },
    { "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, "not-supported", "Allow",
      "GET, HEAD, OPTIONS" },
    { "TRACE /a HTTP/1.1\r\nHost: a\r\n\r\n", 405, "not-supported", NULL, NULL },
    { "BREW /a HTTP/1.1\r\nHost: a\r\n\r\n", 501, "not-supported", "Connection", "close" },
    { "GET /a HTTP/1.2\r\nHost: a\r\n\r\n", 505, "not-supported", "Connection", "close" },
    { "GET /ws/x HTTP/1.1\r\nHost: a\r\n\r\n", 426, "not-supported", "Upgrade", "websocket" },
    { "nonsense\r\n\r\n", 400, "invalid-data", "Connection", "close" },
  };
  Fixture fixture;
  guint i;

  start_saying (&fixture);
  fixture_route (&fixture, "WEBSOCKET", "/ws/{x}", LECTERN_ACTION_PUBLIC, NULL, say_path, NULL);
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Answer) answer = { 0 };
      g_autoptr (JsonNode) root = NULL;
      JsonObject *object;
      g_autofree char *type = g_strdup_printf ("urn:lectern:error:%s", cases[i].name);

      fixture_ask (&fixture, cases[i].request, &answer);
      g_assert_cmpuint (answer.status, ==, cases[i].status);
      assert_header (&answer, "Content-Type", "application/problem+json");
      root = lectern_json_parse (answer.body, strlen (answer.body), NULL);
      object = json_node_get_object (root);
      g_assert_cmpint (json_object_get_int_member (object, "status"), ==, cases[i].status);
      g_assert_cmpstr (json_object_get_string_member (object, "code"), ==, cases[i].name);
      g_assert_cmpstr (json_object_get_string_member (object, "type"), ==, type);
      g_assert_true (json_object_has_member (object, "title"));
      g_assert_true (json_object_has_member (object, "detail"));
      if (cases[i].header != NULL)
        assert_header (&answer, cases[i].header, cases[i].value);
    }
  fixture_stop (&fixture);
}

/* Access */

static void
say_identity (LecternHttpExchange *exchange, gpointer user_data)
{
  respond_text (exchange,
                lectern_identity_get_subject (lectern_http_exchange_get_identity (exchange)));
}

static void
test_access (void)
{
  Fixture fixture;
  g_auto (Answer) answer = { 0 };
  LecternAccessRequest *asked;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/{app}/{name}.flv", LECTERN_ACTION_PLAY, "{app}/{name}",
                 say_identity, NULL);
  fixture_ask (&fixture,
               "GET /live/maths.flv?token=x%20y HTTP/1.1\r\nHost: a\r\nOrigin: http://o\r\n"
               "Referer: http://r/\r\nAuthorization: Bearer t\r\n\r\n",
               &answer);
  g_assert_cmpstr (answer.body, ==, "somebody");
  asked = fixture.guard->last;
  g_assert_cmpint (asked->action, ==, LECTERN_ACTION_PLAY);
  g_assert_cmpstr (asked->thing, ==, "live/maths");
  g_assert_cmpstr (asked->protocol, ==, "http");
  g_assert_cmpstr (asked->origin, ==, "http://o");
  g_assert_cmpstr (asked->referer, ==, "http://r/");
  g_assert_cmpstr (asked->query, ==, "token=x%20y");
  g_assert_cmpstr (asked->credential, ==, "Bearer t");
  g_assert_false (asked->secure);
  g_assert_true (lectern_address_is_loopback (&asked->peer));
  fixture_stop (&fixture);
}

static void
never (LecternHttpExchange *exchange, gpointer user_data)
{
  g_assert_not_reached ();
}

static void
test_denial (void)
{
  Fixture fixture;
  g_auto (Answer) play = { 0 };
  g_auto (Answer) manage = { 0 };
  g_auto (Answer) known = { 0 };
  g_auto (Answer) wrong = { 0 };
  int fd;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/play/{x}", LECTERN_ACTION_PLAY, "{x}", never, NULL);
  fixture_route (&fixture, "GET", "/manage/{x}", LECTERN_ACTION_MANAGE, "{x}", never, NULL);
  fd = fixture_connect (&fixture);
  client_ask (fd, "GET /play/secret HTTP/1.1\r\nHost: a\r\n\r\n", &play);
  g_assert_cmpuint (play.status, ==, 403);
  client_ask (fd, "GET /manage/secret HTTP/1.1\r\nHost: a\r\n\r\n", &manage);
  g_assert_cmpuint (manage.status, ==, 401);
  assert_header (&manage, "WWW-Authenticate", "Bearer");
  client_ask (fd, "GET /manage/secret HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n",
              &known);
  g_assert_cmpuint (known.status, ==, 403);
  client_ask (fd, "GET /manage/secret HTTP/1.1\r\nHost: a\r\nAuthorization: Basic eDp4\r\n\r\n",
              &wrong);
  g_assert_cmpuint (wrong.status, ==, 401);
  close (fd);
  fixture_stop (&fixture);
}

/* A denied body is not waited for. */
static void
test_denied_body (void)
{
  Fixture fixture;
  g_autofree char *got = NULL;
  int fd;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "POST", "/{x}", LECTERN_ACTION_PLAY, "{x}", never, NULL);
  fd = fixture_connect (&fixture);
  client_send (fd, "POST /secret HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                   "Content-Length: 1000\r\n\r\n");
  got = client_read_all (fd);
  g_assert_true (g_str_has_prefix (got, "HTTP/1.1 403 "));
  g_assert_nonnull (strstr (got, "\r\nConnection: close\r\n"));
  fixture_stop (&fixture);
}

/* The peer leaves while the chain is asked, with the answer still to come. */
static void
test_peer_leaves (void)
{
  Fixture fixture;
  guint i;

  start_saying (&fixture);
  for (i = 0; i < 20; i++)
    {
      int fd = fixture_connect (&fixture);
      struct linger reset = { 1, 0 };

      client_send (fd, "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
      if (i % 2 == 0)
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      close (fd);
    }
  for (i = 0; i < 4; i++)
    {
      g_auto (Answer) answer = { 0 };

      fixture_ask (&fixture, "GET /here HTTP/1.1\r\nHost: a\r\n\r\n", &answer);
      g_assert_cmpstr (answer.body, ==, "/here");
    }
  fixture_stop (&fixture);
}

/* Bodies */

static void
echo_body (LecternHttpExchange *exchange, gpointer user_data)
{
  GBytes *body = lectern_http_exchange_get_body (exchange);

  if (body == NULL)
    respond_text (exchange, "no body");
  else
    lectern_http_exchange_respond (exchange, 200, "application/octet-stream", body);
}

static void
test_bodies (void)
{
  Fixture fixture;
  int fd;
  guint i;
  static const char *const requests[] = {
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "2\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n",
  };

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "POST", "/", LECTERN_ACTION_PUBLIC, NULL, echo_body, NULL);
  fd = fixture_connect (&fixture);
  for (i = 0; i < 4; i++)
    {
      g_auto (Answer) answer = { 0 };

      client_ask (fd, requests[i % 2], &answer);
      g_assert_cmpstr (answer.body, ==, "hello");
    }
  for (i = 0; i < 2; i++)
    {
      g_auto (Answer) answer = { 0 };
      const char *at;

      for (at = requests[i]; *at != '\0'; at++)
        client_send_bytes (fd, at, 1);
      client_read_answer (fd, &answer);
      g_assert_cmpstr (answer.body, ==, "hello");
    }
  close (fd);
  fixture_stop (&fixture);
}

static void
test_empty_body (void)
{
  Fixture fixture;
  g_auto (Answer) none = { 0 };
  g_auto (Answer) zero = { 0 };

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "POST", "/", LECTERN_ACTION_PUBLIC, NULL, echo_body, NULL);
  fixture_ask (&fixture, "POST / HTTP/1.1\r\nHost: a\r\n\r\n", &none);
  g_assert_cmpstr (none.body, ==, "no body");
  fixture_ask (&fixture, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", &zero);
  g_assert_cmpstr (zero.body, ==, "no body");
  fixture_stop (&fixture);
}

static void
test_continue (void)
{
  Fixture fixture;
  g_autofree char *go_on = NULL;
  g_auto (Answer) answer = { 0 };
  int fd;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "POST", "/", LECTERN_ACTION_PUBLIC, NULL, echo_body, NULL);
  fd = fixture_connect (&fixture);
  client_send (fd, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                   "Content-Length: 5\r\n\r\n");
  go_on = client_read_head (fd);
  g_assert_cmpstr (go_on, ==, "HTTP/1.1 100 Continue\r\n\r\n");
  client_ask (fd, "hello", &answer);
  g_assert_cmpstr (answer.body, ==, "hello");
  close (fd);
  fixture_stop (&fixture);
}

static void
say_json (LecternHttpExchange *exchange, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = lectern_http_exchange_parse_json (exchange, &error);

  if (root != NULL)
    lectern_http_exchange_respond_json (exchange, 201, root);
  else
    lectern_http_exchange_respond_error (exchange, error);
}

static void
ask_json (Fixture *fixture, const char *type, const char *json, Answer *answer)
{
  g_autofree char *request = g_strdup_printf ("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\n"
                                              "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n%s",
                                              type, strlen (json), json);

  fixture_ask (fixture, request, answer);
}

static void
test_json (void)
{
  Fixture fixture;
  g_auto (Answer) good = { 0 };
  g_auto (Answer) form = { 0 };
  g_autofree char *deep = g_strnfill (10000, '[');
  const char *const bad[] = { deep, "{\"a\":1,\"a\":2}", "\"\\ud800\"", "1e400", "{", "" };
  guint i;

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "POST", "/", LECTERN_ACTION_PUBLIC, NULL, say_json, NULL);
  ask_json (&fixture, "application/json; charset=utf-8", "{ \"a\": 1 }", &good);
  g_assert_cmpuint (good.status, ==, 201);
  g_assert_cmpstr (good.body, ==, "{\"a\":1}");
  assert_header (&good, "Content-Type", "application/json");
  ask_json (&fixture, "text/plain", "{}", &form);
  g_assert_cmpuint (form.status, ==, 400);
  for (i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_auto (Answer) answer = { 0 };

      ask_json (&fixture, "application/json", bad[i], &answer);
      g_assert_cmpuint (answer.status, >=, 400);
      g_assert_cmpuint (answer.status, <, 500);
    }
  fixture_stop (&fixture);
}

/* What a handler may ask of the request. */

static void
say_request (LecternHttpExchange *exchange, gpointer user_data)
{
  g_autofree char *text
      = g_strdup_printf ("%s|%s|%s|%s|%s|%s|%s", lectern_http_exchange_get_method (exchange),
                         lectern_http_exchange_get_parameter (exchange, "x"),
                         lectern_http_exchange_get_query (exchange),
                         lectern_http_exchange_get_query_value (exchange, "q"),
                         lectern_http_exchange_get_header (exchange, "x-list"),
                         lectern_http_exchange_get_header (exchange, "none") == NULL ? "-" : "+",
                         lectern_http_exchange_is_secure (exchange) ? "tls" : "plain");

  g_assert_null (lectern_http_exchange_get_query_value (exchange, "none"));
  g_assert_null (lectern_http_exchange_get_parameter (exchange, "none"));
  g_assert_true (lectern_address_is_loopback (lectern_http_exchange_get_peer (exchange)));
  g_assert_true (g_str_has_prefix (lectern_http_exchange_get_peer_name (exchange), "127.0.0.1:"));
  g_assert_cmpint (lectern_http_exchange_get_accepted_us (exchange), >, 0);
  respond_text (exchange, text);
}

static void
test_request (void)
{
  Fixture fixture;
  g_auto (Answer) answer = { 0 };

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "PUT", "/a/{x}", LECTERN_ACTION_PUBLIC, NULL, say_request, NULL);
  fixture_ask (&fixture,
               "PUT /a/%E8%AF%BE?p=1&q=a%26b HTTP/1.1\r\nHost: a\r\nX-List: one\r\n"
               "x-LIST: two, three\r\n\r\n",
               &answer);
  g_assert_cmpstr (answer.body, ==, "PUT|课|p=1&q=a%26b|a&b|one, two, three|-|plain");
  fixture_stop (&fixture);
}

static void
set_headers (LecternHttpExchange *exchange, gpointer user_data)
{
  lectern_http_exchange_set_header (exchange, "X-Good", "one");
  lectern_http_exchange_set_header (exchange, "x-good", "two");
  lectern_http_exchange_set_header (exchange, "X-Value", "a\r\nX-Injected: 1");
  lectern_http_exchange_set_header (exchange, "X-Name: a\r\nX-Injected", "1");
  lectern_http_exchange_set_header (exchange, "X-Lf", "a\nX-Injected: 1");
  lectern_http_exchange_set_header (exchange, "X-Tab", "a\tb");
  lectern_http_exchange_set_header (exchange, "", "1");
  lectern_http_exchange_set_header (exchange, "Content-Length", "7");
  lectern_http_exchange_set_header (exchange, "Transfer-Encoding", "chunked");
  lectern_http_exchange_set_header (exchange, "Set-Cookie", "a=1");
  lectern_http_exchange_set_header (exchange, "Set-Cookie", "b=2");
  lectern_http_exchange_respond (exchange, 200, "text/plain\r\nX-Injected: 1", NULL);
}

static void
test_injection (void)
{
  Fixture fixture;
  g_auto (Answer) answer = { 0 };

  fixture_start (&fixture, NULL);
  fixture_route (&fixture, "GET", "/", LECTERN_ACTION_PUBLIC, NULL, set_headers, NULL);
  fixture_ask (&fixture, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", &answer);
  assert_header (&answer, "X-Good", "two");
  assert_header (&answer, "Content-Length", "0");
  assert_header (&answer, "Transfer-Encoding", NULL);
  assert_header (&answer, "Content-Type", NULL);
  assert_header (&answer, "X-Tab", NULL);
  g_assert_null (strstr (answer.head, "njected"));
  g_assert_nonnull (strstr (answer.head, "\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"));
  fixture_stop (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/server/answers", test_answers);
  g_test_add_func ("/http/server/keeps-the-connection", test_keep_alive);
  g_test_add_func ("/http/server/answers-ten-pipelined-requests-in-order", test_pipelining);
  g_test_add_func ("/http/server/reads-requests-in-pieces", test_pieces);
  g_test_add_func ("/http/server/answers-head-without-a-body", test_head);
  g_test_add_func ("/http/server/speaks-http-1.0", test_versions);
  g_test_add_func ("/http/server/describes-problems", test_problems);
  g_test_add_func ("/http/server/asks-the-access-chain", test_access);
  g_test_add_func ("/http/server/denies", test_denial);
  g_test_add_func ("/http/server/reads-no-body-of-the-denied", test_denied_body);
  g_test_add_func ("/http/server/survives-peers-that-leave", test_peer_leaves);
  g_test_add_func ("/http/server/reads-bodies", test_bodies);
  g_test_add_func ("/http/server/knows-an-empty-body", test_empty_body);
  g_test_add_func ("/http/server/answers-expect-continue", test_continue);
  g_test_add_func ("/http/server/guards-json-h-09", test_json);
  g_test_add_func ("/http/server/tells-the-handler-of-the-request", test_request);
  g_test_add_func ("/http/server/lets-no-header-be-injected-h-07", test_injection);
  return g_test_run ();
}
