/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-dash-mpd.h"

#include <string.h>

#define LECTERN_TYPE_DASH_PLUGIN (lectern_dash_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternDashPlugin, lectern_dash_plugin, LECTERN, DASH_PLUGIN, LecternPlugin)

#define MPD_TYPE "application/dash+xml"
/* The first MPD is answered after so many target durations at the latest. */
#define MAX_BLOCK_TARGETS 3

struct _LecternDashPlugin
{
  LecternPlugin parent_instance;
  LecternPresentations *presentations;
  LecternSegmentService *segments;
};

G_DEFINE_FINAL_TYPE (LecternDashPlugin, lectern_dash_plugin, LECTERN_TYPE_PLUGIN)

static void
respond_not_found (LecternHttpExchange *exchange, const char *what)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, what);

  lectern_http_exchange_respond_error (exchange, error);
}

static void
answer (LecternDashPlugin *self, LecternHttpExchange *exchange, LecternPresentation *presentation)
{
  g_autofree char *query = lectern_segment_service_begin (self->segments, exchange);
  g_autoptr (GBytes) body = NULL;
  gboolean ended = lectern_presentation_is_ended (presentation);
  LecternDashRequest request = { .query = query, .now_us = lectern_clock_wall_us () };
  char *text;

  if (query == NULL)
    return;
  text = lectern_dash_write_mpd (presentation, &request);
  if (text == NULL)
    {
      respond_not_found (exchange, "the stream has only just begun");
      return;
    }
  body = g_bytes_new_take (text, strlen (text));
  lectern_http_exchange_set_header (exchange, "Cache-Control",
                                    ended ? "private, max-age=60" : "no-cache");
  lectern_http_exchange_respond (exchange, 200, MPD_TYPE, body);
}

static void give (LecternDashPlugin *self, LecternHttpExchange *exchange,
                  LecternPresentation *presentation);

static void
on_rendition_ready (const LecternSegmentAsk *ask, gpointer user_data)
{
  give (user_data, ask->exchange, ask->presentation);
}

/* Waits for the first segment of each rendition in turn, then answers. */
static void
give (LecternDashPlugin *self, LecternHttpExchange *exchange, LecternPresentation *presentation)
{
  guint64 number = 0;
  g_autofree char *unready = lectern_dash_find_unready (presentation, &number);
  LecternSegmentAsk ask = { exchange, presentation, unready, number, G_MAXUINT };
  gint64 limit_us = lectern_presentation_get_targets (presentation)->segment_limit / 1000;

  if (unready == NULL || lectern_presentation_is_ended (presentation))
    answer (self, exchange, presentation);
  else
    lectern_segment_wait (&ask, limit_us * MAX_BLOCK_TARGETS, on_rendition_ready, self, self);
}

/* An MPD that is asked for, until its presentation is found. */
typedef struct
{
  LecternDashPlugin *plugin;
  LecternHttpExchange *exchange;
} Opening;

static void
on_opened (LecternPresentation *presentation, gpointer user_data)
{
  Opening *opening = user_data;

  if (presentation == NULL)
    respond_not_found (opening->exchange, "the stream is not on the air");
  else
    give (opening->plugin, opening->exchange, presentation);
  lectern_http_exchange_unref (opening->exchange);
  g_object_unref (opening->plugin);
  g_free (opening);
}

static void
on_mpd (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternDashPlugin *self = user_data;
  Opening *opening = g_new (Opening, 1);

  opening->plugin = g_object_ref (self);
  opening->exchange = lectern_http_exchange_ref (exchange);
  lectern_presentations_want (self->presentations, lectern_http_exchange_get_access (exchange),
                              on_opened, opening);
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
