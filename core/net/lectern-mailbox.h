/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-reactor.h"

/* LecternMailbox: what other threads want of a reactor, first come first served. Thread: any. */
typedef struct
{
  GMutex lock;
  LecternWake *first;
  LecternWake *last;
  gint64 since_us; /* when it stopped being empty */
  gboolean closed;
} LecternMailbox;

void lectern_mailbox_init (LecternMailbox *self);
void lectern_mailbox_clear (LecternMailbox *self);
/* FALSE when closed. @was_empty: (out): whether the reactor has to be told. */
gboolean lectern_mailbox_push (LecternMailbox *self, LecternWake *wake, gboolean *was_empty);
gboolean lectern_mailbox_is_empty (LecternMailbox *self);
/* Returns: (nullable): all that was there, to be given to lectern_mailbox_run. */
LecternWake *lectern_mailbox_take (LecternMailbox *self, gint64 *since_us);
/* The same, and nothing more is accepted. */
LecternWake *lectern_mailbox_close (LecternMailbox *self);
void lectern_mailbox_run (LecternWake *first);
/* Returns: (transfer full): a wake that runs @func (@data) and frees itself. */
LecternWake *lectern_mailbox_new_post (LecternPostFunc func, gpointer data);
void lectern_mailbox_free_post (LecternWake *post);
