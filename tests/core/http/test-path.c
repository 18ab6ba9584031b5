/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-target.h"

typedef struct
{
  const char *from;
  const char *to; /* NULL: refused with 400 */
} PathCase;

static const PathCase paths[] = {
  { "/", "/" },
  { "/a/b.flv", "/a/b.flv" },
  { "/a%20b", "/a b" },
  { "/%41%5a%7a", "/AZz" },
  { "/%e8%af%be%E5%A0%82", "/课堂" },
  { "/%F0%9F%98%80", "/😀" },
  { "/%25", "/%" },
  { "/%2525", "/%25" },
  { "/%252e%252e/", "/%2e%2e/" },
  { "/%3f%23%26", "/?#&" },
  { "/a+b", "/a+b" },
  { "/..a", "/..a" },
  { "/a..", "/a.." },
  { "/...", "/..." },
  { "/.hidden", "/.hidden" },
  { "//", "//" },
  { "", NULL },
  { "a", NULL },
  { "%2f", NULL },
  { "/%", NULL },
  { "/%4", NULL },
  { "/%g1", NULL },
  { "/%1g", NULL },
  { "/%%41", NULL },
  { "/%00", NULL },
  { "/a%00.flv", NULL },
  { "/%01", NULL },
  { "/%0a", NULL },
  { "/%0D", NULL },
  { "/%1f", NULL },
  { "/%7f", NULL },
  { "/%2f", NULL },
  { "/%2F", NULL },
  { "/%5c", NULL },
  { "/%5C..%5C", NULL },
  { "/\\", NULL },
  { "/a b", NULL },
  { "/\t", NULL },
  { "/\x7f", NULL },
  { "/é", NULL },
  { "/.", NULL },
  { "/..", NULL },
  { "/./", NULL },
  { "/../", NULL },
  { "/a/.", NULL },
  { "/a/..", NULL },
  { "/a/./b", NULL },
  { "/a/../b", NULL },
  { "/%2e", NULL },
  { "/%2e%2E", NULL },
  { "/%2e.", NULL },
  { "/a/.%2e/b", NULL },
  { "/%c0%ae%c0%ae/", NULL },
  { "/%c0%af", NULL },
  { "/%e0%80%ae", NULL },
  { "/%f0%80%80%ae", NULL },
  { "/%c0%80", NULL },
  { "/%80", NULL },
  { "/%ff", NULL },
  { "/%e8%af", NULL },
  { "/%ed%a0%80", NULL },
  { "/%f4%90%80%80", NULL },
};

static void
test_paths (void)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autofree char *path = g_strdup (paths[i].from);
      LecternHttpRefusal refusal = { 0, NULL };

      g_test_message ("%s", paths[i].from);
      g_assert_cmpint (lectern_http_path_decode (path, &refusal), ==, paths[i].to != NULL);
      if (paths[i].to != NULL)
        g_assert_cmpstr (path, ==, paths[i].to);
      else
        g_assert_cmpuint (refusal.status, ==, 400);
    }
}

typedef struct
{
  const char *query;
  const char *name;
  const char *value;
} QueryCase;

static const QueryCase queries[] = {
  { "a=1", "a", "1" },
  { "a=1&b=2", "b", "2" },
  { "a=1&a=2", "a", "1" },
  { "a", "a", "" },
  { "a=", "a", "" },
  { "a&b=2", "b", "2" },
  { "a==b", "a", "=b" },
  { "a=b=c", "a", "b=c" },
  { "&&a=1&&", "a", "1" },
  { "a=x+y", "a", "x y" },
  { "a=x%2By", "a", "x+y" },
  { "a=%26%3d", "a", "&=" },
  { "%61=1", "a", "1" },
  { "a%20b=1", "a b", "1" },
  { "a=%E8%AF%BE", "a", "课" },
  { "a=%2e%2e%2f", "a", "../" },
  { "=1", "", "1" },
  { "b=1", "a", NULL },
  { "ab=1", "a", NULL },
  { "b=a=1", "a", NULL },
  { "A=1", "a", NULL },
  { "", "a", NULL },
  { NULL, "a", NULL },
  { "a=%", "a", NULL },
  { "a=%4", "a", NULL },
  { "a=%zz", "a", NULL },
  { "a=%00", "a", NULL },
  { "a=x%00y", "a", NULL },
  { "a=%ff", "a", NULL },
  { "a=%c0%80", "a", NULL },
  { "%=1&a=2", "a", "2" },
  { "%00=1&a=2", "a", "2" },
};

static void
test_queries (void)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (queries); i++)
    {
      g_autofree char *value = lectern_http_query_get (queries[i].query, queries[i].name);

      g_test_message ("%s", queries[i].query != NULL ? queries[i].query : "");
      g_assert_cmpstr (value, ==, queries[i].value);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/path/decodes-once-and-refuses-h-06", test_paths);
  g_test_add_func ("/http/query/decodes-values", test_queries);
  return g_test_run ();
}
