/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtsp-ports.h"

/* LecternRtspService: what all connections share. Atomically reference-counted. */
typedef struct _LecternRtspService LecternRtspService;
typedef struct _LecternRtspDatagrams LecternRtspDatagrams;

/* Plain numbers, read anew by each connection when it needs them. */
typedef struct
{
  gboolean tcp; /* which transports are offered */
  gboolean udp;
  LecternRtspPortRange ports;
  guint dscp;
  gint64 latency_us;         /* how long a missing datagram of a publisher is waited for */
  gint64 read_timeout_us;    /* of a silent publisher */
  gint64 session_timeout_us; /* of a player that says nothing */
  gint64 max_bitrate;        /* of a publisher, bits a second; 0: any */
  guint max_sessions;
  guint requests; /* a second, of one connection */
} LecternRtspSettings;

/* Thread: control. */
LecternRtspService *lectern_rtsp_service_new (LecternHost *host,
                                              const LecternRtspSettings *settings);
LecternRtspService *lectern_rtsp_service_ref (LecternRtspService *self);
void lectern_rtsp_service_unref (LecternRtspService *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRtspService, lectern_rtsp_service_unref)
void lectern_rtsp_service_set (LecternRtspService *self, const LecternRtspSettings *settings);

/* Thread: any. */
void lectern_rtsp_service_get (LecternRtspService *self, LecternRtspSettings *settings);
LecternHost *lectern_rtsp_service_get_host (LecternRtspService *self);
/* Its connections. Returns: (transfer none). */
LecternPeers *lectern_rtsp_service_get_peers (LecternRtspService *self);
/* Whether @connection may make a request now. @within: it keeps to what one connection may ask; if
 * it does not, its address has less from now on. */
gboolean lectern_rtsp_service_take_request (LecternRtspService *self, LecternConnection *connection,
                                            gboolean within, gint64 now_us);
/* Takes the right to a session. Errors: LIMIT: there are too many. */
gboolean lectern_rtsp_service_begin_session (LecternRtspService *self, GError **error);
void lectern_rtsp_service_end_session (LecternRtspService *self);
/* The sockets for players of the calling reactor, opened for the first of them. Returns: (transfer
 * full), released with _release_datagrams. Errors: as of lectern_rtsp_ports_open. Thread: a
 * reactor. */
LecternRtspDatagrams *lectern_rtsp_service_get_datagrams (LecternRtspService *self, GError **error);
void lectern_rtsp_service_release_datagrams (LecternRtspService *self,
                                             LecternRtspDatagrams *datagrams);
