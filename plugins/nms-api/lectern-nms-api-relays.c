/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-nms-api-relays.h"

#include "lectern-nms-api-json.h"

#include <string.h>

static LecternRelays *
get_relays (gpointer plugin)
{
  return lectern_host_get_relays (lectern_plugin_get_host (plugin));
}

static void
refuse (LecternHttpExchange *exchange, const GError *error)
{
  lectern_nms_api_json_refuse (exchange, lectern_error_get_http_status (error), error->message);
}

/* ── reading ── */

static const char *
get_text (JsonObject *relay, const char *name)
{
  return json_object_get_string_member_with_default (relay, name, "");
}

/* "path" is where it comes from and "url" where it goes to; our end is named as a player on this
 * machine would. */
static JsonObject *
describe (JsonObject *relay)
{
  const char *stream = get_text (relay, "stream");
  const char *mode = get_text (relay, "mode");
  const char *remote = get_text (relay, "url");
  const char *slash = strchr (stream, '/');
  g_autofree char *app = g_strndup (stream, strcspn (stream, "/"));
  g_autofree char *local = g_strconcat ("rtmp://127.0.0.1/", stream, NULL);
  gboolean push = g_str_equal (mode, "push");
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "app", app);
  json_object_set_string_member (object, "name", slash != NULL ? slash + 1 : "");
  json_object_set_string_member (object, "path", push ? local : remote);
  json_object_set_string_member (object, "url", push ? remote : local);
  json_object_set_string_member (object, "mode", mode);
  lectern_nms_api_json_set_text (
      object, "ts", json_object_get_string_member_with_default (relay, "started", NULL));
  json_object_set_string_member (object, "id", get_text (relay, "id"));
  return object;
}

static gboolean
is_wanted (LecternHttpExchange *exchange, JsonObject *relay)
{
  const char *id = lectern_http_exchange_get_parameter (exchange, "id");
  const char *app = lectern_http_exchange_get_parameter (exchange, "app");
  const char *name = lectern_http_exchange_get_parameter (exchange, "name");
  g_autofree char *stream = app != NULL ? g_strconcat (app, "/", name, NULL) : NULL;

  return id != NULL ? g_str_equal (id, get_text (relay, "id"))
                    : g_strcmp0 (stream, get_text (relay, "stream")) == 0;
}

static void
answer_some (JsonNode *answer, const GError *error, gpointer exchange)
{
  JsonArray *relays = error == NULL ? json_node_get_array (answer) : NULL;
  JsonArray *array;

  if (error != NULL)
    {
      refuse (exchange, error);
      return;
    }
  array = json_array_new ();
  for (guint i = 0; i < json_array_get_length (relays); i++)
    {
      JsonObject *relay = json_array_get_object_element (relays, i);

      if (is_wanted (exchange, relay))
        json_array_add_object_element (array, describe (relay));
    }
  lectern_nms_api_json_respond_array (exchange, array);
}

static void
add_to_group (JsonObject *all, JsonObject *relay)
{
  JsonObject *app
      = lectern_nms_api_json_get_object (all, json_object_get_string_member (relay, "app"));
  JsonObject *group
      = lectern_nms_api_json_get_object (app, json_object_get_string_member (relay, "name"));

  if (!json_object_has_member (group, "relays"))
    json_object_set_array_member (group, "relays", json_array_new ());
  json_array_add_object_element (json_object_get_array_member (group, "relays"), relay);
}

static void
answer_all (JsonNode *answer, const GError *error, gpointer exchange)
{
  JsonArray *relays = error == NULL ? json_node_get_array (answer) : NULL;
  JsonObject *all;

  if (error != NULL)
    {
      refuse (exchange, error);
      return;
    }
  all = json_object_new ();
  for (guint i = 0; i < json_array_get_length (relays); i++)
    add_to_group (all, describe (json_array_get_object_element (relays, i)));
  lectern_nms_api_json_respond (exchange, all);
}

static void
list_all (LecternHttpExchange *exchange, gpointer plugin)
{
  lectern_relays_list (get_relays (plugin), answer_all, lectern_http_exchange_ref (exchange),
                       (GDestroyNotify) lectern_http_exchange_unref);
}

static void
list_some (LecternHttpExchange *exchange, gpointer plugin)
{
  lectern_relays_list (get_relays (plugin), answer_some, lectern_http_exchange_ref (exchange),
                       (GDestroyNotify) lectern_http_exchange_unref);
}

/* ── changing ── */

static void
answer_created (JsonNode *answer, const GError *error, gpointer exchange)
{
  const char *id = error == NULL ? get_text (json_node_get_object (answer), "id") : NULL;
  g_autoptr (GBytes) body = NULL;

  if (error != NULL)
    {
      refuse (exchange, error);
      return;
    }
  g_message ("relay '%s' is made by %s", id, lectern_http_exchange_get_peer_name (exchange));
  body = g_bytes_new (id, strlen (id));
  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-store");
  lectern_http_exchange_respond (exchange, 200, "text/plain; charset=utf-8", body);
}

/* Returns: (transfer full) (nullable): the body; answered when it is none. Other types than JSON's
 * could be sent by any page in a browser that knows the password. */
static JsonNode *
read_body (LecternHttpExchange *exchange)
{
  const char *type = lectern_http_exchange_get_header (exchange, "Content-Type");
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = NULL;

  if (type == NULL || g_ascii_strncasecmp (type, "application/json", 16) != 0)
    {
      lectern_nms_api_json_refuse (exchange, 415, "the body must be application/json");
      return NULL;
    }
  root = lectern_http_exchange_parse_json (exchange, &error);
  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    return g_steal_pointer (&root);
  lectern_nms_api_json_refuse (exchange, 400, error != NULL ? error->message : "not an object");
  return NULL;
}

/* Returns: (nullable): a member that is a text with something in it. */
static const char *
get_word (JsonNode *root, const char *name)
{
  JsonNode *node = json_object_get_member (json_node_get_object (root), name);
  const char *text = node != NULL && JSON_NODE_HOLDS_VALUE (node)
                             && json_node_get_value_type (node) == G_TYPE_STRING
                         ? json_node_get_string (node)
                         : NULL;

  return text != NULL && text[0] != '\0' ? text : NULL;
}

static void
create (LecternHttpExchange *exchange, gpointer plugin, const LecternRelaySpec *spec)
{
  if (!lectern_stream_name_is_valid (spec->stream))
    lectern_nms_api_json_refuse (exchange, 400, "app and name make no stream's name");
  else
    lectern_relays_create (get_relays (plugin), spec, answer_created,
                           lectern_http_exchange_ref (exchange),
                           (GDestroyNotify) lectern_http_exchange_unref);
}

/* {url, app, name} and rtsp_transport, which some send for other addresses too. */
static void
begin (LecternHttpExchange *exchange, gpointer plugin, LecternCarryWay way)
{
  g_autoptr (JsonNode) root = read_body (exchange);
  g_autofree char *stream = NULL;
  const char *url, *app, *name;

  if (root == NULL)
    return;
  url = get_word (root, "url");
  app = get_word (root, "app");
  name = get_word (root, "name");
  if (url == NULL || app == NULL || name == NULL)
    {
      lectern_nms_api_json_refuse (exchange, 400, "url, app and name are needed");
      return;
    }
  stream = g_strconcat (app, "/", name, NULL);
  create (exchange, plugin,
          &(LecternRelaySpec){ .way = way,
                               .stream = stream,
                               .url = url,
                               .transport = g_ascii_strncasecmp (url, "rtsp", 4) == 0
                                                ? get_word (root, "rtsp_transport")
                                                : NULL });
}

static void
pull (LecternHttpExchange *exchange, gpointer plugin)
{
  begin (exchange, plugin, LECTERN_CARRY_PULL);
}

static void
push (LecternHttpExchange *exchange, gpointer plugin)
{
  begin (exchange, plugin, LECTERN_CARRY_PUSH);
}

/* Returns: (transfer full) (nullable): "app/name", when @text names a stream of this server:
 * "rtmp://127.0.0.1:1935/app/name" or "/app/name". */
static char *
find_local (const char *text)
{
  g_autoptr (GUri) uri = NULL;
  const char *path = text;

  if (text[0] != '/')
    {
      uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);
      if (uri == NULL || !g_str_has_prefix (g_uri_get_scheme (uri), "rtmp")
          || (g_strcmp0 (g_uri_get_host (uri), "localhost") != 0
              && g_strcmp0 (g_uri_get_host (uri), "127.0.0.1") != 0
              && g_strcmp0 (g_uri_get_host (uri), "::1") != 0))
        return NULL;
      path = g_uri_get_path (uri);
    }
  return path[0] == '/' && lectern_stream_name_is_valid (path + 1) ? g_strdup (path + 1) : NULL;
}

/* {path, url}: from one place to another, one of which is here. */
static void
begin_task (LecternHttpExchange *exchange, gpointer plugin)
{
  g_autoptr (JsonNode) root = read_body (exchange);
  g_autofree char *from = NULL;
  g_autofree char *to = NULL;
  const char *path, *url;

  if (root == NULL)
    return;
  path = get_word (root, "path");
  url = get_word (root, "url");
  if (path == NULL || url == NULL)
    {
      lectern_nms_api_json_refuse (exchange, 400, "path and url are needed");
      return;
    }
  from = find_local (path);
  to = find_local (url);
  if (to != NULL)
    create (exchange, plugin,
            &(LecternRelaySpec){ .way = LECTERN_CARRY_PULL, .stream = to, .url = path });
  else if (from != NULL)
    create (exchange, plugin,
            &(LecternRelaySpec){ .way = LECTERN_CARRY_PUSH, .stream = from, .url = url });
  else
    lectern_nms_api_json_refuse (exchange, 400, "neither path nor url is a stream of this server");
}

static void
answer_removed (JsonNode *answer, const GError *error, gpointer exchange)
{
  if (error != NULL)
    {
      refuse (exchange, error);
      return;
    }
  g_message ("relay '%s' was ended by %s", lectern_http_exchange_get_parameter (exchange, "id"),
             lectern_http_exchange_get_peer_name (exchange));
  lectern_nms_api_json_respond_text (exchange, "Ok");
}

static void
end (LecternHttpExchange *exchange, gpointer plugin)
{
  lectern_relays_remove (get_relays (plugin), lectern_http_exchange_get_parameter (exchange, "id"),
                         answer_removed, lectern_http_exchange_ref (exchange),
                         (GDestroyNotify) lectern_http_exchange_unref);
}

gboolean
lectern_nms_api_relays_add_routes (LecternPlugin *plugin, GError **error)
{
  static const struct
  {
    const char *method;
    const char *pattern;
    LecternHttpHandler handler;
  } rows[] = {
    { "GET", "/api/relay", list_all },
    { "GET", "/api/relay/{id}", list_some },
    { "GET", "/api/relay/{app}/{name}", list_some },
    { "POST", "/api/relay/task", begin_task },
    { "POST", "/api/relay/pull", pull },
    { "POST", "/api/relay/push", push },
    { "DELETE", "/api/relay/{id}", end },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (!lectern_plugin_add_route (plugin, rows[i].method, rows[i].pattern, LECTERN_ACTION_MANAGE,
                                   LECTERN_NMS_API_THING, rows[i].handler, plugin, error))
      return FALSE;
  return TRUE;
}
