/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-service.h"

#include "lectern-rtsp-connection.h"
#include "lectern-rtsp-datagrams.h"
#include "lectern-rtsp-flooders.h"

/* Lines about peers that failed; a flood of them must not drown the log. */
#define LOG_RATE 2
#define LOG_BURST 20

struct _LecternRtspService
{
  LecternHost *host;
  LecternRtspFlooders *flooders;
  GMutex lock; /* of all below */
  LecternRtspSettings settings;
  LecternRateLimiter log_limiter;
  GHashTable *connections; /* set of LecternRtspConnection, each touched by its own reactor only */
  GHashTable *datagrams; /* LecternReactor → LecternRtspDatagrams, touched by that reactor only */
  guint sessions;
  gboolean stopped;
  gint refs;
};

LecternRtspService *
lectern_rtsp_service_new (LecternHost *host, const LecternRtspSettings *settings)
{
  LecternRtspService *self = g_new0 (LecternRtspService, 1);

  self->refs = 1;
  self->host = g_object_ref (host);
  self->flooders = lectern_rtsp_flooders_new ();
  self->settings = *settings;
  self->connections = g_hash_table_new (NULL, NULL);
  self->datagrams = g_hash_table_new (NULL, NULL);
  g_mutex_init (&self->lock);
  lectern_rate_limiter_init (&self->log_limiter, LOG_RATE, LOG_BURST, lectern_clock_now_us ());
  return self;
}

LecternRtspService *
lectern_rtsp_service_ref (LecternRtspService *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_rtsp_service_unref (LecternRtspService *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_hash_table_unref (self->connections);
  g_hash_table_unref (self->datagrams);
  lectern_rtsp_flooders_free (self->flooders);
  g_mutex_clear (&self->lock);
  g_object_unref (self->host);
  g_free (self);
}

void
lectern_rtsp_service_set (LecternRtspService *self, const LecternRtspSettings *settings)
{
  g_mutex_lock (&self->lock);
  self->settings = *settings;
  g_mutex_unlock (&self->lock);
}

void
lectern_rtsp_service_get (LecternRtspService *self, LecternRtspSettings *settings)
{
  g_mutex_lock (&self->lock);
  *settings = self->settings;
  g_mutex_unlock (&self->lock);
}

LecternHost *
lectern_rtsp_service_get_host (LecternRtspService *self)
{
  return self->host;
}

gboolean
lectern_rtsp_service_take_request (LecternRtspService *self, LecternConnection *connection,
                                   gboolean within, gint64 now_us)
{
  const LecternAddress *from = lectern_connection_get_peer (connection);
  LecternRtspSettings settings;

  if (within && lectern_rtsp_flooders_take (self->flooders, from, now_us))
    return TRUE;
  lectern_rtsp_service_get (self, &settings);
  lectern_rtsp_flooders_note (self->flooders, from, settings.requests, now_us);
  return FALSE;
}

gboolean
lectern_rtsp_service_begin_session (LecternRtspService *self, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->sessions < self->settings.max_sessions)
    {
      self->sessions++;
      return TRUE;
    }
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "there are %u RTSP sessions already",
               self->sessions);
  return FALSE;
}

void
lectern_rtsp_service_end_session (LecternRtspService *self)
{
  g_mutex_lock (&self->lock);
  self->sessions--;
  g_mutex_unlock (&self->lock);
}

gboolean
lectern_rtsp_service_add (LecternRtspService *self, LecternRtspConnection *connection)
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
lectern_rtsp_service_remove (LecternRtspService *self, LecternRtspConnection *connection)
{
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->connections, connection);
  g_mutex_unlock (&self->lock);
}

LecternRtspDatagrams *
lectern_rtsp_service_get_datagrams (LecternRtspService *self, GError **error)
{
  LecternReactor *reactor = lectern_reactor_get_current ();
  LecternRtspDatagrams *datagrams;
  LecternRtspSettings settings;

  lectern_rtsp_service_get (self, &settings);
  g_mutex_lock (&self->lock);
  datagrams = g_hash_table_lookup (self->datagrams, reactor);
  g_mutex_unlock (&self->lock);
  if (datagrams != NULL)
    return lectern_rtsp_datagrams_ref (datagrams);
  datagrams = lectern_rtsp_datagrams_new (reactor, &settings, error);
  if (datagrams == NULL)
    return NULL;
  g_mutex_lock (&self->lock);
  g_hash_table_insert (self->datagrams, reactor, datagrams);
  g_mutex_unlock (&self->lock);
  return datagrams;
}

void
lectern_rtsp_service_release_datagrams (LecternRtspService *self, LecternRtspDatagrams *datagrams)
{
  if (!lectern_rtsp_datagrams_unref (datagrams))
    return;
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->datagrams, lectern_reactor_get_current ());
  g_mutex_unlock (&self->lock);
}

static void
stop_on_reactor (gpointer data)
{
  g_autoptr (LecternRtspService) self = data;
  LecternReactor *reactor = lectern_reactor_get_current ();
  g_autoptr (GPtrArray) mine = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer connection;

  /* Those of this reactor cannot go away meanwhile: only this thread frees them. */
  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->connections);
  while (g_hash_table_iter_next (&iter, &connection, NULL))
    if (lectern_rtsp_connection_get_reactor (connection) == reactor)
      g_ptr_array_add (mine, connection);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < mine->len; i++)
    lectern_rtsp_connection_stop (mine->pdata[i]);
}

void
lectern_rtsp_service_stop (LecternRtspService *self)
{
  LecternReactorPool *pool = lectern_host_get_reactors (self->host);

  g_mutex_lock (&self->lock);
  self->stopped = TRUE;
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < lectern_reactor_pool_get_size (pool); i++)
    lectern_reactor_post (lectern_reactor_pool_get (pool, i), stop_on_reactor,
                          lectern_rtsp_service_ref (self),
                          (GDestroyNotify) lectern_rtsp_service_unref);
}

void
lectern_rtsp_service_report (LecternRtspService *self, LecternConnection *connection,
                             const char *what, const GError *error)
{
  gboolean log;

  lectern_metric_add (lectern_metrics_get_counter ("lectern_rtsp_failures_total",
                                                   "RTSP peers refused or cut off", "reason",
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
