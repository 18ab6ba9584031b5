/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

#define LECTERN_STATS_MAX_PROTOCOLS 16

/* LecternStatsTotals: what is there now, and the media bytes since the start. */
typedef struct
{
  guint live;
  guint away;
  guint waiting;
  guint publishers;
  guint viewers;
  guint64 received;
  guint64 sent;
  guint n_protocols;
  struct
  {
    const char *name; /* interned */
    guint viewers;
  } protocols[LECTERN_STATS_MAX_PROTOCOLS];
} LecternStatsTotals;

/* LecternStatsCounter: counts the above, and remembers which protocols there were. */
typedef struct _LecternStatsCounter LecternStatsCounter;

/* Thread: control. */
LecternStatsCounter *lectern_stats_counter_new (LecternHost *host);
void lectern_stats_counter_free (LecternStatsCounter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternStatsCounter, lectern_stats_counter_free)
/* Thread: any. */
void lectern_stats_counter_read (LecternStatsCounter *self, LecternStatsTotals *totals);
/* A LecternMetricsFunc. Thread: any. */
void lectern_stats_counter_publish (gpointer self);
LecternHost *lectern_stats_counter_get_host (LecternStatsCounter *self);
/* Returns: seconds since it was made. Thread: any. */
gint64 lectern_stats_counter_get_uptime (LecternStatsCounter *self);
