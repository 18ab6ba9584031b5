/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-hls-playlist.h"
#include "lectern-hls-viewers.h"

#include <string.h>

#define LECTERN_TYPE_HLS_PLUGIN (lectern_hls_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternHlsPlugin, lectern_hls_plugin, LECTERN, HLS_PLUGIN, LecternPlugin)

#define PLAYLIST_TYPE "application/vnd.apple.mpegurl"
#define EXPIRE_US (2 * G_USEC_PER_SEC)
#define SILENCE_US (30 * G_USEC_PER_SEC)
/* A blocked request is answered after so many target durations at the latest. */
#define MAX_BLOCK_TARGETS 3
#define MAX_NUMBER_AHEAD 2

struct _LecternHlsPlugin
{
  LecternPlugin parent_instance;
  LecternPresentations *presentations;
  LecternHlsViewers *viewers;
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
respond_timed_out (LecternHttpExchange *exchange)
{
  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-store");
  lectern_http_exchange_respond (exchange, 503, "text/plain; charset=utf-8", NULL);
}

/* Returns: (transfer full) (nullable): answered with 404 when NULL. */
static LecternPresentation *
find_presentation (LecternHlsPlugin *self, LecternHttpExchange *exchange)
{
  g_autofree char *name
      = g_strdup_printf ("%s/%s", lectern_http_exchange_get_parameter (exchange, "app"),
                         lectern_http_exchange_get_parameter (exchange, "name"));
  LecternPresentation *presentation = lectern_presentations_lookup (self->presentations, name);

  if (presentation == NULL)
    respond_not_found (exchange, "the stream is not on the air");
  return presentation;
}

/* What every address carries on: the query as it came, without what playlists alone understand. */
static char *
get_carried_query (LecternHttpExchange *exchange, const char *session)
{
  g_auto (GStrv) parts = g_strsplit (lectern_http_exchange_get_query (exchange) != NULL
                                         ? lectern_http_exchange_get_query (exchange)
                                         : "",
                                     "&", 32);
  g_autoptr (GString) query = g_string_new (NULL);

  for (guint i = 0; parts[i] != NULL; i++)
    {
      gboolean safe = strpbrk (parts[i], "\"\\<>") == NULL;

      if (*parts[i] == '\0' || g_str_has_prefix (parts[i], "_HLS_") || !safe
          || (session != NULL && g_str_has_prefix (parts[i], "session=")))
        continue;
      g_string_append_printf (query, "%s%s", query->len > 0 ? "&" : "", parts[i]);
    }
  if (session != NULL)
    g_string_append_printf (query, "%ssession=%s", query->len > 0 ? "&" : "", session);
  return g_string_free (g_steal_pointer (&query), FALSE);
}

/* FALSE: the viewer was sent away, and is told. */
static gboolean
count_viewer (LecternHlsPlugin *self, LecternHttpExchange *exchange, const char *id, gsize bytes)
{
  g_autoptr (GError) error = NULL;

  if (lectern_hls_viewers_touch (self->viewers, id, lectern_http_exchange_get_access (exchange),
                                 lectern_http_exchange_get_identity (exchange), bytes))
    return TRUE;
  error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the session was ended");
  lectern_http_exchange_respond_error (exchange, error);
  return FALSE;
}

static void
respond_playlist (LecternHttpExchange *exchange, char *text, gboolean ended)
{
  g_autoptr (GBytes) body = g_bytes_new_take (text, strlen (text));

  lectern_http_exchange_set_header (exchange, "Cache-Control", ended ? "max-age=60" : "no-cache");
  lectern_http_exchange_respond (exchange, 200, PLAYLIST_TYPE, body);
}

/* A request that waits for a part. On its connection's reactor. */
typedef struct
{
  LecternTimer timer;
  LecternHlsPlugin *plugin;
  LecternHttpExchange *exchange;
  LecternPresentation *presentation;
  char *rendition;
  guint64 number;
  guint part;
  guint wait;
  void (*answer) (LecternHlsPlugin *plugin, LecternHttpExchange *exchange,
                  LecternPresentation *presentation, const char *rendition, guint64 number,
                  guint part);
} Waiting;

static void
waiting_free (Waiting *waiting)
{
  lectern_timer_stop (&waiting->timer);
  lectern_http_exchange_unref (waiting->exchange);
  lectern_presentation_unref (waiting->presentation);
  g_object_unref (waiting->plugin);
  g_free (waiting->rendition);
  g_free (waiting);
}

static void
on_part_there (LecternPresentation *presentation, gpointer user_data)
{
  Waiting *waiting = user_data;

  waiting->answer (waiting->plugin, waiting->exchange, presentation, waiting->rendition,
                   waiting->number, waiting->part);
  waiting_free (waiting);
}

static void
on_block_over (LecternTimer *timer)
{
  Waiting *waiting = (Waiting *) timer;

  lectern_presentation_cancel_wait (waiting->presentation, waiting->wait);
  respond_timed_out (waiting->exchange);
  waiting_free (waiting);
}

static void
wait_for_part (Waiting *template)
{
  Waiting *waiting = g_new (Waiting, 1);
  gint64 limit_us = lectern_presentation_get_targets (template->presentation)->segment_limit / 1000
                    * MAX_BLOCK_TARGETS;

  *waiting = *template;
  waiting->rendition = g_strdup (template->rendition);
  g_object_ref (waiting->plugin);
  lectern_http_exchange_ref (waiting->exchange);
  lectern_presentation_ref (waiting->presentation);
  waiting->wait
      = lectern_presentation_wait (waiting->presentation, waiting->rendition, waiting->number,
                                   waiting->part, on_part_there, waiting);
  if (waiting->wait == 0)
    {
      respond_timed_out (waiting->exchange);
      waiting_free (waiting);
      return;
    }
  lectern_timer_start (&waiting->timer, lectern_reactor_get_current (), limit_us, on_block_over);
}

static void answer_master (LecternHlsPlugin *self, LecternHttpExchange *exchange,
                           LecternPresentation *presentation, const char *rendition, guint64 number,
                           guint part);

/* Waits for the first segment of each rendition in turn, then answers. */
static void
give_master (LecternHlsPlugin *self, LecternHttpExchange *exchange,
             LecternPresentation *presentation)
{
  guint64 number = 0;
  g_autofree char *unready = lectern_hls_find_unready (presentation, &number);

  if (unready == NULL || lectern_presentation_is_ended (presentation))
    answer_master (self, exchange, presentation, NULL, 0, 0);
  else
    wait_for_part (&(Waiting){ .plugin = self,
                               .exchange = exchange,
                               .presentation = presentation,
                               .rendition = unready,
                               .number = number,
                               .part = G_MAXUINT,
                               .answer = answer_master });
}

static void
answer_master (LecternHlsPlugin *self, LecternHttpExchange *exchange,
               LecternPresentation *presentation, const char *rendition, guint64 number, guint part)
{
  const char *known = lectern_http_exchange_get_query_value (exchange, "session");
  g_autofree char *session = known != NULL ? g_strdup (known) : lectern_hls_viewers_make_id ();
  g_autofree char *query = get_carried_query (exchange, session);
  char *text;

  if (rendition != NULL)
    {
      give_master (self, exchange, presentation);
      return;
    }
  text = lectern_hls_write_master (presentation, query);
  if (text == NULL)
    respond_not_found (exchange, "the stream has only just begun");
  else if (count_viewer (self, exchange, session, 0))
    respond_playlist (exchange, text, FALSE);
  else
    g_free (text);
}

static void
on_master (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternHlsPlugin *self = user_data;
  g_autoptr (LecternPresentation) presentation = find_presentation (self, exchange);

  if (presentation != NULL)
    give_master (self, exchange, presentation);
}

static void
answer_playlist (LecternHlsPlugin *self, LecternHttpExchange *exchange,
                 LecternPresentation *presentation, const char *rendition, guint64 number,
                 guint part)
{
  g_autofree char *query = get_carried_query (exchange, NULL);
  const char *skip = lectern_http_exchange_get_query_value (exchange, "_HLS_skip");
  LecternHlsRequest request = {
    .rendition = rendition, .query = query, .low_latency = self->low_latency, .skip = skip != NULL
  };
  char *text = lectern_hls_write_media (presentation, &request);

  if (text == NULL)
    respond_not_found (exchange, "no such rendition");
  else
    respond_playlist (exchange, text, lectern_presentation_is_ended (presentation));
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
  g_auto (LecternRenditionView) view = { 0 };

  return lectern_presentation_view (presentation, rendition, &view)
         && number > (gint64) view.next_number + MAX_NUMBER_AHEAD;
}

static void
respond_bad_request (LecternHttpExchange *exchange, const char *why)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, why);

  lectern_http_exchange_respond_error (exchange, error);
}

static void
on_media (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternHlsPlugin *self = user_data;
  const char *rendition = lectern_http_exchange_get_parameter (exchange, "rendition");
  const char *session = lectern_http_exchange_get_query_value (exchange, "session");
  g_autoptr (LecternPresentation) presentation = find_presentation (self, exchange);
  gint64 number;
  gint64 part;

  if (presentation == NULL || !count_viewer (self, exchange, session, 0))
    return;
  if (!get_number (exchange, "_HLS_msn", -1, &number)
      || !get_number (exchange, "_HLS_part", -1, &part) || (part >= 0 && number < 0)
      || is_too_far_ahead (presentation, rendition, number))
    {
      respond_bad_request (exchange, "no such media sequence number or part to wait for");
      return;
    }
  if (number < 0)
    answer_playlist (self, exchange, presentation, rendition, 0, 0);
  else
    wait_for_part (&(Waiting){ .plugin = self,
                               .exchange = exchange,
                               .presentation = presentation,
                               .rendition = (char *) rendition,
                               .number = number,
                               .part = part < 0 ? G_MAXUINT : (guint) part,
                               .answer = answer_playlist });
}

static void
respond_media (LecternHlsPlugin *self, LecternHttpExchange *exchange, LecternMedia media,
               GBytes *bytes)
{
  const char *session = lectern_http_exchange_get_query_value (exchange, "session");

  if (!count_viewer (self, exchange, session, g_bytes_get_size (bytes)))
    return;
  lectern_http_exchange_set_header (exchange, "Cache-Control", "max-age=3600, immutable");
  lectern_http_exchange_respond (exchange, 200,
                                 media == LECTERN_MEDIA_AUDIO ? "audio/mp4" : "video/mp4", bytes);
}

static LecternMedia
get_media (LecternPresentation *presentation, const char *rendition)
{
  g_auto (LecternRenditionView) view = { 0 };

  if (!lectern_presentation_view (presentation, rendition, &view))
    return LECTERN_MEDIA_VIDEO;
  return view.track->media;
}

static void
answer_part (LecternHlsPlugin *self, LecternHttpExchange *exchange,
             LecternPresentation *presentation, const char *rendition, guint64 number, guint part)
{
  g_autoptr (LecternPart) found
      = lectern_presentation_get_part (presentation, rendition, number, part);

  if (found == NULL)
    respond_not_found (exchange, "no such part");
  else
    respond_media (self, exchange, get_media (presentation, rendition), found->bytes);
}

static void
answer_segment (LecternHlsPlugin *self, LecternHttpExchange *exchange,
                LecternPresentation *presentation, const char *rendition, guint64 number)
{
  g_autoptr (LecternSegment) found
      = lectern_presentation_get_segment (presentation, rendition, number);

  if (found == NULL)
    respond_not_found (exchange, "no such segment");
  else
    respond_media (self, exchange, get_media (presentation, rendition), found->bytes);
}

/* The part that the playlist hints at is worth waiting for. */
static gboolean
is_hinted (LecternPresentation *presentation, const char *rendition, gint64 number, gint64 part)
{
  g_auto (LecternRenditionView) view = { 0 };

  return lectern_presentation_view (presentation, rendition, &view) && !view.ended
         && number == (gint64) view.next_number && part == (gint64) view.parts->len;
}

/* "12" a segment, "12.3" a part of it. */
static void
on_segment (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternHlsPlugin *self = user_data;
  const char *rendition = lectern_http_exchange_get_parameter (exchange, "rendition");
  g_auto (GStrv) file = g_strsplit (lectern_http_exchange_get_parameter (exchange, "file"), ".", 3);
  g_autoptr (LecternPresentation) presentation = find_presentation (self, exchange);
  guint pieces = g_strv_length (file);
  gint64 number = -1;
  gint64 part = -1;

  if (presentation == NULL)
    return;
  if (pieces < 1 || pieces > 2 || !lectern_units_parse_integer (file[0], &number, NULL)
      || number < 0
      || (pieces == 2
          && (!lectern_units_parse_integer (file[1], &part, NULL) || part < 0
              || part >= G_MAXUINT)))
    respond_not_found (exchange, "no such segment");
  else if (pieces == 1)
    answer_segment (self, exchange, presentation, rendition, number);
  else if (is_hinted (presentation, rendition, number, part))
    wait_for_part (&(Waiting){ .plugin = self,
                               .exchange = exchange,
                               .presentation = presentation,
                               .rendition = (char *) rendition,
                               .number = number,
                               .part = (guint) part,
                               .answer = answer_part });
  else
    answer_part (self, exchange, presentation, rendition, number, (guint) part);
}

static void
on_init (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternHlsPlugin *self = user_data;
  const char *rendition = lectern_http_exchange_get_parameter (exchange, "rendition");
  g_autoptr (LecternPresentation) presentation = find_presentation (self, exchange);
  g_autoptr (GBytes) init = NULL;
  gint64 number = -1;

  if (presentation == NULL)
    return;
  if (lectern_units_parse_integer (lectern_http_exchange_get_parameter (exchange, "number"),
                                   &number, NULL)
      && number >= 0 && number <= G_MAXINT)
    init = lectern_presentation_get_init (presentation, rendition, (guint) number);
  if (init == NULL)
    respond_not_found (exchange, "no such init segment");
  else
    respond_media (self, exchange, get_media (presentation, rendition), init);
}

static gboolean
on_expire (gpointer user_data)
{
  LecternHlsPlugin *self = user_data;

  lectern_hls_viewers_expire (self->viewers, SILENCE_US);
  return G_SOURCE_CONTINUE;
}

static void
on_presentation_ended (LecternPresentations *presentations, LecternPresentation *presentation,
                       gpointer user_data)
{
  LecternHlsPlugin *self = user_data;

  lectern_hls_viewers_end (self->viewers, lectern_presentation_get_name (presentation));
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
                 { "/{app}/{name}/{rendition}.m3u8", on_media },
                 { "/{app}/{name}/{rendition}/init-{number}.mp4", on_init },
                 { "/{app}/{name}/{rendition}/{file}.m4s", on_segment } };
  LecternHlsPlugin *self = LECTERN_HLS_PLUGIN (plugin);
  LecternHost *host = lectern_plugin_get_host (plugin);

  self->presentations = lectern_host_get_presentations (host);
  self->low_latency = lectern_plugin_get_boolean (plugin, "low-latency");
  self->viewers = lectern_hls_viewers_new (lectern_host_get_sessions (host));
  lectern_plugin_add_undo (plugin, (GDestroyNotify) lectern_hls_viewers_free, self->viewers);
  lectern_presentations_use (self->presentations);
  lectern_plugin_add_undo (plugin, unuse, self->presentations);
  lectern_plugin_add_timer (plugin, EXPIRE_US, on_expire, self);
  lectern_plugin_add_signal (plugin, self->presentations, "ended",
                             G_CALLBACK (on_presentation_ended), self);
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (!lectern_plugin_add_route (plugin, "GET", routes[i].pattern, LECTERN_ACTION_PLAY,
                                   "{app}/{name}", routes[i].handler, self, error))
      return FALSE;
  return TRUE;
}

static void
lectern_hls_plugin_init (LecternHlsPlugin *self)
{
}

static void
lectern_hls_plugin_class_init (LecternHlsPluginClass *klass)
{
  LECTERN_PLUGIN_CLASS (klass)->start = lectern_hls_plugin_start;
}

static const LecternSetting settings[] = {
  { "low-latency", LECTERN_SETTING_BOOLEAN, "true", NULL, NULL,
    N_ ("Offer parts of segments, so that players come within two seconds of the teacher") },
  { NULL },
};

LECTERN_PLUGIN_DEFINE (hls, .summary = N_ ("HLS, with low latency, from shared CMAF segments"),
                       .settings = settings)
