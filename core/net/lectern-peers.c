/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-peers.h"

#include "base/lectern-clock.h"
#include "base/lectern-metrics.h"
#include "base/lectern-rate-limiter.h"

/* Lines about peers that failed; a flood of them must not drown the log. */
#define LOG_RATE 2
#define LOG_BURST 20

struct _LecternPeers
{
  gint refs;
  LecternReactorPool *reactors;
  LecternPeersStopFunc stop;
  char *domain; /* of the log */
  char *metric;
  GMutex lock; /* of all below */
  LecternRateLimiter log_limiter;
  GHashTable *peers; /* → LecternReactor, whose thread alone touches them */
  gboolean stopped;
};

LecternPeers *
lectern_peers_new (LecternReactorPool *reactors, const char *protocol, LecternPeersStopFunc stop)
{
  LecternPeers *self = g_new0 (LecternPeers, 1);

  self->refs = 1;
  self->reactors = lectern_reactor_pool_ref (reactors);
  self->stop = stop;
  self->domain = g_strconcat ("lectern-", protocol, NULL);
  self->metric = g_strdup_printf ("lectern_%s_failures_total", protocol);
  self->peers = g_hash_table_new (NULL, NULL);
  g_mutex_init (&self->lock);
  lectern_rate_limiter_init (&self->log_limiter, LOG_RATE, LOG_BURST, lectern_clock_now_us ());
  return self;
}

LecternPeers *
lectern_peers_ref (LecternPeers *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_peers_unref (LecternPeers *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_hash_table_unref (self->peers);
  g_mutex_clear (&self->lock);
  lectern_reactor_pool_unref (self->reactors);
  g_free (self->domain);
  g_free (self->metric);
  g_free (self);
}

gboolean
lectern_peers_add (LecternPeers *self, gpointer peer)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->stopped)
    return FALSE;
  g_hash_table_insert (self->peers, peer, lectern_reactor_get_current ());
  return TRUE;
}

void
lectern_peers_remove (LecternPeers *self, gpointer peer)
{
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->peers, peer);
  g_mutex_unlock (&self->lock);
}

static void
stop_on_reactor (gpointer data)
{
  g_autoptr (LecternPeers) self = data;
  LecternReactor *reactor = lectern_reactor_get_current ();
  g_autoptr (GPtrArray) mine = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer peer;
  gpointer owner;

  /* Those of this reactor cannot go away meanwhile: only this thread frees them. */
  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, &peer, &owner))
    if (owner == reactor)
      g_ptr_array_add (mine, peer);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < mine->len; i++)
    self->stop (mine->pdata[i]);
}

void
lectern_peers_stop (LecternPeers *self)
{
  g_mutex_lock (&self->lock);
  self->stopped = TRUE;
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < lectern_reactor_pool_get_size (self->reactors); i++)
    lectern_reactor_post (lectern_reactor_pool_get (self->reactors, i), stop_on_reactor,
                          lectern_peers_ref (self), (GDestroyNotify) lectern_peers_unref);
}

void
lectern_peers_report (LecternPeers *self, LecternConnection *connection, const char *what,
                      const GError *error)
{
  gboolean log;

  lectern_metric_add (lectern_metrics_get_counter (self->metric, "Peers refused or cut off",
                                                   "reason", lectern_error_get_name (error)),
                      1);
  g_mutex_lock (&self->lock);
  log = lectern_rate_limiter_take (&self->log_limiter, lectern_clock_now_us ());
  g_mutex_unlock (&self->lock);
  if (!log)
    return;
  if (what != NULL)
    g_log_structured (self->domain, G_LOG_LEVEL_MESSAGE, "MESSAGE", "%s: '%s': %s",
                      lectern_connection_get_peer_name (connection), what, error->message);
  else
    g_log_structured (self->domain, G_LOG_LEVEL_MESSAGE, "MESSAGE", "%s: %s",
                      lectern_connection_get_peer_name (connection), error->message);
}
