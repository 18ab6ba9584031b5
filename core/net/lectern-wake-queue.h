/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-reactor.h"

/* LecternWakeQueue: what other threads want of a reactor, first come first served. Thread: any. */
typedef struct
{
  GMutex lock;
  LecternWake *first;
  LecternWake *last;
  gint64 since_us; /* when it stopped being empty */
  gboolean closed;
} LecternWakeQueue;

void lectern_wake_queue_init (LecternWakeQueue *self);
void lectern_wake_queue_clear (LecternWakeQueue *self);
/* FALSE when closed. @was_empty: (out): whether the reactor has to be told. */
gboolean lectern_wake_queue_push (LecternWakeQueue *self, LecternWake *wake, gboolean *was_empty);
gboolean lectern_wake_queue_is_empty (LecternWakeQueue *self);
/* Returns: (nullable): all that was there, to be given to lectern_wake_queue_run. */
LecternWake *lectern_wake_queue_take (LecternWakeQueue *self, gint64 *since_us);
/* The same, and nothing more is accepted. */
LecternWake *lectern_wake_queue_close (LecternWakeQueue *self);
void lectern_wake_queue_run (LecternWake *first);
/* Returns: (transfer full): a wake that runs @func (@data) and frees itself. */
LecternWake *lectern_wake_queue_new_post (LecternPostFunc func, gpointer data);
void lectern_wake_queue_free_post (LecternWake *post);
