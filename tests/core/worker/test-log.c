/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/lectern-worker-log.h"

#include "base/lectern-clock.h"

#include <string.h>

static gint64 now_us;
static GString *lines;

static gint64
get_now (void)
{
  return now_us;
}

static GLogWriterOutput
note (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer unused)
{
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "MESSAGE"))
      g_string_append_printf (lines, "%c %s\n",
                              level & G_LOG_LEVEL_WARNING   ? 'W'
                              : level & G_LOG_LEVEL_MESSAGE ? 'M'
                              : level & G_LOG_LEVEL_INFO    ? 'I'
                                                            : 'D',
                              (const char *) fields[i].value);
  return G_LOG_WRITER_HANDLED;
}

static void
put (LecternWorkerLog *log, const char *text)
{
  lectern_worker_log_put (log, "job", text, strlen (text));
}

static void
lines_and_levels (void)
{
  LecternWorkerLog log = { 0 };

  g_string_truncate (lines, 0);
  put (&log, "plain\n<4>care");
  put (&log, "ful\n<6>news\n\n<7>detail\n<9>odd\n<4>\nwith \x1b[31m colour\nrest");
  g_assert_cmpstr (lines->str, ==,
                   "M job: plain\nW job: careful\nI job: news\nD job: detail\nM job: <9>odd\n"
                   "M job: with \\x1b[31m colour\n");
  lectern_worker_log_end (&log, "job");
  g_assert_true (g_str_has_suffix (lines->str, "M job: rest\n"));
}

static void
long_lines_are_cut (void)
{
  LecternWorkerLog log = { 0 };
  g_autofree char *text = g_strnfill (100000, 'x');

  g_string_truncate (lines, 0);
  put (&log, text);
  put (&log, "\nnext\n");
  g_assert_cmpuint (lines->len, <, 700);
  g_assert_true (g_str_has_suffix (lines->str, "M job: next\n"));
}

static void
floods_are_left_out (void)
{
  LecternWorkerLog log = { 0 };

  g_string_truncate (lines, 0);
  for (guint i = 0; i < 1000; i++)
    put (&log, "again\n");
  g_assert_cmpuint (lines->len, ==, 20 * strlen ("M job: again\n"));
  now_us += G_USEC_PER_SEC;
  put (&log, "later\n");
  g_assert_true (g_str_has_suffix (lines->str, "M job: 980 lines left out\nM job: later\n"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  lines = g_string_new (NULL);
  now_us = 100 * G_USEC_PER_SEC;
  lectern_clock_set_for_test (get_now, NULL);
  g_log_set_writer_func (note, NULL, NULL);
  g_test_add_func ("/worker-log/lines-and-levels", lines_and_levels);
  g_test_add_func ("/worker-log/long-lines-are-cut", long_lines_are_cut);
  g_test_add_func ("/worker-log/floods-are-left-out", floods_are_left_out);
  return g_test_run ();
}
