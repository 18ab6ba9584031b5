/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-dash-mpd.h"

#include <string.h>

#define LECTERN_TYPE_DASH_PLUGIN (lectern_dash_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternDashPlugin, lectern_dash_plugin, LECTERN, DASH_PLUGIN, LecternPlugin)

#define MPD_TYPE "application/dash+xml"

struct _LecternDashPlugin
{
  LecternPlugin parent_instance;
  LecternPresentations *presentations;
  LecternSegmentService *segments;
};

G_DEFINE_FINAL_TYPE (LecternDashPlugin, lectern_dash_plugin, LECTERN_TYPE_PLUGIN)

static gboolean
answer (LecternHttpExchange *exchange, LecternPresentation *presentation, gpointer plugin)
{
  LecternDashPlugin *self = plugin;
  g_autofree char *query = lectern_segment_service_begin (self->segments, exchange);
  g_autoptr (GBytes) body = NULL;
  gboolean ended = lectern_presentation_is_ended (presentation);
  LecternDashRequest request = { .query = query, .now_us = lectern_clock_wall_us () };
  char *text;

  if (query == NULL)
    return TRUE;
  text = lectern_dash_write_mpd (presentation, &request);
  if (text == NULL)
    return FALSE;
  body = g_bytes_new_take (text, strlen (text));
  lectern_http_exchange_set_header (exchange, "Cache-Control",
                                    ended ? "private, max-age=60" : "no-cache");
  lectern_http_exchange_respond (exchange, 200, MPD_TYPE, body);
  return TRUE;
}

static void
on_mpd (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternDashPlugin *self = user_data;

  lectern_playlist_begin (self->presentations, exchange, answer, self);
}

/* What time it is here, for players whose clock is wrong (ISO/IEC 23009-1, 5.8.5.7). */
static void
on_time (LecternHttpExchange *exchange, gpointer user_data)
{
  gint64 now_us = lectern_clock_wall_us ();
  g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (now_us / G_USEC_PER_SEC);
  g_autofree char *date = g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S");
  char *text = g_strdup_printf ("%s.%03dZ", date, (int) (now_us % G_USEC_PER_SEC / 1000));
  g_autoptr (GBytes) body = g_bytes_new_take (text, strlen (text));

  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-store");
  lectern_http_exchange_respond (exchange, 200, "text/plain; charset=utf-8", body);
}

static void
unuse (gpointer presentations)
{
  lectern_presentations_unuse (presentations);
}

static gboolean
lectern_dash_plugin_start (LecternPlugin *plugin, GError **error)
{
  LecternDashPlugin *self = LECTERN_DASH_PLUGIN (plugin);
  LecternHost *host = lectern_plugin_get_host (plugin);

  self->presentations = lectern_host_get_presentations (host);
  self->segments = lectern_host_get_segments (host);
  lectern_presentations_use (self->presentations);
  lectern_plugin_add_undo (plugin, unuse, self->presentations);
  return lectern_plugin_add_route (plugin, "GET", "/{app}/{name}/index.mpd", LECTERN_ACTION_PLAY,
                                   "{app}/{name}", on_mpd, self, error)
         && lectern_plugin_add_route (plugin, "GET", "/api/v1/time", LECTERN_ACTION_PUBLIC, NULL,
                                      on_time, self, error);
}

static void
lectern_dash_plugin_init (LecternDashPlugin *self)
{
}

static void
lectern_dash_plugin_class_init (LecternDashPluginClass *klass)
{
  LECTERN_PLUGIN_CLASS (klass)->start = lectern_dash_plugin_start;
}

LECTERN_PLUGIN_DEFINE (dash, .summary = N_ ("MPEG-DASH from the shared CMAF segments"))
