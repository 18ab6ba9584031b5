/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* LecternWorkerLog: what a child writes to its standard output and error becomes lines of the
 * server's log, a bounded number of them a second. A line may begin with the level as for the
 * journal, "<4>" (sd-daemon(3)); one that does not is a message. Plain memory, zero-initialised. */
typedef struct
{
  char line[512];
  gsize size;
  gboolean overlong; /* the rest of the line is left out */
  gint64 second;     /* in which `written` were */
  guint written;
  guint dropped;
} LecternWorkerLog;

/* @title: of the job. Thread: any, one at a time. */
void lectern_worker_log_put (LecternWorkerLog *self, const char *title, const char *text,
                             gsize length);
/* Writes an unfinished last line. */
void lectern_worker_log_end (LecternWorkerLog *self, const char *title);
