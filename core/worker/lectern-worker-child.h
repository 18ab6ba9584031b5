/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "worker/lectern-link.h"
#include "worker/lectern-workers-private.h"

/* LecternWorkerChild: one process of a job, its link and its log. Thread: its reactor's. */
typedef struct _LecternWorkerChild LecternWorkerChild;

/* Both may let go of the child. */
typedef struct
{
  void (*frame) (LecternWorkerChild *child, LecternLinkFrame *frame, gpointer user_data);
  /* The process has ended, and no call follows. @error: how, or why it was killed. */
  void (*gone) (LecternWorkerChild *child, const GError *error, gpointer user_data);
} LecternWorkerChildEvents;

/* Starts it. @title: for the log. Errors: CLOSED, LIMIT, others. Returns: (transfer full). */
LecternWorkerChild *lectern_worker_child_new (LecternWorkers *workers, const char *job,
                                              const char *title, LecternReactor *reactor,
                                              const LecternWorkerChildEvents *events,
                                              gpointer user_data, GError **error);
/* Sends @head, and @body (nullable) behind it. FALSE: more than @limit bytes would wait, and it is
 * dropped; one frame is always taken. */
gboolean lectern_worker_child_send (LecternWorkerChild *self, GBytes *head, GBytes *body,
                                    gsize limit);
/* Expects it to end by itself now; if it does not, it is told by SIGTERM, then killed. */
void lectern_worker_child_expect_end (LecternWorkerChild *self);
/* Kills it; `gone` follows, with @error (transfer full). */
void lectern_worker_child_kill (LecternWorkerChild *self, GError *error);
/* No call follows. A process that is still there finds its link closed and is looked after until
 * it has ended. */
void lectern_worker_child_release (LecternWorkerChild *self);
int lectern_worker_child_get_pid (LecternWorkerChild *self);
