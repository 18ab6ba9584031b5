/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-reach.h"

#define MAX_ADDRESSES 16

/* Written once, before there are threads that read it. */
static char *allowed_host;
static GPtrArray *allowed_addresses; /* text */

static gboolean
is_address (const char *text)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);

  return address != NULL;
}

gboolean
lectern_reach_is_allowed (const char *host)
{
  if (allowed_host == NULL || host == NULL)
    return FALSE;
  if (g_ascii_strcasecmp (host, allowed_host) == 0)
    return TRUE;
  for (guint i = 0; i < allowed_addresses->len; i++)
    if (g_str_equal (host, allowed_addresses->pdata[i]))
      return TRUE;
  return FALSE;
}

gboolean
lectern_reach_allow (const char *host, JsonArray *addresses, GError **error)
{
  guint count = addresses != NULL ? json_array_get_length (addresses) : 0;

  allowed_addresses = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < MIN (count, MAX_ADDRESSES); i++)
    {
      const char *text = json_array_get_string_element (addresses, i);

      if (text != NULL && is_address (text))
        g_ptr_array_add (allowed_addresses, g_strdup (text));
    }
  if (!is_address (host) && allowed_addresses->len == 0)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "the host is a name, and stands for no address");
      return FALSE;
    }
  allowed_host = g_strdup (host);
  return TRUE;
}

static void
set_refused (GError **error, const char *host)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED, "'%.100s' may not be reached",
               host);
}

/* ── names ── */

typedef GResolver LecternReachResolver;
typedef GResolverClass LecternReachResolverClass;
static GType lectern_reach_resolver_get_type (void);
G_DEFINE_TYPE (LecternReachResolver, lectern_reach_resolver, G_TYPE_RESOLVER)

static GList *
look_up (GResolver *resolver, const char *host, GResolverNameLookupFlags flags,
         GCancellable *cancellable, GError **error)
{
  GList *found = NULL;

  for (guint i = 0; lectern_reach_is_allowed (host) && i < allowed_addresses->len; i++)
    {
      GInetAddress *address = g_inet_address_new_from_string (allowed_addresses->pdata[i]);
      GSocketFamily family = g_inet_address_get_family (address);

      if ((flags == G_RESOLVER_NAME_LOOKUP_FLAGS_IPV4_ONLY && family != G_SOCKET_FAMILY_IPV4)
          || (flags == G_RESOLVER_NAME_LOOKUP_FLAGS_IPV6_ONLY && family != G_SOCKET_FAMILY_IPV6))
        g_object_unref (address);
      else
        found = g_list_append (found, address);
    }
  if (found == NULL)
    g_set_error (error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "'%.100s' stands for nothing",
                 host);
  return found;
}

static GList *
look_up_any (GResolver *resolver, const char *host, GCancellable *cancellable, GError **error)
{
  return look_up (resolver, host, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancellable, error);
}

static void
free_addresses (gpointer list)
{
  g_resolver_free_addresses (list);
}

static void
look_up_async (GResolver *resolver, const char *host, GResolverNameLookupFlags flags,
               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (resolver, cancellable, callback, user_data);
  GError *error = NULL;
  GList *found = look_up (resolver, host, flags, NULL, &error);

  if (found != NULL)
    g_task_return_pointer (task, found, free_addresses);
  else
    g_task_return_error (task, error);
}

static void
look_up_any_async (GResolver *resolver, const char *host, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data)
{
  look_up_async (resolver, host, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancellable, callback,
                 user_data);
}

static GList *
look_up_finish (GResolver *resolver, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
lectern_reach_resolver_class_init (LecternReachResolverClass *class)
{
  class->lookup_by_name = look_up_any;
  class->lookup_by_name_async = look_up_any_async;
  class->lookup_by_name_finish = look_up_finish;
  class->lookup_by_name_with_flags = look_up;
  class->lookup_by_name_with_flags_async = look_up_async;
  class->lookup_by_name_with_flags_finish = look_up_finish;
}

static void
lectern_reach_resolver_init (LecternReachResolver *self)
{
}

/* ── connections: GIO asks for a proxy before each, by the address it goes to ── */

typedef GObject LecternReachProxies;
typedef GObjectClass LecternReachProxiesClass;
static GType lectern_reach_proxies_get_type (void);
static void lectern_reach_proxies_init_interface (GProxyResolverInterface *interface);
G_DEFINE_TYPE_WITH_CODE (LecternReachProxies, lectern_reach_proxies, G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (G_TYPE_PROXY_RESOLVER,
                                                lectern_reach_proxies_init_interface))

static char **
find_proxies (GProxyResolver *resolver, const char *uri, GCancellable *cancellable, GError **error)
{
  static const char *const direct[] = { "direct://", NULL };
  g_autofree char *host = NULL;

  if (g_uri_split_network (uri, G_URI_FLAGS_NONE, NULL, &host, NULL, NULL)
      && lectern_reach_is_allowed (host))
    return g_strdupv ((char **) direct);
  set_refused (error, host != NULL ? host : "");
  return NULL;
}

static void
find_proxies_async (GProxyResolver *resolver, const char *uri, GCancellable *cancellable,
                    GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (resolver, cancellable, callback, user_data);
  GError *error = NULL;
  char **found = find_proxies (resolver, uri, NULL, &error);

  if (found != NULL)
    g_task_return_pointer (task, found, (GDestroyNotify) g_strfreev);
  else
    g_task_return_error (task, error);
}

static char **
find_proxies_finish (GProxyResolver *resolver, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static gboolean
is_supported (GProxyResolver *resolver)
{
  return TRUE;
}

static void
lectern_reach_proxies_init_interface (GProxyResolverInterface *interface)
{
  interface->is_supported = is_supported;
  interface->lookup = find_proxies;
  interface->lookup_async = find_proxies_async;
  interface->lookup_finish = find_proxies_finish;
}

static void
lectern_reach_proxies_class_init (LecternReachProxiesClass *class)
{
}

static void
lectern_reach_proxies_init (LecternReachProxies *self)
{
}

gboolean
lectern_reach_init (GError **error)
{
  GResolver *resolver = g_object_new (lectern_reach_resolver_get_type (), NULL);

  g_resolver_set_default (resolver);
  g_object_unref (resolver);
  g_io_extension_point_implement (G_PROXY_RESOLVER_EXTENSION_POINT_NAME,
                                  lectern_reach_proxies_get_type (), "lectern", 1000);
  g_setenv ("GIO_USE_PROXY_RESOLVER", "lectern", TRUE);
  /* Not one that is told of changes by the kernel, which takes a socket for it. */
  g_setenv ("GIO_USE_NETWORK_MONITOR", "base", TRUE);
  if (G_TYPE_CHECK_INSTANCE_TYPE (g_proxy_resolver_get_default (),
                                  lectern_reach_proxies_get_type ()))
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_FAILED,
                       "GIO does not ask what may be reached");
  return FALSE;
}
