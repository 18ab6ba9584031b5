/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection's bytes: a request's head, and a body behind it. The first byte says where the
 * bytes are split; the outcome must not depend on it. */
#include "http/lectern-http-chunked.h"
#include "http/lectern-http-parser.h"
#include "http/lectern-http-range.h"

#include <string.h>

#define HEAD_MAX 2048
#define BODY_MAX 1024

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* Returns: the status that refused the head, or 0; *@head: its length once complete. */
static guint
scan (const guint8 *data, gsize size, gsize step, gsize *head)
{
  LecternHttpScanner scanner;
  LecternHttpRefusal refusal = { 0, NULL };
  gsize came = 0;

  *head = 0;
  lectern_http_scanner_init (&scanner, HEAD_MAX, 20);
  while (*head == 0 && came < size)
    {
      came = MIN (came + step, size);
      if (!lectern_http_scanner_feed (&scanner, data, came, head, &refusal))
        return refusal.status;
    }
  g_assert (*head <= came);
  return 0;
}

static void
check_path (const char *path)
{
  g_assert (g_utf8_validate (path, -1, NULL));
  g_assert (strchr (path, '\\') == NULL);
  g_assert (strstr (path, "/../") == NULL && strstr (path, "/./") == NULL);
  g_assert (!g_str_has_suffix (path, "/..") && !g_str_has_suffix (path, "/."));
  g_assert (path[0] == '/' || strcmp (path, "*") == 0);
}

static void
check_range (const LecternHttpRequest *request)
{
  static const guint64 sizes[] = { 0, 1, 1000, G_MAXUINT64 };
  const char *range = lectern_http_request_get (request, "Range");
  const char *tags = lectern_http_request_get (request, "If-None-Match");
  guint i;

  for (i = 0; range != NULL && i < G_N_ELEMENTS (sizes); i++)
    {
      guint64 start, length;

      if (lectern_http_range_parse (range, sizes[i], &start, &length) != LECTERN_HTTP_RANGE_PART)
        continue;
      g_assert (length > 0 && start < sizes[i] && length <= sizes[i] - start);
    }
  if (tags != NULL)
    lectern_http_etag_matches (tags, "\"a\"");
}

static void
check_request (const LecternHttpRequest *request)
{
  g_autofree char *value = lectern_http_query_get (request->query, "a");
  guint i;

  check_path (request->path);
  check_range (request);
  g_assert (request->minor <= 1);
  g_assert (request->host != NULL || request->minor == 0);
  g_assert (request->host == NULL || lectern_http_host_is_valid (request->host));
  g_assert (!request->chunked || request->content_length < 0);
  g_assert (request->content_length >= -1);
  g_assert (value == NULL || g_utf8_validate (value, -1, NULL));
  for (i = 0; i < request->n_headers; i++)
    g_assert (strpbrk (request->headers[i].value, "\r\n") == NULL);
}

static guint
read_body (const guint8 *data, gsize size, gsize step, GByteArray *body, gsize *used)
{
  LecternHttpChunked chunked;
  LecternHttpRefusal refusal = { 0, NULL };

  *used = 0;
  lectern_http_chunked_init (&chunked);
  while (*used < size && !lectern_http_chunked_is_done (&chunked))
    {
      gsize taken;

      if (!lectern_http_chunked_feed (&chunked, data + *used, MIN (step, size - *used), body,
                                      BODY_MAX, &taken, &refusal))
        return refusal.status;
      *used += taken;
    }
  g_assert (body->len <= BODY_MAX);
  return 0;
}

static void
check_body (const guint8 *data, gsize size, gsize step)
{
  g_autoptr (GByteArray) whole = g_byte_array_new ();
  g_autoptr (GByteArray) split = g_byte_array_new ();
  gsize whole_used, split_used;
  guint status = read_body (data, size, size, whole, &whole_used);

  g_assert (read_body (data, size, step, split, &split_used) == status);
  if (status != 0)
    return;
  g_assert (whole_used == split_used && whole->len == split->len);
  g_assert (whole->len == 0 || memcmp (whole->data, split->data, whole->len) == 0);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_auto (LecternHttpRequest) request = { 0 };
  LecternHttpRefusal refusal = { 0, NULL };
  gsize step, head, split_head;
  guint status;

  if (size < 2)
    return 0;
  step = 1 + data[0] % 32;
  data++;
  size--;
  status = scan (data, size, size, &head);
  g_assert (scan (data, size, step, &split_head) == status && split_head == head);
  if (status != 0 || head == 0)
    return 0;
  if (!lectern_http_request_parse (&request, data, head, &refusal))
    {
      g_assert (refusal.status >= 400 && refusal.reason != NULL);
      return 0;
    }
  check_request (&request);
  if (size > head)
    check_body (data + head, size - head, step);
  return 0;
}
