/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-stats-json.h"

void
lectern_stats_json_set_time (JsonObject *object, const char *name, gint64 wall_us)
{
  g_autoptr (GDateTime) time
      = wall_us > 0 ? g_date_time_new_from_unix_utc (wall_us / 1000000) : NULL;
  g_autofree char *text = time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ") : NULL;

  lectern_stats_json_set_text (object, name, text);
}

void
lectern_stats_json_set_text (JsonObject *object, const char *name, const char *text)
{
  if (text != NULL)
    json_object_set_string_member (object, name, text);
  else
    json_object_set_null_member (object, name);
}

void
lectern_stats_json_set_reception (JsonObject *object, gboolean known,
                                  const LecternReception *reception)
{
  JsonObject *member;

  if (!known)
    {
      json_object_set_null_member (object, "reception");
      return;
    }
  member = json_object_new ();
  json_object_set_int_member (member, "packets", (gint64)reception->packets);
  json_object_set_int_member (member, "lost", (gint64)reception->lost);
  json_object_set_double_member (member, "jitter", (double)reception->jitter_us / 1000);
  json_object_set_object_member (object, "reception", member);
}

void
lectern_stats_json_respond (LecternHttpExchange *exchange, JsonObject *object)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);

  json_node_take_object (root, object);
  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-store");
  lectern_http_exchange_respond_json (exchange, 200, root);
}

void
lectern_stats_json_refuse (LecternHttpExchange *exchange, LecternError code, const char *text)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, code, text);

  lectern_http_exchange_respond_error (exchange, error);
}

void
lectern_stats_json_respond_done (LecternHttpExchange *exchange)
{
  lectern_http_exchange_respond (exchange, 204, NULL, NULL);
}
