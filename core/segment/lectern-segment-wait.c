/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-segment-wait.h"

#define MAX_TARGETS 3
#define RETRY_SECONDS "1"

typedef struct
{
  LecternTimer timer;
  LecternSegmentAsk ask;
  guint wait;
  LecternSegmentAskFunc func;
  LecternSegmentAskFunc late; /* NULL: 503 */
  gpointer user_data;
  GObject *hold;
} Wait;

gint64
lectern_segment_wait_limit (const LecternSegmentTargets *targets)
{
  return targets->segment_limit / 1000 * MAX_TARGETS;
}

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

void
lectern_segment_wait_respond_late (LecternHttpExchange *exchange)
{
  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-store");
  lectern_http_exchange_set_header (exchange, "Retry-After", RETRY_SECONDS);
  lectern_http_exchange_respond (exchange, 503, "text/plain; charset=utf-8", NULL);
}

static void
on_there (LecternPresentation *presentation, gpointer user_data)
{
  Wait *wait = user_data;

  lectern_timer_stop (&wait->timer);
  lectern_http_exchange_set_gone (wait->ask.exchange, NULL, NULL);
  wait->func (&wait->ask, wait->user_data);
  wait_free (wait);
}

static void
give_up (gpointer user_data)
{
  Wait *wait = user_data;

  lectern_timer_stop (&wait->timer);
  lectern_http_exchange_set_gone (wait->ask.exchange, NULL, NULL);
  if (wait->wait != 0)
    lectern_presentation_cancel_wait (wait->ask.presentation, wait->wait);
  if (wait->late != NULL)
    wait->late (&wait->ask, wait->user_data);
  else
    lectern_segment_wait_respond_late (wait->ask.exchange);
  wait_free (wait);
}

static void
on_late (LecternTimer *timer)
{
  give_up (timer);
}

static void
start (const LecternSegmentAsk *ask, gint64 limit_us, Wait *wait)
{
  wait->ask = *ask;
  wait->ask.rendition = g_strdup (ask->rendition);
  lectern_http_exchange_ref (ask->exchange);
  lectern_presentation_ref (ask->presentation);
  if (lectern_http_exchange_set_gone (ask->exchange, give_up, wait))
    wait->wait = lectern_presentation_wait (ask->presentation, wait->ask.rendition, ask->number,
                                            ask->part, on_there, wait);
  if (wait->wait == 0)
    give_up (wait);
  else
    lectern_timer_start (&wait->timer, lectern_reactor_get_current (), limit_us, on_late);
}

void
lectern_segment_wait (const LecternSegmentAsk *ask, gint64 limit_us, LecternSegmentAskFunc func,
                      gpointer user_data, gpointer hold)
{
  Wait *wait = g_new0 (Wait, 1);

  wait->func = func;
  wait->user_data = user_data;
  wait->hold = hold != NULL ? g_object_ref (hold) : NULL;
  start (ask, limit_us, wait);
}

void
lectern_segment_wait_or (const LecternSegmentAsk *ask, gint64 limit_us, LecternSegmentAskFunc func,
                         LecternSegmentAskFunc late, gpointer user_data)
{
  Wait *wait = g_new0 (Wait, 1);

  wait->func = func;
  wait->late = late;
  wait->user_data = user_data;
  start (ask, limit_us, wait);
}
