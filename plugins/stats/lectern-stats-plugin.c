/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-stats-server.h"
#include "lectern-stats-sessions.h"
#include "lectern-stats-streams.h"
#include "lectern-stats-totals.h"

#define LECTERN_TYPE_STATS_PLUGIN (lectern_stats_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternStatsPlugin, lectern_stats_plugin, LECTERN, STATS_PLUGIN,
                      LecternPlugin)

struct _LecternStatsPlugin
{
  LecternPlugin parent_instance;

  LecternStatsCounter *counter;
};

G_DEFINE_FINAL_TYPE (LecternStatsPlugin, lectern_stats_plugin, LECTERN_TYPE_PLUGIN)

static gboolean
lectern_stats_plugin_start (LecternPlugin *plugin, GError **error)
{
  LecternStatsPlugin *self = LECTERN_STATS_PLUGIN (plugin);

  self->counter = lectern_stats_counter_new (lectern_plugin_get_host (plugin));
  lectern_plugin_add_metrics (plugin, lectern_stats_counter_publish, self->counter);
  return lectern_stats_streams_add_routes (plugin, error)
         && lectern_stats_sessions_add_routes (plugin, error)
         && lectern_stats_server_add_routes (plugin, self->counter, error);
}

static void
lectern_stats_plugin_finalize (GObject *object)
{
  LecternStatsPlugin *self = LECTERN_STATS_PLUGIN (object);

  g_clear_pointer (&self->counter, lectern_stats_counter_free);
  G_OBJECT_CLASS (lectern_stats_plugin_parent_class)->finalize (object);
}

static void
lectern_stats_plugin_class_init (LecternStatsPluginClass *class)
{
  G_OBJECT_CLASS (class)->finalize = lectern_stats_plugin_finalize;
  LECTERN_PLUGIN_CLASS (class)->start = lectern_stats_plugin_start;
}

static void
lectern_stats_plugin_init (LecternStatsPlugin *self)
{
}

LECTERN_PLUGIN_DEFINE (stats,
                       .summary = N_ ("Streams, sessions and the server as JSON and metrics"),
                       .enabled = TRUE)
