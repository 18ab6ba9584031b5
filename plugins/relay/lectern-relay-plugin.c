/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-relay-api.h"
#include "lectern-relay-book.h"
#include "lectern-relay-file.h"

#define TICK_US G_USEC_PER_SEC

#define LECTERN_TYPE_RELAY_PLUGIN (lectern_relay_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternRelayPlugin, lectern_relay_plugin, LECTERN, RELAY_PLUGIN,
                      LecternPlugin)

struct _LecternRelayPlugin
{
  LecternPlugin parent_instance;

  LecternRelayBoard *board; /* NULL: stopped */
  LecternRelayBook *book;
};

G_DEFINE_FINAL_TYPE (LecternRelayPlugin, lectern_relay_plugin, LECTERN_TYPE_PLUGIN)

/* ── settings ── */

static LecternRelayFence *
read_fence (LecternPlugin *plugin, GError **error)
{
  g_auto (GStrv) allowed = lectern_plugin_dup_list (plugin, "allow");

  return lectern_relay_fence_new ((const char *const *) allowed, error);
}

static LecternRelayBoardOptions
read_options (LecternPlugin *plugin, LecternRelayFence *fence)
{
  return (LecternRelayBoardOptions){
    .fence = fence,
    .linger_us = lectern_plugin_get_duration (plugin, "linger"),
    .hold_us = lectern_plugin_get_duration (plugin, "hold"),
    .timeout_us = lectern_plugin_get_duration (plugin, "timeout"),
    .silence_us = lectern_plugin_get_duration (plugin, "silence"),
    .max_relays = (guint) lectern_plugin_get_integer (plugin, "max-relays"),
    .max_transfers = (guint) lectern_plugin_get_integer (plugin, "max-transfers"),
  };
}

static gboolean
read_mode (LecternPlugin *plugin, LecternRelayMode mode, GPtrArray *rules, GError **error)
{
  const char *key = lectern_relay_mode_get_name (mode);
  g_auto (GStrv) list = lectern_plugin_dup_list (plugin, key);

  for (guint i = 0; list != NULL && list[i] != NULL; i++)
    {
      LecternRelayRule *rule = lectern_relay_rule_parse (mode, list[i], error);

      if (rule == NULL)
        {
          g_prefix_error (error, "[relay] %s, value %u: ", key, i + 1);
          return FALSE;
        }
      g_ptr_array_add (rules, rule);
    }
  return TRUE;
}

static GPtrArray *
read_rules (LecternPlugin *plugin, GError **error)
{
  g_autoptr (GPtrArray) rules
      = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_relay_rule_unref);

  for (guint mode = 0; mode < LECTERN_RELAY_N_MODES; mode++)
    if (!read_mode (plugin, (LecternRelayMode) mode, rules, error))
      return NULL;
  return g_steal_pointer (&rules);
}

/* ── what the server's relays are asked ── */

static void
list_all (LecternRelaysFunc func, gpointer data, gpointer user_data)
{
  g_autoptr (JsonNode) all
      = lectern_relay_board_describe_all (LECTERN_RELAY_PLUGIN (user_data)->board);

  func (all, NULL, data);
}

static void
create (const LecternRelaySpec *spec, LecternRelaysFunc func, gpointer data, gpointer user_data)
{
  lectern_relay_book_create (LECTERN_RELAY_PLUGIN (user_data)->book, spec, func, data);
}

static void
remove_one (const char *id, LecternRelaysFunc func, gpointer data, gpointer user_data)
{
  lectern_relay_book_remove (LECTERN_RELAY_PLUGIN (user_data)->book, id, func, data);
}

/* ── what happens ── */

static void
on_live (LecternStreamRegistry *registry, LecternStream *stream, gpointer user_data)
{
  lectern_relay_board_stream_live (LECTERN_RELAY_PLUGIN (user_data)->board, stream);
}

static void
on_ended (LecternStreamRegistry *registry, LecternStream *stream, gpointer user_data)
{
  lectern_relay_board_stream_ended (LECTERN_RELAY_PLUGIN (user_data)->board, stream);
}

static void
on_wanted (LecternStreamRegistry *registry, const char *name, const LecternAccessRequest *request,
           gpointer user_data)
{
  lectern_relay_board_stream_wanted (LECTERN_RELAY_PLUGIN (user_data)->board, name, request);
}

static gboolean
on_tick (gpointer user_data)
{
  lectern_relay_board_tick (LECTERN_RELAY_PLUGIN (user_data)->board);
  return G_SOURCE_CONTINUE;
}

/* ── life ── */

/* Before the board goes: nothing calls us any more. */
static void
end_all (gpointer plugin)
{
  LecternRelayPlugin *self = LECTERN_RELAY_PLUGIN (plugin);

  g_clear_pointer (&self->book, lectern_relay_book_close);
  g_clear_pointer (&self->board, lectern_relay_board_free);
}

static void
listen_to_streams (LecternPlugin *plugin)
{
  LecternStreamRegistry *streams = lectern_host_get_streams (lectern_plugin_get_host (plugin));

  lectern_plugin_add_signal (plugin, streams, "live", G_CALLBACK (on_live), plugin);
  lectern_plugin_add_signal (plugin, streams, "ended", G_CALLBACK (on_ended), plugin);
  lectern_plugin_add_signal (plugin, streams, "wanted", G_CALLBACK (on_wanted), plugin);
  lectern_plugin_add_timer (plugin, TICK_US, on_tick, plugin);
}

static gboolean
lectern_relay_plugin_start (LecternPlugin *plugin, GError **error)
{
  static const LecternRelaysTable table
      = { .list = list_all, .create = create, .remove = remove_one };
  LecternRelayPlugin *self = LECTERN_RELAY_PLUGIN (plugin);
  LecternHost *host = lectern_plugin_get_host (plugin);
  g_autoptr (GPtrArray) rules = read_rules (plugin, error);
  g_autoptr (LecternRelayFence) fence = rules != NULL ? read_fence (plugin, error) : NULL;
  LecternRelayBoardOptions options;

  if (fence == NULL)
    return FALSE;
  lectern_plugin_add_carrier (plugin, lectern_relay_file_get_carrier (), host);
  options = read_options (plugin, fence);
  self->board = lectern_relay_board_new (host, &options);
  lectern_plugin_add_undo (plugin, end_all, plugin);
  if (!lectern_relay_board_reload (self->board, &options, rules, error))
    return FALSE;
  self->book = lectern_relay_book_new (host, self->board);
  listen_to_streams (plugin);
  lectern_plugin_offer_relays (plugin, &table, plugin);
  return lectern_relay_api_add_routes (plugin, error);
}

static gboolean
lectern_relay_plugin_reload (LecternPlugin *plugin, GError **error)
{
  LecternRelayPlugin *self = LECTERN_RELAY_PLUGIN (plugin);
  g_autoptr (GPtrArray) rules = read_rules (plugin, error);
  g_autoptr (LecternRelayFence) fence = rules != NULL ? read_fence (plugin, error) : NULL;
  LecternRelayBoardOptions options;

  if (fence == NULL)
    return FALSE;
  options = read_options (plugin, fence);
  return lectern_relay_board_reload (self->board, &options, rules, error);
}

static void
lectern_relay_plugin_class_init (LecternRelayPluginClass *class)
{
  LecternPluginClass *plugin_class = LECTERN_PLUGIN_CLASS (class);

  plugin_class->start = lectern_relay_plugin_start;
  plugin_class->reload = lectern_relay_plugin_reload;
}

static void
lectern_relay_plugin_init (LecternRelayPlugin *self)
{
}

static const LecternSetting settings[] = {
  { "pull", LECTERN_SETTING_LIST, "", NULL, NULL,
    N_ ("Streams to fetch always, each as STREAM ADDRESS, such as live/physics "
        "rtmp://origin/live/physics or live/loop file:///srv/media/clip.mp4; for RTSP with tcp or "
        "udp behind it") },
  { "on-demand", LECTERN_SETTING_LIST, "", NULL, NULL,
    N_ ("Apps or streams to fetch while somebody watches, such as live rtmp://origin/live; the "
        "stream's name is appended, or put where the address has {name}") },
  { "push", LECTERN_SETTING_LIST, "", NULL, NULL,
    N_ ("Streams or apps to bring to other servers while they are published, such as live/physics "
        "rtmp://target/app/name?key=…, or live rtmp://target/app") },
  { "allow", LECTERN_SETTING_LIST, "", NULL, NULL,
    N_ ("Networks, addresses and hosts beside the public Internet, and folders with files, to "
        "which "
        "relays made by the API may lead, such as 10.1.0.0/16, origin.example.edu or /srv/media") },
  { "linger", LECTERN_SETTING_DURATION, "10s", "0s", "1h",
    N_ ("How long a stream is fetched on demand after its last viewer has left") },
  { "hold", LECTERN_SETTING_DURATION, "5m", "0s", "1d",
    N_ ("How long viewers of a fetched stream are kept while its upstream is away") },
  { "timeout", LECTERN_SETTING_DURATION, "5s", "500ms", "1m",
    N_ ("How long it may take until the other side has accepted and, for a pull, media comes") },
  { "silence", LECTERN_SETTING_DURATION, "20s", "1s", "10m",
    N_ ("How long the other side may then be silent, as it is while its own publisher is away") },
  { "max-relays", LECTERN_SETTING_INTEGER, "64", "0", "10000",
    N_ ("Most relays at a time; further ones cannot be made by the API") },
  { "max-transfers", LECTERN_SETTING_INTEGER, "256", "1", "100000",
    N_ ("Most streams that relays carry at a time") },
  { NULL },
};

LECTERN_PLUGIN_DEFINE (relay,
                       .summary = N_ ("Fetches streams from other servers and brings them there"),
                       .settings = settings, .after = "rtmp http-flv rtsp srt")
