/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-server-private.h"

#include "http/lectern-http-connection.h"
#include "http/lectern-websocket-private.h"

#include <string.h>

struct _LecternHttpServer
{
  GObject parent;

  LecternAccessChain *access;
  LecternHttpLimits limits;
  GMainContext *context; /* the control thread's */
  gint draining;
  guint last_id;
  GMutex lock; /* the rest */
  LecternHttpRouter *router;
  GStrv origins;
  GPtrArray *cells; /* of LecternHttpCell, one per reactor that was seen */
};

G_DEFINE_FINAL_TYPE (LecternHttpServer, lectern_http_server, G_TYPE_OBJECT)

static void
lectern_http_server_init (LecternHttpServer *self)
{
  g_mutex_init (&self->lock);
  self->router = lectern_http_router_new ();
  self->cells = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_http_cell_unref);
}

static void
finalize (GObject *object)
{
  LecternHttpServer *self = LECTERN_HTTP_SERVER (object);

  lectern_http_router_unref (self->router);
  g_strfreev (self->origins);
  g_ptr_array_unref (self->cells);
  g_clear_object (&self->access);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (lectern_http_server_parent_class)->finalize (object);
}

static void
lectern_http_server_class_init (LecternHttpServerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

LecternHttpServer *
lectern_http_server_new (LecternAccessChain *access, const LecternHttpLimits *limits)
{
  LecternHttpServer *self = g_object_new (LECTERN_TYPE_HTTP_SERVER, NULL);

  self->access = g_object_ref (access);
  self->limits = *limits;
  self->context = g_main_context_ref_thread_default ();
  return self;
}

const LecternHttpLimits *
lectern_http_server_get_limits (LecternHttpServer *self)
{
  return &self->limits;
}

LecternAccessChain *
lectern_http_server_get_access (LecternHttpServer *self)
{
  return self->access;
}

LecternHttpRouter *
lectern_http_server_get_router (LecternHttpServer *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return lectern_http_router_ref (self->router);
}

gboolean
lectern_http_server_is_draining (LecternHttpServer *self)
{
  return g_atomic_int_get (&self->draining) != 0;
}

void
lectern_http_server_set_origins (LecternHttpServer *self, const char *const *origins)
{
  g_auto (GStrv) copy = g_strdupv ((char **) origins);
  GStrv old;

  g_mutex_lock (&self->lock);
  old = self->origins;
  self->origins = g_steal_pointer (&copy);
  g_mutex_unlock (&self->lock);
  g_strfreev (old);
}

const char *
lectern_http_server_allow_origin (LecternHttpServer *self, const char *origin, gboolean *varies)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  *varies = FALSE;
  if (self->origins == NULL || self->origins[0] == NULL)
    return NULL;
  if (g_strv_contains ((const char *const *) self->origins, "*"))
    return "*";
  *varies = TRUE;
  if (origin != NULL && g_strv_contains ((const char *const *) self->origins, origin))
    return origin;
  return NULL;
}

gboolean
lectern_http_server_is_origin_allowed (LecternHttpServer *self, const char *origin)
{
  gboolean varies;

  return lectern_http_server_allow_origin (self, origin, &varies) != NULL;
}

/* Returns: (transfer full): the calling reactor's cell. */
static LecternHttpCell *
find_cell (LecternHttpServer *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternReactor *reactor = lectern_reactor_get_current ();
  guint i;

  for (i = 0; i < self->cells->len; i++)
    {
      LecternHttpCell *cell = g_ptr_array_index (self->cells, i);

      if (cell->reactor == reactor)
        return lectern_http_cell_ref (cell);
    }
  g_ptr_array_add (self->cells, lectern_http_cell_new (reactor));
  return lectern_http_cell_ref (g_ptr_array_index (self->cells, i));
}

void
lectern_http_server_accept (LecternConnection *connection, gpointer server)
{
  LecternHttpServer *self = LECTERN_HTTP_SERVER (server);
  LecternHttpCell *cell = find_cell (self);

  lectern_http_connection_start (connection, self, cell);
  lectern_http_cell_unref (cell);
}

static gboolean
method_is_known (const char *method)
{
  static const char *const known[] = { "GET",    "POST",    "PUT",   "PATCH",
                                       "DELETE", "OPTIONS", "TRACE", LECTERN_HTTP_WEBSOCKET,
                                       NULL };

  return g_strv_contains (known, method);
}

static void
swap_router (LecternHttpServer *self, LecternHttpRouter *router)
{
  g_autoptr (LecternHttpRouter) old = NULL;

  g_mutex_lock (&self->lock);
  old = self->router;
  self->router = router;
  g_mutex_unlock (&self->lock);
}

guint
lectern_http_server_add_route (LecternHttpServer *self, const char *method, const char *pattern,
                               LecternAction action, const char *thing, LecternHttpHandler handler,
                               gpointer user_data, GDestroyNotify free_user_data, GError **error)
{
  g_autoptr (LecternHttpRoute) route = NULL;
  LecternHttpRouter *router;

  if (!method_is_known (method))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                   "cannot add the route '%s': unknown method '%s'", pattern, method);
      return 0;
    }
  route = lectern_http_route_new (method, pattern, action, thing, handler, self->context, error);
  router = route == NULL ? NULL
                         : lectern_http_router_add (self->router, route, self->last_id + 1, error);
  if (router == NULL)
    {
      g_prefix_error (error, "cannot add the route '%s %s': ", method, pattern);
      return 0;
    }
  lectern_http_route_set_user_data (route, user_data, free_user_data);
  swap_router (self, router);
  return ++self->last_id;
}

void
lectern_http_server_remove_route (LecternHttpServer *self, guint id)
{
  swap_router (self, lectern_http_router_remove (self->router, id));
}

static void
drain_cell (gpointer data)
{
  LecternHttpCell *cell = data;
  GList *link = cell->connections.head;

  while (link != NULL)
    {
      GList *next = link->next;

      lectern_http_connection_drain (link->data);
      link = next;
    }
  lectern_websocket_drain (cell);
  lectern_http_cell_unref (cell);
}

void
lectern_http_server_drain (LecternHttpServer *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  guint i;

  g_atomic_int_set (&self->draining, 1);
  for (i = 0; i < self->cells->len; i++)
    {
      LecternHttpCell *cell = g_ptr_array_index (self->cells, i);

      lectern_reactor_post (cell->reactor, drain_cell, lectern_http_cell_ref (cell),
                            (GDestroyNotify) lectern_http_cell_unref);
    }
}
