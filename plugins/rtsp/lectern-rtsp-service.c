/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-service.h"

#include "lectern-rtsp-connection.h"
#include "lectern-rtsp-datagrams.h"
#include "lectern-rtsp-flooders.h"

struct _LecternRtspService
{
  LecternHost *host;
  LecternPeers *peers;
  LecternRtspFlooders *flooders;
  GMutex lock; /* of all below */
  LecternRtspSettings settings;
  GHashTable *datagrams; /* LecternReactor → LecternRtspDatagrams, touched by that reactor only */
  guint sessions;
  gint refs;
};

LecternRtspService *
lectern_rtsp_service_new (LecternHost *host, const LecternRtspSettings *settings)
{
  LecternRtspService *self = g_new0 (LecternRtspService, 1);

  self->refs = 1;
  self->host = g_object_ref (host);
  self->peers
      = lectern_peers_new (lectern_host_get_reactors (host), "rtsp", lectern_rtsp_connection_stop);
  self->flooders = lectern_rtsp_flooders_new ();
  self->settings = *settings;
  self->datagrams = g_hash_table_new (NULL, NULL);
  g_mutex_init (&self->lock);
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
  lectern_peers_unref (self->peers);
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

LecternPeers *
lectern_rtsp_service_get_peers (LecternRtspService *self)
{
  return self->peers;
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
