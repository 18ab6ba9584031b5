/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-connection.h"

/* LecternDialer: connections that this server makes. Names are resolved on threads of its own; all
 * addresses of a name are tried in turn; over TLS (1.2 and 1.3) the peer's certificate must be
 * trusted and be for the name. Atomically reference-counted. Thread: any unless it says otherwise.
 */
typedef struct _LecternDialer LecternDialer;

/* May this server connect to @address? Asked for each address that a name has, just before it is
 * used, so that a name cannot lead to where it must not (SSRF, DNS rebinding). Must not block.
 * Thread: the reactor's. */
typedef gboolean (*LecternDialFilter) (const LecternAddress *address, gpointer filter_data);

/* Where to. */
typedef struct
{
  const char *host; /* a name or an IP address without brackets; copied */
  guint16 port;
  gboolean secure;          /* over TLS */
  LecternDialFilter filter; /* NULL: any address */
  gpointer filter_data;     /* lives until the call is over */
  gint64 timeout_us;        /* for all of it; 0: 10 s */
  guint dscp;               /* mark of what is sent, see lectern_dscp_apply; 0: none */
} LecternDialTarget;

/* @ca_file: (nullable): PEM certificates of the authorities to trust instead of the system's.
 * Errors: INVALID_CONFIG. Thread: control. */
LECTERN_API LecternDialer *lectern_dialer_new (const char *ca_file, GError **error);
LECTERN_API LecternDialer *lectern_dialer_ref (LecternDialer *self);
LECTERN_API void lectern_dialer_unref (LecternDialer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternDialer, lectern_dialer_unref)

/* LecternDial: one call under way; there until @func runs or it is cancelled. */
typedef struct _LecternDial LecternDial;

/* The end of a call, once. @connection: (nullable): give it a handler now, else it is closed; as of
 * those that were accepted, the reference is the reactor's. @error: why there is none: NOT_FOUND no
 * such name; DENIED no address that the filter allows; TIMED_OUT; LIMIT too many names are being
 * resolved; INVALID_DATA the peer's TLS or certificate; CLOSED; FAILED. Thread: the reactor's. */
typedef void (*LecternDialFunc) (LecternConnection *connection, const GError *error,
                                 gpointer user_data);

/* Begins a call; @func runs later, never inside it. The connection belongs to @reactor, and counts
 * there from its first step on. Thread: @reactor's. */
LECTERN_API LecternDial *lectern_dialer_dial (LecternDialer *self, LecternReactor *reactor,
                                              const LecternDialTarget *target, LecternDialFunc func,
                                              gpointer user_data);
/* Ends it; @func does not run. Thread: the reactor's. */
LECTERN_API void lectern_dial_cancel (LecternDial *self);

/* LecternResolve: a name being resolved; there until @func runs or it is cancelled. */
typedef struct _LecternResolve LecternResolve;

/* @addresses: in the order in which they should be tried, with the port given; NULL with @error:
 * NOT_FOUND, LIMIT, CLOSED, INVALID_DATA: no name; FAILED: no answer. Thread: the reactor's. */
typedef void (*LecternResolveFunc) (const LecternAddress *addresses, guint n_addresses,
                                    const GError *error, gpointer user_data);

/* Resolves @host (an IP address is one already) for those who connect by other means; they ask
 * their filter themselves. No time limit of its own: cancel. @func runs later, never inside it.
 * Thread:
 * @reactor's. */
LECTERN_API LecternResolve *lectern_dialer_resolve (LecternDialer *self, LecternReactor *reactor,
                                                    const char *host, guint16 port,
                                                    LecternResolveFunc func, gpointer user_data);
/* Thread: the reactor's. */
LECTERN_API void lectern_resolve_cancel (LecternResolve *self);
