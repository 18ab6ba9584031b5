/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-metrics.h"

#include <math.h>
#include <string.h>

/* Counters are split over cache lines, one per thread while there are few, so that reactors that
 * count the same thing do not pull one line to and fro. */
#define N_SHARDS 8
#define MAX_BOUNDS 16

typedef enum
{
  COUNTER,
  GAUGE,
  HISTOGRAM,
} Kind;

static const char *const kind_names[] = { "counter", "gauge", "histogram" };

typedef struct
{
  _Alignas(64) gint64 value;
} Shard;

typedef struct
{
  const double *bounds;
  guint n_bounds;
  gint64 counts[MAX_BOUNDS + 1];
  double sum;
} Histogram;

struct _LecternMetric
{
  Shard shards[N_SHARDS]; /* a gauge uses the first alone */
  Kind kind;
  char *name;
  char *labels; /* as printed: {label="value"}, or "" */
  const char *help;
  Histogram *histogram;
};

typedef struct
{
  guint id;
  LecternMetricsFunc func;
  gpointer user_data;
} Collector;

static GMutex lock;
static GHashTable *metrics; /* name and labels → LecternMetric, guarded by @lock */

/* Held while collectors run, so that one that was removed is not running either. */
static GRecMutex collectors_lock;
static GArray *collectors;
static guint last_collector;

static guint
own_shard (void)
{
  static guint last;
  static __thread guint own;

  if (own == 0)
    own = 1 + __atomic_fetch_add (&last, 1, __ATOMIC_RELAXED) % N_SHARDS;
  return own - 1;
}

static char *
format_labels (const char *label, const char *value)
{
  GString *text;

  if (label == NULL)
    return g_strdup ("");
  text = g_string_new (NULL);
  g_string_append_printf (text, "{%s=\"", label);
  for (const char *at = value; *at != '\0'; at++)
    {
      if (*at == '\n')
        g_string_append (text, "\\n");
      else if (*at == '"' || *at == '\\')
        g_string_append_printf (text, "\\%c", *at);
      else
        g_string_append_c (text, *at);
    }
  g_string_append (text, "\"}");
  return g_string_free (text, FALSE);
}

static LecternMetric *
metric_new (Kind kind, const char *name, const char *labels, const char *help)
{
  LecternMetric *self = g_aligned_alloc0 (1, sizeof *self, _Alignof(LecternMetric));

  self->kind = kind;
  self->name = g_strdup (name);
  self->labels = g_strdup (labels);
  self->help = help;
  return self;
}

static LecternMetric *
get_metric (Kind kind, const char *name, const char *help, const char *label, const char *value)
{
  g_autofree char *labels = format_labels (label, value);
  g_autofree char *key = g_strconcat (name, labels, NULL);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);
  LecternMetric *self;

  if (metrics == NULL)
    metrics = g_hash_table_new (g_str_hash, g_str_equal);
  self = g_hash_table_lookup (metrics, key);
  if (self == NULL)
    {
      self = metric_new (kind, name, labels, help);
      g_hash_table_insert (metrics, g_steal_pointer (&key), self);
    }
  g_return_val_if_fail (self->kind == kind, NULL);
  return self;
}

LecternMetric *
lectern_metrics_get_counter (const char *name, const char *help, const char *label,
                             const char *value)
{
  return get_metric (COUNTER, name, help, label, value);
}

LecternMetric *
lectern_metrics_get_gauge (const char *name, const char *help, const char *label, const char *value)
{
  return get_metric (GAUGE, name, help, label, value);
}

LecternMetric *
lectern_metrics_get_histogram (const char *name, const char *help, const double *bounds,
                               guint n_bounds)
{
  LecternMetric *self = get_metric (HISTOGRAM, name, help, NULL, NULL);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);

  g_return_val_if_fail (n_bounds <= MAX_BOUNDS, NULL);
  if (self->histogram == NULL)
    {
      Histogram *histogram = g_new0 (Histogram, 1);

      histogram->bounds = bounds;
      histogram->n_bounds = n_bounds;
      __atomic_store_n (&self->histogram, histogram, __ATOMIC_RELEASE);
    }
  return self;
}

void
lectern_metric_add (LecternMetric *self, gint64 amount)
{
  guint shard = self->kind == COUNTER ? own_shard () : 0;

  __atomic_fetch_add (&self->shards[shard].value, amount, __ATOMIC_RELAXED);
}

void
lectern_metric_set (LecternMetric *self, gint64 value)
{
  __atomic_store_n (&self->shards[0].value, value, __ATOMIC_RELAXED);
  for (guint i = 1; i < N_SHARDS; i++)
    __atomic_store_n (&self->shards[i].value, 0, __ATOMIC_RELAXED);
}

gint64
lectern_metric_get (LecternMetric *self)
{
  gint64 sum = 0;

  for (guint i = 0; i < N_SHARDS; i++)
    sum += __atomic_load_n (&self->shards[i].value, __ATOMIC_RELAXED);
  return sum;
}

void
lectern_metric_observe (LecternMetric *self, double value)
{
  Histogram *histogram = self->histogram;
  double old_sum;
  double new_sum;
  guint i = 0;

  g_return_if_fail (histogram != NULL);
  while (i < histogram->n_bounds && !(value <= histogram->bounds[i]))
    i++;
  __atomic_fetch_add (&histogram->counts[i], 1, __ATOMIC_RELAXED);
  __atomic_load (&histogram->sum, &old_sum, __ATOMIC_RELAXED);
  do
    new_sum = old_sum + value;
  while (!__atomic_compare_exchange (&histogram->sum, &old_sum, &new_sum, TRUE, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED));
}

guint
lectern_metrics_add_collector (LecternMetricsFunc func, gpointer user_data)
{
  Collector collector = { .func = func, .user_data = user_data };

  g_rec_mutex_lock (&collectors_lock);
  if (collectors == NULL)
    collectors = g_array_new (FALSE, FALSE, sizeof (Collector));
  collector.id = ++last_collector;
  g_array_append_val (collectors, collector);
  g_rec_mutex_unlock (&collectors_lock);
  return collector.id;
}

void
lectern_metrics_remove_collector (guint id)
{
  g_rec_mutex_lock (&collectors_lock);
  for (guint i = 0; collectors != NULL && i < collectors->len; i++)
    {
      if (g_array_index (collectors, Collector, i).id == id)
        {
          g_array_remove_index (collectors, i);
          break;
        }
    }
  g_rec_mutex_unlock (&collectors_lock);
}

static void
run_collectors (void)
{
  g_rec_mutex_lock (&collectors_lock);
  for (guint i = 0; collectors != NULL && i < collectors->len; i++)
    {
      Collector *collector = &g_array_index (collectors, Collector, i);

      collector->func (collector->user_data);
    }
  g_rec_mutex_unlock (&collectors_lock);
}

static int
compare (gconstpointer a, gconstpointer b)
{
  const LecternMetric *first = *(LecternMetric *const *) a;
  const LecternMetric *second = *(LecternMetric *const *) b;
  int order = strcmp (first->name, second->name);

  return order != 0 ? order : strcmp (first->labels, second->labels);
}

static GPtrArray *
list_metrics (void)
{
  GPtrArray *list = g_ptr_array_new ();
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);
  GHashTableIter iter;
  gpointer metric;

  if (metrics == NULL)
    return list;
  g_hash_table_iter_init (&iter, metrics);
  while (g_hash_table_iter_next (&iter, NULL, &metric))
    g_ptr_array_add (list, metric);
  g_ptr_array_sort (list, compare);
  return list;
}

static void
print_double (GString *out, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (isinf (value))
    g_string_append (out, value > 0 ? "+Inf" : "-Inf");
  else
    g_string_append (out, g_ascii_formatd (text, sizeof text, "%.15g", value));
}

static void
print_histogram (GString *out, LecternMetric *self)
{
  Histogram *histogram = __atomic_load_n (&self->histogram, __ATOMIC_ACQUIRE);
  gint64 count = 0;
  double sum;

  if (histogram == NULL)
    return;
  for (guint i = 0; i <= histogram->n_bounds; i++)
    {
      count += __atomic_load_n (&histogram->counts[i], __ATOMIC_RELAXED);
      g_string_append_printf (out, "%s_bucket{le=\"", self->name);
      print_double (out, i < histogram->n_bounds ? histogram->bounds[i] : INFINITY);
      g_string_append_printf (out, "\"} %" G_GINT64_FORMAT "\n", count);
    }
  __atomic_load (&histogram->sum, &sum, __ATOMIC_RELAXED);
  g_string_append_printf (out, "%s_sum ", self->name);
  print_double (out, sum);
  g_string_append_printf (out, "\n%s_count %" G_GINT64_FORMAT "\n", self->name, count);
}

GString *
lectern_metrics_print (void)
{
  GString *out = g_string_sized_new (4096);
  g_autoptr (GPtrArray) list = NULL;
  const char *family = "";

  run_collectors ();
  list = list_metrics ();
  for (guint i = 0; i < list->len; i++)
    {
      LecternMetric *metric = g_ptr_array_index (list, i);

      if (strcmp (family, metric->name) != 0)
        {
          g_string_append_printf (out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                                  metric->name, kind_names[metric->kind]);
          family = metric->name;
        }
      if (metric->kind == HISTOGRAM)
        print_histogram (out, metric);
      else
        g_string_append_printf (out, "%s%s %" G_GINT64_FORMAT "\n", metric->name, metric->labels,
                                lectern_metric_get (metric));
    }
  return out;
}
