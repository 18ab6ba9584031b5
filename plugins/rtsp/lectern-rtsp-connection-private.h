/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtsp-connection.h"
#include "lectern-rtsp-message.h"
#include "lectern-rtsp-playback.h"
#include "lectern-rtsp-publication.h"
#include "lectern-rtsp-target.h"

/* What the connection and its methods share. */

typedef struct
{
  guint refs;
  LecternRtspService *service;
  LecternConnection *connection;
  LecternRateLimiter limiter; /* requests */
  char nonce[33];             /* for Digest, of this connection alone */
  guint refused;              /* credentials that were wrong */

  /* The request that is being answered. */
  LecternRtspRequest *request;
  LecternRtspTarget target;
  LecternAccessRequest *access;

  char *thing;      /* what it describes, plays or publishes, or NULL */
  char *query;      /* with which it was first asked for */
  char session[17]; /* "": none */
  LecternRtspPlayback *playback;
  LecternRtspPublication *publication;
  LecternTimer timer; /* describing waits for the stream; a player by UDP is silent */
  gint64 wait_until_us;
  gint64 asked_us; /* when the newest request came */
  gboolean over;
} LecternRtspConnection;

/* Answers the request with @status; @lines: (nullable): more headers, each with its CR LF. The next
 * request may come. */
void lectern_rtsp_connection_respond (LecternRtspConnection *self, guint status, const char *lines,
                                      const char *body);
/* Answers as @error says, and goes on or closes as its kind is. */
void lectern_rtsp_connection_refuse (LecternRtspConnection *self, guint status,
                                     const GError *error);
/* Ends publishing or playing. @lost: a publisher may come back. @reason: (nullable). */
void lectern_rtsp_connection_end_session (LecternRtspConnection *self, gboolean lost,
                                          const GError *reason);
/* Ends everything and closes. */
void lectern_rtsp_connection_finish (LecternRtspConnection *self, gboolean lost,
                                     const GError *reason);

/* Whether the request fits what was done before: names the session, and comes in order. FALSE: it
 * was answered. */
gboolean lectern_rtsp_method_is_in_order (LecternRtspConnection *self);
/* What the request wants to do. */
LecternAction lectern_rtsp_method_get_action (LecternRtspConnection *self);
/* Does what the access chain has allowed, and answers now or later. */
void lectern_rtsp_method_run (LecternRtspConnection *self, LecternIdentity *identity);
