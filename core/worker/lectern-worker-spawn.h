/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

#include <sys/types.h>

/* A process that was just started, and our ends of what it holds. */
typedef struct
{
  pid_t pid;
  int pid_fd; /* readable once it has ended */
  int link;   /* stream socket; the process has the other end as descriptor 3 */
  int log;    /* readable: what it writes to its standard output and error */
} LecternWorkerProcess;

/* Starts "@program @job" with nothing but those descriptors, an environment of few variables and no
 * blocked signals, in a process group of its own. posix_spawn and no fork, which with threads and
 * much memory is slow and dangerous. @registry: (nullable): for GST_REGISTRY.
 * Errors: NOT_FOUND, LIMIT, others. Thread: one that lives as long as the server: the process is
 * killed when it ends (PR_SET_PDEATHSIG). */
gboolean lectern_worker_spawn (const char *program, const char *job, const char *registry,
                               LecternWorkerProcess *process, GError **error);
