/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-server.h"
#include "media/lectern-viewer.h"
#include "net/lectern-dscp.h"
#include "plugin/lectern-host.h"
#include "plugin/lectern-plugin-descriptor.h"

/* LecternPlugin: the base class. `start` reads settings and registers; what it registers through
 * lectern_plugin_add_* is removed by itself after `stop`, last first, so most plugins need no
 * `stop`. All of it, the virtual functions too, is Thread: control unless it says otherwise. */
#define LECTERN_TYPE_PLUGIN (lectern_plugin_get_type ())
LECTERN_API
G_DECLARE_DERIVABLE_TYPE (LecternPlugin, lectern_plugin, LECTERN, PLUGIN, GObject)

struct _LecternPluginClass
{
  GObjectClass parent_class;

  /* Must not block. FALSE with @error: the server goes on without this plugin unless it is
   * required. */
  gboolean (*start) (LecternPlugin *self, GError **error);
  /* Optional: ends what add_* does not know of. */
  void (*stop) (LecternPlugin *self);
  /* Optional: the settings changed (the getters already give the new ones); take them over or say
   * why not, in which case the old ones are put back and reload is called again. */
  gboolean (*reload) (LecternPlugin *self, GError **error);

  gpointer padding[12];
};

LECTERN_API const char *lectern_plugin_get_name (LecternPlugin *self);
/* Returns: (transfer none): what the plugin reaches. Thread: any. */
LECTERN_API LecternHost *lectern_plugin_get_host (LecternPlugin *self);

/* The plugin's own settings, keys of its descriptor's table. Units as in LecternConfig. Thread:
 * any. */
LECTERN_API gboolean lectern_plugin_get_boolean (LecternPlugin *self, const char *key);
LECTERN_API gint64 lectern_plugin_get_integer (LecternPlugin *self, const char *key);
LECTERN_API gint64 lectern_plugin_get_duration (LecternPlugin *self, const char *key);
LECTERN_API gint64 lectern_plugin_get_size (LecternPlugin *self, const char *key);
LECTERN_API gint64 lectern_plugin_get_bitrate (LecternPlugin *self, const char *key);
/* 0 to 63; for sockets of your own, see lectern_dscp_apply. */
LECTERN_API guint lectern_plugin_get_dscp (LecternPlugin *self, const char *key);
/* Returns: (transfer full) (nullable): a copy, as a reload may replace it. */
LECTERN_API char *lectern_plugin_dup_string (LecternPlugin *self, const char *key);
/* Returns: (transfer full): a copy. */
LECTERN_API GStrv lectern_plugin_dup_list (LecternPlugin *self, const char *key);

/* See lectern_http_server_add_route. */
LECTERN_API gboolean lectern_plugin_add_route (LecternPlugin *self, const char *method,
                                               const char *pattern, LecternAction action,
                                               const char *thing, LecternHttpHandler handler,
                                               gpointer user_data, GError **error);
/* Listens on each address of the ADDRESS setting @key (an empty list: on none). @secure: with the
 * server's certificate; NOT_SUPPORTED when [server] has none. A plugin with a setting "dscp" (of
 * type DSCP) has what its connections send marked so; a reload marks new connections.
 * @free_user_data: (nullable): runs when the last listener's function can no longer be called; also
 * after an error. */
LECTERN_API gboolean lectern_plugin_add_listeners (LecternPlugin *self, const char *key,
                                                   gboolean secure, LecternListenerFunc func,
                                                   gpointer user_data,
                                                   GDestroyNotify free_user_data, GError **error);
/* For a plugin whose worker receives by UDP on the addresses of the ADDRESS setting @key: sees that
 * they are free and names them, under the plugin's name, among the server's until stop. @found:
 * (element-type LecternAddress): they are added, with their real ports. Errors: CONFLICT, others. */
LECTERN_API gboolean lectern_plugin_add_udp_doors (LecternPlugin *self, const char *key,
                                                   GArray *found, GError **error);
LECTERN_API void lectern_plugin_add_guard (LecternPlugin *self, LecternGuard *guard, int priority);
/* The plugin carries streams from and to other servers, see LecternCarrier; @carrier is constant. The
 * plugin lives until the last of its transfers has been stopped. */
LECTERN_API void lectern_plugin_add_carrier (LecternPlugin *self, const LecternCarrier *carrier,
                                             gpointer user_data);
/* The plugin runs the server's relays; @table is constant. One plugin at a time. */
LECTERN_API void lectern_plugin_offer_relays (LecternPlugin *self, const LecternRelaysTable *table,
                                              gpointer user_data);
/* Connects to a signal of @object (the registry's "live", the sessions' "started", …) until stop.
 */
LECTERN_API void lectern_plugin_add_signal (LecternPlugin *self, gpointer object,
                                            const char *signal, GCallback callback,
                                            gpointer user_data);
/* Calls @func each @interval_us on the control thread until stop or G_SOURCE_REMOVE. */
LECTERN_API void lectern_plugin_add_timer (LecternPlugin *self, gint64 interval_us,
                                           GSourceFunc func, gpointer user_data);
/* Calls @func before metrics are printed (any thread). */
LECTERN_API void lectern_plugin_add_metrics (LecternPlugin *self, LecternMetricsFunc func,
                                             gpointer user_data);
/* Runs @undo (@data) after stop, in turn with the rest. */
LECTERN_API void lectern_plugin_add_undo (LecternPlugin *self, GDestroyNotify undo, gpointer data);
