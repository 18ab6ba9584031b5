/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's end against our own server's end, and against others that say less. */
#include "../lectern-rtmp-chunk-writer.h"
#include "../lectern-rtmp-client.h"
#include "../lectern-rtmp-command.h"
#include "../lectern-rtmp-server.h"
#include "../lectern-rtmp-url.h"

#include <string.h>

typedef struct
{
  LecternRtmpServer *server;
  LecternRtmpClient *client;
  GByteArray *to_server;
  GByteArray *to_client;
  LecternByteWriter raw; /* what another server would say */
  LecternRtmpEvent event;
  GError *error;
} Fixture;

static void
begin (Fixture *fixture, gboolean publish)
{
  const LecternRtmpClientTarget target = { .publish = publish,
                                           .app = "live",
                                           .name = "physics?key=abc",
                                           .tc_url = "rtmp://host/live",
                                           .via = "one,two" };

  fixture->client = lectern_rtmp_client_new (&target);
}

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  fixture->server = lectern_rtmp_server_new ();
  fixture->to_server = g_byte_array_new ();
  fixture->to_client = g_byte_array_new ();
  lectern_byte_writer_init (&fixture->raw, 1024 * 1024);
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  lectern_rtmp_event_clear (&fixture->event);
  g_clear_error (&fixture->error);
  lectern_rtmp_server_free (fixture->server);
  g_clear_pointer (&fixture->client, lectern_rtmp_client_free);
  g_byte_array_unref (fixture->to_server);
  g_byte_array_unref (fixture->to_client);
  lectern_byte_writer_clear (&fixture->raw);
}

static void
append (GByteArray *to, GBytes *bytes)
{
  if (bytes != NULL)
    g_byte_array_append (to, g_bytes_get_data (bytes, NULL), (guint) g_bytes_get_size (bytes));
}

/* Bytes of the client go to the server. TRUE: it has an event. */
static gboolean
run_server (Fixture *fixture)
{
  g_autoptr (GBytes) out = lectern_rtmp_client_take_output (fixture->client);
  g_autoptr (GBytes) answer = NULL;
  gsize used;

  append (fixture->to_server, out);
  lectern_rtmp_event_clear (&fixture->event);
  used = lectern_rtmp_server_input (fixture->server, fixture->to_server->data,
                                    fixture->to_server->len, &fixture->event, &fixture->error);
  g_assert_no_error (fixture->error);
  g_byte_array_remove_range (fixture->to_server, 0, (guint) used);
  answer = lectern_rtmp_server_take_output (fixture->server);
  append (fixture->to_client, answer);
  return fixture->event.type != LECTERN_RTMP_EVENT_NONE;
}

/* And back. */
static gboolean
run_client (Fixture *fixture)
{
  g_autoptr (GBytes) out = lectern_rtmp_server_take_output (fixture->server);
  gsize used;

  append (fixture->to_client, out);
  lectern_rtmp_event_clear (&fixture->event);
  used = lectern_rtmp_client_input (fixture->client, fixture->to_client->data,
                                    fixture->to_client->len, &fixture->event, &fixture->error);
  g_byte_array_remove_range (fixture->to_client, 0, (guint) used);
  return fixture->event.type != LECTERN_RTMP_EVENT_NONE;
}

/* Until the server has an event, which must be @type. */
static void
expect_asked (Fixture *fixture, LecternRtmpEventType type)
{
  for (guint i = 0; i < 10 && !run_server (fixture); i++)
    {
      g_assert_false (run_client (fixture));
      g_assert_no_error (fixture->error);
    }
  g_assert_cmpint (fixture->event.type, ==, type);
}

static void
expect_told (Fixture *fixture, LecternRtmpEventType type)
{
  run_client (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpint (fixture->event.type, ==, type);
}

/* In the client's words, up to the server's question. */
static void
ask (Fixture *fixture, gboolean publish)
{
  begin (fixture, publish);
  expect_asked (fixture, LECTERN_RTMP_EVENT_CONNECT);
  g_assert_cmpstr (lectern_rtmp_server_get_via (fixture->server), ==, "one,two");
  lectern_rtmp_server_answer (fixture->server, NULL);
  expect_asked (fixture, publish ? LECTERN_RTMP_EVENT_PUBLISH : LECTERN_RTMP_EVENT_PLAY);
  g_assert_cmpstr (lectern_rtmp_server_get_thing (fixture->server), ==, "live/physics");
  g_assert_cmpstr (lectern_rtmp_server_get_query (fixture->server), ==, "key=abc");
}

static void
say_media (LecternByteWriter *out, guint32 stream, guint32 timestamp, const char *body)
{
  const LecternRtmpHeader header
      = { LECTERN_RTMP_CSID_VIDEO, LECTERN_RTMP_VIDEO, stream, timestamp };

  lectern_rtmp_write_message (out, &header, body, strlen (body), LECTERN_RTMP_CHUNK_SIZE);
}

static void
test_publishes (Fixture *fixture, gconstpointer unused)
{
  ask (fixture, TRUE);
  lectern_rtmp_server_answer (fixture->server, NULL);
  expect_told (fixture, LECTERN_RTMP_EVENT_STARTED);
  g_assert_false (run_client (fixture));

  say_media (&fixture->raw, lectern_rtmp_client_get_stream (fixture->client), 40, "picture");
  g_byte_array_append (fixture->to_server, fixture->raw.data, (guint) fixture->raw.size);
  g_assert_true (run_server (fixture));
  g_assert_cmpint (fixture->event.type, ==, LECTERN_RTMP_EVENT_MEDIA);
  g_assert_cmpuint (fixture->event.message.timestamp, ==, 40);
  g_assert_cmpuint (g_bytes_get_size (fixture->event.message.payload), ==, 7);

  lectern_rtmp_client_end (fixture->client);
  expect_asked (fixture, LECTERN_RTMP_EVENT_STOP);
}

static void
test_plays (Fixture *fixture, gconstpointer unused)
{
  ask (fixture, FALSE);
  lectern_rtmp_server_answer (fixture->server, NULL);
  expect_told (fixture, LECTERN_RTMP_EVENT_STARTED);
  lectern_rtmp_server_ping (fixture->server, 77);
  say_media (&fixture->raw, 1, 40, "picture");
  g_assert_false (run_client (fixture));
  g_byte_array_append (fixture->to_client, fixture->raw.data, (guint) fixture->raw.size);
  expect_told (fixture, LECTERN_RTMP_EVENT_MEDIA);
  g_assert_cmpuint (fixture->event.message.timestamp, ==, 40);
  g_assert_false (run_server (fixture));

  lectern_rtmp_server_end (fixture->server, NULL);
  expect_told (fixture, LECTERN_RTMP_EVENT_STOP);
  g_assert_false (run_client (fixture));
}

static void
expect_refusal (Fixture *fixture, LecternError told, LecternError heard, const char *words)
{
  g_autoptr (GError) why = g_error_new_literal (LECTERN_ERROR, (int) told, "secret detail");

  lectern_rtmp_server_answer (fixture->server, why);
  g_assert_false (run_client (fixture));
  g_assert_error (fixture->error, LECTERN_ERROR, (int) heard);
  g_assert_nonnull (strstr (fixture->error->message, words));
}

static void
test_connect_refused (Fixture *fixture, gconstpointer unused)
{
  begin (fixture, TRUE);
  expect_asked (fixture, LECTERN_RTMP_EVENT_CONNECT);
  expect_refusal (fixture, LECTERN_ERROR_LIMIT, LECTERN_ERROR_DENIED,
                  "NetConnection.Connect.Rejected");
}

/* What a server that has shaken hands says against connect. */
static void
reject (Fixture *fixture, GVariant *info)
{
  begin (fixture, TRUE);
  expect_asked (fixture, LECTERN_RTMP_EVENT_CONNECT);
  lectern_rtmp_write_command (&fixture->raw, 0, "_error", 1, NULL, info, NULL);
  g_byte_array_append (fixture->to_client, fixture->raw.data, (guint) fixture->raw.size);
}

static void
expect_value (Fixture *fixture, LecternRtmpEventType type, const char *value)
{
  expect_told (fixture, type);
  g_assert_cmpstr (g_variant_get_string (fixture->event.value, NULL), ==, value);
  lectern_rtmp_client_end (fixture->client);
  g_assert_null (lectern_rtmp_client_take_output (fixture->client));
}

static void
test_login_wanted (Fixture *fixture, gconstpointer unused)
{
  reject (fixture, g_variant_new_parsed ("{'code': <'NetConnection.Connect.Rejected'>,"
                                         " 'description': <'code=403 need auth; authmod=x'>}"));
  expect_value (fixture, LECTERN_RTMP_EVENT_LOGIN, "code=403 need auth; authmod=x");
}

static void
test_redirected (Fixture *fixture, gconstpointer unused)
{
  reject (fixture,
          g_variant_new_parsed ("{'code': <'NetConnection.Connect.Rejected'>,"
                                " 'ex': <{'code': <302.0>, 'redirect': <'rtmp://b/c'>}>}"));
  expect_value (fixture, LECTERN_RTMP_EVENT_REDIRECT, "rtmp://b/c");
}

static void
test_redirected_by_another_code (Fixture *fixture, gconstpointer unused)
{
  reject (fixture,
          g_variant_new_parsed ("{'code': <'NetConnection.Connect.Rejected'>,"
                                " 'ex': <{'code': <301.0>, 'redirect': <'rtmp://b/c'>}>}"));
  g_assert_false (run_client (fixture));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_DENIED);
}

static void
test_publish_denied (Fixture *fixture, gconstpointer unused)
{
  ask (fixture, TRUE);
  expect_refusal (fixture, LECTERN_ERROR_DENIED, LECTERN_ERROR_DENIED, "Unauthorized");
}

static void
test_publish_taken (Fixture *fixture, gconstpointer unused)
{
  ask (fixture, TRUE);
  expect_refusal (fixture, LECTERN_ERROR_CONFLICT, LECTERN_ERROR_CONFLICT, "BadName");
}

static void
test_play_denied (Fixture *fixture, gconstpointer unused)
{
  ask (fixture, FALSE);
  expect_refusal (fixture, LECTERN_ERROR_DENIED, LECTERN_ERROR_DENIED, "Unauthorized");
}

/* A player waits for a stream that nobody publishes in time. */
static void
test_play_not_found (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) why = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT, "late");

  ask (fixture, FALSE);
  lectern_rtmp_server_answer (fixture->server, NULL);
  expect_told (fixture, LECTERN_RTMP_EVENT_STARTED);
  lectern_rtmp_server_end (fixture->server, why);
  g_assert_false (run_client (fixture));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND);
}

/* Byte for byte, as a slow network brings it. */
static void
test_arrives_in_pieces (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GByteArray) held = g_byte_array_new ();
  gboolean started = FALSE;

  ask (fixture, FALSE);
  lectern_rtmp_server_answer (fixture->server, NULL);
  {
    g_autoptr (GBytes) out = lectern_rtmp_server_take_output (fixture->server);

    append (fixture->to_client, out);
  }
  for (guint i = 0; i < fixture->to_client->len; i++)
    {
      gsize used;

      g_byte_array_append (held, fixture->to_client->data + i, 1);
      lectern_rtmp_event_clear (&fixture->event);
      used = lectern_rtmp_client_input (fixture->client, held->data, held->len, &fixture->event,
                                        &fixture->error);
      g_assert_no_error (fixture->error);
      g_byte_array_remove_range (held, 0, (guint) used);
      started |= fixture->event.type == LECTERN_RTMP_EVENT_STARTED;
    }
  g_assert_true (started);
}

/* Other servers */

static void
hear (Fixture *fixture)
{
  g_byte_array_append (fixture->to_client, fixture->raw.data, (guint) fixture->raw.size);
  fixture->raw.size = 0;
}

static void
say_bare_name (LecternByteWriter *out, const char *name)
{
  const LecternRtmpHeader header = { LECTERN_RTMP_CSID_COMMAND, LECTERN_RTMP_COMMAND, 0, 0 };
  g_auto (LecternByteWriter) body = { NULL };

  lectern_byte_writer_init (&body, 64);
  lectern_amf0_write (&body, g_variant_new_string (name));
  lectern_rtmp_write_message (out, &header, body.data, body.size, LECTERN_RTMP_CHUNK_SIZE);
}

/* A server that has shaken hands, connected and made stream 5; then @raw follows. */
static void
meet_another (Fixture *fixture, gboolean publish)
{
  LecternRtmpHandshake handshake;
  LecternByteWriter *out = &fixture->raw;
  g_autoptr (GBytes) hello = NULL;

  begin (fixture, publish);
  hello = lectern_rtmp_client_take_output (fixture->client);
  lectern_rtmp_handshake_init_server (&handshake);
  lectern_rtmp_handshake_input (&handshake, g_bytes_get_data (hello, NULL),
                                g_bytes_get_size (hello), out, NULL);
  hear (fixture);
  g_assert_false (run_client (fixture));
  lectern_rtmp_write_control (out, LECTERN_RTMP_SET_CHUNK_SIZE, LECTERN_RTMP_CHUNK_SIZE);
  lectern_rtmp_write_command (out, 0, "_result", 1, NULL, NULL);
  lectern_rtmp_write_command (out, 0, "onBWDone", 0, NULL, NULL);
  lectern_rtmp_write_command (out, 0, "_error", 2, NULL, NULL);
  say_bare_name (out, "onFCPublish");
  lectern_rtmp_write_command (out, 0, "_result", 4, NULL, g_variant_new_double (5), NULL);
}

/* No "Play.Start", and the end by a control message alone. */
static void
test_a_server_of_few_words (Fixture *fixture, gconstpointer unused)
{
  meet_another (fixture, FALSE);
  say_media (&fixture->raw, 5, 40, "picture");
  hear (fixture);
  for (guint i = 0; i < 4 && !run_client (fixture); i++)
    g_assert_no_error (fixture->error);
  g_assert_cmpint (fixture->event.type, ==, LECTERN_RTMP_EVENT_MEDIA);
  lectern_rtmp_write_user_control (&fixture->raw, LECTERN_RTMP_STREAM_EOF, 5);
  hear (fixture);
  expect_told (fixture, LECTERN_RTMP_EVENT_STOP);
}

static void
test_a_server_that_refuses_late (Fixture *fixture, gconstpointer unused)
{
  meet_another (fixture, TRUE);
  lectern_rtmp_write_status (&fixture->raw, 5, "error", "NetStream.Publish.Odd", "a\nb");
  hear (fixture);
  for (guint i = 0; i < 4 && fixture->error == NULL; i++)
    g_assert_false (run_client (fixture));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_FAILED);
  g_assert_null (strchr (fixture->error->message, '\n'));
}

static void
test_a_server_that_is_none (Fixture *fixture, gconstpointer unused)
{
  begin (fixture, TRUE);
  g_byte_array_append (fixture->to_client, (const guint8 *) "HTTP/1.1 400\r\n\r\n", 16);
  g_assert_false (run_client (fixture));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED);
}

/* Addresses */

static void
check_url (const char *text, gboolean secure, const char *host, guint16 port, const char *app,
           const char *name, const char *tc_url)
{
  g_auto (LecternRtmpUrl) url = { .host = NULL };
  g_autoptr (GError) error = NULL;

  lectern_rtmp_url_parse (text, &url, &error);
  g_assert_no_error (error);
  g_assert_cmpint (url.secure, ==, secure);
  g_assert_cmpstr (url.host, ==, host);
  g_assert_cmpuint (url.port, ==, port);
  g_assert_cmpstr (url.app, ==, app);
  g_assert_cmpstr (url.name, ==, name);
  g_assert_cmpstr (url.tc_url, ==, tc_url);
}

static void
check_bad_url (const char *text, LecternError code)
{
  g_auto (LecternRtmpUrl) url = { .host = NULL };
  g_autoptr (GError) error = NULL;

  g_assert_false (lectern_rtmp_url_parse (text, &url, &error));
  g_assert_error (error, LECTERN_ERROR, (int) code);
  g_assert_null (strstr (error->message, "secret"));
}

static void
test_urls (void)
{
  g_autofree char *deep = g_strnfill (5000, 'a');
  g_autofree char *long_url = g_strconcat ("rtmp://host/live/", deep, NULL);

  check_url ("rtmp://host/live/name", FALSE, "host", 1935, "live", "name", "rtmp://host/live");
  check_url ("RTMPS://host/live/name?key=a/b&c", TRUE, "host", 443, "live", "name?key=a/b&c",
             "rtmps://host/live");
  check_url ("rtmp://[::1]:1936/live/inner/name", FALSE, "::1", 1936, "live/inner", "name",
             "rtmp://[::1]:1936/live/inner");
  check_url ("rtmp://me:secret@host/live/name", FALSE, "host", 1935, "live", "name",
             "rtmp://host/live");
  check_bad_url ("rtmp://:secret@host/live/name", LECTERN_ERROR_INVALID_DATA);
  check_bad_url ("rtmp://me:secret%00@host/live/name", LECTERN_ERROR_INVALID_DATA);
  check_bad_url ("http://host/live/secret", LECTERN_ERROR_INVALID_DATA);
  check_bad_url ("rtmp://host/secret", LECTERN_ERROR_INVALID_DATA);
  check_bad_url ("rtmp://host/live/", LECTERN_ERROR_INVALID_DATA);
  check_bad_url ("rtmp:///live/name", LECTERN_ERROR_INVALID_DATA);
  check_bad_url ("rtmp://host:0/live/name", LECTERN_ERROR_INVALID_DATA);
  check_bad_url ("rtmp://host:99999/live/name", LECTERN_ERROR_INVALID_DATA);
  check_bad_url ("", LECTERN_ERROR_INVALID_DATA);
  check_bad_url (long_url, LECTERN_ERROR_INVALID_DATA);
}

/* @expected: NULL: refused. */
static void
check_redirect (const char *from, const char *to, const char *expected, const char *user)
{
  g_auto (LecternRtmpUrl) url = { .host = NULL };
  g_auto (LecternRtmpUrl) target = { .host = NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  g_assert_true (lectern_rtmp_url_parse (from, &url, NULL));
  text = lectern_rtmp_url_redirect (&url, to, &target, &error);
  g_assert_cmpstr (text, ==, expected);
  g_assert_cmpint (error == NULL, ==, expected != NULL);
  g_assert_true (error == NULL || strstr (error->message, "secret") == NULL);
  if (expected != NULL)
    {
      g_assert_cmpstr (target.user, ==, user);
      g_assert_cmpstr (target.password, ==, user != NULL ? "secret" : NULL);
    }
}

static void
test_redirects (void)
{
  check_redirect ("rtmp://a/live/name?key=x", "rtmp://b:1936/up", "rtmp://b:1936/up/name?key=x",
                  NULL);
  check_redirect ("rtmp://a/live/name?key=x", "rtmps://b/up//?y=1", "rtmps://b/up/name?key=x&y=1",
                  NULL);
  check_redirect ("rtmp://a/live/name", "rtmp://b/up?y=1", "rtmp://b/up/name?y=1", NULL);
  check_redirect ("rtmp://me:secret@a/live/name", "rtmp://A:1/up", "rtmp://A:1/up/name", "me");
  check_redirect ("rtmp://me:secret@a/live/name", "rtmp://b/up", "rtmp://b/up/name", NULL);
  check_redirect ("rtmp://a/live/name", "rtmp://you:secret@b/up", "rtmp://you:secret@b/up/name",
                  "you");
  check_redirect ("rtmps://a/live/secret", "rtmp://a/up", NULL, NULL);
  check_redirect ("rtmp://a/live/secret", "http://b/up", NULL, NULL);
  check_redirect ("rtmp://a/live/secret", "rtmp://b", NULL, NULL);
  check_redirect ("rtmp://a/live/secret", "", NULL, NULL);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    void (*run) (Fixture *fixture, gconstpointer unused);
  } tests[] = {
    { "publishes", test_publishes },
    { "plays", test_plays },
    { "connect-refused", test_connect_refused },
    { "login-wanted", test_login_wanted },
    { "redirected", test_redirected },
    { "redirected-by-another-code", test_redirected_by_another_code },
    { "publish-denied", test_publish_denied },
    { "publish-taken", test_publish_taken },
    { "play-denied", test_play_denied },
    { "play-not-found", test_play_not_found },
    { "arrives-in-pieces", test_arrives_in_pieces },
    { "a-server-of-few-words", test_a_server_of_few_words },
    { "a-server-that-refuses-late", test_a_server_that_refuses_late },
    { "a-server-that-is-none", test_a_server_that_is_none },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/rtmp/client/", tests[i].name, NULL);

      g_test_add (path, Fixture, NULL, set_up, tests[i].run, tear_down);
    }
  g_test_add_func ("/rtmp/client/reads-addresses", test_urls);
  g_test_add_func ("/rtmp/client/redirects", test_redirects);
  return g_test_run ();
}
