/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-connection.h"
#include "net/lectern-io.h"
#include "net/lectern-tls.h"

#include <openssl/ssl.h>

/* LecternTlsSession: one connection's TLS. Thread: the connection's reactor. */
typedef struct _LecternTlsSession LecternTlsSession;

typedef void (*LecternTlsReadyFunc) (LecternConnection *connection, gpointer user_data);

/* Costs little until the peer has sent something. @ready is called after the handshake, unless the
 * connection ends first; then @user_data is released. */
LecternTlsSession *lectern_tls_session_new (LecternTls *tls, LecternTlsReadyFunc ready,
                                            gpointer user_data, GDestroyNotify free_user_data);
/* The other end: begins at once, checks the peer's certificate by @context and that it is for
 * @host, a name or an IP address. */
LecternTlsSession *lectern_tls_session_new_client (SSL_CTX *context, const char *host,
                                                   LecternTlsReadyFunc ready, gpointer user_data);
void lectern_tls_session_free (LecternTlsSession *self);
/* One step. DONE: the handshake is over. @wants_write: (out): what AGAIN waits for. */
LecternIo lectern_tls_session_shake (LecternTlsSession *self, int fd, gboolean *wants_write);
void lectern_tls_session_ready (LecternTlsSession *self, LecternConnection *connection);
/* Returns: why the handshake broke. */
const char *lectern_tls_session_get_problem (LecternTlsSession *self);
/* Whether the kernel makes the records, so that plain send does. */
gboolean lectern_tls_session_kernel_sends (LecternTlsSession *self);
/* BROKEN sets errno. */
LecternIo lectern_tls_session_receive (LecternTlsSession *self, guint8 *to, gsize size,
                                       gsize *received);
/* @kept: see lectern_connection_transmit. BROKEN sets errno. */
LecternIo lectern_tls_session_transmit (LecternTlsSession *self, const guint8 *from, gsize length,
                                        gsize *sent, gsize *kept);
/* Tells the peer that nothing follows. AGAIN: the socket is full. */
LecternIo lectern_tls_session_shut (LecternTlsSession *self);
