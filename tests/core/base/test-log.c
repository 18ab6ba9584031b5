/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-log.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void
test_escape (void)
{
  static const struct
  {
    const char *text;
    gssize length;
    gsize max;
    const char *escaped;
  } rows[] = {
    { "", -1, 10, "" },
    { "plain \xc3\xa9 \xe4\xbd\xa0", -1, 100, "plain \xc3\xa9 \xe4\xbd\xa0" },
    { "a\r\n\t\x1b[31m\x7f", -1, 100, "a\\x0d\\x0a\\x09\\x1b[31m\\x7f" },
    { "a\0b", 3, 100, "a\\x00b" },
    { "\xff\xc3", -1, 100, "\\xff\\xc3" },
    { "\xc2\x85", -1, 100, "\\xc2\\x85" },
    { "\xe2\x80\xae", -1, 100, "\\xe2\\x80\\xae" },
    { "\xe2\x80\xa8", -1, 100, "\\xe2\\x80\\xa8" },
    { "abcdef", -1, 6, "abcdef" },
    { "abcdefg", -1, 6, "abc..." },
    { "ab\xe4\xbd\xa0g", -1, 5, "ab..." },
    { "ab\n\n", -1, 9, "ab\\x0a..." },
    { "abcdef", -1, 2, "" },
    { "abcdef", -1, 0, "" },
    { "abcdef", 3, 6, "abc" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *escaped = lectern_log_escape (rows[i].text, rows[i].length, rows[i].max);

      g_assert_cmpuint (strlen (escaped), <=, rows[i].max);
      g_assert_cmpstr (escaped, ==, rows[i].escaped);
    }
}

static void
test_mask (void)
{
  static const char *const rows[][2] = {
    { "rtmp://host/live/physics", NULL },
    { "rtmp://host/live/physics?key=secret", "rtmp://host/live/physics?key=***" },
    { "physics?key=secret", "physics?key=***" },
    { "/live/a.flv?gop=0&token=x&audio=1&video=0", "/live/a.flv?gop=0&token=***&audio=1&video=0" },
    { "/a?gop=0?key=secret", "/a?gop=***" },
    { "/a?gop=SECRET", "/a?gop=***" },
    { "/a?gop=longerthan8", "/a?gop=***" },
    { "/a?gopx=1", "/a?gopx=***" },
    { "/a?GOP=1", "/a?GOP=***" },
    { "/a?secret", "/a?***" },
    { "/a?secret&gop=1&", "/a?***&gop=1&" },
    { "/a?=secret", "/a?=***" },
    { "/a?key=a=b", "/a?key=***" },
    { "/a?", NULL },
    { "/a?&&", NULL },
    { "/a#token", "/a#***" },
    { "/a?key=x#token?gop=1", "/a?key=***#***" },
    { "/a#t?key=secret", "/a#***" },
    { "http://user:pass@host/a", "http://***@host/a" },
    { "http://token@host/a", "http://***@host/a" },
    { "http://u:p@q@host/a", "http://***@host/a" },
    { "http://host/a@480p", NULL },
    { "live/physics@480p", NULL },
    { "physics@480p?key=x", "physics@480p?key=***" },
    { "user:pass@host/a", "***@host/a" },
    { "/a\r\nX: y", "/a\\x0d\\x0aX: y" },
    { "", NULL },
  };
  g_autofree char *long_url = g_strnfill (2000, 'a');
  g_autofree char *cut = lectern_log_mask_url (long_url);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *masked = lectern_log_mask_url (rows[i][0]);

      g_assert_cmpstr (masked, ==, rows[i][1] != NULL ? rows[i][1] : rows[i][0]);
      g_assert_null (strstr (masked, "secret"));
    }
  g_assert_cmpuint (strlen (cut), ==, 512);
  g_assert_true (g_str_has_suffix (cut, "aaa..."));
}

/* In the child: says one line of each level. */
static int
speak (const char *verbose)
{
  lectern_log_init (verbose[0] == '1');
  g_debug ("d");
  g_info ("i");
  g_message ("m");
  g_warning ("w");
  g_log_structured ("lectern-other", G_LOG_LEVEL_DEBUG, "MESSAGE", "%s", "other");
  g_log ("old-style", G_LOG_LEVEL_MESSAGE, "%s", "two\nlines");
  return 0;
}

/* In the child: more than a pipe or a socket takes while nobody reads. */
static int
speak_much (void)
{
  g_autofree char *text = g_strnfill (10000, 'x');
  guint lines = 1000;

  lectern_log_init (FALSE);
  for (guint i = 0; i < lines; i++)
    g_message ("%s", text);
  return lectern_log_get_dropped () > 100 && lectern_log_get_dropped () < lines ? 0 : 1;
}

/* Runs this program again. Returns: (transfer full): what it wrote, when it was done. */
static char *
run (const char *mode, const char *debug, int fds[2])
{
  g_autoptr (GString) text = g_string_new (NULL);
  char part[4096];
  gssize got;
  int status;
  pid_t child;

  child = fork ();
  if (child == 0)
    {
      dup2 (fds[1], STDERR_FILENO);
      close (fds[0]);
      close (fds[1]);
      if (debug != NULL)
        setenv ("LECTERN_DEBUG", debug, 1);
      execl ("/proc/self/exe", "test-log", "--speak", mode, NULL);
      _exit (127);
    }
  close (fds[1]);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  while ((got = read (fds[0], part, sizeof part)) > 0)
    g_string_append_len (text, part, got);
  close (fds[0]);
  g_assert_cmpint (status, ==, 0);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* @expected: the lines without their time. */
static void
check_lines (const char *mode, const char *debug, const char *expected)
{
  g_autoptr (GRegex) stamp
      = g_regex_new ("^\\d\\d:\\d\\d:\\d\\d\\.\\d\\d\\d ", G_REGEX_MULTILINE, 0, NULL);
  g_autofree char *text = NULL;
  g_autofree char *bare = NULL;
  int fds[2];

  g_assert_cmpint (pipe (fds), ==, 0);
  text = run (mode, debug, fds);
  bare = g_regex_replace_literal (stamp, text, -1, 0, "", 0, NULL);
  g_assert_cmpstr (bare, ==, expected);
}

static void
test_levels (void)
{
  check_lines ("0", NULL,
               "MESSAGE lectern-test: m\nWARNING lectern-test: w\n"
               "MESSAGE old-style: two\\x0alines\n");
  check_lines ("1", NULL,
               "INFO lectern-test: i\nMESSAGE lectern-test: m\nWARNING lectern-test: w\n"
               "MESSAGE old-style: two\\x0alines\n");
  check_lines ("0", "lectern-o*:debug,*:warning",
               "WARNING lectern-test: w\nDEBUG lectern-other: other\n");
  check_lines ("1", ",lectern-test:critical,lectern-other",
               "DEBUG lectern-other: other\nMESSAGE old-style: two\\x0alines\n");
}

static void
test_full (void)
{
  int fds[2];

  /* The child ends by itself although nobody reads meanwhile. */
  g_assert_cmpint (pipe (fds), ==, 0);
  g_free (run ("much", NULL, fds));
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
  g_free (run ("much", NULL, fds));
}

int
main (int argc, char **argv)
{
  if (argc == 3 && strcmp (argv[1], "--speak") == 0)
    return strcmp (argv[2], "much") == 0 ? speak_much () : speak (argv[2]);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/log/escapes", test_escape);
  g_test_add_func ("/base/log/masks-secrets-in-urls", test_mask);
  g_test_add_func ("/base/log/shows-what-is-wanted", test_levels);
  g_test_add_func ("/base/log/never-blocks", test_full);
  return g_test_run ();
}
