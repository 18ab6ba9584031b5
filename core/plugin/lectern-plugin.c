/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugin/lectern-plugin-private.h"

#include "base/lectern-clock.h"
#include "plugin/lectern-host-private.h"

/* One registration, to be taken back. */
typedef struct
{
  void (*run) (LecternPlugin *self, gpointer data);
  gpointer data;
} Undo;

typedef struct
{
  const LecternPluginDescriptor *descriptor;
  LecternHost *host;
  GArray *undos;
  gboolean started;
} LecternPluginPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (LecternPlugin, lectern_plugin, G_TYPE_OBJECT)

static LecternPluginPrivate *
get_private (LecternPlugin *self)
{
  return lectern_plugin_get_instance_private (self);
}

static void
add_undo (LecternPlugin *self, void (*run) (LecternPlugin *self, gpointer data), gpointer data)
{
  Undo undo = { run, data };

  g_array_append_val (get_private (self)->undos, undo);
}

static void
undo_all (LecternPlugin *self)
{
  GArray *undos = get_private (self)->undos;

  while (undos->len > 0)
    {
      Undo undo = g_array_index (undos, Undo, undos->len - 1);

      g_array_set_size (undos, undos->len - 1);
      undo.run (self, undo.data);
    }
}

static void
lectern_plugin_finalize (GObject *object)
{
  LecternPluginPrivate *private = get_private (LECTERN_PLUGIN (object));

  g_array_unref (private->undos);
  g_clear_object (&private->host);
  G_OBJECT_CLASS (lectern_plugin_parent_class)->finalize (object);
}

static void
lectern_plugin_class_init (LecternPluginClass *class)
{
  G_OBJECT_CLASS (class)->finalize = lectern_plugin_finalize;
}

static void
lectern_plugin_init (LecternPlugin *self)
{
  get_private (self)->undos = g_array_new (FALSE, FALSE, sizeof (Undo));
}

LecternPlugin *
lectern_plugin_new (const LecternPluginDescriptor *descriptor, LecternHost *host, GError **error)
{
  GType type = descriptor->get_type ();
  LecternPluginPrivate *private;
  LecternPlugin *self;

  if (!g_type_is_a (type, LECTERN_TYPE_PLUGIN) || G_TYPE_IS_ABSTRACT (type))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_FAILED,
                           "its type is not derived from LecternPlugin");
      return NULL;
    }
  self = g_object_new (type, NULL);
  private = get_private (self);
  private->descriptor = descriptor;
  private->host = g_object_ref (host);
  return self;
}

static void
check_time (LecternPlugin *self, const char *call, gint64 began_us)
{
  gint64 took_us = lectern_clock_now_us () - began_us;

  if (took_us >= LECTERN_PLUGIN_SLOW_US)
    g_warning ("plugin '%s': %s took %" G_GINT64_FORMAT " ms, and the whole server waited for it",
               lectern_plugin_get_name (self), call, took_us / 1000);
}

static gboolean
run_fallible (LecternPlugin *self, const char *call,
              gboolean (*func) (LecternPlugin *self, GError **error), GError **error)
{
  gint64 began_us = lectern_clock_now_us ();
  g_autoptr (GError) reason = NULL;
  gboolean done = func (self, &reason);

  check_time (self, call, began_us);
  if (done && reason != NULL)
    g_warning ("plugin '%s': %s succeeded and yet set an error: %s", lectern_plugin_get_name (self),
               call, reason->message);
  if (done)
    return TRUE;
  if (reason == NULL)
    g_set_error (&reason, LECTERN_ERROR, LECTERN_ERROR_FAILED, "%s failed without an error", call);
  lectern_error_convert (&reason);
  g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

gboolean
lectern_plugin_run_start (LecternPlugin *self, GError **error)
{
  LecternPluginClass *class = LECTERN_PLUGIN_GET_CLASS (self);
  LecternPluginPrivate *private = get_private (self);

  g_return_val_if_fail (!private->started, FALSE);
  if (class->start != NULL && !run_fallible (self, "start", class->start, error))
    {
      undo_all (self);
      return FALSE;
    }
  private->started = TRUE;
  return TRUE;
}

void
lectern_plugin_run_stop (LecternPlugin *self)
{
  LecternPluginClass *class = LECTERN_PLUGIN_GET_CLASS (self);
  LecternPluginPrivate *private = get_private (self);
  gint64 began_us = lectern_clock_now_us ();

  if (!private->started)
    return;
  private->started = FALSE;
  if (class->stop != NULL)
    class->stop (self);
  undo_all (self);
  check_time (self, "stop", began_us);
}

static void undo_listener (LecternPlugin *self, gpointer listener);

/* What the plugin's listeners send is marked as its setting says, if it has one. */
static void
mark_listeners (LecternPlugin *self)
{
  LecternPluginPrivate *private = get_private (self);
  const LecternSetting *row = private->descriptor->settings;

  while (row != NULL && row->key != NULL
         && (row->type != LECTERN_SETTING_DSCP || !g_str_equal (row->key, "dscp")))
    row++;
  if (row == NULL || row->key == NULL)
    return;
  for (guint i = 0; i < private->undos->len; i++)
    {
      const Undo *undo = &g_array_index (private->undos, Undo, i);

      if (undo->run == undo_listener)
        lectern_listener_set_dscp (undo->data, lectern_plugin_get_dscp (self, row->key));
    }
}

gboolean
lectern_plugin_run_reload (LecternPlugin *self, GError **error)
{
  LecternPluginClass *class = LECTERN_PLUGIN_GET_CLASS (self);

  if (class->reload != NULL && !run_fallible (self, "reload", class->reload, error))
    return FALSE;
  mark_listeners (self);
  return TRUE;
}

const char *
lectern_plugin_get_name (LecternPlugin *self)
{
  return get_private (self)->descriptor->name;
}

LecternHost *
lectern_plugin_get_host (LecternPlugin *self)
{
  return get_private (self)->host;
}

gboolean
lectern_plugin_get_boolean (LecternPlugin *self, const char *key)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (lectern_plugin_get_host (self));

  return lectern_config_get_boolean (config, lectern_plugin_get_name (self), key);
}

gint64
lectern_plugin_get_integer (LecternPlugin *self, const char *key)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (lectern_plugin_get_host (self));

  return lectern_config_get_integer (config, lectern_plugin_get_name (self), key);
}

gint64
lectern_plugin_get_duration (LecternPlugin *self, const char *key)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (lectern_plugin_get_host (self));

  return lectern_config_get_duration (config, lectern_plugin_get_name (self), key);
}

gint64
lectern_plugin_get_size (LecternPlugin *self, const char *key)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (lectern_plugin_get_host (self));

  return lectern_config_get_size (config, lectern_plugin_get_name (self), key);
}

gint64
lectern_plugin_get_bitrate (LecternPlugin *self, const char *key)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (lectern_plugin_get_host (self));

  return lectern_config_get_bitrate (config, lectern_plugin_get_name (self), key);
}

guint
lectern_plugin_get_dscp (LecternPlugin *self, const char *key)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (lectern_plugin_get_host (self));

  return lectern_config_get_dscp (config, lectern_plugin_get_name (self), key);
}

char *
lectern_plugin_dup_string (LecternPlugin *self, const char *key)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (lectern_plugin_get_host (self));

  return g_strdup (lectern_config_get_string (config, lectern_plugin_get_name (self), key));
}

GStrv
lectern_plugin_dup_list (LecternPlugin *self, const char *key)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (lectern_plugin_get_host (self));

  return g_strdupv (
      (char **) lectern_config_get_list (config, lectern_plugin_get_name (self), key));
}

/* A function of a plugin that a reactor calls. It keeps the plugin, which mostly is its data, until
 * the last call is over. */
typedef struct
{
  LecternPlugin *plugin;
  LecternHttpHandler handler;
  LecternListenerFunc accept;
  gpointer user_data;
  GDestroyNotify free_user_data;
  gatomicrefcount refs;
} Call;

static gboolean
release_plugin (gpointer plugin)
{
  g_object_unref (plugin);
  return G_SOURCE_REMOVE;
}

/* The last call may end on a reactor, and plugins die on the control thread. */
static void
call_unref (gpointer data)
{
  Call *call = data;

  if (!g_atomic_ref_count_dec (&call->refs))
    return;
  if (call->free_user_data != NULL)
    call->free_user_data (call->user_data);
  g_idle_add_full (G_PRIORITY_DEFAULT, release_plugin, call->plugin, NULL);
  g_free (call);
}

static Call *
call_new (LecternPlugin *plugin, gpointer user_data, GDestroyNotify free_user_data)
{
  Call *call = g_new0 (Call, 1);

  g_atomic_ref_count_init (&call->refs);
  call->plugin = g_object_ref (plugin);
  call->user_data = user_data;
  call->free_user_data = free_user_data;
  return call;
}

static void
handle (LecternHttpExchange *exchange, gpointer user_data)
{
  Call *call = user_data;

  call->handler (exchange, call->user_data);
}

static void
undo_route (LecternPlugin *self, gpointer id)
{
  lectern_http_server_remove_route (lectern_host_get_http (lectern_plugin_get_host (self)),
                                    GPOINTER_TO_UINT (id));
}

gboolean
lectern_plugin_add_route (LecternPlugin *self, const char *method, const char *pattern,
                          LecternAction action, const char *thing, LecternHttpHandler handler,
                          gpointer user_data, GError **error)
{
  LecternHttpServer *http = lectern_host_get_http (lectern_plugin_get_host (self));
  Call *call = call_new (self, user_data, NULL);
  guint id;

  call->handler = handler;
  id = lectern_http_server_add_route (http, method, pattern, action, thing, handle, call,
                                      call_unref, error);
  if (id == 0)
    {
      call_unref (call);
      return FALSE;
    }
  add_undo (self, undo_route, GUINT_TO_POINTER (id));
  return TRUE;
}

static void
accept_connection (LecternConnection *connection, gpointer user_data)
{
  Call *call = user_data;

  call->accept (connection, call->user_data);
}

static void
undo_listener (LecternPlugin *self, gpointer listener)
{
  lectern_host_remove_listener (lectern_plugin_get_host (self), listener);
}

gboolean
lectern_plugin_add_listeners (LecternPlugin *self, const char *key, gboolean secure,
                              LecternListenerFunc func, gpointer user_data,
                              GDestroyNotify free_user_data, GError **error)
{
  LecternHost *host = lectern_plugin_get_host (self);
  g_auto (GStrv) addresses = lectern_plugin_dup_list (self, key);
  g_autofree char *name = g_strconcat (lectern_plugin_get_name (self), secure ? "s" : NULL, NULL);
  Call *call = call_new (self, user_data, free_user_data);
  gboolean done = TRUE;

  call->accept = func;
  for (guint i = 0; done && addresses != NULL && addresses[i] != NULL; i++)
    {
      LecternListener *listener;

      g_atomic_ref_count_inc (&call->refs);
      listener = lectern_host_add_listener (host, name, addresses[i], secure, accept_connection,
                                            call, call_unref, error);
      done = listener != NULL;
      if (done)
        add_undo (self, undo_listener, listener);
    }
  call_unref (call);
  mark_listeners (self);
  return done;
}

static void
undo_carrier (LecternPlugin *self, gpointer id)
{
  lectern_carriers_remove (lectern_host_get_carriers (lectern_plugin_get_host (self)),
                           GPOINTER_TO_UINT (id));
}

/* The last transfer may end on a reactor, and plugins die on the control thread. */
static void
release_later (gpointer plugin)
{
  g_idle_add_full (G_PRIORITY_DEFAULT, release_plugin, plugin, NULL);
}

void
lectern_plugin_add_carrier (LecternPlugin *self, const LecternCarrier *carrier, gpointer user_data)
{
  LecternCarriers *carriers = lectern_host_get_carriers (lectern_plugin_get_host (self));
  guint id
      = lectern_carriers_add (carriers, carrier, user_data, g_object_ref (self), release_later);

  add_undo (self, undo_carrier, GUINT_TO_POINTER (id));
}

static void
undo_relays (LecternPlugin *self, gpointer unused)
{
  lectern_relays_offer (lectern_host_get_relays (lectern_plugin_get_host (self)), NULL, NULL);
}

void
lectern_plugin_offer_relays (LecternPlugin *self, const LecternRelaysTable *table,
                             gpointer user_data)
{
  lectern_relays_offer (lectern_host_get_relays (lectern_plugin_get_host (self)), table, user_data);
  add_undo (self, undo_relays, NULL);
}

static void
undo_door (LecternPlugin *self, gpointer door)
{
  lectern_host_remove_door (lectern_plugin_get_host (self), door);
}

gboolean
lectern_plugin_add_udp_doors (LecternPlugin *self, const char *key, GArray *found, GError **error)
{
  g_auto (GStrv) addresses = lectern_plugin_dup_list (self, key);

  for (guint i = 0; addresses != NULL && addresses[i] != NULL; i++)
    {
      LecternAddress address;
      gpointer door = lectern_host_add_udp_door (lectern_plugin_get_host (self),
                                                 lectern_plugin_get_name (self), addresses[i],
                                                 &address, error);

      if (door == NULL)
        return FALSE;
      add_undo (self, undo_door, door);
      g_array_append_val (found, address);
    }
  return TRUE;
}

typedef struct
{
  GObject *object;
  gulong id;
} Link;

static void
undo_signal (LecternPlugin *self, gpointer data)
{
  Link *link = data;

  g_signal_handler_disconnect (link->object, link->id);
  g_object_unref (link->object);
  g_free (link);
}

void
lectern_plugin_add_signal (LecternPlugin *self, gpointer object, const char *signal,
                           GCallback callback, gpointer user_data)
{
  Link *link = g_new (Link, 1);

  link->object = g_object_ref (object);
  link->id = g_signal_connect (object, signal, callback, user_data);
  add_undo (self, undo_signal, link);
}

static void
undo_guard (LecternPlugin *self, gpointer id)
{
  lectern_access_chain_remove_guard (lectern_host_get_access (lectern_plugin_get_host (self)),
                                     GPOINTER_TO_UINT (id));
}

void
lectern_plugin_add_guard (LecternPlugin *self, LecternGuard *guard, int priority)
{
  LecternAccessChain *access = lectern_host_get_access (lectern_plugin_get_host (self));
  guint id = lectern_access_chain_add_guard (access, guard, priority);

  add_undo (self, undo_guard, GUINT_TO_POINTER (id));
}

static void
undo_timer (LecternPlugin *self, gpointer source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

void
lectern_plugin_add_timer (LecternPlugin *self, gint64 interval_us, GSourceFunc func,
                          gpointer user_data)
{
  GSource *source = g_timeout_source_new ((guint) CLAMP (interval_us / 1000, 1, G_MAXINT));

  g_source_set_callback (source, func, user_data, NULL);
  g_source_attach (source, NULL);
  add_undo (self, undo_timer, source);
}

static void
undo_metrics (LecternPlugin *self, gpointer id)
{
  lectern_metrics_remove_collector (GPOINTER_TO_UINT (id));
}

void
lectern_plugin_add_metrics (LecternPlugin *self, LecternMetricsFunc func, gpointer user_data)
{
  guint id = lectern_metrics_add_collector (func, user_data);

  add_undo (self, undo_metrics, GUINT_TO_POINTER (id));
}

typedef struct
{
  GDestroyNotify undo;
  gpointer data;
} OwnUndo;

static void
run_own_undo (LecternPlugin *self, gpointer data)
{
  OwnUndo *own = data;

  own->undo (own->data);
  g_free (own);
}

void
lectern_plugin_add_undo (LecternPlugin *self, GDestroyNotify undo, gpointer data)
{
  OwnUndo *own = g_new (OwnUndo, 1);

  *own = (OwnUndo){ undo, data };
  add_undo (self, run_own_undo, own);
}
