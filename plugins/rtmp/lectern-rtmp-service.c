/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-service.h"

#include "lectern-rtmp-connection.h"

struct _LecternRtmpService
{
  LecternHost *host;
  LecternPeers *peers;
  GMutex lock; /* of all below */
  LecternRtmpLimits limits;
  gint refs;
};

LecternRtmpService *
lectern_rtmp_service_new (LecternHost *host, const LecternRtmpLimits *limits)
{
  LecternRtmpService *self = g_new0 (LecternRtmpService, 1);

  self->refs = 1;
  self->host = g_object_ref (host);
  self->peers
      = lectern_peers_new (lectern_host_get_reactors (host), "rtmp", lectern_rtmp_connection_stop);
  self->limits = *limits;
  g_mutex_init (&self->lock);
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
  lectern_peers_unref (self->peers);
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

LecternPeers *
lectern_rtmp_service_get_peers (LecternRtmpService *self)
{
  return self->peers;
}

LecternHost *
lectern_rtmp_service_get_host (LecternRtmpService *self)
{
  return self->host;
}
