/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-transcode-task.h"

#include <string.h>

#define WATCH_US G_USEC_PER_SEC

#define LECTERN_TYPE_TRANSCODE_PLUGIN (lectern_transcode_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternTranscodePlugin, lectern_transcode_plugin, LECTERN, TRANSCODE_PLUGIN,
                      LecternPlugin)

/* A stream that is transcoded. */
typedef struct
{
  LecternTranscodeTask *task;
  gint64 watched_us; /* when somebody watched it last */
} Entry;

struct _LecternTranscodePlugin
{
  LecternPlugin parent_instance;

  LecternTranscodePlan *plan;
  gboolean only_watched;
  gint64 unwatched_us;
  guint max_streams;
  gboolean limit_told;
  GHashTable *entries; /* LecternStream, the task's → Entry */
};

G_DEFINE_FINAL_TYPE (LecternTranscodePlugin, lectern_transcode_plugin, LECTERN_TYPE_PLUGIN)

static const LecternSetting settings[] = {
  { "ladder", LECTERN_SETTING_LIST, "720p:1800k;480p:800k;360p:400k;audio:64k", NULL, NULL,
    N_ ("Renditions to make: height and highest bit rate of each, and sound alone; those that are "
        "not smaller than the source are left out") },
  { "when", LECTERN_SETTING_CHOICE, "always", "always|watched", NULL,
    N_ ("Whether streams are transcoded always, or only while somebody watches them") },
  { "unwatched", LECTERN_SETTING_DURATION, "30s", "1s", "1h",
    N_ ("With when = watched, how long transcoding goes on after the last viewer has left") },
  { "source", LECTERN_SETTING_CHOICE, "auto", "pass|auto|encode", NULL,
    N_ ("Whether the source's picture is shown as it is, encoded anew with a key frame each 2 s, "
        "or that only where browsers cannot play it or its key frames are too far apart") },
  { "source-bitrate", LECTERN_SETTING_BITRATE, "3M", "100k", "100M",
    N_ ("Highest bit rate of the source's picture when it is encoded anew") },
  { "encoder", LECTERN_SETTING_CHOICE, "auto", "auto|x264|openh264", NULL,
    N_ ("H.264 encoder; auto: x264 where it is installed, else OpenH264") },
  { "profile", LECTERN_SETTING_CHOICE, "camera", "camera|slides|fast", NULL,
    N_ ("What is mostly shown: camera and slides encode to a constant quality below the highest "
        "bit rate, fast to a constant bit rate with the least delay") },
  { "max-streams", LECTERN_SETTING_INTEGER, "4", "1", "1000",
    N_ ("Most streams transcoded at a time; further ones pass through") },
  { "shed-lag", LECTERN_SETTING_DURATION, "1s", "0s", "1m",
    N_ ("When encoding is so far behind, the highest rendition is left out for a while") },
  { "shed-after", LECTERN_SETTING_DURATION, "3s", "0s", "1m",
    N_ ("How long it must have been so far behind") },
  { "calm-lag", LECTERN_SETTING_DURATION, "200ms", "0s", "1m",
    N_ ("When encoding is no further behind than this, what was left out comes back") },
  { "calm-after", LECTERN_SETTING_DURATION, "1m", "0s", "1h",
    N_ ("How long it must have been so near") },
  { NULL },
};

/* ── settings ── */

static gint64
get_key_limit (LecternPlugin *plugin)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (lectern_plugin_get_host (plugin));

  return lectern_config_get_duration (config, "segment", "limit") * 1000;
}

static LecternTranscodeSource
get_source (LecternPlugin *plugin)
{
  g_autofree char *word = lectern_plugin_dup_string (plugin, "source");

  return g_str_equal (word, "pass")   ? LECTERN_TRANSCODE_PASS
         : g_str_equal (word, "auto") ? LECTERN_TRANSCODE_AUTO
                                      : LECTERN_TRANSCODE_ENCODE;
}

static LecternTranscodePlan *
read_plan (LecternPlugin *plugin, GError **error)
{
  g_auto (GStrv) ladder = lectern_plugin_dup_list (plugin, "ladder");
  g_autoptr (LecternTranscodePlan) plan
      = lectern_transcode_plan_new ((const char *const *) ladder, error);

  if (plan == NULL)
    return NULL;
  plan->source = get_source (plugin);
  plan->source_bitrate = lectern_plugin_get_bitrate (plugin, "source-bitrate");
  plan->encoder = lectern_plugin_dup_string (plugin, "encoder");
  plan->profile = lectern_plugin_dup_string (plugin, "profile");
  plan->shed_lag_us = lectern_plugin_get_duration (plugin, "shed-lag");
  plan->shed_after_us = lectern_plugin_get_duration (plugin, "shed-after");
  plan->calm_lag_us = lectern_plugin_get_duration (plugin, "calm-lag");
  plan->calm_after_us = lectern_plugin_get_duration (plugin, "calm-after");
  plan->key_limit = get_key_limit (plugin);
  return g_steal_pointer (&plan);
}

static gboolean
take_settings (LecternTranscodePlugin *self, GError **error)
{
  LecternPlugin *plugin = LECTERN_PLUGIN (self);
  LecternTranscodePlan *plan = read_plan (plugin, error);
  g_autofree char *when = lectern_plugin_dup_string (plugin, "when");

  if (plan == NULL)
    return FALSE;
  g_clear_pointer (&self->plan, lectern_transcode_plan_unref);
  self->plan = plan;
  self->only_watched = g_str_equal (when, "watched");
  self->unwatched_us = lectern_plugin_get_duration (plugin, "unwatched");
  self->max_streams = lectern_plugin_get_integer (plugin, "max-streams");
  return TRUE;
}

/* ── streams ── */

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  lectern_transcode_task_free (entry->task);
  g_free (entry);
}

static gboolean
is_rendition (LecternStream *stream)
{
  return strchr (lectern_stream_get_name (stream), '@') != NULL;
}

static void
begin (LecternTranscodePlugin *self, LecternStream *stream)
{
  Entry *entry;

  if (is_rendition (stream) || g_hash_table_contains (self->entries, stream))
    return;
  if (g_hash_table_size (self->entries) >= self->max_streams)
    {
      if (!self->limit_told)
        g_message ("'%s' is not transcoded: [transcode] max-streams are already",
                   lectern_stream_get_name (stream));
      self->limit_told = TRUE;
      return;
    }
  self->limit_told = FALSE;
  entry = g_new0 (Entry, 1);
  entry->watched_us = lectern_clock_now_us ();
  entry->task = lectern_transcode_task_new (lectern_plugin_get_host (LECTERN_PLUGIN (self)), stream,
                                            self->plan);
  g_hash_table_insert (self->entries, lectern_transcode_task_get_stream (entry->task), entry);
}

static void
on_live (LecternStreamRegistry *registry, LecternStream *stream, gpointer user_data)
{
  LecternTranscodePlugin *self = user_data;

  if (!self->only_watched)
    begin (self, stream);
}

static void
on_ended (LecternStreamRegistry *registry, LecternStream *stream, gpointer user_data)
{
  LecternTranscodePlugin *self = user_data;

  g_hash_table_remove (self->entries, stream);
}

/* Returns: (transfer full): names of the streams that somebody watches, or a rendition of. */
static GHashTable *
find_watched (LecternTranscodePlugin *self)
{
  LecternHost *host = lectern_plugin_get_host (LECTERN_PLUGIN (self));
  g_autoptr (GPtrArray) sessions = lectern_sessions_list (lectern_host_get_sessions (host), NULL);
  GHashTable *watched = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < sessions->len; i++)
    {
      const LecternAccessRequest *request = lectern_session_get_request (sessions->pdata[i]);

      if (lectern_session_get_role (sessions->pdata[i]) == LECTERN_SESSION_PLAY
          && request->thing != NULL)
        g_hash_table_add (watched, g_strndup (request->thing, strcspn (request->thing, "@")));
    }
  return watched;
}

static void
leave_unwatched (LecternTranscodePlugin *self, GHashTable *watched, gint64 now_us)
{
  GHashTableIter iter;
  gpointer stream, data;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, &stream, &data))
    {
      Entry *entry = data;

      if (g_hash_table_contains (watched, lectern_stream_get_name (stream)))
        entry->watched_us = now_us;
      else if (now_us - entry->watched_us > self->unwatched_us)
        g_hash_table_iter_remove (&iter);
    }
}

/* Begins what should run and does not: it is watched now, or there was no room for it. */
static void
begin_missing (LecternTranscodePlugin *self, GHashTable *watched)
{
  LecternHost *host = lectern_plugin_get_host (LECTERN_PLUGIN (self));
  g_autoptr (GPtrArray) streams = lectern_stream_registry_list (lectern_host_get_streams (host));

  for (guint i = 0; i < streams->len; i++)
    {
      LecternStreamState state = lectern_stream_get_state (streams->pdata[i]);

      if ((state == LECTERN_STREAM_LIVE || state == LECTERN_STREAM_AWAY)
          && (watched == NULL
              || g_hash_table_contains (watched, lectern_stream_get_name (streams->pdata[i]))))
        begin (self, streams->pdata[i]);
    }
}

static gboolean
on_watch (gpointer user_data)
{
  LecternTranscodePlugin *self = user_data;
  g_autoptr (GHashTable) watched = self->only_watched ? find_watched (self) : NULL;

  if (watched != NULL)
    leave_unwatched (self, watched, lectern_clock_now_us ());
  begin_missing (self, watched);
  return G_SOURCE_CONTINUE;
}

/* ── life ── */

static gboolean
lectern_transcode_plugin_start (LecternPlugin *plugin, GError **error)
{
  LecternTranscodePlugin *self = LECTERN_TRANSCODE_PLUGIN (plugin);
  LecternStreamRegistry *streams = lectern_host_get_streams (lectern_plugin_get_host (plugin));

  if (!take_settings (self, error))
    return FALSE;
  lectern_plugin_add_signal (plugin, streams, "live", G_CALLBACK (on_live), self);
  lectern_plugin_add_signal (plugin, streams, "ended", G_CALLBACK (on_ended), self);
  lectern_plugin_add_timer (plugin, WATCH_US, on_watch, self);
  if (!self->only_watched)
    begin_missing (self, NULL);
  return TRUE;
}

static void
lectern_transcode_plugin_stop (LecternPlugin *plugin)
{
  g_hash_table_remove_all (LECTERN_TRANSCODE_PLUGIN (plugin)->entries);
}

/* Streams on the air are transcoded by the new settings from here on. */
static gboolean
lectern_transcode_plugin_reload (LecternPlugin *plugin, GError **error)
{
  LecternTranscodePlugin *self = LECTERN_TRANSCODE_PLUGIN (plugin);

  if (!take_settings (self, error))
    return FALSE;
  g_hash_table_remove_all (self->entries);
  return TRUE;
}

static void
lectern_transcode_plugin_finalize (GObject *object)
{
  LecternTranscodePlugin *self = LECTERN_TRANSCODE_PLUGIN (object);

  g_hash_table_unref (self->entries);
  g_clear_pointer (&self->plan, lectern_transcode_plan_unref);
  G_OBJECT_CLASS (lectern_transcode_plugin_parent_class)->finalize (object);
}

static void
lectern_transcode_plugin_class_init (LecternTranscodePluginClass *class)
{
  LecternPluginClass *plugin_class = LECTERN_PLUGIN_CLASS (class);

  G_OBJECT_CLASS (class)->finalize = lectern_transcode_plugin_finalize;
  plugin_class->start = lectern_transcode_plugin_start;
  plugin_class->stop = lectern_transcode_plugin_stop;
  plugin_class->reload = lectern_transcode_plugin_reload;
}

static void
lectern_transcode_plugin_init (LecternTranscodePlugin *self)
{
  self->entries = g_hash_table_new_full (NULL, NULL, NULL, entry_free);
}

LECTERN_PLUGIN_DEFINE (transcode,
                       .summary = N_ ("Streams in several sizes, for every network and browser"),
                       .settings = settings)
