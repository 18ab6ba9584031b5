/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-segment-wait.h"

typedef struct
{
  LecternTimer timer;
  LecternSegmentAsk ask;
  guint wait;
  LecternSegmentAskFunc func;
  gpointer user_data;
  GObject *hold;
} Wait;

static void
wait_free (Wait *wait)
{
  lectern_timer_stop (&wait->timer);
  lectern_http_exchange_unref (wait->ask.exchange);
  lectern_presentation_unref (wait->ask.presentation);
  g_free ((char *) wait->ask.rendition);
  g_clear_object (&wait->hold);
  g_free (wait);
}

static void
respond_too_late (LecternHttpExchange *exchange)
{
  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-store");
  lectern_http_exchange_respond (exchange, 503, "text/plain; charset=utf-8", NULL);
}

static void
on_there (LecternPresentation *presentation, gpointer user_data)
{
  Wait *wait = user_data;

  wait->func (&wait->ask, wait->user_data);
  wait_free (wait);
}

static void
on_late (LecternTimer *timer)
{
  Wait *wait = (Wait *) timer;

  lectern_presentation_cancel_wait (wait->ask.presentation, wait->wait);
  respond_too_late (wait->ask.exchange);
  wait_free (wait);
}

void
lectern_segment_wait (const LecternSegmentAsk *ask, gint64 limit_us, LecternSegmentAskFunc func,
                      gpointer user_data, gpointer hold)
{
  Wait *wait = g_new0 (Wait, 1);

  wait->ask = *ask;
  wait->ask.rendition = g_strdup (ask->rendition);
  lectern_http_exchange_ref (ask->exchange);
  lectern_presentation_ref (ask->presentation);
  wait->func = func;
  wait->user_data = user_data;
  wait->hold = hold != NULL ? g_object_ref (hold) : NULL;
  wait->wait = lectern_presentation_wait (ask->presentation, wait->ask.rendition, ask->number,
                                          ask->part, on_there, wait);
  if (wait->wait == 0)
    {
      respond_too_late (ask->exchange);
      wait_free (wait);
      return;
    }
  lectern_timer_start (&wait->timer, lectern_reactor_get_current (), limit_us, on_late);
}
