/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-metrics.h"

#include <string.h>

#define N_THREADS 10
#define N_ADDS 50000

static const double bounds[] = { 0.001, 0.5, 10 };

static void
test_print (void)
{
  GString *text;
  LecternMetric *rtmp = lectern_metrics_get_counter ("t_b_total", "Viewers", "protocol", "rtmp");
  LecternMetric *odd = lectern_metrics_get_counter ("t_b_total", "Viewers", "protocol", "a\"\\\n");
  LecternMetric *gauge = lectern_metrics_get_gauge ("t_c", "A gauge", NULL, NULL);
  LecternMetric *times = lectern_metrics_get_histogram ("t_a_seconds", "Times", bounds, 3);

  g_assert_true (rtmp == lectern_metrics_get_counter ("t_b_total", "Viewers", "protocol", "rtmp"));
  g_assert_true (rtmp != odd);
  lectern_metric_add (rtmp, 3);
  lectern_metric_add (odd, 1);
  lectern_metric_set (gauge, -7);
  lectern_metric_add (gauge, 2);
  lectern_metric_observe (times, 0.001);
  lectern_metric_observe (times, 0.25);
  lectern_metric_observe (times, 100);
  text = lectern_metrics_print ();
  g_assert_cmpstr (text->str, ==,
                   "# HELP t_a_seconds Times\n"
                   "# TYPE t_a_seconds histogram\n"
                   "t_a_seconds_bucket{le=\"0.001\"} 1\n"
                   "t_a_seconds_bucket{le=\"0.5\"} 2\n"
                   "t_a_seconds_bucket{le=\"10\"} 2\n"
                   "t_a_seconds_bucket{le=\"+Inf\"} 3\n"
                   "t_a_seconds_sum 100.251\n"
                   "t_a_seconds_count 3\n"
                   "# HELP t_b_total Viewers\n"
                   "# TYPE t_b_total counter\n"
                   "t_b_total{protocol=\"a\\\"\\\\\\n\"} 1\n"
                   "t_b_total{protocol=\"rtmp\"} 3\n"
                   "# HELP t_c A gauge\n"
                   "# TYPE t_c gauge\n"
                   "t_c -5\n");
  g_string_free (text, TRUE);
}

static gpointer
add_many (gpointer data)
{
  LecternMetric *counter = lectern_metrics_get_counter ("t_d_total", "Together", NULL, NULL);
  LecternMetric *times = lectern_metrics_get_histogram ("t_e", "Together", bounds, 3);

  for (guint i = 0; i < N_ADDS; i++)
    {
      lectern_metric_add (counter, 1);
      lectern_metric_observe (times, 1);
    }
  return NULL;
}

static void
test_threads (void)
{
  GThread *threads[N_THREADS];
  LecternMetric *counter = lectern_metrics_get_counter ("t_d_total", "Together", NULL, NULL);
  GString *text;

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("adder", add_many, NULL);
  for (guint i = 0; i < 20; i++)
    g_string_free (lectern_metrics_print (), TRUE);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (lectern_metric_get (counter), ==, N_THREADS * N_ADDS);
  text = lectern_metrics_print ();
  g_assert_nonnull (strstr (text->str, "\nt_d_total 500000\n"));
  g_assert_nonnull (strstr (text->str, "\nt_e_sum 500000\n"));
  g_assert_nonnull (strstr (text->str, "\nt_e_count 500000\n"));
  g_string_free (text, TRUE);
  lectern_metric_set (counter, 5);
  g_assert_cmpint (lectern_metric_get (counter), ==, 5);
}

static void
collect (gpointer user_data)
{
  (*(guint *) user_data)++;
}

static void
test_collectors (void)
{
  guint calls[2] = { 0 };
  guint first = lectern_metrics_add_collector (collect, &calls[0]);
  guint second = lectern_metrics_add_collector (collect, &calls[1]);

  g_assert_cmpuint (first, !=, second);
  g_string_free (lectern_metrics_print (), TRUE);
  lectern_metrics_remove_collector (first);
  lectern_metrics_remove_collector (first);
  g_string_free (lectern_metrics_print (), TRUE);
  lectern_metrics_remove_collector (second);
  g_string_free (lectern_metrics_print (), TRUE);
  g_assert_cmpuint (calls[0], ==, 1);
  g_assert_cmpuint (calls[1], ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/metrics/prints-in-order", test_print);
  g_test_add_func ("/base/metrics/counts-from-many-threads", test_threads);
  g_test_add_func ("/base/metrics/asks-collectors-while-they-are-there", test_collectors);
  return g_test_run ();
}
