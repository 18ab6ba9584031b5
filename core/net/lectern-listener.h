/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-connection.h"
#include "net/lectern-gate.h"
#include "net/lectern-tls.h"

/* LecternListener: a listening TCP socket. Accepted connections pass the gate, are spread over the
 * reactors (fewest connections first) and start on theirs; over TLS after a handshake of at most
 * 5 s. When descriptors run out it sheds one waiting connection with a reserved descriptor and
 * pauses 200 ms instead of spinning. */
#define LECTERN_TYPE_LISTENER (lectern_listener_get_type ())
LECTERN_API G_DECLARE_FINAL_TYPE (LecternListener, lectern_listener, LECTERN, LISTENER, GObject)

    /* A connection is ready. Set its handler now; a connection without one is closed.
     * Thread: the connection's reactor. */
    typedef void (*LecternListenerFunc) (LecternConnection *connection, gpointer user_data);

/* Binds and listens (backlog 4096) on @address; port 0 takes a free one. @tls: (nullable).
 * @free_user_data runs on this thread after the last call of @func, also when this fails.
 * Errors: CONFLICT: the port is taken (the message names it); DENIED, FAILED. Thread: control. */
LECTERN_API LecternListener *lectern_listener_new (const LecternAddress *address,
                                                   LecternReactorPool *reactors, LecternGate *gate,
                                                   LecternTls *tls, LecternListenerFunc func,
                                                   gpointer user_data,
                                                   GDestroyNotify free_user_data, GError **error);
/* The bound address, with the real port. Thread: any. */
LECTERN_API const LecternAddress *lectern_listener_get_address (LecternListener *self);
/* Marks what connections send that are accepted from now on with @dscp, 0 to 63. Thread: control.
 */
LECTERN_API void lectern_listener_set_dscp (LecternListener *self, guint dscp);
/* Stops accepting and frees the port; connections stay. No call of @func begins after it, but one
 * may be running. Idempotent. Thread: control. */
LECTERN_API void lectern_listener_stop (LecternListener *self);
