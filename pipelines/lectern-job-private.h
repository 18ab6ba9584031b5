/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-job.h"

/* The job's life, for the program. Thread: main, unless said otherwise. */

/* @link: a stream socket to the server, owned from now on. */
LecternJob *lectern_job_new (const LecternJobClass *class, int link);
/* Waits for the server's first frame. Returns: (transfer full): its object, see LECTERN_LINK_START.
 * Errors: INVALID_DATA, CLOSED. */
JsonObject *lectern_job_read_start (LecternJob *self, GError **error);
/* Says that this job is not to be tried again. */
void lectern_job_refuse (LecternJob *self, const GError *error);
/* Runs the job until it is over, the server is gone, or lectern_job_quit. Returns: whether it was
 * done. */
gboolean lectern_job_run (LecternJob *self, JsonObject *parameters);
/* Ends lectern_job_run, also one that has not begun. Thread: any. */
void lectern_job_quit (LecternJob *self);
