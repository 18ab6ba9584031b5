/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-relay-api.h"

#include "lectern-relay-rule.h"

#include <string.h>

#define ALL "/api/v1/relays"
#define ONE "/api/v1/relays/{id}"

static void
respond (LecternHttpExchange *exchange, guint status, JsonNode *root)
{
  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-store");
  lectern_http_exchange_respond_json (exchange, status, root);
}

static void
unref_exchange (gpointer exchange)
{
  lectern_http_exchange_unref (exchange);
}

static LecternRelays *
get_relays (LecternPlugin *plugin)
{
  return lectern_host_get_relays (lectern_plugin_get_host (plugin));
}

/* ── reading ── */

static void
answer_all (JsonNode *answer, const GError *error, gpointer user_data)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_node_take_object (root, object);
  if (error != NULL)
    {
      lectern_http_exchange_respond_reason (user_data, error);
      return;
    }
  json_object_set_member (object, "relays", json_node_copy (answer));
  respond (user_data, 200, root);
}

static void
on_list (LecternHttpExchange *exchange, gpointer user_data)
{
  lectern_relays_list (get_relays (user_data), answer_all, lectern_http_exchange_ref (exchange),
                       unref_exchange);
}

static JsonNode *
find (JsonNode *all, const char *id)
{
  JsonArray *array = json_node_get_array (all);

  for (guint i = 0; i < json_array_get_length (array); i++)
    if (g_str_equal (json_object_get_string_member (json_array_get_object_element (array, i), "id"),
                     id))
      return json_array_get_element (array, i);
  return NULL;
}

static void
answer_one (JsonNode *answer, const GError *error, gpointer user_data)
{
  JsonNode *found
      = error == NULL ? find (answer, lectern_http_exchange_get_parameter (user_data, "id")) : NULL;
  g_autoptr (GError) missing
      = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "no such relay");

  if (found != NULL)
    respond (user_data, 200, found);
  else
    lectern_http_exchange_respond_reason (user_data, error != NULL ? error : missing);
}

static void
on_show (LecternHttpExchange *exchange, gpointer user_data)
{
  lectern_relays_list (get_relays (user_data), answer_one, lectern_http_exchange_ref (exchange),
                       unref_exchange);
}

/* ── creating ── */

static gboolean
set_fault (GError **error, const char *what, const char *fault)
{
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "%s %s", what, fault);
  return FALSE;
}

/* FALSE: it is there and no text, or not there and @needed. */
static gboolean
get_text (JsonObject *object, const char *name, gboolean needed, const char **text, GError **error)
{
  JsonNode *node = json_object_get_member (object, name);

  *text = NULL;
  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return !needed || set_fault (error, name, "is missing");
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return set_fault (error, name, "must be a text");
  *text = json_node_get_string (node);
  return TRUE;
}

static gboolean
check_names (JsonObject *object, GError **error)
{
  static const char *const known[] = { "mode", "stream", "url", "transport", NULL };
  g_autoptr (GList) names = json_object_get_members (object);

  for (GList *each = names; each != NULL; each = each->next)
    if (!g_strv_contains (known, each->data))
      return set_fault (error, "a relay", "has mode, stream, url and transport, and nothing else");
  return TRUE;
}

/* Into texts of @root. */
static gboolean
read_spec (JsonNode *root, LecternRelaySpec *spec, GError **error)
{
  JsonObject *object;
  LecternRelayMode mode;
  const char *word;

  if (!JSON_NODE_HOLDS_OBJECT (root))
    return set_fault (error, "the body", "must be an object");
  object = json_node_get_object (root);
  if (!check_names (object, error) || !get_text (object, "mode", TRUE, &word, error)
      || !get_text (object, "stream", TRUE, &spec->stream, error)
      || !get_text (object, "url", TRUE, &spec->url, error)
      || !get_text (object, "transport", FALSE, &spec->transport, error))
    return FALSE;
  if (!lectern_relay_mode_parse (word, &mode))
    return set_fault (error, "mode", "must be 'pull', 'on-demand' or 'push'");
  spec->way = mode == LECTERN_RELAY_PUSH ? LECTERN_CARRY_PUSH : LECTERN_CARRY_PULL;
  spec->on_demand = mode == LECTERN_RELAY_ON_DEMAND;
  return TRUE;
}

static void
answer_created (JsonNode *answer, const GError *error, gpointer user_data)
{
  g_autofree char *location = NULL;
  const char *id;

  if (error != NULL)
    {
      lectern_http_exchange_respond_reason (user_data, error);
      return;
    }
  id = json_object_get_string_member (json_node_get_object (answer), "id");
  location = g_strconcat (ALL "/", id, NULL);
  g_message ("relay '%s' is made by %s", id, lectern_http_exchange_get_peer_name (user_data));
  lectern_http_exchange_set_header (user_data, "Location", location);
  respond (user_data, 201, answer);
}

static void
on_create (LecternHttpExchange *exchange, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = lectern_http_exchange_parse_json (exchange, &error);
  LecternRelaySpec spec = { 0 };

  if (root == NULL || !read_spec (root, &spec, &error))
    lectern_http_exchange_respond_reason (exchange, error);
  else
    lectern_relays_create (get_relays (user_data), &spec, answer_created,
                           lectern_http_exchange_ref (exchange), unref_exchange);
}

/* ── removing ── */

static void
answer_removed (JsonNode *answer, const GError *error, gpointer user_data)
{
  if (error != NULL)
    {
      lectern_http_exchange_respond_reason (user_data, error);
      return;
    }
  g_message ("relay '%s' is removed by %s", lectern_http_exchange_get_parameter (user_data, "id"),
             lectern_http_exchange_get_peer_name (user_data));
  lectern_http_exchange_respond (user_data, 204, NULL, NULL);
}

static void
on_remove (LecternHttpExchange *exchange, gpointer user_data)
{
  lectern_relays_remove (get_relays (user_data),
                         lectern_http_exchange_get_parameter (exchange, "id"), answer_removed,
                         lectern_http_exchange_ref (exchange), unref_exchange);
}

gboolean
lectern_relay_api_add_routes (LecternPlugin *plugin, GError **error)
{
  static const struct
  {
    const char *method;
    const char *pattern;
    LecternHttpHandler handler;
  } routes[] = { { "GET", ALL, on_list },
                 { "POST", ALL, on_create },
                 { "GET", ONE, on_show },
                 { "DELETE", ONE, on_remove } };

  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (!lectern_plugin_add_route (plugin, routes[i].method, routes[i].pattern,
                                   LECTERN_ACTION_MANAGE, NULL, routes[i].handler, plugin, error))
      return FALSE;
  return TRUE;
}
