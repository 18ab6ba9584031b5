/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternRtmpService: what all connections share. Atomically reference-counted. */
typedef struct _LecternRtmpService LecternRtmpService;

/* Plain numbers, read anew by each connection when it needs them. */
typedef struct
{
  gint64 handshake_timeout_us; /* from accept to connect */
  gint64 read_timeout_us;      /* of a silent publisher */
  gint64 max_bitrate;          /* of a publisher, bits a second; 0: any */
} LecternRtmpLimits;

/* Thread: control. */
LecternRtmpService *lectern_rtmp_service_new (LecternHost *host, const LecternRtmpLimits *limits);
LecternRtmpService *lectern_rtmp_service_ref (LecternRtmpService *self);
void lectern_rtmp_service_unref (LecternRtmpService *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRtmpService, lectern_rtmp_service_unref)
void lectern_rtmp_service_set_limits (LecternRtmpService *self, const LecternRtmpLimits *limits);

/* Thread: any. */
void lectern_rtmp_service_get_limits (LecternRtmpService *self, LecternRtmpLimits *limits);
LecternHost *lectern_rtmp_service_get_host (LecternRtmpService *self);
/* Its connections. Returns: (transfer none). */
LecternPeers *lectern_rtmp_service_get_peers (LecternRtmpService *self);
