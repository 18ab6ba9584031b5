/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-stats-streams.h"

#include "lectern-stats-json.h"

#define ONE_STREAM "/api/v1/streams/{app}/{name}"

static LecternStreamRegistry *
get_streams (gpointer plugin)
{
  return lectern_host_get_streams (lectern_plugin_get_host (plugin));
}

static void
set_profile (JsonObject *object, const LecternTrack *track)
{
  lectern_stats_json_set_text (object, "profile",
                               track->profile[0] != '\0' ? track->profile : NULL);
}

static JsonObject *
describe_video (const LecternTrack *track, double fps)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "codec", lectern_codec_get_name (track->codec));
  json_object_set_int_member (object, "width", track->width);
  json_object_set_int_member (object, "height", track->height);
  json_object_set_double_member (object, "fps", (int)(fps * 100 + 0.5) / 100.0);
  set_profile (object, track);
  return object;
}

static JsonObject *
describe_audio (const LecternTrack *track)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "codec", lectern_codec_get_name (track->codec));
  json_object_set_int_member (object, "rate", track->rate);
  json_object_set_int_member (object, "channels", track->channels);
  set_profile (object, track);
  return object;
}

/* Who publishes and who watches is not told here: these answers are public where playing is. */
static JsonObject *
describe (LecternStream *stream)
{
  g_auto (LecternStreamInfo) info = { 0 };
  JsonObject *object = json_object_new ();

  lectern_stream_get_info (stream, &info);
  json_object_set_string_member (object, "name", lectern_stream_get_name (stream));
  json_object_set_string_member (object, "state", lectern_stream_state_get_name (info.state));
  lectern_stats_json_set_time (object, "started", info.started_us);
  json_object_set_int_member (object, "viewers", info.viewers);
  json_object_set_int_member (object, "waiting", info.waiting);
  json_object_set_int_member (object, "bitrate", (gint64)info.bitrate);
  if (info.video != NULL)
    json_object_set_object_member (object, "video", describe_video (info.video, info.fps));
  else
    json_object_set_null_member (object, "video");
  if (info.audio != NULL)
    json_object_set_object_member (object, "audio", describe_audio (info.audio));
  else
    json_object_set_null_member (object, "audio");
  lectern_stats_json_set_reception (object, info.is_received, &info.reception);
  lectern_stats_json_set_text (object, "warning", info.warning);
  return object;
}

static void
list (LecternHttpExchange *exchange, gpointer plugin)
{
  g_autoptr (GPtrArray) streams = lectern_stream_registry_list (get_streams (plugin));
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_sized_new (streams->len);

  for (guint i = 0; i < streams->len; i++)
    json_array_add_object_element (array, describe (streams->pdata[i]));
  json_object_set_array_member (object, "streams", array);
  lectern_stats_json_respond (exchange, object);
}

/* Returns: (transfer full): "app/name" of the request's path. */
static char *
dup_name (LecternHttpExchange *exchange)
{
  return g_strconcat (lectern_http_exchange_get_parameter (exchange, "app"), "/",
                      lectern_http_exchange_get_parameter (exchange, "name"), NULL);
}

static void
show (LecternHttpExchange *exchange, gpointer plugin)
{
  g_autofree char *name = dup_name (exchange);
  g_autoptr (LecternStream) stream = lectern_stream_registry_lookup (get_streams (plugin), name);

  if (stream != NULL)
    lectern_stats_json_respond (exchange, describe (stream));
  else
    lectern_stats_json_refuse (exchange, LECTERN_ERROR_NOT_FOUND, "no such stream");
}

static void
end (LecternHttpExchange *exchange, gpointer plugin)
{
  g_autofree char *name = dup_name (exchange);
  g_autoptr (GError) reason
      = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "ended by the operator");

  if (!lectern_stream_registry_end (get_streams (plugin), name, reason))
    {
      lectern_stats_json_refuse (exchange, LECTERN_ERROR_NOT_FOUND, "no such stream");
      return;
    }
  g_message ("stream '%s' was ended by %s", name, lectern_http_exchange_get_peer_name (exchange));
  lectern_stats_json_respond_done (exchange);
}

gboolean
lectern_stats_streams_add_routes (LecternPlugin *plugin, GError **error)
{
  return lectern_plugin_add_route (plugin, "GET", "/api/v1/streams", LECTERN_ACTION_PLAY, NULL,
                                   list, plugin, error)
         && lectern_plugin_add_route (plugin, "GET", ONE_STREAM, LECTERN_ACTION_PLAY,
                                      "{app}/{name}", show, plugin, error)
         && lectern_plugin_add_route (plugin, "DELETE", ONE_STREAM, LECTERN_ACTION_MANAGE,
                                      "{app}/{name}", end, plugin, error);
}
