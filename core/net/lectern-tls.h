/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

/* LecternTls: a certificate and key with which listeners serve TLS 1.2 and 1.3 (OpenSSL, server
 * cipher preference, session tickets). Reference-counted atomically; a reload replaces what new
 * handshakes use and touches no running connection. */
typedef struct _LecternTls LecternTls;

/* PEM files: the chain, and its key (refused when others can read it).
 * Errors: INVALID_CONFIG: unreadable, expired, or the key does not fit. Thread: control. */
LECTERN_API LecternTls *lectern_tls_new (const char *certificate, const char *key, GError **error);
LECTERN_API LecternTls *lectern_tls_ref (LecternTls *self);
LECTERN_API void lectern_tls_unref (LecternTls *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternTls, lectern_tls_unref)
/* Reads the files again; on an error the old pair stays in use. Thread: control. */
LECTERN_API gboolean lectern_tls_reload (LecternTls *self, GError **error);
/* Watches both files and reloads when they change (at most once a second), logging the result.
 * Thread: control. */
LECTERN_API void lectern_tls_watch (LecternTls *self);
