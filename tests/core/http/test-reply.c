/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-reply.h"

#include <string.h>

typedef struct
{
  LecternHttpReply *reply;
  GByteArray *body;
  GByteArray *left;
  GError *error;
} Fixture;

static void
set_up (Fixture *fixture)
{
  *fixture = (Fixture){ .reply = lectern_http_reply_new (),
                        .body = g_byte_array_new (),
                        .left = g_byte_array_new () };
}

static void
tear_down (Fixture *fixture)
{
  lectern_http_reply_free (fixture->reply);
  g_byte_array_unref (fixture->body);
  g_byte_array_unref (fixture->left);
  g_clear_error (&fixture->error);
}

static void
feed (Fixture *fixture, const char *text, gsize piece)
{
  gsize size = strlen (text);

  for (gsize at = 0; at < size && fixture->error == NULL; at += piece)
    {
      gsize used;

      g_byte_array_append (fixture->left, (const guint8 *) text + at,
                           (guint) MIN (piece, size - at));
      used = lectern_http_reply_input (fixture->reply, fixture->left->data, fixture->left->len,
                                       fixture->body, &fixture->error);
      g_byte_array_remove_range (fixture->left, 0, (guint) used);
    }
}

static void
test_good (void)
{
  static const struct
  {
    const char *text;
    guint status;
    const char *body;
    gboolean done;
  } replies[] = {
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", TRUE },
    { "HTTP/1.1 200 OK\r\ncontent-length:5 \r\n\r\nhellothere", 200, "hello", TRUE },
    { "HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello", FALSE },
    { "HTTP/1.1 200\r\nX: \r\n\r\n", 200, "", FALSE },
    { "HTTP/1.1 404 Not there\r\nContent-Length: 0\r\n\r\n", 404, "", TRUE },
    { "HTTP/1.1 204 No Content\r\n\r\n", 204, "", TRUE },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
      200, "hello", TRUE },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 200, "hello", FALSE },
    { "HTTP/1.1 200 O", 0, "", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    for (gsize piece = 1; piece < 100; piece += 33)
      {
        Fixture fixture;

        set_up (&fixture);
        feed (&fixture, replies[i].text, piece);
        g_assert_no_error (fixture.error);
        g_assert_cmpuint (lectern_http_reply_get_status (fixture.reply), ==, replies[i].status);
        g_assert_cmpmem (fixture.body->data, fixture.body->len, replies[i].body,
                         strlen (replies[i].body));
        g_assert_cmpint (lectern_http_reply_is_done (fixture.reply), ==, replies[i].done);
        tear_down (&fixture);
      }
}

static void
test_bad (void)
{
  static const char *const replies[] = {
    "FLV\1 and so on, which is no head at all\r\n\r\n",
    "HTTP/2 200 OK\r\n\r\n",
    "HTTP/1.2 200 OK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 600 Odd\r\n\r\n",
    "HTTP/1.1 200 OK\n\n",
    "\r\nHTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
    "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    {
      Fixture fixture;

      set_up (&fixture);
      feed (&fixture, replies[i], 1000);
      if (!g_error_matches (fixture.error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA))
        g_test_fail_printf ("%u is taken", i);
      tear_down (&fixture);
    }
}

static void
test_endless_head (void)
{
  g_autofree char *line = g_strnfill (1000, 'a');
  Fixture fixture;

  set_up (&fixture);
  feed (&fixture, "HTTP/1.1 200 OK\r\nA: ", 1000);
  for (guint i = 0; i < 20; i++)
    feed (&fixture, line, 1000);
  g_assert_error (fixture.error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
  tear_down (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/reply/reads-what-is-sound", test_good);
  g_test_add_func ("/http/reply/refuses-what-is-not", test_bad);
  g_test_add_func ("/http/reply/bounds-its-head", test_endless_head);
  return g_test_run ();
}
