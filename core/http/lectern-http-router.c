/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-router.h"

#include "http/lectern-http-route-private.h"

#include <string.h>

typedef struct
{
  guint id;
  LecternHttpRoute *route;
} Entry;

struct _LecternHttpRouter
{
  gint refs;
  GArray *entries; /* of Entry, the most literal pattern first */
};

static void
clear_entry (gpointer data)
{
  Entry *self = data;

  lectern_http_route_unref (self->route);
}

LecternHttpRouter *
lectern_http_router_new (void)
{
  LecternHttpRouter *self = g_new0 (LecternHttpRouter, 1);

  self->refs = 1;
  self->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_array_set_clear_func (self->entries, clear_entry);
  return self;
}

LecternHttpRouter *
lectern_http_router_ref (LecternHttpRouter *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_http_router_unref (LecternHttpRouter *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_array_unref (self->entries);
  g_free (self);
}

static void
append (LecternHttpRouter *self, LecternHttpRoute *route, guint id)
{
  Entry entry = { id, lectern_http_route_ref (route) };

  g_array_append_val (self->entries, entry);
}

LecternHttpRouter *
lectern_http_router_add (LecternHttpRouter *self, LecternHttpRoute *route, guint id, GError **error)
{
  g_autoptr (LecternHttpRouter) copy = lectern_http_router_new ();
  gboolean placed = FALSE;
  guint i;

  if (self->entries->len >= LECTERN_HTTP_ROUTES_MAX)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "there are too many routes");
      return NULL;
    }
  for (i = 0; i < self->entries->len; i++)
    {
      const Entry *entry = &g_array_index (self->entries, Entry, i);
      int order = lectern_http_pattern_compare (lectern_http_route_get_pattern (route),
                                                lectern_http_route_get_pattern (entry->route));

      if (order == 0
          && strcmp (lectern_http_route_get_method (route),
                     lectern_http_route_get_method (entry->route))
                 == 0)
        {
          g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT, "the route is taken");
          return NULL;
        }
      if (!placed && order < 0)
        {
          append (copy, route, id);
          placed = TRUE;
        }
      append (copy, entry->route, entry->id);
    }
  if (!placed)
    append (copy, route, id);
  return g_steal_pointer (&copy);
}

LecternHttpRouter *
lectern_http_router_remove (LecternHttpRouter *self, guint id)
{
  LecternHttpRouter *copy = lectern_http_router_new ();
  guint i;

  for (i = 0; i < self->entries->len; i++)
    {
      const Entry *entry = &g_array_index (self->entries, Entry, i);

      if (entry->id != id)
        append (copy, entry->route, entry->id);
    }
  return copy;
}

static gboolean
serves (LecternHttpRoute *route, const char *method)
{
  const char *own = lectern_http_route_get_method (route);

  return strcmp (own, method) == 0 || (strcmp (method, "HEAD") == 0 && strcmp (own, "GET") == 0);
}

LecternHttpRoute *
lectern_http_router_find (LecternHttpRouter *self, const char *method, const char *path,
                          LecternHttpMatch *match)
{
  guint i;

  for (i = 0; i < self->entries->len; i++)
    {
      LecternHttpRoute *route = g_array_index (self->entries, Entry, i).route;

      lectern_http_match_clear (match);
      if (serves (route, method)
          && lectern_http_pattern_match (lectern_http_route_get_pattern (route), path, match))
        return lectern_http_route_ref (route);
    }
  lectern_http_match_clear (match);
  return NULL;
}

char *
lectern_http_router_list_methods (LecternHttpRouter *self, const char *path, gboolean *websocket)
{
  static const char *const known[]
      = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE" };
  gboolean has[G_N_ELEMENTS (known)] = { FALSE };
  g_autoptr (GString) list = g_string_new (NULL);
  gboolean any = FALSE;
  guint i, j;

  *websocket = FALSE;
  for (i = 0; i < self->entries->len; i++)
    {
      LecternHttpRoute *route = g_array_index (self->entries, Entry, i).route;

      if (!lectern_http_pattern_match (lectern_http_route_get_pattern (route), path, NULL))
        continue;
      any = TRUE;
      *websocket |= serves (route, LECTERN_HTTP_WEBSOCKET);
      for (j = 0; j < G_N_ELEMENTS (known); j++)
        has[j] |= serves (route, known[j]);
    }
  if (!any)
    return NULL;
  for (j = 0; j < G_N_ELEMENTS (known); j++)
    if (has[j] || strcmp (known[j], "OPTIONS") == 0 || (j == 0 && *websocket))
      g_string_append_printf (list, "%s%s", list->len > 0 ? ", " : "", known[j]);
  return g_string_free (g_steal_pointer (&list), FALSE);
}
