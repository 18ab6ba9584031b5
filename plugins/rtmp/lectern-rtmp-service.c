/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-service.h"

#include "lectern-rtmp-connection.h"

/* Lines about peers that failed; a flood of them must not drown the log. */
#define LOG_RATE 2
#define LOG_BURST 20

struct _LecternRtmpService
{
  LecternHost *host;
  GMutex lock; /* of all below */
  LecternRtmpLimits limits;
  LecternRateLimiter log_limiter;
  GHashTable *connections; /* set of LecternRtmpConnection, each touched by its own reactor only */
  gboolean stopped;
  gint refs;
};

LecternRtmpService *
lectern_rtmp_service_new (LecternHost *host, const LecternRtmpLimits *limits)
{
  LecternRtmpService *self = g_new0 (LecternRtmpService, 1);

  self->refs = 1;
  self->host = g_object_ref (host);
  self->limits = *limits;
  self->connections = g_hash_table_new (NULL, NULL);
  g_mutex_init (&self->lock);
  lectern_rate_limiter_init (&self->log_limiter, LOG_RATE, LOG_BURST, lectern_clock_now_us ());
  return self;
}

LecternRtmpService *
lectern_rtmp_service_ref (LecternRtmpService *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_rtmp_service_unref (LecternRtmpService *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_hash_table_unref (self->connections);
  g_mutex_clear (&self->lock);
  g_object_unref (self->host);
  g_free (self);
}

void
lectern_rtmp_service_set_limits (LecternRtmpService *self, const LecternRtmpLimits *limits)
{
  g_mutex_lock (&self->lock);
  self->limits = *limits;
  g_mutex_unlock (&self->lock);
}

void
lectern_rtmp_service_get_limits (LecternRtmpService *self, LecternRtmpLimits *limits)
{
  g_mutex_lock (&self->lock);
  *limits = self->limits;
  g_mutex_unlock (&self->lock);
}

LecternHost *
lectern_rtmp_service_get_host (LecternRtmpService *self)
{
  return self->host;
}

gboolean
lectern_rtmp_service_add (LecternRtmpService *self, LecternRtmpConnection *connection)
{
  gboolean open;

  g_mutex_lock (&self->lock);
  open = !self->stopped;
  if (open)
    g_hash_table_add (self->connections, connection);
  g_mutex_unlock (&self->lock);
  return open;
}

void
lectern_rtmp_service_remove (LecternRtmpService *self, LecternRtmpConnection *connection)
{
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->connections, connection);
  g_mutex_unlock (&self->lock);
}

static void
stop_on_reactor (gpointer data)
{
  g_autoptr (LecternRtmpService) self = data;
  LecternReactor *reactor = lectern_reactor_get_current ();
  g_autoptr (GPtrArray) mine = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer connection;

  /* Those of this reactor cannot go away meanwhile: only this thread frees them. */
  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->connections);
  while (g_hash_table_iter_next (&iter, &connection, NULL))
    if (lectern_rtmp_connection_get_reactor (connection) == reactor)
      g_ptr_array_add (mine, connection);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < mine->len; i++)
    lectern_rtmp_connection_stop (mine->pdata[i]);
}

void
lectern_rtmp_service_stop (LecternRtmpService *self)
{
  LecternReactorPool *pool = lectern_host_get_reactors (self->host);

  g_mutex_lock (&self->lock);
  self->stopped = TRUE;
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < lectern_reactor_pool_get_size (pool); i++)
    lectern_reactor_post (lectern_reactor_pool_get (pool, i), stop_on_reactor,
                          lectern_rtmp_service_ref (self),
                          (GDestroyNotify) lectern_rtmp_service_unref);
}

void
lectern_rtmp_service_report (LecternRtmpService *self, LecternConnection *connection,
                             const char *what, const GError *error)
{
  gboolean log;

  lectern_metric_add (lectern_metrics_get_counter ("lectern_rtmp_failures_total",
                                                   "RTMP peers refused or cut off", "reason",
                                                   lectern_error_get_name (error)),
                      1);
  g_mutex_lock (&self->lock);
  log = lectern_rate_limiter_take (&self->log_limiter, lectern_clock_now_us ());
  g_mutex_unlock (&self->lock);
  if (!log)
    return;
  if (what != NULL)
    g_message ("%s: '%s': %s", lectern_connection_get_peer_name (connection), what, error->message);
  else
    g_message ("%s: %s", lectern_connection_get_peer_name (connection), error->message);
}
