/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* LecternMetric: a counter, gauge or histogram with at most one label, in the Prometheus sense.
 * Made once per name and label value, kept for the life of the process, changed without locks. */
typedef struct _LecternMetric LecternMetric;

/* The metric @name ("lectern_viewers") with @label="@value" (both NULL: no label). The same
 * arguments give the same metric. @help is static. Names and labels come from code, never from
 * peers, so their number is bounded. Thread: any. */
LECTERN_API LecternMetric *lectern_metrics_get_counter (const char *name, const char *help,
                                                        const char *label, const char *value);
LECTERN_API LecternMetric *lectern_metrics_get_gauge (const char *name, const char *help,
                                                      const char *label, const char *value);
/* @bounds: ascending upper bounds in the metric's unit, @n_bounds at most 16; static. */
LECTERN_API LecternMetric *lectern_metrics_get_histogram (const char *name, const char *help,
                                                          const double *bounds, guint n_bounds);

LECTERN_API void lectern_metric_add (LecternMetric *self, gint64 amount);
LECTERN_API void lectern_metric_set (LecternMetric *self, gint64 value);
LECTERN_API gint64 lectern_metric_get (LecternMetric *self);
LECTERN_API void lectern_metric_observe (LecternMetric *self, double value);

/* Called before each print, to set gauges that are dear to keep. Thread: any; the callback runs in
 * the printing thread. */
typedef void (*LecternMetricsFunc) (gpointer user_data);
LECTERN_API guint lectern_metrics_add_collector (LecternMetricsFunc func, gpointer user_data);
LECTERN_API void lectern_metrics_remove_collector (guint id);

/* Returns: (transfer full): all metrics in the Prometheus text format 0.0.4, sorted by name.
 * Thread: any. */
LECTERN_API GString *lectern_metrics_print (void);
