/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/lectern-workers-private.h"

#include "base/lectern-clock.h"
#include "base/lectern-metrics.h"

#include <signal.h>
#include <sys/wait.h>

struct _LecternWorkers
{
  gint refs;
  LecternWorkersSettings settings;

  GMutex lock;          /* guards what follows, and nice, memory and limit of the settings */
  GHashTable *entries;  /* worker → LecternWorkerEntry */
  GHashTable *children; /* pid; one that was not waited for, so that its number is still its own */
  guint places;         /* children, those included that are about to start */
  gboolean closed;
};

static void
entry_free (gpointer data)
{
  LecternWorkerEntry *entry = data;

  g_free ((char *) entry->job);
  g_free ((char *) entry->title);
  g_free (entry);
}

static LecternMetric *
get_running (void)
{
  return lectern_metrics_get_gauge ("lectern_workers", "Worker processes that run", NULL, NULL);
}

void
lectern_workers_count_restart (void)
{
  lectern_metric_add (lectern_metrics_get_counter ("lectern_worker_restarts_total",
                                                   "Worker processes that were started anew", NULL,
                                                   NULL),
                      1);
}

void
lectern_workers_count_given_up (void)
{
  lectern_metric_add (lectern_metrics_get_counter ("lectern_worker_given_up_total",
                                                   "Jobs whose worker failed too often", NULL,
                                                   NULL),
                      1);
}

LecternWorkers *
lectern_workers_new (const LecternWorkersSettings *settings)
{
  LecternWorkers *self = g_new0 (LecternWorkers, 1);

  self->refs = 1;
  self->settings = *settings;
  self->settings.program = g_strdup (settings->program);
  self->settings.registry = g_strdup (settings->registry);
  g_mutex_init (&self->lock);
  self->entries = g_hash_table_new_full (NULL, NULL, NULL, entry_free);
  self->children = g_hash_table_new (NULL, NULL);
  lectern_metric_set (get_running (), 0);
  return self;
}

LecternWorkers *
lectern_workers_ref (LecternWorkers *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
lectern_workers_unref (LecternWorkers *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_hash_table_unref (self->entries);
  g_hash_table_unref (self->children);
  g_free ((char *) self->settings.program);
  g_free ((char *) self->settings.registry);
  g_mutex_clear (&self->lock);
  g_free (self);
}

void
lectern_workers_set (LecternWorkers *self, int nice, guint64 memory, guint limit)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->settings.nice = nice;
  self->settings.memory = memory;
  self->settings.limit = limit;
}

void
lectern_workers_get_settings (LecternWorkers *self, LecternWorkersSettings *settings)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  *settings = self->settings;
}

guint
lectern_workers_count (LecternWorkers *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->places;
}

void
lectern_workers_close (LecternWorkers *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->closed = TRUE;
}

void
lectern_workers_kill (LecternWorkers *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GHashTableIter iter;
  gpointer pid;

  self->closed = TRUE;
  g_hash_table_iter_init (&iter, self->children);
  while (g_hash_table_iter_next (&iter, &pid, NULL))
    (void) kill (GPOINTER_TO_INT (pid), SIGKILL);
}

gboolean
lectern_workers_reserve (LecternWorkers *self, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->closed)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the server stops");
      return FALSE;
    }
  if (self->settings.limit > 0 && self->places >= self->settings.limit)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                   "%u workers run already, as many as [workers] limit allows", self->places);
      return FALSE;
    }
  self->places++;
  return TRUE;
}

void
lectern_workers_release (LecternWorkers *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->places--;
}

void
lectern_workers_add_child (LecternWorkers *self, pid_t pid)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  g_hash_table_add (self->children, GINT_TO_POINTER (pid));
  lectern_metric_set (get_running (), g_hash_table_size (self->children));
}

gboolean
lectern_workers_reap (LecternWorkers *self, pid_t pid, int *status)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (!g_hash_table_contains (self->children, GINT_TO_POINTER (pid)))
    return TRUE;
  if (waitpid (pid, status, WNOHANG) == 0)
    return FALSE;
  g_hash_table_remove (self->children, GINT_TO_POINTER (pid));
  self->places--;
  lectern_metric_set (get_running (), g_hash_table_size (self->children));
  return TRUE;
}

void
lectern_workers_add_entry (LecternWorkers *self, gconstpointer worker, const char *job,
                           const char *title)
{
  LecternWorkerEntry *entry = g_new0 (LecternWorkerEntry, 1);

  entry->job = g_strdup (job);
  entry->title = g_strdup (title);
  g_mutex_lock (&self->lock);
  g_hash_table_replace (self->entries, (gpointer) worker, entry);
  g_mutex_unlock (&self->lock);
}

void
lectern_workers_set_entry (LecternWorkers *self, gconstpointer worker, pid_t pid, gboolean restart)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternWorkerEntry *entry = g_hash_table_lookup (self->entries, worker);

  entry->pid = pid;
  entry->since_us = lectern_clock_now_us ();
  entry->restarts += restart;
}

void
lectern_workers_remove_entry (LecternWorkers *self, gconstpointer worker)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  g_hash_table_remove (self->entries, worker);
}

static JsonObject *
describe (const LecternWorkerEntry *entry)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "job", entry->job);
  json_object_set_string_member (object, "title", entry->title);
  if (entry->pid != 0)
    {
      json_object_set_int_member (object, "pid", entry->pid);
      json_object_set_int_member (object, "seconds",
                                  (lectern_clock_now_us () - entry->since_us) / G_USEC_PER_SEC);
    }
  json_object_set_int_member (object, "restarts", entry->restarts);
  return object;
}

JsonArray *
lectern_workers_describe (LecternWorkers *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  JsonArray *array = json_array_new ();
  GHashTableIter iter;
  gpointer entry;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, &entry))
    json_array_add_object_element (array, describe (entry));
  return array;
}
