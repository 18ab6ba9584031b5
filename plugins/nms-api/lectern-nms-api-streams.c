/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-nms-api-streams.h"

#include "lectern-nms-api-json.h"

#include <string.h>

#define ONE_STREAM "/api/streams/{app}/{stream}"

/* ── words ── */

const char *
lectern_nms_api_streams_get_protocol (LecternSession *session)
{
  static const char *const rows[][2] = {
    { "rtmp", "rtmp" }, { "rtmps", "rtmp" }, { "http", "http" }, { "https", "http" },
    { "hls", "http" },  { "dash", "http" },  { "ws", "ws" },     { "wss", "ws" },
  };
  const char *name = lectern_session_get_request (session)->protocol;

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_strcmp0 (rows[i][0], name) == 0)
      return rows[i][1];
  return name != NULL ? name : "other";
}

/* As Node-Media-Server names them, after the numbers of FLV. */
static const char *
get_codec_name (const LecternTrack *track)
{
  switch (track->codec)
    {
    case LECTERN_CODEC_H264:
      return "H264";
    case LECTERN_CODEC_H265:
      return "H265";
    case LECTERN_CODEC_OPUS:
      return "OPUS";
    case LECTERN_CODEC_PCMA:
      return "G711A";
    case LECTERN_CODEC_PCMU:
      return "G711U";
    case LECTERN_CODEC_NELLYMOSER:
      return track->rate == 16000  ? "Nellymoser16"
             : track->rate == 8000 ? "Nellymoser8"
                                   : "Nellymoser";
    default:
      return lectern_codec_get_name (track->codec);
    }
}

static JsonObject *
describe_audio (const LecternTrack *track)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "codec", get_codec_name (track));
  json_object_set_string_member (object, "profile", track->profile);
  json_object_set_int_member (object, "samplerate", track->rate);
  json_object_set_int_member (object, "channels", track->channels);
  return object;
}

/* A profile is "High 4.0": its name and its level. */
static JsonObject *
describe_video (const LecternTrack *track, double fps)
{
  const char *space = strrchr (track->profile, ' ');
  gboolean has_level = space != NULL && g_ascii_isdigit (space[1]);
  gsize size = has_level ? (gsize) (space - track->profile) : strlen (track->profile);
  g_autofree char *profile = g_strndup (track->profile, size);
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "codec", get_codec_name (track));
  json_object_set_int_member (object, "width", track->width);
  json_object_set_int_member (object, "height", track->height);
  json_object_set_string_member (object, "profile", profile);
  json_object_set_double_member (object, "level", has_level ? g_ascii_strtod (space + 1, NULL) : 0);
  json_object_set_int_member (object, "fps", (gint64) (fps + 0.5));
  return object;
}

/* ── all streams ── */

/* Returns: (transfer full) (nullable): NULL: a relay's, whom nobody connects to. */
static char *
dup_ip (LecternSession *session)
{
  static const LecternAddress nobody;
  const LecternAddress *peer = &lectern_session_get_request (session)->peer;

  return memcmp (peer->ip, nobody.ip, sizeof nobody.ip) != 0 ? lectern_address_to_ip_string (peer)
                                                             : NULL;
}

/* What a publisher and a subscriber have in common. @session: (nullable): streams that the server
 * makes itself, such as renditions, have none. */
static JsonObject *
describe_session (LecternStream *stream, LecternSession *session)
{
  const char *name = lectern_stream_get_name (stream);
  g_autofree char *app = g_strndup (name, strcspn (name, "/"));
  g_autofree char *ip = session != NULL ? dup_ip (session) : NULL;
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "app", app);
  json_object_set_string_member (object, "stream", name + strlen (app) + 1);
  lectern_nms_api_json_set_text (object, "clientId",
                                 session != NULL ? lectern_session_get_id (session) : NULL);
  lectern_nms_api_json_set_time (object, "connectCreated",
                                 session != NULL ? lectern_session_get_started (session) : 0);
  json_object_set_int_member (object, "bytes",
                              session != NULL ? (gint64) lectern_session_get_bytes (session) : 0);
  lectern_nms_api_json_set_text (object, "ip", ip);
  return object;
}

static JsonObject *
describe_publisher (LecternStream *stream, LecternSession *session, const LecternStreamInfo *info)
{
  JsonObject *object = describe_session (stream, session);

  if (session == NULL)
    {
      lectern_nms_api_json_set_time (object, "connectCreated", info->started_us);
      json_object_set_int_member (object, "bytes", (gint64) info->bytes_in);
    }
  if (info->audio != NULL)
    json_object_set_object_member (object, "audio", describe_audio (info->audio));
  else
    json_object_set_null_member (object, "audio");
  if (info->video != NULL)
    json_object_set_object_member (object, "video", describe_video (info->video, info->fps));
  else
    json_object_set_null_member (object, "video");
  return object;
}

/* Returns: (nullable): who publishes, of a stream's sessions (nullable): the one who came last,
 * where one takes over. */
static LecternSession *
find_publisher (GPtrArray *sessions)
{
  LecternSession *found = NULL;

  for (guint i = 0; sessions != NULL && i < sessions->len; i++)
    {
      LecternSession *session = g_ptr_array_index (sessions, i);

      if (lectern_session_get_role (session) == LECTERN_SESSION_PUBLISH
          && (found == NULL
              || lectern_session_get_started (session) > lectern_session_get_started (found)))
        found = session;
    }
  return found;
}

static JsonArray *
describe_subscribers (LecternStream *stream, GPtrArray *sessions)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; sessions != NULL && i < sessions->len; i++)
    {
      LecternSession *session = g_ptr_array_index (sessions, i);
      JsonObject *object;

      if (lectern_session_get_role (session) != LECTERN_SESSION_PLAY)
        continue;
      object = describe_session (stream, session);
      json_object_set_string_member (object, "protocol",
                                     lectern_nms_api_streams_get_protocol (session));
      json_array_add_object_element (array, object);
    }
  return array;
}

/* @sessions: (nullable): the stream's. */
static JsonObject *
describe_stream (LecternStream *stream, GPtrArray *sessions)
{
  g_auto (LecternStreamInfo) info = { 0 };
  JsonObject *object = json_object_new ();

  lectern_stream_get_info (stream, &info);
  if (info.state == LECTERN_STREAM_LIVE)
    json_object_set_object_member (object, "publisher",
                                   describe_publisher (stream, find_publisher (sessions), &info));
  else
    json_object_set_null_member (object, "publisher");
  json_object_set_array_member (object, "subscribers", describe_subscribers (stream, sessions));
  return object;
}

/* Returns: (transfer full): name → sessions, which @list keeps. */
static GHashTable *
group_by_stream (GPtrArray *list)
{
  GHashTable *groups
      = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) g_ptr_array_unref);

  for (guint i = 0; i < list->len; i++)
    {
      char *name = lectern_session_get_request (list->pdata[i])->thing;
      GPtrArray *group = name != NULL ? g_hash_table_lookup (groups, name) : NULL;

      if (name == NULL)
        continue;
      if (group == NULL)
        g_hash_table_insert (groups, name, group = g_ptr_array_new ());
      g_ptr_array_add (group, list->pdata[i]);
    }
  return groups;
}

static void
list (LecternHttpExchange *exchange, gpointer plugin)
{
  LecternHost *host = lectern_plugin_get_host (plugin);
  g_autoptr (GPtrArray) streams = lectern_stream_registry_list (lectern_host_get_streams (host));
  g_autoptr (GPtrArray) sessions = lectern_sessions_list (lectern_host_get_sessions (host), NULL);
  g_autoptr (GHashTable) groups = group_by_stream (sessions);
  JsonObject *object = json_object_new ();

  for (guint i = 0; i < streams->len; i++)
    {
      const char *name = lectern_stream_get_name (streams->pdata[i]);
      g_autofree char *app = g_strndup (name, strcspn (name, "/"));

      json_object_set_object_member (
          lectern_nms_api_json_get_object (object, app), name + strlen (app) + 1,
          describe_stream (streams->pdata[i], g_hash_table_lookup (groups, name)));
    }
  lectern_nms_api_json_respond (exchange, object);
}

/* ── one stream ── */

/* Returns: (transfer full): "app/name" of the request's path. */
static char *
dup_name (LecternHttpExchange *exchange)
{
  return g_strconcat (lectern_http_exchange_get_parameter (exchange, "app"), "/",
                      lectern_http_exchange_get_parameter (exchange, "stream"), NULL);
}

/* Whatever guards may ask for. */
static gboolean
is_secret (const char *name)
{
  static const char *const words[]
      = { "key", "sig", "token", "secret", "pass", "pwd", "psk", "auth", "jwt", "hash", "hmac" };
  g_autofree char *lower = g_ascii_strdown (name, -1);

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (strstr (lower, words[i]) != NULL)
      return TRUE;
  return FALSE;
}

/* What the publisher's address had behind "?", but for what lets in. */
static JsonObject *
describe_arguments (LecternSession *session)
{
  const char *query = session != NULL ? lectern_session_get_request (session)->query : NULL;
  g_autoptr (GHashTable) parameters
      = query != NULL ? g_uri_parse_params (query, -1, "&", G_URI_PARAMS_NONE, NULL) : NULL;
  JsonObject *object = json_object_new ();
  GHashTableIter iter;
  gpointer name, value;

  if (parameters == NULL)
    return object;
  g_hash_table_iter_init (&iter, parameters);
  while (g_hash_table_iter_next (&iter, &name, &value))
    if (!is_secret (name))
      json_object_set_string_member (object, name, value);
  return object;
}

static guint
count_viewers (GPtrArray *sessions)
{
  guint count = 0;

  for (guint i = 0; i < sessions->len; i++)
    count += lectern_session_get_role (sessions->pdata[i]) == LECTERN_SESSION_PLAY;
  return count;
}

static void
show (LecternHttpExchange *exchange, gpointer plugin)
{
  LecternHost *host = lectern_plugin_get_host (plugin);
  g_autofree char *name = dup_name (exchange);
  g_autoptr (LecternStream) stream
      = lectern_stream_registry_lookup (lectern_host_get_streams (host), name);
  g_autoptr (GPtrArray) list = lectern_sessions_list (lectern_host_get_sessions (host), name);
  LecternSession *publisher = find_publisher (list);
  g_auto (LecternStreamInfo) info = { 0 };
  JsonObject *object = json_object_new ();
  gint64 started_us;
  gboolean live;

  if (stream != NULL)
    lectern_stream_get_info (stream, &info);
  live = info.state == LECTERN_STREAM_LIVE;
  started_us = publisher != NULL ? lectern_session_get_started (publisher) : info.started_us;
  json_object_set_boolean_member (object, "isLive", live);
  json_object_set_int_member (object, "viewers", count_viewers (list));
  json_object_set_int_member (
      object, "duration",
      live ? (lectern_clock_wall_us () - started_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC : 0);
  /* Kilobits a second. */
  json_object_set_int_member (object, "bitrate", live ? (gint64) info.bitrate / 1000 : 0);
  lectern_nms_api_json_set_time (object, "startTime", live ? started_us : 0);
  json_object_set_object_member (object, "arguments", describe_arguments (live ? publisher : NULL));
  lectern_nms_api_json_respond (exchange, object);
}

static void
end (LecternHttpExchange *exchange, gpointer plugin)
{
  LecternStreamRegistry *streams = lectern_host_get_streams (lectern_plugin_get_host (plugin));
  g_autofree char *name = dup_name (exchange);
  g_autoptr (LecternStream) stream = lectern_stream_registry_lookup (streams, name);
  LecternStreamState state
      = stream != NULL ? lectern_stream_get_state (stream) : LECTERN_STREAM_IDLE;
  g_autoptr (GError) reason
      = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "ended by the operator");

  if ((state != LECTERN_STREAM_LIVE && state != LECTERN_STREAM_AWAY)
      || !lectern_stream_registry_end (streams, name, reason))
    {
      lectern_nms_api_json_refuse (exchange, 404, "stream not found");
      return;
    }
  g_message ("stream '%s' was ended by %s", name, lectern_http_exchange_get_peer_name (exchange));
  lectern_nms_api_json_respond_text (exchange, "ok");
}

gboolean
lectern_nms_api_streams_add_routes (LecternPlugin *plugin, GError **error)
{
  return lectern_plugin_add_route (plugin, "GET", "/api/streams", LECTERN_ACTION_MANAGE,
                                   LECTERN_NMS_API_THING, list, plugin, error)
         && lectern_plugin_add_route (plugin, "GET", ONE_STREAM, LECTERN_ACTION_MANAGE,
                                      LECTERN_NMS_API_THING, show, plugin, error)
         && lectern_plugin_add_route (plugin, "DELETE", ONE_STREAM, LECTERN_ACTION_MANAGE,
                                      LECTERN_NMS_API_THING, end, plugin, error);
}
