/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-nms-api-json.h"

void
lectern_nms_api_json_set_time (JsonObject *object, const char *name, gint64 wall_us)
{
  g_autoptr (GDateTime) time
      = wall_us > 0 ? g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC) : NULL;
  g_autofree char *seconds = time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%S") : NULL;
  g_autofree char *text
      = seconds != NULL
            ? g_strdup_printf ("%s.%03dZ", seconds, (int) (wall_us % G_USEC_PER_SEC / 1000))
            : NULL;

  lectern_nms_api_json_set_text (object, name, text);
}

void
lectern_nms_api_json_set_text (JsonObject *object, const char *name, const char *text)
{
  if (text != NULL)
    json_object_set_string_member (object, name, text);
  else
    json_object_set_null_member (object, name);
}

JsonObject *
lectern_nms_api_json_get_object (JsonObject *object, const char *name)
{
  if (!json_object_has_member (object, name))
    json_object_set_object_member (object, name, json_object_new ());
  return json_object_get_object_member (object, name);
}

static void
respond (LecternHttpExchange *exchange, guint status, JsonNode *root)
{
  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-store");
  lectern_http_exchange_respond_json (exchange, status, root);
}

void
lectern_nms_api_json_respond (LecternHttpExchange *exchange, JsonObject *object)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);

  json_node_take_object (root, object);
  respond (exchange, 200, root);
}

void
lectern_nms_api_json_respond_array (LecternHttpExchange *exchange, JsonArray *array)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_ARRAY);

  json_node_take_array (root, array);
  respond (exchange, 200, root);
}

void
lectern_nms_api_json_respond_text (LecternHttpExchange *exchange, const char *text)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_VALUE);

  json_node_set_string (root, text);
  respond (exchange, 200, root);
}

void
lectern_nms_api_json_refuse (LecternHttpExchange *exchange, guint status, const char *text)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "error", text);
  json_node_take_object (root, object);
  respond (exchange, status, root);
}
