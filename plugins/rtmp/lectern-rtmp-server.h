/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtmp-peer.h"

#define LECTERN_RTMP_MAX_STREAMS 8
#define LECTERN_RTMP_PLAY_STREAM 1 /* the tape's bytes name this message stream */

typedef enum
{
  LECTERN_RTMP_ROLE_NONE,
  LECTERN_RTMP_ROLE_PUBLISHER,
  LECTERN_RTMP_ROLE_PLAYER,
} LecternRtmpRole;

/* LecternRtmpServer: the server's end of one RTMP connection, sans I/O: bytes in, events and bytes
 * out. Thread: any, one at a time. */
typedef struct _LecternRtmpServer LecternRtmpServer;

LecternRtmpServer *lectern_rtmp_server_new (void);
void lectern_rtmp_server_free (LecternRtmpServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRtmpServer, lectern_rtmp_server_free)

/* Reads on, at most to one event, which is then in @event (to be cleared). Returns: the bytes
 * consumed. Without an event the rest must come again with more behind it. While a question waits
 * for its answer nothing is consumed. Errors: INVALID_DATA, NOT_SUPPORTED, LIMIT: send the output
 * and close. */
gsize lectern_rtmp_server_input (LecternRtmpServer *self, const guint8 *data, gsize length,
                                 LecternRtmpEvent *event, GError **error);

/* Answers CONNECT, PUBLISH or PLAY. @error: (nullable): why not; send the output and close. */
void lectern_rtmp_server_answer (LecternRtmpServer *self, const GError *error);

/* The publisher or player is stopped from our side. @reason: (nullable): the stream just ended. */
void lectern_rtmp_server_end (LecternRtmpServer *self, const GError *reason);

/* @timestamp: ms. */
void lectern_rtmp_server_ping (LecternRtmpServer *self, guint32 timestamp);

/* Appends a pong that is due. Returns: (transfer full) (nullable): the bytes to send, if any. */
GBytes *lectern_rtmp_server_take_output (LecternRtmpServer *self);

gboolean lectern_rtmp_server_is_connected (LecternRtmpServer *self);
/* What the running, or the waiting, request is. */
LecternRtmpRole lectern_rtmp_server_get_role (LecternRtmpServer *self);
gboolean lectern_rtmp_server_is_waiting (LecternRtmpServer *self);
/* "app/name" of the last PUBLISH or PLAY. */
const char *lectern_rtmp_server_get_thing (LecternRtmpServer *self);
/* Returns: (nullable): the query of the stream's name and of the address, still encoded. */
const char *lectern_rtmp_server_get_query (LecternRtmpServer *self);
/* Returns: (nullable): the page the player stands on. */
const char *lectern_rtmp_server_get_page_url (LecternRtmpServer *self);
/* Returns: (nullable): the servers that the peer's stream came or goes through, as another server
 * says it in connect: see LecternAccessRequest.via. */
const char *lectern_rtmp_server_get_via (LecternRtmpServer *self);
/* What the player said it does not want. */
gboolean lectern_rtmp_server_wants (LecternRtmpServer *self, LecternMedia media);
