/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-buffer.h"
#include "net/lectern-connection.h"
#include "net/lectern-gate.h"
#include "net/lectern-io.h"
#include "net/lectern-reactor-private.h"
#include "net/lectern-tls-session.h"

/* Small on purpose: a viewer is this, its protocol's few words, and a position on a tape. */
struct _LecternConnection
{
  LecternWatch watch; /* first: the watch is the connection */
  LecternTimer timer;
  LecternWake wake;
  guint refs;

  guint reading : 1;  /* wanted by the handler */
  guint in_event : 1; /* the events are set at its end */
  guint in_input : 1;
  guint handler_changed : 1;
  guint offer_again : 1;   /* the kept bytes are to be offered without new ones */
  guint blocked : 1;       /* EPOLLOUT is wanted */
  guint want_writable : 1; /* the handler waits for room */
  guint finishing : 1;
  guint shut : 1; /* our direction is closed */
  guint peer_ended : 1;
  guint shaking : 1;    /* the TLS handshake is not over */
  guint queued : 1;     /* it waits for its turn */
  guint outgoing : 1;   /* dialled, not accepted */
  guint connecting : 1; /* it is not yet there */
  guint closing : 1;
  guint over : 1;
  guint32 events; /* in the epoll set */

  LecternReactor *reactor;
  LecternConnection *next;
  LecternConnection *previous;
  const LecternConnectionHandler *handler;
  gpointer user_data;
  GError *error; /* why it is being closed */
  LecternGate *gate;
  LecternTlsSession *tls; /* NULL: plain, or over */
  gboolean secure;

  LecternBuffer input;
  LecternBuffer output;
  guint32 input_limit;
  guint32 output_limit;
  gint64 idle_us; /* limits; 0 none */
  gint64 stall_us;
  gint64 read_us;         /* when the peer last sent */
  gint64 progress_us;     /* while blocked: when the peer last took some */
  gint64 checked_us;      /* while blocked: when that was last looked at */
  gint64 deadline_us;     /* of connecting, of the handshake or of the peer's end */
  guint32 unacknowledged; /* while blocked: bytes in the kernel */

  LecternAddress peer;
  char *peer_name; /* made when asked for */
  gint64 accepted_us;
  guint64 sent;
  guint64 received;
};

/* Takes over @fd, the place in @gate (nullable) and the one in @reactor's count. @tls: (transfer
 * full) (nullable). The reference is the reactor's, and lasts until the connection is over.
 * NULL: cannot be watched; all of that is then given back. Thread: the reactor's. */
LecternConnection *lectern_connection_new (LecternReactor *reactor, int fd,
                                           const LecternAddress *peer, LecternGate *gate,
                                           gint64 accepted_us, LecternTlsSession *tls);

/* Within core/net. */
LecternIo lectern_connection_receive (LecternConnection *self, guint8 *to, gsize size,
                                      gsize *received);
/* @kept: (out): bytes behind @sent that the caller must keep and send again before others. */
LecternIo lectern_connection_transmit (LecternConnection *self, const void *from, gsize length,
                                       gboolean more, gsize *sent, gsize *kept);
void lectern_connection_break (LecternConnection *self, int number);
void lectern_connection_wake (LecternConnection *self);
void lectern_connection_update_events (LecternConnection *self);
void lectern_connection_offer_kept (LecternConnection *self);
/* The handshake is over. */
void lectern_connection_begin (LecternConnection *self);
void lectern_connection_on_event (LecternWatch *watch, guint32 events);
/* Half-closes; when the peer has ended too, closes. */
void lectern_connection_shut (LecternConnection *self);
/* Makes the timer fire in time for what may be due first. */
void lectern_connection_watch_time (LecternConnection *self);
void lectern_connection_set_blocked (LecternConnection *self);
