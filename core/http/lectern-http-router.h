/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-server.h"

#define LECTERN_HTTP_ROUTES_MAX 512
#define LECTERN_HTTP_SEGMENTS_MAX 16

/* The method under which WebSocket upgrades are routed. */
#define LECTERN_HTTP_WEBSOCKET "WEBSOCKET"

/* LecternHttpRoute: immutable, atomically reference-counted. */
typedef struct _LecternHttpRoute LecternHttpRoute;

/* LecternHttpMatch: the values of a route's parameters, decoded and non-empty. */
typedef struct
{
  char *names[LECTERN_HTTP_SEGMENTS_MAX];
  char *values[LECTERN_HTTP_SEGMENTS_MAX];
  guint size;
} LecternHttpMatch;

void lectern_http_match_clear (LecternHttpMatch *self);
/* Returns: (nullable). */
const char *lectern_http_match_get (const LecternHttpMatch *self, const char *name);

/* @context: the control thread's, where user data is freed. Errors: INVALID_DATA. */
LecternHttpRoute *lectern_http_route_new (const char *method, const char *pattern,
                                          LecternAction action, const char *thing,
                                          LecternHttpHandler handler, GMainContext *context,
                                          GError **error);
/* Before any other thread has the route. */
void lectern_http_route_set_user_data (LecternHttpRoute *self, gpointer user_data,
                                       GDestroyNotify free_user_data);
LecternHttpRoute *lectern_http_route_ref (LecternHttpRoute *self);
void lectern_http_route_unref (LecternHttpRoute *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternHttpRoute, lectern_http_route_unref)
LecternAction lectern_http_route_get_action (LecternHttpRoute *self);
void lectern_http_route_call (LecternHttpRoute *self, LecternHttpExchange *exchange);
/* Fills the thing's pattern from @match. *@thing: (transfer full) (nullable): NULL for the server
 * as a whole. Returns: FALSE when a value in it holds a slash. */
gboolean lectern_http_route_fill_thing (LecternHttpRoute *self, const LecternHttpMatch *match,
                                        char **thing);

/* LecternHttpRouter: an immutable table of routes, the most literal pattern first; a change makes
 * a new one. Atomically reference-counted. Thread: any. */
typedef struct _LecternHttpRouter LecternHttpRouter;

LecternHttpRouter *lectern_http_router_new (void);
LecternHttpRouter *lectern_http_router_ref (LecternHttpRouter *self);
void lectern_http_router_unref (LecternHttpRouter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternHttpRouter, lectern_http_router_unref)
/* Returns: (transfer full): a copy with @route, which takes @id. Errors: CONFLICT when the same
 * method and shape is taken, LIMIT. */
LecternHttpRouter *lectern_http_router_add (LecternHttpRouter *self, LecternHttpRoute *route,
                                            guint id, GError **error);
/* Returns: (transfer full): a copy without @id. */
LecternHttpRouter *lectern_http_router_remove (LecternHttpRouter *self, guint id);

/* Returns: (transfer full) (nullable): the route for @method, where "HEAD" finds "GET" too, and its
 * parameters in @match, which is cleared before. */
LecternHttpRoute *lectern_http_router_find (LecternHttpRouter *self, const char *method,
                                            const char *path, LecternHttpMatch *match);
/* Returns: (transfer full) (nullable): the methods that @path has, "GET, HEAD, OPTIONS"; NULL:
 * there is nothing there. *@websocket: whether it can be upgraded. */
char *lectern_http_router_list_methods (LecternHttpRouter *self, const char *path,
                                        gboolean *websocket);
