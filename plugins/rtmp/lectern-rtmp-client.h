/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtmp-peer.h"

/* What a client wants of a server. */
typedef struct
{
  gboolean publish; /* else to play */
  const char *app;
  const char *name;   /* with its query */
  const char *tc_url; /* of the application */
  const char *via;    /* NULL, or what other servers are told in connect's "via" */
  const char *login;  /* NULL, or the query that says who we are, see LecternRtmpLogin */
} LecternRtmpClientTarget;

/* LecternRtmpClient: the client's end of one RTMP connection for one stream, sans I/O: bytes in,
 * events and bytes out. Thread: any, one at a time. */
typedef struct _LecternRtmpClient LecternRtmpClient;

/* Begins; there is output to send at once. */
LecternRtmpClient *lectern_rtmp_client_new (const LecternRtmpClientTarget *target);
void lectern_rtmp_client_free (LecternRtmpClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRtmpClient, lectern_rtmp_client_free)

/* Reads on, at most to one event (LOGIN, REDIRECT: instead of all others; STARTED, once, for a
 * player perhaps not at all; MEDIA, METADATA, SCRIPT, STRAY; STOP: the server says that the stream
 * is over, or wants no more of it), which is then in @event (to be cleared). Returns: the bytes
 * consumed; without an event the rest must come again with more behind it. Errors: DENIED,
 * CONFLICT, NOT_FOUND, FAILED: the server refuses, in its words; INVALID_DATA, LIMIT. */
gsize lectern_rtmp_client_input (LecternRtmpClient *self, const guint8 *data, gsize length,
                                 LecternRtmpEvent *event, GError **error);

/* Tells the server that it is over; close behind the output. */
void lectern_rtmp_client_end (LecternRtmpClient *self);

/* Returns: (transfer full) (nullable): the bytes to send, if any. */
GBytes *lectern_rtmp_client_take_output (LecternRtmpClient *self);

/* The message stream to publish on, once STARTED; media goes in chunks of LECTERN_RTMP_CHUNK_SIZE.
 */
guint32 lectern_rtmp_client_get_stream (LecternRtmpClient *self);
