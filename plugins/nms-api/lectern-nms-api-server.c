/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-nms-api-server.h"

#include "lectern-nms-api-json.h"
#include "lectern-nms-api-streams.h"

#include <malloc.h>

static JsonObject *
describe_net (LecternSessions *sessions)
{
  JsonObject *object = json_object_new ();
  guint64 received, sent;

  lectern_sessions_get_bytes (sessions, &received, &sent);
  json_object_set_int_member (object, "inbytes", (gint64) received);
  json_object_set_int_member (object, "outbytes", (gint64) sent);
  return object;
}

/* There is no Node here; dashboards show this as the server's process. */
static JsonObject *
describe_process (LecternNmsApiServer *self)
{
  struct mallinfo2 heap = mallinfo2 ();
  JsonObject *object = json_object_new ();
  JsonObject *memory = json_object_new ();

  json_object_set_int_member (object, "uptime",
                              (lectern_clock_now_us () - self->started_us) / G_USEC_PER_SEC);
  json_object_set_string_member (object, "version", "v" LECTERN_PLUGIN_VERSION);
  json_object_set_int_member (memory, "rss", lectern_process_get_memory ());
  json_object_set_int_member (memory, "heapTotal", (gint64) (heap.arena + heap.hblkhd));
  json_object_set_int_member (memory, "heapUsed", (gint64) (heap.uordblks + heap.hblkhd));
  json_object_set_int_member (memory, "external", 0);
  json_object_set_object_member (object, "mem", memory);
  return object;
}

static guint
count_waiting (LecternStreamRegistry *streams)
{
  g_autoptr (GPtrArray) list = lectern_stream_registry_list (streams);
  guint count = 0;

  for (guint i = 0; i < list->len; i++)
    {
      g_auto (LecternStreamInfo) info = { 0 };

      lectern_stream_get_info (list->pdata[i], &info);
      count += info.waiting;
    }
  return count;
}

static JsonObject *
describe_clients (LecternHost *host)
{
  g_autoptr (GPtrArray) list = lectern_sessions_list (lectern_host_get_sessions (host), NULL);
  guint waiting = count_waiting (lectern_host_get_streams (host));
  guint active = 0, rtmp = 0, http = 0, ws = 0;
  JsonObject *object = json_object_new ();

  for (guint i = 0; i < list->len; i++)
    {
      LecternSession *session = g_ptr_array_index (list, i);
      const char *protocol = lectern_nms_api_streams_get_protocol (session);

      if (lectern_session_get_role (session) == LECTERN_SESSION_CONNECT)
        continue;
      active++;
      rtmp += g_str_equal (protocol, "rtmp");
      http += g_str_equal (protocol, "http");
      ws += g_str_equal (protocol, "ws");
    }
  json_object_set_int_member (object, "accepted",
                              lectern_metric_get (lectern_metrics_get_counter (
                                  "lectern_accepted_total", "Connections accepted", NULL, NULL)));
  json_object_set_int_member (object, "active", active > waiting ? active - waiting : 0);
  json_object_set_int_member (object, "idle", waiting);
  json_object_set_int_member (object, "rtmp", rtmp);
  json_object_set_int_member (object, "http", http);
  json_object_set_int_member (object, "ws", ws);
  return object;
}

static void
show (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternNmsApiServer *self = user_data;
  JsonObject *object = json_object_new ();

  json_object_set_object_member (object, "os", lectern_nms_api_machine_describe_os ());
  json_object_set_object_member (object, "cpu",
                                 lectern_nms_api_machine_describe_cpu (&self->machine));
  json_object_set_object_member (object, "mem", lectern_nms_api_machine_describe_memory ());
  json_object_set_object_member (object, "net",
                                 describe_net (lectern_host_get_sessions (self->host)));
  json_object_set_object_member (object, "nodejs", describe_process (self));
  json_object_set_object_member (object, "clients", describe_clients (self->host));
  json_object_set_string_member (object, "version", LECTERN_PLUGIN_VERSION);
  lectern_nms_api_json_respond (exchange, object);
}

gboolean
lectern_nms_api_server_add_routes (LecternPlugin *plugin, LecternNmsApiServer *server,
                                   GError **error)
{
  return lectern_plugin_add_route (plugin, "GET", "/api/server", LECTERN_ACTION_MANAGE,
                                   LECTERN_NMS_API_THING, show, server, error);
}
