/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../lectern-rtmp-handshake.h"

#include <string.h>

#define SIZE LECTERN_RTMP_HANDSHAKE_SIZE

typedef struct
{
  LecternRtmpHandshake server;
  LecternByteWriter out;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  lectern_rtmp_handshake_init_server (&fixture->server);
  lectern_byte_writer_init (&fixture->out, 16 * 1024);
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  g_assert_false (fixture->out.overflow);
  lectern_byte_writer_clear (&fixture->out);
}

static gsize
feed (Fixture *fixture, const guint8 *data, gsize length)
{
  g_autoptr (GError) error = NULL;
  gsize used = lectern_rtmp_handshake_input (&fixture->server, data, length, &fixture->out, &error);

  g_assert_no_error (error);
  return used;
}

static void
test_simple (Fixture *fixture, gconstpointer unused)
{
  guint8 hello[1 + SIZE + SIZE + 5] = { 3 };

  memset (hello + 9, 0xab, SIZE - 8);
  g_assert_cmpuint (feed (fixture, hello, 1 + SIZE), ==, 1 + SIZE);
  g_assert_cmpuint (fixture->out.size, ==, 1 + 2 * SIZE);
  g_assert_cmpuint (fixture->out.data[0], ==, 3);
  g_assert_cmpmem (fixture->out.data + 5, 4, "\0\0\0", 4);
  g_assert_cmpmem (fixture->out.data + 1 + SIZE, SIZE, hello + 1, SIZE);
  g_assert_false (fixture->server.digest);
  /* What follows the echo is not the handshake's. */
  g_assert_cmpuint (feed (fixture, hello + 1 + SIZE, SIZE + 5), ==, SIZE);
  g_assert_cmpint (fixture->server.state, ==, LECTERN_RTMP_HANDSHAKE_DONE);
  g_assert_cmpuint (fixture->out.size, ==, 1 + 2 * SIZE);
}

static void
test_at_once (Fixture *fixture, gconstpointer unused)
{
  g_autofree guint8 *hello = g_malloc0 (1024 * 1024);

  hello[0] = 3;
  g_assert_cmpuint (feed (fixture, hello, 1024 * 1024), ==, 1 + 2 * SIZE);
  g_assert_cmpint (fixture->server.state, ==, LECTERN_RTMP_HANDSHAKE_DONE);
}

static void
test_byte_by_byte (Fixture *fixture, gconstpointer unused)
{
  guint8 hello[1 + 2 * SIZE] = { 3 };
  gsize at = 0;

  for (gsize end = 1; end <= sizeof hello; end++)
    at += feed (fixture, hello + at, end - at);
  g_assert_cmpuint (at, ==, sizeof hello);
  g_assert_cmpint (fixture->server.state, ==, LECTERN_RTMP_HANDSHAKE_DONE);
}

static void
test_all_ones (Fixture *fixture, gconstpointer unused)
{
  guint8 hello[1 + 2 * SIZE];

  memset (hello, 0xff, sizeof hello);
  hello[0] = 3;
  g_assert_cmpuint (feed (fixture, hello, sizeof hello), ==, sizeof hello);
  g_assert_false (fixture->server.digest);
}

static void
check_refused (Fixture *fixture, const char *first, gint code, const char *word)
{
  g_autoptr (GError) error = NULL;

  lectern_rtmp_handshake_input (&fixture->server, (const guint8 *) first, strlen (first),
                                &fixture->out, &error);
  g_assert_error (error, LECTERN_ERROR, code);
  g_assert_nonnull (strstr (error->message, word));
  g_assert_cmpuint (fixture->out.size, ==, 0);
}

static void
test_others (Fixture *fixture, gconstpointer unused)
{
  check_refused (fixture, "\x06", LECTERN_ERROR_NOT_SUPPORTED, "RTMPE");
  check_refused (fixture, "\x08", LECTERN_ERROR_NOT_SUPPORTED, "RTMPE");
  check_refused (fixture, "POST /open/1 HTTP/1.1\r\n", LECTERN_ERROR_NOT_SUPPORTED, "RTMPT");
  check_refused (fixture, "GET / HTTP/1.1\r\n", LECTERN_ERROR_NOT_SUPPORTED, "HTTP");
  check_refused (fixture, "\x16\x03\x01", LECTERN_ERROR_NOT_SUPPORTED, "TLS");
  check_refused (fixture, "\x02", LECTERN_ERROR_INVALID_DATA, "0x02");
  check_refused (fixture, "\xff", LECTERN_ERROR_INVALID_DATA, "0xff");
}

/* Both ends of ours; @user_data: whether with a digest. */
static void
test_client (Fixture *fixture, gconstpointer user_data)
{
  gboolean digest = GPOINTER_TO_INT (user_data);
  g_auto (LecternByteWriter) sent = { NULL };
  g_autoptr (GError) error = NULL;
  LecternRtmpHandshake client;
  gsize used;

  lectern_byte_writer_init (&sent, 16 * 1024);
  lectern_rtmp_handshake_init_client (&client, digest, &sent);
  g_assert_cmpuint (sent.size, ==, 1 + SIZE);
  feed (fixture, sent.data, sent.size);
  g_assert_cmpint (fixture->server.digest, ==, digest);
  /* The client echoes as soon as it has the server's first packet. */
  used = lectern_rtmp_handshake_input (&client, fixture->out.data, 1 + SIZE, &sent, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (used, ==, 1 + SIZE);
  g_assert_cmpint (client.digest, ==, digest);
  g_assert_cmpuint (sent.size, ==, 1 + 2 * SIZE);
  used = lectern_rtmp_handshake_input (&client, fixture->out.data + used, SIZE, &sent, &error);
  g_assert_cmpuint (used, ==, SIZE);
  g_assert_cmpint (client.state, ==, LECTERN_RTMP_HANDSHAKE_DONE);
  g_assert_cmpuint (feed (fixture, sent.data + 1 + SIZE, SIZE), ==, SIZE);
  g_assert_cmpint (fixture->server.state, ==, LECTERN_RTMP_HANDSHAKE_DONE);
}

static void
sign (const void *key, gsize key_size, const guint8 *data, gsize size, gsize hole,
      guint8 digest[32])
{
  GHmac *hmac = g_hmac_new (G_CHECKSUM_SHA256, key, key_size);
  gsize length = 32;

  g_hmac_update (hmac, data, hole);
  if (hole < size)
    g_hmac_update (hmac, data + hole + 32, size - hole - 32);
  g_hmac_get_digest (hmac, digest, &length);
  g_hmac_unref (hmac);
}

/* A player that puts its digest into the second half; the places are those of the Flash player. */
static void
test_second_scheme (Fixture *fixture, gconstpointer unused)
{
  guint8 hello[1 + SIZE] = { 3, 0, 0, 0, 0, 9, 0, 124, 2 };
  const guint8 *answer;
  guint8 expected[32];
  gsize hole;

  for (guint i = 9; i < sizeof hello; i++)
    hello[i] = (guint8) (i * 7);
  hole = 776 + (hello[773] + hello[774] + hello[775] + hello[776]) % 728;
  sign ("Genuine Adobe Flash Player 001", 30, hello + 1, SIZE, hole, hello + 1 + hole);
  feed (fixture, hello, sizeof hello);
  g_assert_true (fixture->server.digest);
  answer = fixture->out.data + 1;
  hole = 776 + (answer[772] + answer[773] + answer[774] + answer[775]) % 728;
  sign ("Genuine Adobe Flash Media Server 001", 36, answer, SIZE, hole, expected);
  g_assert_cmpmem (answer + hole, 32, expected, 32);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/rtmp/handshake/simple", Fixture, NULL, set_up, test_simple, tear_down);
  g_test_add ("/rtmp/handshake/a-megabyte-at-once", Fixture, NULL, set_up, test_at_once, tear_down);
  g_test_add ("/rtmp/handshake/byte-by-byte", Fixture, NULL, set_up, test_byte_by_byte, tear_down);
  g_test_add ("/rtmp/handshake/all-ones-is-simple", Fixture, NULL, set_up, test_all_ones,
              tear_down);
  g_test_add ("/rtmp/handshake/names-what-it-refuses", Fixture, NULL, set_up, test_others,
              tear_down);
  g_test_add ("/rtmp/handshake/client-simple", Fixture, GINT_TO_POINTER (FALSE), set_up,
              test_client, tear_down);
  g_test_add ("/rtmp/handshake/client-with-digest", Fixture, GINT_TO_POINTER (TRUE), set_up,
              test_client, tear_down);
  g_test_add ("/rtmp/handshake/second-scheme-of-the-digest", Fixture, NULL, set_up,
              test_second_scheme, tear_down);
  return g_test_run ();
}
