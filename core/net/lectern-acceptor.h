/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-listener.h"

/* LecternAcceptor: the part of a listener that lives on a reactor and that connections on their way
 * keep alive. Atomically reference-counted. */
typedef struct _LecternAcceptor LecternAcceptor;

/* Takes over @fd and @free_user_data. @reactors outlives the accepting. Thread: control. */
LecternAcceptor *lectern_acceptor_new (int fd, LecternReactorPool *reactors, LecternGate *gate,
                                       LecternTls *tls, LecternListenerFunc func,
                                       gpointer user_data, GDestroyNotify free_user_data);
void lectern_acceptor_unref (LecternAcceptor *self);
/* Begins to accept. Thread: control. */
void lectern_acceptor_start (LecternAcceptor *self);
/* Marks what connections send that are accepted from now on. Thread: control. */
void lectern_acceptor_set_dscp (LecternAcceptor *self, guint dscp);
/* The port is free when it returns; the descriptor is closed later. Idempotent. Thread: control. */
void lectern_acceptor_stop (LecternAcceptor *self);
