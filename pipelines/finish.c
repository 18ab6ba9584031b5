/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The job "finish": makes an ordinary MP4 of a recording. It reads what a crash may have left, so
 * it is done here, though no GStreamer takes part. */
#include "lectern-job.h"

#include <unistd.h>

#define TICK_US G_USEC_PER_SEC

typedef struct
{
  LecternJob *job;
  char *folder;
  char *name;
  guint64 min_free;
  gint64 ticked_us;
} Finish;

static void
on_progress (gpointer user_data)
{
  Finish *self = user_data;
  gint64 now_us = lectern_clock_now_us ();

  if (now_us - self->ticked_us < TICK_US)
    return;
  self->ticked_us = now_us;
  lectern_job_tick (self->job);
}

static gboolean
run_in (Finish *self, int root, GError **error)
{
  LecternFinisherResult result;
  int folder = lectern_beneath_open_folder (root, ".", FALSE);
  gboolean done;

  if (folder < 0)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "cannot open the folder '%s'",
                   self->folder);
      return FALSE;
    }
  done = lectern_finisher_run (folder, self->name, self->min_free, on_progress, self, &result,
                               error);
  close (folder);
  if (done && result.left_out > 0)
    g_message ("%" G_GUINT64_FORMAT " bytes at the end of '%s' were no whole fragment",
               result.left_out, self->name);
  return done;
}

static gpointer
run (gpointer data)
{
  Finish *self = data;
  GError *error = NULL;
  int root = lectern_beneath_open_root (self->folder, &error);
  gboolean done = root >= 0 && run_in (self, root, &error);

  if (root >= 0)
    close (root);
  if (done)
    lectern_job_done (self->job);
  else
    lectern_job_fail (self->job, error);
  return NULL;
}

static gboolean
start (LecternJob *job, JsonObject *parameters, GError **error)
{
  const char *folder = json_object_get_string_member_with_default (parameters, "folder", NULL);
  const char *name = json_object_get_string_member_with_default (parameters, "name", NULL);
  Finish *self = g_new0 (Finish, 1);

  self->job = job;
  lectern_job_set_data (job, self);
  if (folder == NULL || name == NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "finish needs a folder and a name");
      return FALSE;
    }
  self->folder = g_strdup (folder);
  self->name = g_strdup (name);
  self->min_free
      = (guint64) MAX (json_object_get_int_member_with_default (parameters, "min-free", 0), 0);
  g_thread_unref (g_thread_new ("finish", run, self));
  return TRUE;
}

/* The thread may still run; the process ends with it. */
static void
stop (LecternJob *job)
{
}

const LecternJobClass lectern_finish_job = { .name = "finish", .start = start, .stop = stop };
