/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-record-api.h"

#include <string.h>

#define ALL "/api/v1/recordings"
#define ONE "/api/v1/recordings/{id}"
#define OF_STREAM "/api/v1/streams/{app}/{name}/recordings"
#define STATUS "/api/v1/streams/{app}/{name}/recording"
#define NS_PER_MS 1000000
/* In one answer. */
#define MAX_LISTED 1000

static void
respond (LecternHttpExchange *exchange, JsonObject *object)
{
  g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), object);

  json_object_unref (object);
  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-store");
  lectern_http_exchange_respond_json (exchange, 200, root);
}

static void
refuse (LecternHttpExchange *exchange, LecternError code, const char *why)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, code, why);

  lectern_http_exchange_respond_error (exchange, error);
}

/* ── as JSON ── */

static void
set_time (JsonObject *object, const char *name, gint64 wall_us)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);
  g_autofree char *text = date != NULL ? g_date_time_format (date, "%Y-%m-%dT%H:%M:%SZ") : NULL;

  json_object_set_string_member (object, name, text);
}

static JsonObject *
describe_track (LecternTrack *track)
{
  JsonObject *object = json_object_new ();
  gboolean video = track->media == LECTERN_MEDIA_VIDEO;

  json_object_set_string_member (object, "media", video ? "video" : "audio");
  json_object_set_string_member (object, "codec", lectern_codec_get_name (track->codec));
  json_object_set_int_member (object, video ? "width" : "rate", video ? track->width : track->rate);
  json_object_set_int_member (object, video ? "height" : "channels",
                              video ? track->height : track->channels);
  return object;
}

static void
set_text (JsonObject *object, const char *name, const char *text)
{
  if (text != NULL)
    json_object_set_string_member (object, name, text);
  else
    json_object_set_null_member (object, name);
}

static JsonObject *
describe_play (LecternRecordEntry *entry, const LecternRecordInfo *info)
{
  const char *id = lectern_record_entry_get_id (entry);
  g_autofree char *hls = g_strdup_printf ("/replay/%s/index.m3u8", id);
  g_autofree char *dash = g_strdup_printf ("/replay/%s/index.mpd", id);
  g_autofree char *mp4 = g_strdup_printf ("/replay/%s.mp4", id);
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "hls", hls);
  json_object_set_string_member (object, "dash", dash);
  json_object_set_string_member (object, "mp4", mp4);
  return object;
}

static JsonObject *
describe (LecternRecordEntry *entry)
{
  const char *id = lectern_record_entry_get_id (entry);
  g_autofree char *poster = g_strdup_printf ("/replay/%s.jpg", id);
  g_auto (LecternRecordInfo) info = { 0 };
  JsonArray *tracks = json_array_new ();
  JsonObject *object = json_object_new ();

  lectern_record_entry_get_info (entry, &info);
  json_object_set_string_member (object, "id", id);
  json_object_set_string_member (object, "stream", lectern_record_entry_get_stream (entry));
  json_object_set_string_member (object, "name", lectern_record_entry_get_name (entry));
  json_object_set_string_member (object, "state", lectern_record_state_get_name (info.state));
  set_text (object, "error", info.error);
  set_time (object, "started", info.started_us);
  json_object_set_double_member (object, "duration", info.duration / NS_PER_MS / 1000.0);
  json_object_set_int_member (object, "size", (gint64) info.size);
  json_object_set_int_member (object, "frames", info.frames);
  for (guint i = 0; i < info.n_tracks; i++)
    json_array_add_object_element (tracks, describe_track (info.tracks[i]));
  json_object_set_array_member (object, "tracks", tracks);
  set_text (object, "poster", info.poster ? poster : NULL);
  json_object_set_object_member (object, "play", describe_play (entry, &info));
  return object;
}

/* ── reading ── */

/* Returns: how many recordings the request wants at most. */
static guint
get_limit (LecternHttpExchange *exchange)
{
  const char *text = lectern_http_exchange_get_query_value (exchange, "limit");
  gint64 limit;

  if (text == NULL || !lectern_units_parse_integer (text, &limit, NULL) || limit < 1)
    return MAX_LISTED;
  return (guint) MIN (limit, MAX_LISTED);
}

static void
respond_list (LecternHttpExchange *exchange, LecternRecordApi *self, const char *stream)
{
  g_autoptr (GPtrArray) list = lectern_record_catalogue_list (self->catalogue, stream);
  const char *before = lectern_http_exchange_get_query_value (exchange, "before");
  guint limit = get_limit (exchange);
  JsonArray *array = json_array_new ();
  JsonObject *object = json_object_new ();
  gboolean more = FALSE;

  for (guint i = 0; i < list->len && !more; i++)
    {
      LecternRecordEntry *entry = g_ptr_array_index (list, i);

      if (before != NULL && strcmp (lectern_record_entry_get_name (entry), before) >= 0)
        continue;
      more = json_array_get_length (array) == limit;
      if (!more)
        json_array_add_object_element (array, describe (entry));
    }
  json_object_set_array_member (object, "recordings", array);
  json_object_set_boolean_member (object, "more", more);
  respond (exchange, object);
}

static void
on_list (LecternHttpExchange *exchange, gpointer user_data)
{
  respond_list (exchange, user_data, lectern_http_exchange_get_query_value (exchange, "stream"));
}

/* Returns: (transfer full): "app/name" of the request's path. */
static char *
dup_stream (LecternHttpExchange *exchange)
{
  return g_strconcat (lectern_http_exchange_get_parameter (exchange, "app"), "/",
                      lectern_http_exchange_get_parameter (exchange, "name"), NULL);
}

static void
on_list_of_stream (LecternHttpExchange *exchange, gpointer user_data)
{
  g_autofree char *stream = dup_stream (exchange);

  respond_list (exchange, user_data, stream);
}

/* Returns: (transfer full) (nullable): answered with 404 when NULL. */
static LecternRecordEntry *
find (LecternHttpExchange *exchange, LecternRecordApi *self)
{
  const char *id = lectern_http_exchange_get_parameter (exchange, "id");
  LecternRecordEntry *entry = lectern_record_catalogue_lookup (self->catalogue, id);

  if (entry == NULL)
    refuse (exchange, LECTERN_ERROR_NOT_FOUND, "no such recording");
  return entry;
}

static void
on_show (LecternHttpExchange *exchange, gpointer user_data)
{
  g_autoptr (LecternRecordEntry) entry = find (exchange, user_data);

  if (entry != NULL)
    respond (exchange, describe (entry));
}

/* ── deleting ── */

static void
remove_on_folder (LecternRecordFolder *folder, gpointer data)
{
  lectern_record_folder_remove (folder, data);
}

static void
on_delete (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternRecordApi *self = user_data;
  g_autoptr (LecternRecordEntry) entry = find (exchange, self);
  LecternRecordState state;

  if (entry == NULL)
    return;
  state = lectern_record_entry_get_state (entry);
  if (state == LECTERN_RECORD_RECORDING || state == LECTERN_RECORD_FINISHING)
    {
      refuse (exchange, LECTERN_ERROR_CONFLICT, "the recording is still being written");
      return;
    }
  g_message ("recording '%s' is removed by %s", lectern_record_entry_get_path (entry),
             lectern_http_exchange_get_peer_name (exchange));
  lectern_record_folder_run (self->folder, remove_on_folder, lectern_record_entry_ref (entry),
                             (GDestroyNotify) lectern_record_entry_unref);
  lectern_http_exchange_respond (exchange, 204, NULL, NULL);
}

/* ── what the control thread is asked ── */

/* From the exchange's reactor to the control thread and back. */
typedef struct
{
  LecternRecordApi *api;
  LecternPlugin *plugin;         /* held, so that `api` is there */
  LecternHttpExchange *exchange; /* touched on its reactor alone */
  LecternReactor *reactor;
  LecternRecordAsk ask;
  char *stream;
  JsonObject *answer;
  GError *error;
} Errand;

static void
errand_free (gpointer data)
{
  Errand *errand = data;

  g_clear_pointer (&errand->answer, json_object_unref);
  g_clear_error (&errand->error);
  g_object_unref (errand->reactor);
  g_object_unref (errand->plugin);
  g_free (errand->stream);
  g_free (errand);
}

static void
give_answer (gpointer data)
{
  Errand *errand = data;

  if (errand->error != NULL)
    lectern_http_exchange_respond_error (errand->exchange, errand->error);
  else
    respond (errand->exchange, g_steal_pointer (&errand->answer));
  lectern_http_exchange_unref (errand->exchange);
  errand_free (errand);
}

static JsonObject *
describe_status (LecternRecordApi *api, const char *stream)
{
  g_auto (LecternRecordStatus) status = { 0 };
  JsonObject *object = json_object_new ();

  lectern_record_sessions_get_status (api->sessions, stream, &status);
  json_object_set_string_member (object, "stream", stream);
  json_object_set_boolean_member (object, "recording", status.recording);
  json_object_set_boolean_member (object, "paused", status.recording && status.paused);
  set_text (object, "error", status.error);
  if (status.entry != NULL)
    json_object_set_object_member (object, "file", describe (status.entry));
  else
    json_object_set_null_member (object, "file");
  return object;
}

static gboolean
do_what_is_asked (Errand *errand)
{
  LecternRecordSessions *sessions = errand->api->sessions;

  switch (errand->ask)
    {
    case LECTERN_RECORD_ASK_START:
      return lectern_record_sessions_start (sessions, errand->stream, &errand->error);
    case LECTERN_RECORD_ASK_STOP:
      return lectern_record_sessions_stop (sessions, errand->stream, &errand->error);
    case LECTERN_RECORD_ASK_PAUSE:
    case LECTERN_RECORD_ASK_RESUME:
      return lectern_record_sessions_set_paused (
          sessions, errand->stream, errand->ask == LECTERN_RECORD_ASK_PAUSE, &errand->error);
    case LECTERN_RECORD_ASK_STATUS:
    default:
      return TRUE;
    }
}

static gboolean
run_errand (gpointer data)
{
  Errand *errand = data;

  if (errand->api->sessions == NULL)
    g_set_error_literal (&errand->error, LECTERN_ERROR, LECTERN_ERROR_CLOSED,
                         "recording is being switched off");
  else if (do_what_is_asked (errand))
    errand->answer = describe_status (errand->api, errand->stream);
  lectern_reactor_post (errand->reactor, give_answer, errand, errand_free);
  return G_SOURCE_REMOVE;
}

static void
on_ask (LecternHttpExchange *exchange, gpointer user_data)
{
  const LecternRecordAskRoute *route = user_data;
  Errand *errand = g_new0 (Errand, 1);

  errand->api = route->api;
  errand->plugin = g_object_ref (route->plugin);
  errand->exchange = lectern_http_exchange_ref (exchange);
  errand->reactor = g_object_ref (lectern_reactor_get_current ());
  errand->ask = route->ask;
  errand->stream = dup_stream (exchange);
  lectern_record_post (run_errand, errand, NULL);
}

static gboolean
add_asks (LecternRecordApi *self, LecternPlugin *plugin, GError **error)
{
  static const struct
  {
    const char *method;
    const char *pattern;
    LecternAction action;
    LecternRecordAsk ask;
  } asks[] = { { "GET", STATUS, LECTERN_ACTION_PLAY, LECTERN_RECORD_ASK_STATUS },
               { "POST", STATUS "/start", LECTERN_ACTION_TEACH, LECTERN_RECORD_ASK_START },
               { "POST", STATUS "/stop", LECTERN_ACTION_TEACH, LECTERN_RECORD_ASK_STOP },
               { "POST", STATUS "/pause", LECTERN_ACTION_TEACH, LECTERN_RECORD_ASK_PAUSE },
               { "POST", STATUS "/resume", LECTERN_ACTION_TEACH, LECTERN_RECORD_ASK_RESUME } };

  for (guint i = 0; i < G_N_ELEMENTS (asks); i++)
    {
      LecternRecordAskRoute *route = &self->asks[i];

      *route = (LecternRecordAskRoute){ self, plugin, asks[i].ask };
      if (!lectern_plugin_add_route (plugin, asks[i].method, asks[i].pattern, asks[i].action,
                                     "{app}/{name}", on_ask, route, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
lectern_record_api_add_routes (LecternRecordApi *self, LecternPlugin *plugin, GError **error)
{
  return lectern_plugin_add_route (plugin, "GET", ALL, LECTERN_ACTION_MANAGE, NULL, on_list, self,
                                   error)
         && lectern_plugin_add_route (plugin, "GET", OF_STREAM, LECTERN_ACTION_PLAY, "{app}/{name}",
                                      on_list_of_stream, self, error)
         && lectern_plugin_add_route (plugin, "GET", ONE, LECTERN_ACTION_PLAY, "replay/{id}",
                                      on_show, self, error)
         && lectern_plugin_add_route (plugin, "DELETE", ONE, LECTERN_ACTION_TEACH, "replay/{id}",
                                      on_delete, self, error)
         && add_asks (self, plugin, error);
}
