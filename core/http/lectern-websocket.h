/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-exchange.h"

/* LecternWebsocket: the server's end of a WebSocket (RFC 6455), no extensions. Reference-counted, not
 * atomically. Thread: the connection's reactor. */
typedef struct _LecternWebsocket LecternWebsocket;

typedef struct
{
  /* A whole message; @text: UTF-8 checked, not terminated. @data lives for the call. */
  void (*message) (LecternWebsocket *websocket, gboolean text, const guint8 *data, gsize length,
                   gpointer user_data);
  /* There is room again after lectern_websocket_send was short of it. (nullable) */
  void (*writable) (LecternWebsocket *websocket, gpointer user_data);
  /* Over; last call, exactly once. @code: the peer's close code, 1005 none, 1006 without a close. */
  void (*closed) (LecternWebsocket *websocket, guint16 code, gpointer user_data);
} LecternWebsocketHandler;

/* Answers 101 to the exchange of a WEBSOCKET route. @protocol: (nullable): the chosen subprotocol.
 * @max_message: cap on one message, over all its fragments (then close 1009).
 * Returns: (transfer full) (nullable): NULL when the peer is gone. */
LECTERN_API LecternWebsocket *lectern_websocket_accept (LecternHttpExchange *exchange,
                                                        const char *protocol, gsize max_message,
                                                        const LecternWebsocketHandler *handler,
                                                        gpointer user_data);
LECTERN_API LecternWebsocket *lectern_websocket_ref (LecternWebsocket *self);
LECTERN_API void lectern_websocket_unref (LecternWebsocket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternWebsocket, lectern_websocket_unref)
/* Sends one message. FALSE: closed, or over the connection's output limit (it is then closed). */
LECTERN_API gboolean lectern_websocket_send (LecternWebsocket *self, gboolean text,
                                             const void *data, gsize length);
/* Sends ready frames (shared by many sockets), made with lectern_websocket_frame. */
LECTERN_API gboolean lectern_websocket_send_frame (LecternWebsocket *self, GBytes *frame);
/* Starts the closing handshake; at most 2 s. @reason: (nullable): at most 123 bytes. */
LECTERN_API void lectern_websocket_close (LecternWebsocket *self, guint16 code,
                                          const char *reason);
/* Pings every @interval_us and closes after @timeout_us without a pong; default 30 s, 20 s; 0: off. */
LECTERN_API void lectern_websocket_set_ping (LecternWebsocket *self, gint64 interval_us,
                                             gint64 timeout_us);
LECTERN_API LecternConnection *lectern_websocket_get_connection (LecternWebsocket *self);
/* Makes the socket's own frames (pong, ping, close) go through @func, which must send them between
 * two frames of its own: for a LecternViewer that writes ready frames to the connection.
 * NULL: straight to the connection. */
typedef void (*LecternWebsocketControlFunc) (const guint8 *frame, gsize length,
                                             gpointer user_data);
LECTERN_API void lectern_websocket_set_control_func (LecternWebsocket *self,
                                                     LecternWebsocketControlFunc func,
                                                     gpointer user_data);
/* Returns: (transfer full): one unmasked, final frame (RFC 6455, 5.2). Thread: any. */
LECTERN_API GBytes *lectern_websocket_frame (gboolean text, const void *data, gsize length);
/* Writes the header of such a frame for @length bytes; @to has room for 10. Returns: its size.
 * Thread: any. */
LECTERN_API gsize lectern_websocket_put_header (guint8 *to, gboolean text, guint64 length);
