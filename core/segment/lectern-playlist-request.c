/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-playlist-request.h"

#include "base/lectern-error.h"
#include "segment/lectern-segment-wait.h"

#define RETRY_SECONDS "2"

/* One that waits. */
typedef struct
{
  LecternHttpExchange *exchange;
  const char *rendition; /* the exchange's; NULL: all */
  LecternPlaylistFunc func;
  GObject *plugin;
} Request;

static void
request_free (Request *self)
{
  lectern_http_exchange_unref (self->exchange);
  g_object_unref (self->plugin);
  g_free (self);
}

static void
respond_not_found (LecternHttpExchange *exchange)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND,
                                                  "the stream is not on the air");

  lectern_http_exchange_set_header (exchange, "Retry-After", RETRY_SECONDS);
  lectern_http_exchange_respond_error (exchange, error);
}

static void
finish (Request *self, LecternPresentation *presentation)
{
  gboolean answered = self->func (self->exchange, presentation, self->plugin);

  if (!answered && lectern_presentation_is_ended (presentation))
    respond_not_found (self->exchange);
  else if (!answered)
    lectern_segment_wait_respond_late (self->exchange);
  request_free (self);
}

static void proceed (Request *self, LecternPresentation *presentation);

static void
on_there (const LecternSegmentAsk *ask, gpointer user_data)
{
  proceed (user_data, ask->presentation);
}

/* Whatever there is by now is better than nothing. */
static void
on_late (const LecternSegmentAsk *ask, gpointer user_data)
{
  finish (user_data, ask->presentation);
}

static void
proceed (Request *self, LecternPresentation *presentation)
{
  g_auto (LecternUnready) unready = { 0 };
  LecternSegmentAsk ask
      = { .exchange = self->exchange, .presentation = presentation, .part = G_MAXUINT };
  gint64 limit_us = lectern_segment_wait_limit (lectern_presentation_get_targets (presentation));

  if (!lectern_presentation_find_unready (presentation, self->rendition, &unready))
    {
      finish (self, presentation);
      return;
    }
  ask.rendition = unready.rendition;
  ask.number = unready.number;
  lectern_segment_wait_or (&ask, MIN (limit_us, unready.patience_us), on_there, on_late, self);
}

static void
on_opened (LecternPresentation *presentation, gpointer user_data)
{
  Request *self = user_data;

  if (presentation != NULL)
    {
      proceed (self, presentation);
      return;
    }
  respond_not_found (self->exchange);
  request_free (self);
}

static Request *
request_new (LecternHttpExchange *exchange, const char *rendition, LecternPlaylistFunc func,
             gpointer plugin)
{
  Request *self = g_new (Request, 1);

  self->exchange = lectern_http_exchange_ref (exchange);
  self->rendition = rendition;
  self->func = func;
  self->plugin = g_object_ref (plugin);
  return self;
}

void
lectern_playlist_begin (LecternPresentations *presentations, LecternHttpExchange *exchange,
                        LecternPlaylistFunc func, gpointer plugin)
{
  lectern_presentations_want (presentations, exchange, TRUE, on_opened,
                              request_new (exchange, NULL, func, plugin));
}

void
lectern_playlist_go_on (LecternPresentations *presentations, LecternHttpExchange *exchange,
                        LecternPlaylistFunc func, gpointer plugin)
{
  const char *thing = lectern_http_exchange_get_access (exchange)->thing;
  g_autoptr (LecternPresentation) found = lectern_presentations_lookup (presentations, thing);
  Request *self = request_new (
      exchange, lectern_http_exchange_get_parameter (exchange, "rendition"), func, plugin);

  if (found != NULL)
    proceed (self, found);
  else
    lectern_presentations_want (presentations, exchange, FALSE, on_opened, self);
}
