/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "worker/lectern-workers.h"

#include <sys/types.h>

/* What a job needs of its LecternWorkers. Thread: any. */

/* Fills @settings; its strings live as long as @self. */
void lectern_workers_get_settings (LecternWorkers *self, LecternWorkersSettings *settings);

/* One job in the list of lectern_workers_describe. */
typedef struct
{
  const char *job;
  const char *title;
  pid_t pid; /* 0: none */
  gint64 since_us;
  guint restarts;
} LecternWorkerEntry;
void lectern_workers_add_entry (LecternWorkers *self, gconstpointer worker, const char *job,
                                const char *title);
void lectern_workers_set_entry (LecternWorkers *self, gconstpointer worker, pid_t pid,
                                gboolean restart);
void lectern_workers_remove_entry (LecternWorkers *self, gconstpointer worker);

/* Takes one place for a child. Errors: CLOSED: the server stops; LIMIT. */
gboolean lectern_workers_reserve (LecternWorkers *self, GError **error);
void lectern_workers_release (LecternWorkers *self);
/* A child with a place is there, and is killed at the server's end. */
void lectern_workers_add_child (LecternWorkers *self, pid_t pid);
/* Takes the end of a child and gives its place back. Returns: FALSE: it has not ended yet. */
gboolean lectern_workers_reap (LecternWorkers *self, pid_t pid, int *status);

void lectern_workers_count_restart (void);
void lectern_workers_count_given_up (void);
