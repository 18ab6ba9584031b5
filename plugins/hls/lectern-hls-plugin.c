/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-hls-gzip.h"
#include "lectern-hls-playlist.h"

#include <string.h>

#define LECTERN_TYPE_HLS_PLUGIN (lectern_hls_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternHlsPlugin, lectern_hls_plugin, LECTERN, HLS_PLUGIN, LecternPlugin)

#define PLAYLIST_TYPE "application/vnd.apple.mpegurl"
#define MAX_NUMBER_AHEAD 3

struct _LecternHlsPlugin
{
  LecternPlugin parent_instance;
  LecternPresentations *presentations;
  LecternSegmentService *segments;
  LecternHlsCache *cache;
  gboolean low_latency; /* set in start, then read-only */
};

G_DEFINE_FINAL_TYPE (LecternHlsPlugin, lectern_hls_plugin, LECTERN_TYPE_PLUGIN)

static void
respond_not_found (LecternHttpExchange *exchange, const char *what)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, what);

  lectern_http_exchange_respond_error (exchange, error);
}

static void
respond_playlist (LecternHttpExchange *exchange, LecternHlsText *text, const char *query,
                  gboolean ended)
{
  g_autoptr (GBytes) plain = lectern_hls_text_fill (text, query);
  g_autoptr (GBytes) body = NULL;

  lectern_http_exchange_set_header (exchange, "Cache-Control", ended ? "max-age=60" : "no-cache");
  lectern_http_exchange_set_header (exchange, "Vary", "Accept-Encoding");
  if (lectern_hls_gzip_is_accepted (lectern_http_exchange_get_header (exchange, "Accept-Encoding")))
    body = lectern_hls_gzip (plain);
  if (body != NULL && body != plain)
    lectern_http_exchange_set_header (exchange, "Content-Encoding", "gzip");
  if (body == NULL)
    body = g_bytes_ref (plain);
  lectern_http_exchange_respond (exchange, 200, PLAYLIST_TYPE, body);
}

/* Returns: (transfer full) (nullable): the playlist of @request (NULL: the multivariant one), which
 * is written once for all who ask until something changes. */
static LecternHlsText *
get_text (LecternHlsPlugin *self, LecternPresentation *presentation,
          const LecternHlsRequest *request)
{
  guint64 stamp = lectern_presentation_get_stamp (presentation);
  g_autofree char *key = g_strconcat (lectern_presentation_get_name (presentation), "\n",
                                      request != NULL ? request->rendition : "",
                                      request != NULL && request->skip ? "\nskip" : NULL, NULL);
  LecternHlsText *text = lectern_hls_cache_get (self->cache, key, stamp);

  if (text != NULL)
    return text;
  text = request != NULL ? lectern_hls_write_media (presentation, request)
                         : lectern_hls_write_master (presentation);
  if (text != NULL)
    lectern_hls_cache_put (self->cache, key, stamp, text);
  return text;
}

static gboolean
answer_master (LecternHttpExchange *exchange, LecternPresentation *presentation, gpointer plugin)
{
  LecternHlsPlugin *self = plugin;
  g_autoptr (LecternHlsText) text = get_text (self, presentation, NULL);
  g_autofree char *query = NULL;

  if (text == NULL)
    return FALSE;
  query = lectern_segment_service_begin (self->segments, exchange);
  if (query != NULL)
    respond_playlist (exchange, text, query, FALSE);
  return TRUE;
}

static void
on_master (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternHlsPlugin *self = user_data;

  lectern_playlist_begin (self->presentations, exchange, answer_master, self);
}

static void
answer_media (const LecternSegmentAsk *ask, gpointer user_data)
{
  LecternHlsPlugin *self = user_data;
  g_autofree char *query = lectern_segment_service_carry (ask->exchange);
  const char *skip = lectern_http_exchange_get_query_value (ask->exchange, "_HLS_skip");
  LecternHlsRequest request
      = { .rendition = ask->rendition, .low_latency = self->low_latency, .skip = skip != NULL };
  g_autoptr (LecternHlsText) text = get_text (self, ask->presentation, &request);

  if (text == NULL)
    respond_not_found (ask->exchange, "no such rendition");
  else
    respond_playlist (ask->exchange, text, query,
                      lectern_presentation_is_ended (ask->presentation));
}

/* FALSE: the value is there and is no number. */
static gboolean
get_number (LecternHttpExchange *exchange, const char *name, gint64 absent, gint64 *number)
{
  const char *text = lectern_http_exchange_get_query_value (exchange, name);

  *number = absent;
  return text == NULL || (lectern_units_parse_integer (text, number, NULL) && *number >= 0);
}

static gboolean
is_too_far_ahead (LecternPresentation *presentation, const char *rendition, gint64 number)
{
  return number >= 0
         && number > lectern_presentation_get_newest (presentation, rendition) + MAX_NUMBER_AHEAD;
}

static void
respond_bad_request (LecternHttpExchange *exchange, const char *why)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, why);

  lectern_http_exchange_respond_error (exchange, error);
}

static gboolean
give_media (LecternHttpExchange *exchange, LecternPresentation *presentation, gpointer plugin)
{
  LecternHlsPlugin *self = plugin;
  LecternSegmentAsk ask
      = { .exchange = exchange,
          .presentation = presentation,
          .rendition = lectern_http_exchange_get_parameter (exchange, "rendition") };
  gint64 number;
  gint64 part;

  if (!lectern_segment_service_count (self->segments, exchange, 0))
    return TRUE;
  if (!get_number (exchange, "_HLS_msn", -1, &number)
      || !get_number (exchange, "_HLS_part", -1, &part) || (part >= 0 && number < 0)
      || is_too_far_ahead (presentation, ask.rendition, number))
    {
      respond_bad_request (exchange, "no such media sequence number or part to wait for");
      return TRUE;
    }
  ask.number = (guint64) number;
  ask.part = part < 0 || part >= G_MAXUINT ? G_MAXUINT : (guint) part;
  if (number < 0)
    answer_media (&ask, self);
  else
    lectern_segment_wait (
        &ask, lectern_segment_wait_limit (lectern_presentation_get_targets (presentation)),
        answer_media, self, self);
  return TRUE;
}

static void
on_media (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternHlsPlugin *self = user_data;

  lectern_playlist_go_on (self->presentations, exchange, give_media, self);
}

static void
unuse (gpointer presentations)
{
  lectern_presentations_unuse (presentations);
}

static gboolean
lectern_hls_plugin_start (LecternPlugin *plugin, GError **error)
{
  static const struct
  {
    const char *pattern;
    LecternHttpHandler handler;
  } routes[] = { { "/{app}/{name}/index.m3u8", on_master },
                 { "/{app}/{name}/{rendition}.m3u8", on_media } };
  LecternHlsPlugin *self = LECTERN_HLS_PLUGIN (plugin);
  LecternHost *host = lectern_plugin_get_host (plugin);

  self->presentations = lectern_host_get_presentations (host);
  self->low_latency = lectern_plugin_get_boolean (plugin, "low-latency");
  self->segments = lectern_host_get_segments (host);
  lectern_presentations_use (self->presentations);
  lectern_plugin_add_undo (plugin, unuse, self->presentations);
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (!lectern_plugin_add_route (plugin, "GET", routes[i].pattern, LECTERN_ACTION_PLAY,
                                   "{app}/{name}", routes[i].handler, self, error))
      return FALSE;
  return TRUE;
}

static void
lectern_hls_plugin_finalize (GObject *object)
{
  lectern_hls_cache_free (LECTERN_HLS_PLUGIN (object)->cache);
  G_OBJECT_CLASS (lectern_hls_plugin_parent_class)->finalize (object);
}

static void
lectern_hls_plugin_init (LecternHlsPlugin *self)
{
  self->cache = lectern_hls_cache_new ();
}

static void
lectern_hls_plugin_class_init (LecternHlsPluginClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lectern_hls_plugin_finalize;
  LECTERN_PLUGIN_CLASS (klass)->start = lectern_hls_plugin_start;
}

static const LecternSetting settings[] = {
  { "low-latency", LECTERN_SETTING_BOOLEAN, "true", NULL, NULL,
    N_ ("Offer parts of segments, so that players come within two seconds of the teacher") },
  { NULL },
};

LECTERN_PLUGIN_DEFINE (hls, .summary = N_ ("HLS, with low latency, from shared CMAF segments"),
                       .settings = settings, .enabled = TRUE)
