/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-stats-sessions.h"

#include "lectern-stats-json.h"

const char *
lectern_stats_sessions_get_role_name (LecternSessionRole role)
{
  switch (role)
    {
    case LECTERN_SESSION_PUBLISH:
      return "publish";
    case LECTERN_SESSION_PLAY:
      return "play";
    case LECTERN_SESSION_CONNECT:
    default:
      return "connect";
    }
}

static JsonObject *
describe (LecternSession *session)
{
  const LecternAccessRequest *request = lectern_session_get_request (session);
  LecternIdentity *identity = lectern_session_get_identity (session);
  g_autofree char *peer = lectern_address_to_string (&request->peer);
  JsonObject *object = json_object_new ();
  LecternReception reception;

  json_object_set_string_member (object, "id", lectern_session_get_id (session));
  json_object_set_string_member (
      object, "role", lectern_stats_sessions_get_role_name (lectern_session_get_role (session)));
  json_object_set_string_member (object, "protocol", request->protocol);
  json_object_set_boolean_member (object, "secure", request->secure);
  json_object_set_string_member (object, "peer", peer);
  lectern_stats_json_set_text (object, "stream", request->thing);
  lectern_stats_json_set_text (object, "identity",
                               identity != NULL ? lectern_identity_get_display (identity) : NULL);
  lectern_stats_json_set_time (object, "started", lectern_session_get_started (session));
  json_object_set_int_member (object, "bytes", (gint64)lectern_session_get_bytes (session));
  lectern_stats_json_set_reception (object, lectern_session_get_reception (session, &reception),
                                    &reception);
  return object;
}

static LecternSessions *
get_sessions (gpointer plugin)
{
  return lectern_host_get_sessions (lectern_plugin_get_host (plugin));
}

static void
list (LecternHttpExchange *exchange, gpointer plugin)
{
  const char *stream = lectern_http_exchange_get_query_value (exchange, "stream");
  g_autoptr (GPtrArray) sessions = lectern_sessions_list (get_sessions (plugin), stream);
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_sized_new (sessions->len);

  for (guint i = 0; i < sessions->len; i++)
    json_array_add_object_element (array, describe (sessions->pdata[i]));
  json_object_set_array_member (object, "sessions", array);
  lectern_stats_json_respond (exchange, object);
}

static void
kick (LecternHttpExchange *exchange, gpointer plugin)
{
  const char *id = lectern_http_exchange_get_parameter (exchange, "id");
  g_autoptr (GPtrArray) sessions = lectern_sessions_list (get_sessions (plugin), NULL);
  g_autoptr (GError) reason
      = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "ended by the operator");

  for (guint i = 0; i < sessions->len; i++)
    {
      LecternSession *session = g_ptr_array_index (sessions, i);

      if (g_strcmp0 (lectern_session_get_id (session), id) != 0)
        continue;
      g_message ("session %s was ended by %s", id, lectern_http_exchange_get_peer_name (exchange));
      lectern_session_kick (session, reason);
      lectern_stats_json_respond_done (exchange);
      return;
    }
  lectern_stats_json_refuse (exchange, LECTERN_ERROR_NOT_FOUND, "no such session");
}

gboolean
lectern_stats_sessions_add_routes (LecternPlugin *plugin, GError **error)
{
  return lectern_plugin_add_route (plugin, "GET", "/api/v1/sessions", LECTERN_ACTION_MANAGE, NULL,
                                   list, plugin, error)
         && lectern_plugin_add_route (plugin, "DELETE", "/api/v1/sessions/{id}",
                                      LECTERN_ACTION_MANAGE, NULL, kick, plugin, error);
}
