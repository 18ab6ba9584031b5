/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-range.h"

#define NONE LECTERN_HTTP_RANGE_NONE
#define PART LECTERN_HTTP_RANGE_PART
#define BAD LECTERN_HTTP_RANGE_UNSATISFIABLE

typedef struct
{
  const char *text;
  guint64 size;
  LecternHttpRangeResult result;
  guint64 start;
  guint64 length;
} RangeCase;

static const RangeCase ranges[] = {
  { "bytes=0-0", 10, PART, 0, 1 },
  { "bytes=0-9", 10, PART, 0, 10 },
  { "bytes=2-4", 10, PART, 2, 3 },
  { "bytes=9-9", 10, PART, 9, 1 },
  { "bytes=0-", 10, PART, 0, 10 },
  { "bytes=9-", 10, PART, 9, 1 },
  { "bytes=5-99999", 10, PART, 5, 5 },
  { "bytes=0-18446744073709551615", 10, PART, 0, 10 },
  { "bytes=0-99999999999999999999999", 10, PART, 0, 10 },
  { "bytes=-1", 10, PART, 9, 1 },
  { "bytes=-10", 10, PART, 0, 10 },
  { "bytes=-99999", 10, PART, 0, 10 },
  { "bytes=-99999999999999999999999", 10, PART, 0, 10 },
  { "bytes=-99999", 3, PART, 0, 3 },
  { "bytes=0-99999", 3, PART, 0, 3 },
  { "BYTES=0-0", 10, PART, 0, 1 },
  { "bytes=007-0008", 10, PART, 7, 2 },
  { "bytes=4294967296-", 8589934592, PART, 4294967296, 4294967296 },
  { "bytes=0-", G_MAXUINT64, PART, 0, G_MAXUINT64 },
  { "bytes=10-", 10, BAD, 0, 0 },
  { "bytes=10-10", 10, BAD, 0, 0 },
  { "bytes=99999999999999999999999-", 10, BAD, 0, 0 },
  { "bytes=5-4", 10, BAD, 0, 0 },
  { "bytes=9-0", 10, BAD, 0, 0 },
  { "bytes=-0", 10, BAD, 0, 0 },
  { "bytes=0-", 0, BAD, 0, 0 },
  { "bytes=0-0", 0, BAD, 0, 0 },
  { "bytes=-1", 0, BAD, 0, 0 },
  { "", 10, NONE, 0, 0 },
  { "bytes", 10, NONE, 0, 0 },
  { "bytes=", 10, NONE, 0, 0 },
  { "bytes=-", 10, NONE, 0, 0 },
  { "bytes=1", 10, NONE, 0, 0 },
  { "bytes=a-b", 10, NONE, 0, 0 },
  { "bytes=1-b", 10, NONE, 0, 0 },
  { "bytes=1-2x", 10, NONE, 0, 0 },
  { "bytes= 1-2", 10, NONE, 0, 0 },
  { "bytes=1 -2", 10, NONE, 0, 0 },
  { "bytes=+1-2", 10, NONE, 0, 0 },
  { "bytes=0x1-2", 10, NONE, 0, 0 },
  { "bytes=--1", 10, NONE, 0, 0 },
  { "bytes=1--2", 10, NONE, 0, 0 },
  { "bytes=0-1,2-3", 10, NONE, 0, 0 },
  { "bytes=0-1, 2-3", 10, NONE, 0, 0 },
  { "bytes=0-,0-,0-,0-", 10, NONE, 0, 0 },
  { "bytes=0-1,", 10, NONE, 0, 0 },
  { "seconds=0-1", 10, NONE, 0, 0 },
  { "bytes:0-1", 10, NONE, 0, 0 },
};

static void
test_ranges (void)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (ranges); i++)
    {
      guint64 start = 0, length = 0;

      g_test_message ("%s", ranges[i].text);
      g_assert_cmpint (lectern_http_range_parse (ranges[i].text, ranges[i].size, &start, &length),
                       ==, ranges[i].result);
      g_assert_cmpuint (start, ==, ranges[i].start);
      g_assert_cmpuint (length, ==, ranges[i].length);
    }
}

static void
test_if_range (void)
{
  g_assert_true (lectern_http_range_is_current (NULL, NULL));
  g_assert_true (lectern_http_range_is_current (NULL, "\"a\""));
  g_assert_true (lectern_http_range_is_current ("\"a\"", "\"a\""));
  g_assert_false (lectern_http_range_is_current ("\"a\"", "\"b\""));
  g_assert_false (lectern_http_range_is_current ("\"a\"", NULL));
  g_assert_false (lectern_http_range_is_current ("W/\"a\"", "W/\"a\""));
  g_assert_false (lectern_http_range_is_current ("W/\"a\"", "\"a\""));
  g_assert_false (lectern_http_range_is_current ("Sun, 06 Nov 1994 08:49:37 GMT", "\"a\""));
  g_assert_false (lectern_http_range_is_current ("", "\"a\""));
}

static void
test_etags (void)
{
  g_assert_true (lectern_http_etag_matches ("\"a\"", "\"a\""));
  g_assert_true (lectern_http_etag_matches ("*", "\"a\""));
  g_assert_true (lectern_http_etag_matches ("W/\"a\"", "\"a\""));
  g_assert_true (lectern_http_etag_matches ("\"a\"", "W/\"a\""));
  g_assert_true (lectern_http_etag_matches ("\"b\", \"a\"", "\"a\""));
  g_assert_true (lectern_http_etag_matches ("\"b\" , W/\"a\",", "\"a\""));
  g_assert_true (lectern_http_etag_matches ("\"a,b\"", "\"a,b\""));
  g_assert_true (lectern_http_etag_matches ("\"\"", "\"\""));
  g_assert_false (lectern_http_etag_matches ("\"b\"", "\"a\""));
  g_assert_false (lectern_http_etag_matches ("", "\"a\""));
  g_assert_false (lectern_http_etag_matches ("a", "\"a\""));
  g_assert_false (lectern_http_etag_matches ("\"a", "\"a\""));
  g_assert_false (lectern_http_etag_matches ("\"ab\"", "\"a\""));
  g_assert_false (lectern_http_etag_matches ("\"b\", a", "\"a\""));
  g_assert_false (lectern_http_etag_matches ("w/\"a\"", "\"a\""));
  g_assert_false (lectern_http_etag_matches ("W/", "\"a\""));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/range/reads-one-range-h-04", test_ranges);
  g_test_add_func ("/http/range/compares-strongly", test_if_range);
  g_test_add_func ("/http/range/compares-tags-weakly", test_etags);
  return g_test_run ();
}
