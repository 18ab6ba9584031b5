/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-stats-server.h"

#include "lectern-stats-json.h"

static JsonArray *
describe_threads (LecternReactorPool *pool, guint *connections)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < lectern_reactor_pool_get_size (pool); i++)
    {
      LecternReactor *reactor = lectern_reactor_pool_get (pool, i);
      JsonObject *object = json_object_new ();
      guint count = lectern_reactor_get_connections (reactor);

      json_object_set_int_member (object, "connections", count);
      json_object_set_double_member (object, "load",
                                     (int)(lectern_reactor_get_load (reactor) * 1000) / 1000.0);
      json_object_set_int_member (object, "lag_us", lectern_reactor_get_lag (reactor));
      json_array_add_object_element (array, object);
      *connections += count;
    }
  return array;
}

static JsonObject *
describe_streams (const LecternStatsTotals *totals)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "live", totals->live);
  json_object_set_int_member (object, "away", totals->away);
  json_object_set_int_member (object, "idle", totals->waiting);
  return object;
}

static JsonObject *
describe_viewers (const LecternStatsTotals *totals)
{
  JsonObject *object = json_object_new ();

  for (guint i = 0; i < totals->n_protocols; i++)
    json_object_set_int_member (object, totals->protocols[i].name, totals->protocols[i].viewers);
  return object;
}

static JsonObject *
describe_bytes (const LecternStatsTotals *totals)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "received", (gint64)totals->received);
  json_object_set_int_member (object, "sent", (gint64)totals->sent);
  return object;
}

static void
show (LecternHttpExchange *exchange, gpointer counter)
{
  LecternHost *host = lectern_stats_counter_get_host (counter);
  JsonObject *object = json_object_new ();
  LecternStatsTotals totals;
  guint connections = 0;
  JsonArray *threads = describe_threads (lectern_host_get_reactors (host), &connections);

  lectern_stats_counter_read (counter, &totals);
  json_object_set_string_member (object, "version", LECTERN_PLUGIN_VERSION);
  json_object_set_int_member (object, "uptime", lectern_stats_counter_get_uptime (counter));
  json_object_set_double_member (object, "cpu_seconds",
                                 lectern_process_get_cpu_us () / 1000 / 1000.0);
  json_object_set_int_member (object, "memory", lectern_process_get_memory ());
  json_object_set_int_member (object, "descriptors", lectern_process_get_descriptors ());
  json_object_set_array_member (object, "threads", threads);
  json_object_set_int_member (object, "connections", connections);
  json_object_set_object_member (object, "streams", describe_streams (&totals));
  json_object_set_array_member (object, "workers",
                                lectern_workers_describe (lectern_host_get_workers (host)));
  json_object_set_int_member (object, "publishers", totals.publishers);
  json_object_set_object_member (object, "viewers", describe_viewers (&totals));
  json_object_set_object_member (object, "bytes", describe_bytes (&totals));
  json_object_set_int_member (object, "log_dropped", (gint64)lectern_log_get_dropped ());
  lectern_stats_json_respond (exchange, object);
}

static void
print_metrics (LecternHttpExchange *exchange, gpointer unused)
{
  g_autoptr (GBytes) body = g_string_free_to_bytes (lectern_metrics_print ());

  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-store");
  lectern_http_exchange_respond (exchange, 200, "text/plain; version=0.0.4; charset=utf-8", body);
}

/* The HTTP listener opens after all plugins have started, so to answer is to be ready. */
static void
say_well (LecternHttpExchange *exchange, gpointer unused)
{
  g_autoptr (GBytes) body = g_bytes_new_static ("ok\n", 3);

  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-store");
  lectern_http_exchange_respond (exchange, 200, "text/plain; charset=utf-8", body);
}

gboolean
lectern_stats_server_add_routes (LecternPlugin *plugin, LecternStatsCounter *counter,
                                 GError **error)
{
  return lectern_plugin_add_route (plugin, "GET", "/api/v1/server", LECTERN_ACTION_MANAGE, NULL,
                                   show, counter, error)
         && lectern_plugin_add_route (plugin, "GET", "/metrics", LECTERN_ACTION_MANAGE, NULL,
                                      print_metrics, NULL, error)
         && lectern_plugin_add_route (plugin, "GET", "/healthz", LECTERN_ACTION_PUBLIC, NULL,
                                      say_well, NULL, error)
         && lectern_plugin_add_route (plugin, "GET", "/readyz", LECTERN_ACTION_PUBLIC, NULL,
                                      say_well, NULL, error);
}
