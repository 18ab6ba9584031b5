/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* LecternMailbox:
 *
 * Posts calls to the thread that runs a GMainContext: a queue under a mutex whose wake-up is
 * coalesced, so that a burst costs one. Cheaper than an idle source per call. The caller bounds
 * what it posts. Private to core. */
typedef struct _LecternMailbox LecternMailbox;

/* Runs in @context once, or never when the context or the mailbox ends first: then @discard takes
 * @data, in whatever thread noticed. */
typedef void (*LecternMailboxFunc) (gpointer data);

/* Returns: (transfer full): a mailbox of its own. Thread: any. */
LecternMailbox *lectern_mailbox_new (GMainContext *context);

/* Returns: (transfer full): the mailbox that everybody who answers to @context shares; it stays for
 * as long as the context. Thread: any. */
LecternMailbox *lectern_mailbox_get_shared (GMainContext *context);

LecternMailbox *lectern_mailbox_ref (LecternMailbox *self);
void lectern_mailbox_unref (LecternMailbox *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternMailbox, lectern_mailbox_unref)

/* Thread: any. */
void lectern_mailbox_post (LecternMailbox *self, LecternMailboxFunc func, gpointer data,
                           GDestroyNotify discard);

/* Runs nothing more; discards what waits. Thread: the context's. */
void lectern_mailbox_close (LecternMailbox *self);
