/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtsp-service.h"
#include "lectern-rtsp-transport.h"

/* LecternRtspPlayback: one player: the tracks it has set up, and the viewer that sends them.
 * Thread: the connection's reactor. */
typedef struct _LecternRtspPlayback LecternRtspPlayback;

/* It is over; @reason: (nullable): NULL: the stream has ended. May free the playback. */
typedef void (*LecternRtspPlaybackFunc) (LecternRtspPlayback *playback, const GError *reason,
                                         gpointer user_data);

/* Takes the right to a session. Errors: LIMIT. Returns: (transfer full). */
LecternRtspPlayback *lectern_rtsp_playback_new (LecternRtspService *service,
                                                LecternConnection *connection,
                                                LecternRtspPlaybackFunc over, gpointer user_data,
                                                GError **error);
/* Sets @media up, before it plays. @answer: gets the value of the answer's Transport. All tracks go
 * the same way. Errors: CONFLICT: it plays already; NOT_SUPPORTED: not the way of the other track;
 * as of lectern_rtsp_ports_open. */
gboolean lectern_rtsp_playback_set_up (LecternRtspPlayback *self, LecternMedia media,
                                       const LecternRtspTransport *transport, GString *answer,
                                       GError **error);
/* Begins, or goes on after a pause. @request: what the access chain has allowed. The answer to the
 * client must be on its way. Errors: as of lectern_viewer_new. */
gboolean lectern_rtsp_playback_play (LecternRtspPlayback *self, LecternAccessRequest *request,
                                     LecternIdentity *identity, GError **error);
void lectern_rtsp_playback_pause (LecternRtspPlayback *self);
/* Whether a track was set up. */
gboolean lectern_rtsp_playback_is_ready (LecternRtspPlayback *self);
/* A packet of one of its interleaved channels. */
void lectern_rtsp_playback_take (LecternRtspPlayback *self, guint8 channel, const guint8 *data,
                                 gsize size);
/* Sends an answer between two packets. FALSE: too many wait. */
gboolean lectern_rtsp_playback_write (LecternRtspPlayback *self, const void *data, gsize length);
void lectern_rtsp_playback_writable (LecternRtspPlayback *self);
/* Whether what was sent ends within a packet, so that no answer can follow. */
gboolean lectern_rtsp_playback_is_cut (LecternRtspPlayback *self);
/* When it was heard of last, µs: a player by UDP that went away says nothing. G_MAXINT64 for one
 * whose connection tells, as long as media is sent by it. */
gint64 lectern_rtsp_playback_get_heard (LecternRtspPlayback *self);
/* Tells the player that it is over (BYE) and frees it. @reason: (nullable): for the session. */
void lectern_rtsp_playback_free (LecternRtspPlayback *self, const GError *reason);
