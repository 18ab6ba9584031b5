/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-exchange.h"
#include "net/lectern-listener.h"

/* LecternHttpServer: HTTP/1.1 on the reactors: strict, bounded, routes with a required action. HTTP
 * and HTTPS listeners share its routes. */
#define LECTERN_TYPE_HTTP_SERVER (lectern_http_server_get_type ())
LECTERN_API G_DECLARE_FINAL_TYPE (LecternHttpServer, lectern_http_server, LECTERN, HTTP_SERVER,
                                  GObject)

/* Thread: the connection's reactor, after the access chain has allowed the route's action. */
typedef void (*LecternHttpHandler) (LecternHttpExchange *exchange, gpointer user_data);

/* LecternHttpLimits: bytes and microseconds; see [http] for the defaults and meanings. */
typedef struct
{
  gsize head_size;          /* request line and headers: 16 KiB, more is 431 */
  guint headers;            /* header lines: 100 */
  gsize body_size;          /* 64 KiB, more is 413 */
  gint64 head_timeout_us;   /* first byte to end of head: 10 s, then 408 */
  gint64 idle_timeout_us;   /* between requests: 30 s */
  gint64 body_grace_us;     /* time to the first KiB of a body: 10 s, then 1 KiB/s at least */
} LecternHttpLimits;

/* Thread: control. */
LECTERN_API LecternHttpServer *lectern_http_server_new (LecternAccessChain *access,
                                                        const LecternHttpLimits *limits);
/* Origins that browsers may read answers from: exact "https://x.example", or "*". NULL: none.
 * Thread: control. */
LECTERN_API void lectern_http_server_set_origins (LecternHttpServer *self,
                                                  const char *const *origins);
LECTERN_API gboolean lectern_http_server_is_origin_allowed (LecternHttpServer *self,
                                                            const char *origin);
/* A LecternListenerFunc with the server as user data. Thread: the connection's reactor. */
LECTERN_API void lectern_http_server_accept (LecternConnection *connection, gpointer server);

/* Registers a route. @pattern: "/live/{name}.flv", "/api/v1/streams", "/files/{path*}" (the rest, with
 * slashes); "{x}" matches within one segment, one per segment, text around it is literal; the most
 * literal pattern wins. @method: "GET" serves HEAD too. @thing: (nullable): the pattern of the thing the action is on, "{app}/{name}".
 * With "WEBSOCKET" as method the handler is called for a valid upgrade request, and answers with
 * lectern_websocket_accept. Returns: an id, or 0 with CONFLICT. Thread: control. */
LECTERN_API guint lectern_http_server_add_route (LecternHttpServer *self, const char *method,
                                                 const char *pattern, LecternAction action,
                                                 const char *thing, LecternHttpHandler handler,
                                                 gpointer user_data, GDestroyNotify free_user_data,
                                                 GError **error);
/* Waits for no running exchange: @free_user_data runs when the last one using the route has ended.
 * Thread: control. */
LECTERN_API void lectern_http_server_remove_route (LecternHttpServer *self, guint id);
/* Graceful end: running exchanges get "Connection: close", idle connections are closed, WebSockets
 * get close code 1001. Thread: control. */
LECTERN_API void lectern_http_server_drain (LecternHttpServer *self);
