/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-chunked.h"

#include <string.h>

#define LIMIT 100

typedef struct
{
  const char *name;
  const char *bytes;
  const char *body; /* NULL: refused, or incomplete */
  guint status;
} Case;

static const Case cases[] = {
  { "accepts-one", "5\r\nhello\r\n0\r\n\r\n", "hello", 0 },
  { "accepts-two", "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!", 0 },
  { "accepts-none", "0\r\n\r\n", "", 0 },
  { "accepts-hexadecimal", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "01234567890123456789", 0 },
  { "accepts-zeros-before", "0005\r\nhello\r\n000\r\n\r\n", "hello", 0 },
  { "accepts-sixteen-digits", "0000000000000005\r\nhello\r\n0\r\n\r\n", "hello", 0 },
  { "accepts-line-ends-in-data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", 0 },
  { "drops-extensions", "5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n", "hello", 0 },
  { "drops-trailers", "0\r\nX: y\r\nContent-Length: 9\r\n\r\n", "", 0 },
  { "drops-empty-trailers", "0\r\nX:\r\n\r\n", "", 0 },
  { "leaves-the-next-request", "0\r\n\r\nGET / HTTP/1.1\r\n", "", 0 },
  { "waits-for-the-size", "5", NULL, 0 },
  { "waits-for-data", "5\r\nhell", NULL, 0 },
  { "waits-for-the-last-chunk", "5\r\nhello\r\n", NULL, 0 },
  { "waits-for-the-trailers", "0\r\n", NULL, 0 },
  { "waits-for-the-last-lf", "0\r\n\r", NULL, 0 },
  { "refuses-no-size", "\r\nhello", NULL, 400 },
  { "refuses-extension-alone", ";a\r\n", NULL, 400 },
  { "refuses-signs", "+5\r\n", NULL, 400 },
  { "refuses-negative", "-1\r\n", NULL, 400 },
  { "refuses-0x", "0x5\r\n", NULL, 400 },
  { "refuses-letters", "g\r\n", NULL, 400 },
  { "refuses-space-before", " 5\r\n", NULL, 400 },
  { "refuses-space-behind", "5 \r\n", NULL, 400 },
  { "refuses-bare-lf", "5\nhello", NULL, 400 },
  { "refuses-bare-cr", "5\rhello", NULL, 400 },
  { "refuses-bare-lf-behind-extension", "5;a\nhello", NULL, 400 },
  { "refuses-control-in-extension", "5;a\001\r\n", NULL, 400 },
  { "refuses-longer-data", "5\r\nhelloo\r\n", NULL, 400 },
  { "refuses-shorter-data", "5\r\nhell\r\n0\r\n\r\n", NULL, 400 },
  { "refuses-lf-behind-data", "5\r\nhello\n", NULL, 400 },
  { "refuses-cr-behind-data", "5\r\nhello\r5", NULL, 400 },
  { "refuses-seventeen-digits", "00000000000000005\r\n", NULL, 400 },
  { "refuses-bare-lf-as-end", "0\r\n\n", NULL, 400 },
  { "refuses-bare-cr-as-end", "0\r\n\rX", NULL, 400 },
  { "refuses-trailer-without-name", "0\r\n: x\r\n\r\n", NULL, 400 },
  { "refuses-trailer-without-colon", "0\r\nabc\r\n\r\n", NULL, 400 },
  { "refuses-space-in-trailer-name", "0\r\na b: x\r\n\r\n", NULL, 400 },
  { "refuses-folded-trailer", "0\r\na: x\r\n b\r\n\r\n", NULL, 400 },
  { "refuses-control-in-trailer", "0\r\na: \002\r\n\r\n", NULL, 400 },
  { "refuses-lf-in-trailer", "0\r\na: b\n\r\n", NULL, 400 },
  { "refuses-more-than-the-limit", "65\r\n", NULL, 413 },
  { "refuses-a-huge-size", "ffffffffffffffff\r\n", NULL, 413 },
  { "refuses-a-second-over-the-limit",
    "32\r\n01234567890123456789012345678901234567890123456789\r\n33\r\n", NULL, 413 },
};

static guint
run (const char *text, gsize each, GByteArray *body, gsize *used, gboolean *done)
{
  LecternHttpChunked chunked;
  LecternHttpRefusal refusal = { 0, NULL };
  gsize length = strlen (text);

  *used = 0;
  lectern_http_chunked_init (&chunked);
  while (*used < length && !lectern_http_chunked_is_done (&chunked))
    {
      gsize size = MIN (each, length - *used), taken;
      g_autofree guint8 *part = g_memdup2 (text + *used, size);

      if (!lectern_http_chunked_feed (&chunked, part, size, body, LIMIT, &taken, &refusal))
        return refusal.status;
      *used += taken;
      if (taken < size)
        break;
    }
  *done = lectern_http_chunked_is_done (&chunked);
  return 0;
}

static void
test_case (gconstpointer data)
{
  const Case *this = data;
  gsize each;

  for (each = 1; each <= strlen (this->bytes); each++)
    {
      g_autoptr (GByteArray) body = g_byte_array_new ();
      gboolean done = FALSE;
      gsize used;

      g_assert_cmpuint (run (this->bytes, each, body, &used, &done), ==, this->status);
      g_assert_cmpint (done, ==, this->body != NULL);
      if (this->body == NULL)
        continue;
      g_assert_cmpmem (body->data, body->len, this->body, strlen (this->body));
      if (strcmp (this->name, "leaves-the-next-request") == 0)
        g_assert_cmpuint (used, ==, 5);
      else
        g_assert_cmpuint (used, ==, strlen (this->bytes));
    }
}

/* Extensions and trailers of all chunks together are bounded. */
static void
test_extra (void)
{
  g_autoptr (GString) extensions = g_string_new (NULL);
  g_autoptr (GString) trailers = g_string_new ("0\r\n");
  g_autoptr (GByteArray) body = g_byte_array_new ();
  gboolean done = FALSE;
  gsize used;
  guint i;

  for (i = 0; i < 50; i++)
    {
      g_string_append_printf (extensions, "1;%0100d\r\na\r\n", 0);
      g_string_append_printf (trailers, "X: %0100d\r\n", 0);
    }
  g_assert_cmpuint (run (extensions->str, 4096, body, &used, &done), ==, 431);
  g_assert_cmpuint (run (trailers->str, 4096, body, &used, &done), ==, 431);
}

int
main (int argc, char **argv)
{
  guint i;

  g_test_init (&argc, &argv, NULL);
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/http/chunked/%s", cases[i].name);

      g_test_add_data_func (path, &cases[i], test_case);
    }
  g_test_add_func ("/http/chunked/bounds-what-it-drops", test_extra);
  return g_test_run ();
}
