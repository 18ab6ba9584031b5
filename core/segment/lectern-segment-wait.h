/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-exchange.h"
#include "segment/lectern-presentation.h"

/* What a request asks of a presentation, and waits for. */
typedef struct
{
  LecternHttpExchange *exchange;
  LecternPresentation *presentation;
  const char *rendition;
  guint64 number;
  guint part; /* G_MAXUINT: the whole segment */
} LecternSegmentAsk;

typedef void (*LecternSegmentAskFunc) (const LecternSegmentAsk *ask, gpointer user_data);

/* Calls @func when what @ask asks for is there or can never come; answers 503 instead when that
 * takes longer than @limit_us or too many wait. Holds what is needed; @user_data must outlive the
 * connection's reactor or be held by @hold (nullable): a GObject. Thread: the reactor's. */
LECTERN_API void lectern_segment_wait (const LecternSegmentAsk *ask, gint64 limit_us,
                                       LecternSegmentAskFunc func, gpointer user_data,
                                       gpointer hold);
