/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-exchange.h"
#include "segment/lectern-presentation.h"

/* What a request asks of a presentation, and waits for. */
typedef struct
{
  LecternHttpExchange *exchange;
  LecternPresentation *presentation;
  const char *rendition; /* NULL: any that has a whole segment */
  guint64 number;
  guint part; /* G_MAXUINT: the whole segment */
} LecternSegmentAsk;

typedef void (*LecternSegmentAskFunc) (const LecternSegmentAsk *ask, gpointer user_data);

/* Returns: how long what comes next of a stream is waited for, µs: three of its target durations.
 */
LECTERN_API gint64 lectern_segment_wait_limit (const LecternSegmentTargets *targets);
/* Calls @func when what @ask asks for is there or can never come; answers 503 instead when that
 * takes longer than @limit_us or too many wait. Holds what is needed; @user_data must outlive the
 * connection's reactor or be held by @hold (nullable): a GObject. Neither when the peer has left.
 * Thread: the reactor's. */
LECTERN_API void lectern_segment_wait (const LecternSegmentAsk *ask, gint64 limit_us,
                                       LecternSegmentAskFunc func, gpointer user_data,
                                       gpointer hold);
/* The same, but calls @late (before it returns, or later) instead of answering 503, and when the
 * peer has left. Exactly one of both is called. */
void lectern_segment_wait_or (const LecternSegmentAsk *ask, gint64 limit_us,
                              LecternSegmentAskFunc func, LecternSegmentAskFunc late,
                              gpointer user_data);
/* Answers 503: it is worth asking again soon. */
void lectern_segment_wait_respond_late (LecternHttpExchange *exchange);
