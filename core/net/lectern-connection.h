/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-address.h"
#include "net/lectern-reactor.h"

/* LecternConnection: one TCP connection, accepted or dialled, plain or TLS, on one reactor for life. It owns
 * its descriptor. What arrives is read into memory that the reactor's connections share; only bytes
 * the handler left unconsumed are kept, so an idle connection has no buffer. Reference-counted, not
 * atomically: everything here, unless it says otherwise, is
 * Thread: the reactor's. */
typedef struct _LecternConnection LecternConnection;

/* LecternConnectionHandler: constant table of a protocol. */
typedef struct
{
  /* Bytes arrived. Returns how many of @length were consumed; the rest comes again, with more
   * behind it, and is bounded by the input limit (beyond it the connection is closed with LIMIT).
   * With nothing more to be consumed until another event, return what was. */
  gsize (*input) (LecternConnection *connection, const guint8 *data, gsize length,
                  gpointer user_data);
  /* There is room again after a send came back short, or lectern_connection_write had to keep
   * bytes. */
  void (*writable) (LecternConnection *connection, gpointer user_data);
  /* The connection is over; last call, exactly once. @error NULL: the peer closed in order, or
   * lectern_connection_close was called without one. */
  void (*closed) (LecternConnection *connection, const GError *error, gpointer user_data);
} LecternConnectionHandler;

LECTERN_API LecternConnection *lectern_connection_ref (LecternConnection *self);
LECTERN_API void lectern_connection_unref (LecternConnection *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternConnection, lectern_connection_unref)

/* Gives the connection to @handler; may be called again later to hand it on (an HTTP connection
 * that becomes a WebSocket). Bytes left unconsumed are offered to the new handler at once after the
 * current callback. */
LECTERN_API void lectern_connection_set_handler (LecternConnection *self,
                                                 const LecternConnectionHandler *handler,
                                                 gpointer user_data);
/* At most so many unconsumed bytes are kept (default 64 KiB). */
LECTERN_API void lectern_connection_set_input_limit (LecternConnection *self, gsize bytes);
/* At most so many bytes wait for the peer in lectern_connection_write (default 256 KiB). */
LECTERN_API void lectern_connection_set_output_limit (LecternConnection *self, gsize bytes);
/* Closes with TIMED_OUT after @microseconds without anything read from the peer, counted from this
 * call; 0: never. */
LECTERN_API void lectern_connection_set_idle_timeout (LecternConnection *self, gint64 microseconds);
/* Closes with TIMED_OUT when bytes wait and the peer takes none for so long (default 10 s). */
LECTERN_API void lectern_connection_set_stall_timeout (LecternConnection *self,
                                                       gint64 microseconds);
/* Stops and resumes reading, for back-pressure. */
LECTERN_API void lectern_connection_set_reading (LecternConnection *self, gboolean reading);

/* Sends what the socket takes now, and keeps the rest in order. FALSE: over the output limit or
 * closed; the connection is then being closed with LIMIT. */
LECTERN_API gboolean lectern_connection_write (LecternConnection *self, const void *data,
                                               gsize length);
/* The same; more follows at once, and may leave together with it. */
LECTERN_API gboolean lectern_connection_write_more (LecternConnection *self, const void *data,
                                                    gsize length);
/* Sends straight from the caller's memory and keeps nothing (over TLS at most one record of 16
 * KiB). Returns: bytes accepted, 0 … @length; less than @length: `writable` will be called. 0 while
 * bytes of lectern_connection_write wait. On a broken connection it accepts all and closes after
 * the current event. */
LECTERN_API gsize lectern_connection_send (LecternConnection *self, const void *data, gsize length);
/* The same with @length bytes of the file @fd from @offset, which the kernel takes from where they
 * are. -1: that cannot be done (TLS, or the file does not allow it, or has ended): read and send. */
LECTERN_API gssize lectern_connection_send_file (LecternConnection *self, int fd, guint64 offset,
                                                 gsize length);
/* The same for bytes that others follow at once, so that the kernel puts both in one segment. */
LECTERN_API gsize lectern_connection_send_more (LecternConnection *self, const void *data,
                                                gsize length);
/* Returns: for how many µs the peer has acknowledged nothing although bytes wait for room; 0 when
 * none wait. For an owner that turns the stall time-out off to judge for itself. */
LECTERN_API gint64 lectern_connection_get_stalled (LecternConnection *self);
/* Bytes kept for the peer. */
LECTERN_API gsize lectern_connection_get_pending (LecternConnection *self);

/* Closes after the current event; nothing more is read or sent. @error: (nullable): copied; why. */
LECTERN_API void lectern_connection_close (LecternConnection *self, const GError *error);
/* Sends what is kept, then half-closes and waits for the peer's end, at most 2 s. */
LECTERN_API void lectern_connection_finish (LecternConnection *self);
LECTERN_API gboolean lectern_connection_is_closed (LecternConnection *self);

/* Thread: any. */
LECTERN_API LecternReactor *lectern_connection_get_reactor (LecternConnection *self);
LECTERN_API const LecternAddress *lectern_connection_get_peer (LecternConnection *self);
/* Returns: the peer as text, "192.0.2.1:50123"; owned by @self. Thread: any. */
LECTERN_API const char *lectern_connection_get_peer_name (LecternConnection *self);
LECTERN_API gboolean lectern_connection_is_secure (LecternConnection *self);
/* Bytes of the application sent and received so far. Thread: any. */
LECTERN_API guint64 lectern_connection_get_bytes_sent (LecternConnection *self);
LECTERN_API guint64 lectern_connection_get_bytes_received (LecternConnection *self);
LECTERN_API gint64 lectern_connection_get_accepted_us (LecternConnection *self);

/* Closes all connections of @self. @reason: (nullable). Thread: any. */
LECTERN_API void lectern_reactor_close_connections (LecternReactor *self, const GError *reason);
