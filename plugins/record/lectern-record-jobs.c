/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-record-jobs.h"

#define MAX_TRIES 3
#define RETRY_MS 500

/* One job. Moves from the control thread to its reactor and back, a reference with each message. */
typedef struct
{
  gint refs;
  LecternRecordJobs *owner; /* NULL: nobody waits any more; control thread */
  LecternRecordJobKind kind;
  LecternRecordEntry *entry;
  guint tries;
  LecternReactor *reactor;
  LecternWorkers *workers;
  char *folder;
  guint64 min_free;
  LecternWorker *worker; /* on the reactor */
  GError *error;
} Job;

struct _LecternRecordJobs
{
  LecternHost *host;
  char *directory;
  guint64 min_free;
  LecternRecordJobFunc func;
  gpointer user_data;
  GQueue waiting[2]; /* of Job, by kind */
  Job *running;
  guint retry; /* source */
};

static Job *
job_ref (Job *job)
{
  g_atomic_int_inc (&job->refs);
  return job;
}

static void
job_unref (gpointer data)
{
  Job *job = data;

  if (!g_atomic_int_dec_and_test (&job->refs))
    return;
  lectern_record_entry_unref (job->entry);
  g_clear_object (&job->reactor);
  g_clear_error (&job->error);
  g_free (job->folder);
  g_free (job);
}

LecternRecordJobs *
lectern_record_jobs_new (LecternHost *host, const char *directory, LecternRecordJobFunc func,
                         gpointer user_data)
{
  LecternRecordJobs *self = g_new0 (LecternRecordJobs, 1);

  self->host = host;
  self->directory = g_strdup (directory);
  self->func = func;
  self->user_data = user_data;
  return self;
}

void
lectern_record_jobs_set_min_free (LecternRecordJobs *self, guint64 min_free)
{
  self->min_free = min_free;
}

/* ── on the reactor ── */

static gboolean on_over (gpointer data);

static void
on_ended (LecternWorker *worker, const GError *error, gpointer user_data)
{
  Job *job = user_data;

  g_clear_pointer (&job->worker, lectern_worker_free);
  if (error != NULL)
    job->error = g_error_copy (error);
  lectern_record_post (on_over, job, job_unref);
}

static JsonObject *
make_parameters (Job *job)
{
  JsonObject *parameters = json_object_new ();
  g_auto (LecternRecordInfo) info = { 0 };

  json_object_set_string_member (parameters, "folder", job->folder);
  json_object_set_string_member (parameters, "name", lectern_record_entry_get_name (job->entry));
  json_object_set_int_member (parameters, "min-free", (gint64) job->min_free);
  lectern_record_entry_get_info (job->entry, &info);
  for (guint i = 0; i < info.n_tracks; i++)
    if (info.tracks[i]->media == LECTERN_MEDIA_VIDEO)
      json_object_set_string_member (parameters, "codec",
                                     lectern_codec_get_name (info.tracks[i]->codec));
  return parameters;
}

static void
start_worker (gpointer data)
{
  static const LecternWorkerEvents events = { .ended = on_ended };
  Job *job = data;
  const char *name = job->kind == LECTERN_RECORD_JOB_FINISH ? "finish" : "poster";
  g_autofree char *title
      = g_strdup_printf ("%s %s", name, lectern_record_entry_get_path (job->entry));
  g_autoptr (JsonObject) parameters = make_parameters (job);
  LecternWorkerSpec spec = { .job = name,
                             .title = title,
                             .parameters = parameters,
                             .read_path = job->folder,
                             .write_path = job->folder,
                             .once = TRUE,
                             .patient = TRUE };

  job->worker = lectern_worker_new (job->workers, &spec, job->reactor, &events, job);
}

static void
stop_worker (gpointer data)
{
  Job *job = data;

  /* Its own reference goes with the worker, which says nothing any more. */
  if (job->worker != NULL)
    {
      g_clear_pointer (&job->worker, lectern_worker_free);
      job_unref (job);
    }
  job_unref (job);
}

/* ── control ── */

static void
run_next (LecternRecordJobs *self)
{
  Job *job = NULL;

  if (self->running != NULL || self->retry != 0)
    return;
  for (guint kind = 0; kind < G_N_ELEMENTS (self->waiting) && job == NULL; kind++)
    job = g_queue_pop_head (&self->waiting[kind]);
  if (job == NULL)
    return;
  self->running = job;
  job->tries++;
  g_clear_error (&job->error);
  g_clear_object (&job->reactor);
  job->reactor = g_object_ref (lectern_reactor_pool_pick (lectern_host_get_reactors (self->host)));
  lectern_reactor_post (job->reactor, start_worker, job_ref (job), job_unref);
}

static gboolean
on_retry (gpointer user_data)
{
  LecternRecordJobs *self = user_data;

  self->retry = 0;
  run_next (self);
  return G_SOURCE_REMOVE;
}

/* What is wrong with the recording or the disk stays wrong; what killed the worker may not. */
static gboolean
is_worth_another_try (const Job *job)
{
  return job->tries < MAX_TRIES
         && !g_error_matches (job->error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA)
         && !g_error_matches (job->error, LECTERN_ERROR, LECTERN_ERROR_LIMIT)
         && !g_error_matches (job->error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED);
}

static gboolean
on_over (gpointer data)
{
  Job *job = data;
  LecternRecordJobs *self = job->owner;

  if (self == NULL)
    return G_SOURCE_REMOVE;
  self->running = NULL;
  if (job->error != NULL && is_worth_another_try (job))
    {
      g_queue_push_head (&self->waiting[job->kind], job);
      self->retry = g_timeout_add (RETRY_MS, on_retry, self);
      return G_SOURCE_REMOVE;
    }
  self->func (job->kind, job->entry, job->error, self->user_data);
  job_unref (job);
  run_next (self);
  return G_SOURCE_REMOVE;
}

void
lectern_record_jobs_push (LecternRecordJobs *self, LecternRecordJobKind kind,
                          LecternRecordEntry *entry)
{
  Job *job = g_new0 (Job, 1);

  job->refs = 1;
  job->owner = self;
  job->kind = kind;
  job->entry = lectern_record_entry_ref (entry);
  job->workers = lectern_host_get_workers (self->host);
  job->min_free = self->min_free;
  job->folder = g_build_filename (self->directory, lectern_record_entry_get_stream (entry), NULL);
  g_queue_push_tail (&self->waiting[kind], job);
  run_next (self);
}

void
lectern_record_jobs_free (LecternRecordJobs *self)
{
  Job *job = g_steal_pointer (&self->running);

  if (self->retry != 0)
    g_source_remove (self->retry);
  if (job != NULL)
    {
      job->owner = NULL;
      lectern_reactor_post (job->reactor, stop_worker, job, job_unref);
    }
  for (guint kind = 0; kind < G_N_ELEMENTS (self->waiting); kind++)
    g_queue_clear_full (&self->waiting[kind], job_unref);
  g_free (self->directory);
  g_free (self);
}
