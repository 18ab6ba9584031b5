/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-dialer.h"

/* LecternResolver: getaddrinfo on a few threads, for LecternDialer alone. */
typedef struct _LecternResolver LecternResolver;

#define LECTERN_RESOLVER_THREADS 4
#define LECTERN_RESOLVER_MAX_WAITING 64
#define LECTERN_RESOLVER_MAX_ADDRESSES 16

/* Thread: any. */
LecternResolver *lectern_resolver_new (void);
/* Does not wait for names under way; their functions still run. */
void lectern_resolver_free (LecternResolver *self);
/* See lectern_dialer_resolve. */
LecternResolve *lectern_resolver_resolve (LecternResolver *self, LecternReactor *reactor,
                                          const char *host, guint16 port, LecternResolveFunc func,
                                          gpointer user_data);
