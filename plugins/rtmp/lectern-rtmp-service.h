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
/* Tells all peers that it is over. New connections are closed. Thread: control. */
void lectern_rtmp_service_stop (LecternRtmpService *self);

/* Thread: any. */
void lectern_rtmp_service_get_limits (LecternRtmpService *self, LecternRtmpLimits *limits);
LecternHost *lectern_rtmp_service_get_host (LecternRtmpService *self);
/* Counts a refused or failed peer, and logs it unless too many are. @what: (nullable): what it
 * wanted. */
void lectern_rtmp_service_report (LecternRtmpService *self, LecternConnection *connection,
                                  const char *what, const GError *error);

/* The list of connections, for _stop. FALSE: the service has stopped. Thread: the connection's. */
typedef struct _LecternRtmpConnection LecternRtmpConnection;
gboolean lectern_rtmp_service_add (LecternRtmpService *self, LecternRtmpConnection *connection);
void lectern_rtmp_service_remove (LecternRtmpService *self, LecternRtmpConnection *connection);
