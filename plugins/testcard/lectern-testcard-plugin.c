/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-testcard-air.h"

#include <string.h>

/* After somebody has ended the picture's stream. */
#define ENDED_PAUSE_S 10
/* After the picture could not be made, which is tried several times. */
#define FAILED_PAUSE_S 600

#define LECTERN_TYPE_TESTCARD_PLUGIN (lectern_testcard_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternTestcardPlugin, lectern_testcard_plugin, LECTERN, TESTCARD_PLUGIN,
                      LecternPlugin)

struct _LecternTestcardPlugin
{
  LecternPlugin parent_instance;

  char *stream;
  gint64 epoch;            /* ns of the monotonic clock */
  LecternTestcardAir *air; /* NULL: off the air */
  guint pause;             /* source that brings it back */
};

G_DEFINE_FINAL_TYPE (LecternTestcardPlugin, lectern_testcard_plugin, LECTERN_TYPE_PLUGIN)

static const LecternSetting settings[] = {
  { "stream", LECTERN_SETTING_STRING, "live/demo", NULL, NULL,
    N_ ("Stream that shows the test picture while nobody publishes it") },
  { "size", LECTERN_SETTING_STRING, "640x360", NULL, NULL,
    N_ ("Width and height of the test picture, in pixels") },
  { "fps", LECTERN_SETTING_INTEGER, "25", "1", "120", N_ ("Frames a second of the test picture") },
  { "bitrate", LECTERN_SETTING_BITRATE, "800k", "100k", "100M",
    N_ ("Bits a second of the test picture and its tone together") },
  { "key-distance", LECTERN_SETTING_DURATION, "2s", "100ms", "1m",
    N_ ("Time between two key frames of the test picture") },
  { NULL },
};

static gboolean
parse_size (const char *text, gint64 *width, gint64 *height, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, "x", 3);

  if (g_strv_length (parts) == 2 && lectern_units_parse_integer (parts[0], width, NULL)
      && lectern_units_parse_integer (parts[1], height, NULL) && *width >= 64 && *width <= 3840
      && *height >= 64 && *height <= 2160 && *width % 2 == 0 && *height % 2 == 0)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
               "[testcard] size is '%s': must be like 640x360, even numbers from 64x64 to "
               "3840x2160",
               text);
  return FALSE;
}

static JsonObject *
make_parameters (LecternTestcardPlugin *self, GError **error)
{
  LecternPlugin *plugin = LECTERN_PLUGIN (self);
  g_autofree char *size = lectern_plugin_dup_string (plugin, "size");
  JsonObject *object;
  gint64 width;
  gint64 height;

  if (!parse_size (size, &width, &height, error))
    return NULL;
  object = json_object_new ();
  json_object_set_int_member (object, "width", width);
  json_object_set_int_member (object, "height", height);
  json_object_set_int_member (object, "fps", lectern_plugin_get_integer (plugin, "fps"));
  json_object_set_int_member (object, "bitrate", lectern_plugin_get_bitrate (plugin, "bitrate"));
  json_object_set_int_member (object, "key_ms",
                              lectern_plugin_get_duration (plugin, "key-distance") / 1000);
  json_object_set_int_member (object, "epoch", self->epoch);
  return object;
}

static void on_over (LecternTestcardEnd how, const GError *error, gpointer user_data);

static void
go_on_air (LecternTestcardPlugin *self)
{
  g_autoptr (JsonObject) parameters = NULL;

  if (self->air != NULL)
    return;
  g_clear_handle_id (&self->pause, g_source_remove);
  /* Checked when the plugin started or was reloaded. */
  parameters = make_parameters (self, NULL);
  if (parameters != NULL)
    self->air = lectern_testcard_air_new (lectern_plugin_get_host (LECTERN_PLUGIN (self)),
                                          self->stream, parameters, on_over, self);
}

static void
go_off_air (LecternTestcardPlugin *self)
{
  g_clear_handle_id (&self->pause, g_source_remove);
  g_clear_pointer (&self->air, lectern_testcard_air_free);
}

static gboolean
is_taken (LecternTestcardPlugin *self)
{
  LecternHost *host = lectern_plugin_get_host (LECTERN_PLUGIN (self));
  g_autoptr (LecternStream) stream
      = lectern_stream_registry_lookup (lectern_host_get_streams (host), self->stream);
  LecternStreamState state
      = stream != NULL ? lectern_stream_get_state (stream) : LECTERN_STREAM_IDLE;

  return state == LECTERN_STREAM_LIVE || state == LECTERN_STREAM_AWAY;
}

static gboolean
on_pause_over (gpointer user_data)
{
  LecternTestcardPlugin *self = user_data;

  self->pause = 0;
  if (!is_taken (self))
    go_on_air (self);
  return G_SOURCE_REMOVE;
}

/* While somebody else publishes, the end of the stream brings the picture back. */
static void
on_over (LecternTestcardEnd how, const GError *error, gpointer user_data)
{
  static const guint pauses[] = { [LECTERN_TESTCARD_TAKEN] = 0,
                                  [LECTERN_TESTCARD_ENDED] = ENDED_PAUSE_S,
                                  [LECTERN_TESTCARD_FAILED] = FAILED_PAUSE_S };
  LecternTestcardPlugin *self = user_data;

  g_clear_pointer (&self->air, lectern_testcard_air_free);
  if (how == LECTERN_TESTCARD_TAKEN && is_taken (self))
    {
      g_message ("%s is published; the test picture steps aside", self->stream);
      return;
    }
  if (how != LECTERN_TESTCARD_TAKEN)
    g_message ("the test picture on %s is off the air for %u s: %s", self->stream, pauses[how],
               error != NULL ? error->message : "it has ended");
  self->pause = g_timeout_add_seconds (pauses[how], on_pause_over, self);
}

static void
on_ended (LecternStreamRegistry *registry, LecternStream *stream, gpointer user_data)
{
  LecternTestcardPlugin *self = user_data;

  if (g_str_equal (lectern_stream_get_name (stream), self->stream) && self->pause == 0
      && !is_taken (self))
    go_on_air (self);
}

static gboolean
take_settings (LecternTestcardPlugin *self, GError **error)
{
  g_autofree char *stream = lectern_plugin_dup_string (LECTERN_PLUGIN (self), "stream");
  g_autoptr (JsonObject) parameters = NULL;

  if (stream == NULL || !lectern_stream_name_is_valid (stream) || strchr (stream, '@') != NULL)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                   "[testcard] stream is '%s': must be APP/NAME", stream != NULL ? stream : "");
      return FALSE;
    }
  parameters = make_parameters (self, error);
  if (parameters == NULL)
    return FALSE;
  g_free (self->stream);
  self->stream = g_steal_pointer (&stream);
  return TRUE;
}

static gboolean
lectern_testcard_plugin_start (LecternPlugin *plugin, GError **error)
{
  LecternTestcardPlugin *self = LECTERN_TESTCARD_PLUGIN (plugin);

  self->epoch = lectern_clock_now_us () * 1000;
  if (!take_settings (self, error))
    return FALSE;
  lectern_plugin_add_signal (plugin, lectern_host_get_streams (lectern_plugin_get_host (plugin)),
                             "ended", G_CALLBACK (on_ended), self);
  if (!is_taken (self))
    go_on_air (self);
  return TRUE;
}

static gboolean
lectern_testcard_plugin_reload (LecternPlugin *plugin, GError **error)
{
  LecternTestcardPlugin *self = LECTERN_TESTCARD_PLUGIN (plugin);

  if (!take_settings (self, error))
    return FALSE;
  go_off_air (self);
  /* Its stream ends a moment later. */
  self->pause = g_timeout_add (100, on_pause_over, self);
  return TRUE;
}

static void
lectern_testcard_plugin_stop (LecternPlugin *plugin)
{
  go_off_air (LECTERN_TESTCARD_PLUGIN (plugin));
}

static void
lectern_testcard_plugin_finalize (GObject *object)
{
  g_free (LECTERN_TESTCARD_PLUGIN (object)->stream);
  G_OBJECT_CLASS (lectern_testcard_plugin_parent_class)->finalize (object);
}

static void
lectern_testcard_plugin_class_init (LecternTestcardPluginClass *class)
{
  LecternPluginClass *plugin_class = LECTERN_PLUGIN_CLASS (class);

  G_OBJECT_CLASS (class)->finalize = lectern_testcard_plugin_finalize;
  plugin_class->start = lectern_testcard_plugin_start;
  plugin_class->reload = lectern_testcard_plugin_reload;
  plugin_class->stop = lectern_testcard_plugin_stop;
}

static void
lectern_testcard_plugin_init (LecternTestcardPlugin *self)
{
}

LECTERN_PLUGIN_DEFINE (testcard, .summary = N_ ("A moving test picture with a clock and a tone"),
                       .settings = settings)
