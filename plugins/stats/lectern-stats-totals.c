/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-stats-totals.h"

struct _LecternStatsCounter
{
  LecternHost *host;
  gint64 started_us;
  GPtrArray *protocols; /* interned names ever seen; used by one collector run at a time */
};

LecternStatsCounter *
lectern_stats_counter_new (LecternHost *host)
{
  LecternStatsCounter *self = g_new0 (LecternStatsCounter, 1);

  self->host = g_object_ref (host);
  self->started_us = lectern_clock_now_us ();
  self->protocols = g_ptr_array_new ();
  return self;
}

void
lectern_stats_counter_free (LecternStatsCounter *self)
{
  g_object_unref (self->host);
  g_ptr_array_unref (self->protocols);
  g_free (self);
}

LecternHost *
lectern_stats_counter_get_host (LecternStatsCounter *self)
{
  return self->host;
}

gint64
lectern_stats_counter_get_uptime (LecternStatsCounter *self)
{
  return (lectern_clock_now_us () - self->started_us) / G_USEC_PER_SEC;
}

static void
count_viewer (LecternStatsTotals *totals, const char *protocol)
{
  const char *name = g_intern_string (protocol != NULL ? protocol : "other");
  guint i = 0;

  totals->viewers++;
  while (i < totals->n_protocols && totals->protocols[i].name != name)
    i++;
  if (i == LECTERN_STATS_MAX_PROTOCOLS)
    return;
  totals->protocols[i].name = name;
  totals->protocols[i].viewers++;
  totals->n_protocols = MAX (totals->n_protocols, i + 1);
}

static void
count_sessions (LecternSessions *sessions, LecternStatsTotals *totals)
{
  g_autoptr (GPtrArray) list = lectern_sessions_list (sessions, NULL);

  for (guint i = 0; i < list->len; i++)
    {
      LecternSession *session = g_ptr_array_index (list, i);
      LecternSessionRole role = lectern_session_get_role (session);

      if (role == LECTERN_SESSION_PUBLISH)
        totals->publishers++;
      else if (role == LECTERN_SESSION_PLAY)
        count_viewer (totals, lectern_session_get_request (session)->protocol);
    }
}

static void
count_streams (LecternStreamRegistry *registry, LecternStatsTotals *totals)
{
  g_autoptr (GPtrArray) list = lectern_stream_registry_list (registry);

  for (guint i = 0; i < list->len; i++)
    {
      LecternStreamState state = lectern_stream_get_state (list->pdata[i]);

      totals->live += state == LECTERN_STREAM_LIVE;
      totals->away += state == LECTERN_STREAM_AWAY;
      totals->waiting += state == LECTERN_STREAM_IDLE;
    }
}

void
lectern_stats_counter_read (LecternStatsCounter *self, LecternStatsTotals *totals)
{
  LecternSessions *sessions = lectern_host_get_sessions (self->host);

  *totals = (LecternStatsTotals){ 0 };
  count_sessions (sessions, totals);
  count_streams (lectern_host_get_streams (self->host), totals);
  lectern_sessions_get_bytes (sessions, &totals->received, &totals->sent);
}

static void
set_streams (const char *state, guint count)
{
  lectern_metric_set (lectern_metrics_get_gauge ("lectern_streams",
                                                 "Streams by state; idle ones have viewers only",
                                                 "state", state),
                      count);
}

/* One whose last viewer has left falls to zero and stays in the list. */
static void
set_viewers (LecternStatsCounter *self, const LecternStatsTotals *totals)
{
  g_autoptr (GHashTable) present = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < totals->n_protocols; i++)
    {
      gpointer name = (gpointer) totals->protocols[i].name;

      g_hash_table_insert (present, name, GUINT_TO_POINTER (totals->protocols[i].viewers));
      if (!g_ptr_array_find (self->protocols, name, NULL))
        g_ptr_array_add (self->protocols, name);
    }
  for (guint i = 0; i < self->protocols->len; i++)
    {
      gpointer name = g_ptr_array_index (self->protocols, i);
      LecternMetric *metric
          = lectern_metrics_get_gauge ("lectern_viewers", "Viewers by protocol", "protocol", name);

      lectern_metric_set (metric, GPOINTER_TO_UINT (g_hash_table_lookup (present, name)));
    }
}

static void
set_total (const char *direction, guint64 bytes)
{
  LecternMetric *metric = lectern_metrics_get_counter (
      "lectern_media_bytes_total", "Media bytes of publishers and viewers", "direction", direction);

  lectern_metric_add (metric, (gint64) bytes - lectern_metric_get (metric));
}

static void
set_gauge (const char *name, const char *help, gint64 value)
{
  lectern_metric_set (lectern_metrics_get_gauge (name, help, NULL, NULL), value);
}

void
lectern_stats_counter_publish (gpointer user_data)
{
  LecternStatsCounter *self = user_data;
  LecternStatsTotals totals;

  lectern_stats_counter_read (self, &totals);
  set_streams ("live", totals.live);
  set_streams ("away", totals.away);
  set_streams ("idle", totals.waiting);
  set_viewers (self, &totals);
  set_gauge ("lectern_publishers", "Publishers", totals.publishers);
  set_total ("received", totals.received);
  set_total ("sent", totals.sent);
  set_gauge ("lectern_log_dropped_lines", "Log lines that nobody took",
             (gint64) lectern_log_get_dropped ());
  set_gauge ("process_resident_memory_bytes", "Resident memory", lectern_process_get_memory ());
  set_gauge ("process_open_fds", "Open descriptors", lectern_process_get_descriptors ());
}
