/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-fixture.h"

#include "http/lectern-http-files.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

#define LARGE (5 * 1000 * 1000 + 7)

/* A folder "www" with files, beside one that begins alike. */
typedef struct
{
  Fixture fixture;
  char *folder;
  char *root;
  guint8 *large;
} Site;

static void
write_file (const char *folder, const char *name, const void *data, gsize size)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, data, (gssize) size, NULL));
}

static void
make_link (const char *folder, const char *name, const char *to)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_cmpint (symlink (to, path), ==, 0);
}

static void
serve (LecternHttpExchange *exchange, gpointer user_data)
{
  Site *site = user_data;

  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-cache");
  lectern_http_files_serve (exchange, site->root,
                            lectern_http_exchange_get_parameter (exchange, "path"));
}

/* The path comes from the query, past all that the server's own decoding refuses. */
static void
serve_query (LecternHttpExchange *exchange, gpointer user_data)
{
  Site *site = user_data;
  const char *path = lectern_http_exchange_get_query_value (exchange, "path");

  lectern_http_files_serve (exchange, site->root, path != NULL ? path : "");
}

static void
site_start (Site *self)
{
  g_autofree char *pipe = NULL;
  gsize i;

  self->folder = g_dir_make_tmp ("lectern-files-XXXXXX", NULL);
  self->root = g_build_filename (self->folder, "www", NULL);
  self->large = g_malloc (LARGE);
  for (i = 0; i < LARGE; i++)
    self->large[i] = (guint8) (i * 131 >> 7);
  write_file (self->root, "index.html", "<p>", 3);
  write_file (self->root, "a/b.js", "let", 3);
  write_file (self->root, "empty.txt", "", 0);
  write_file (self->root, "large.mp4", self->large, LARGE);
  write_file (self->folder, "outside.txt", "out", 3);
  write_file (self->folder, "www_secret/key.txt", "key", 3);
  make_link (self->root, "link.txt", "index.html");
  make_link (self->root, "out.txt", "../outside.txt");
  make_link (self->root, "folder", "a");
  make_link (self->root, "self", "/proc/self");
  pipe = g_build_filename (self->root, "pipe", NULL);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  fixture_start (&self->fixture, NULL);
  fixture_route (&self->fixture, "GET", "/f/{path*}", LECTERN_ACTION_PUBLIC, NULL, serve, self);
  fixture_route (&self->fixture, "GET", "/q", LECTERN_ACTION_PUBLIC, NULL, serve_query, self);
}

static void
remove_tree (const char *path)
{
  if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    {
      g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
      const char *name;

      while ((name = g_dir_read_name (folder)) != NULL)
        {
          g_autofree char *child = g_build_filename (path, name, NULL);

          remove_tree (child);
        }
    }
  g_remove (path);
}

static void
site_stop (Site *self)
{
  fixture_stop (&self->fixture);
  remove_tree (self->folder);
  g_free (self->folder);
  g_free (self->root);
  g_free (self->large);
}

static void
get (Site *site, const char *target, const char *headers, Answer *answer)
{
  g_autofree char *request
      = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", target, headers);

  fixture_ask (&site->fixture, request, answer);
}

static void
test_serves (void)
{
  Site site;
  g_auto (Answer) page = { 0 };
  g_auto (Answer) script = { 0 };
  g_auto (Answer) empty = { 0 };
  g_auto (Answer) again = { 0 };
  g_autofree char *etag = NULL;
  g_autofree char *condition = NULL;

  site_start (&site);
  get (&site, "/f/index.html", "", &page);
  g_assert_cmpuint (page.status, ==, 200);
  g_assert_cmpstr (page.body, ==, "<p>");
  assert_header (&page, "Content-Type", "text/html; charset=utf-8");
  assert_header (&page, "Cache-Control", "no-cache");
  assert_header (&page, "Accept-Ranges", "bytes");
  etag = head_get (page.head, "ETag");
  g_assert_true (g_str_has_prefix (etag, "\"3-"));
  get (&site, "/f/a/b.js", "", &script);
  g_assert_cmpstr (script.body, ==, "let");
  assert_header (&script, "Content-Type", "text/javascript; charset=utf-8");
  get (&site, "/f/empty.txt", "", &empty);
  g_assert_cmpuint (empty.status, ==, 200);
  assert_header (&empty, "Content-Length", "0");
  condition = g_strdup_printf ("If-None-Match: %s\r\n", etag);
  get (&site, "/f/index.html", condition, &again);
  g_assert_cmpuint (again.status, ==, 304);
  assert_header (&again, "ETag", etag);
  site_stop (&site);
}

static void
test_large (void)
{
  static const struct
  {
    const char *range;
    guint status;
    gsize start;
    gsize length;
  } cases[] = {
    { "", 200, 0, LARGE },
    { "Range: bytes=0-0\r\n", 206, 0, 1 },
    { "Range: bytes=1000000-\r\n", 206, 1000000, LARGE - 1000000 },
    { "Range: bytes=-70000\r\n", 206, LARGE - 70000, 70000 },
    { "Range: bytes=4999999-4999999\r\n", 206, 4999999, 1 },
    { "Range: bytes=99999999-\r\n", 416, 0, 0 },
  };
  Site site;
  int fd;
  guint i;

  site_start (&site);
  fd = fixture_connect (&site.fixture);
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Answer) answer = { 0 };
      g_autofree char *request
          = g_strdup_printf ("GET /f/large.mp4 HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].range);
      g_autofree char *length = NULL;

      client_ask (fd, request, &answer);
      g_assert_cmpuint (answer.status, ==, cases[i].status);
      length = head_get (answer.head, "Content-Length");
      if (cases[i].status < 300)
        g_assert_cmpmem (answer.body, g_ascii_strtoull (length, NULL, 10),
                         site.large + cases[i].start, cases[i].length);
    }
  close (fd);
  site_stop (&site);
}

static void
test_large_head (void)
{
  Site site;
  g_autofree char *got = NULL;
  int fd;

  site_start (&site);
  fd = fixture_connect (&site.fixture);
  client_send (fd, "HEAD /f/large.mp4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  got = client_read_all (fd);
  g_assert_nonnull (strstr (got, "\r\nContent-Length: 5000007\r\n"));
  g_assert_true (g_str_has_suffix (got, "\r\n\r\n"));
  site_stop (&site);
}

/* The peer leaves in the middle of a file. */
static void
test_abandoned (void)
{
  Site site;
  guint i;

  site_start (&site);
  for (i = 0; i < 4; i++)
    {
      int fd = fixture_connect (&site.fixture);

      client_send (fd, "GET /f/large.mp4 HTTP/1.1\r\nHost: a\r\n\r\n");
      g_free (client_read_head (fd));
      close (fd);
    }
  site_stop (&site);
}

static void
test_confined (void)
{
  static const struct
  {
    const char *target;
    guint status;
  } cases[] = {
    { "/f/none", 404 },
    { "/f/a", 404 },
    { "/f/a/", 404 },
    { "/f/index.html/", 404 },
    { "/f/index.html/x", 404 },
    { "/f/pipe", 404 },
    { "/f/link.txt", 404 },
    { "/f/out.txt", 404 },
    { "/f/folder/b.js", 404 },
    { "/f/self/maps", 404 },
    { "/f/", 404 },
    { "/f//etc/passwd", 404 },
    { "/f/a//b.js", 404 },
    { "/f/../outside.txt", 400 },
    { "/f/a/../../outside.txt", 400 },
    { "/f/../www_secret/key.txt", 400 },
    { "/f/%2e%2e/outside.txt", 400 },
    { "/f/%2e%2e%2foutside.txt", 400 },
    { "/f/..%5coutside.txt", 400 },
    { "/f/%c0%ae%c0%ae/outside.txt", 400 },
    { "/f/index.html%00.js", 400 },
    { "/f/%252e%252e/outside.txt", 404 },
    { "/q?path=index.html", 200 },
    { "/q?path=", 404 },
    { "/q?path=.", 404 },
    { "/q?path=..", 404 },
    { "/q?path=../outside.txt", 404 },
    { "/q?path=../www_secret/key.txt", 404 },
    { "/q?path=a/../../outside.txt", 404 },
    { "/q?path=/etc/passwd", 404 },
    { "/q?path=%2Fetc%2Fpasswd", 404 },
    { "/q?path=link.txt", 404 },
    { "/q?path=folder/b.js", 404 },
    { "/q?path=self/root/etc/passwd", 404 },
  };
  Site site;
  guint i;

  site_start (&site);
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Answer) answer = { 0 };

      g_test_message ("%s", cases[i].target);
      get (&site, cases[i].target, "", &answer);
      g_assert_cmpuint (answer.status, ==, cases[i].status);
    }
  site_stop (&site);
}

static void
test_types (void)
{
  g_assert_cmpstr (lectern_http_files_get_type ("a.m3u8"), ==, "application/vnd.apple.mpegurl");
  g_assert_cmpstr (lectern_http_files_get_type ("a.MPD"), ==, "application/dash+xml");
  g_assert_cmpstr (lectern_http_files_get_type ("a.b.mjs"), ==, "text/javascript; charset=utf-8");
  g_assert_cmpstr (lectern_http_files_get_type ("a.b/c"), ==, "application/octet-stream");
  g_assert_cmpstr (lectern_http_files_get_type ("a."), ==, "application/octet-stream");
  g_assert_cmpstr (lectern_http_files_get_type (""), ==, "application/octet-stream");
  g_assert_cmpstr (lectern_http_files_get_type ("a.exe"), ==, "application/octet-stream");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/files/serves", test_serves);
  g_test_add_func ("/http/files/sends-large-files-and-parts", test_large);
  g_test_add_func ("/http/files/answers-head", test_large_head);
  g_test_add_func ("/http/files/survives-peers-that-leave", test_abandoned);
  g_test_add_func ("/http/files/stays-in-its-folder-h-06", test_confined);
  g_test_add_func ("/http/files/knows-types", test_types);
  return g_test_run ();
}
