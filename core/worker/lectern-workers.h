/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "worker/lectern-worker.h"

/* The life of LecternWorkers, for the host and for tests. */

/* Durations in µs; those from `silence_us` on are fixed in the server (LECTERN_WORKERS_TIMES) and
 * shortened in tests. */
typedef struct
{
  const char *program;  /* the worker program's path */
  const char *registry; /* (nullable): where GStreamer may keep its list of plugins */
  int nice;
  guint64 memory;     /* bytes of address space for one child, 0: no limit */
  guint limit;        /* children at a time, 0: no limit */
  gint64 silence_us;  /* a ready child that says nothing for so long is killed */
  gint64 patience_us; /* the same for patient jobs */
  gint64 start_us;    /* time until a child must be ready */
  gint64 stop_us;     /* between being told to end, SIGTERM and SIGKILL */
  gint64 at_once_us;  /* before the first restart of one that had been ready */
  gint64 backoff_us;  /* before the next one; doubled each time */
  gint64 max_backoff_us;
  gint64 steady_us;   /* one that was ready for so long begins a new count of failures */
  guint max_failures; /* in a row; then the job is given up */
} LecternWorkersSettings;

/* What is the same for every server. */
#define LECTERN_WORKERS_TIMES                                                                      \
  .silence_us = 5 * G_USEC_PER_SEC, .patience_us = 600 * G_USEC_PER_SEC,                           \
  .start_us = 30 * G_USEC_PER_SEC, .stop_us = 2 * G_USEC_PER_SEC, .at_once_us = 100000,            \
  .backoff_us = G_USEC_PER_SEC, .max_backoff_us = 60 * G_USEC_PER_SEC,                             \
  .steady_us = 60 * G_USEC_PER_SEC, .max_failures = 5

/* @settings: copied. Thread: control. */
LecternWorkers *lectern_workers_new (const LecternWorkersSettings *settings);
LecternWorkers *lectern_workers_ref (LecternWorkers *self);
void lectern_workers_unref (LecternWorkers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternWorkers, lectern_workers_unref)
/* For children that start from now on; strings are not replaced. Thread: any. */
void lectern_workers_set (LecternWorkers *self, int nice, guint64 memory, guint limit);
/* Returns: how many children there are, ending ones included. Thread: any. */
guint lectern_workers_count (LecternWorkers *self);
/* No child starts from now on. Thread: any. */
void lectern_workers_close (LecternWorkers *self);
/* Kills the children that are left. Thread: any. */
void lectern_workers_kill (LecternWorkers *self);
