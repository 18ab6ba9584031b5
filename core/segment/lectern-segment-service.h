/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-server.h"
#include "segment/lectern-presentation.h"

/* LecternSegmentService: the addresses of segments, once for every kind of playlist:
 *
 *   /{app}/{name}/{rendition}/init-N.mp4   init segment
 *   /{app}/{name}/{rendition}/N.m4s        segment
 *   /{app}/{name}/{rendition}/N.P.m4s      part of a segment
 *
 * each asking for `play` on "{app}/{name}"; what comes next is waited for. And the players'
 * sessions. Works while the presentations are used. */
#define LECTERN_TYPE_SEGMENT_SERVICE (lectern_segment_service_get_type ())
LECTERN_API
G_DECLARE_FINAL_TYPE (LecternSegmentService, lectern_segment_service, LECTERN, SEGMENT_SERVICE,
                      GObject)

/* Thread: control. */
LECTERN_API LecternSegmentService *lectern_segment_service_new (LecternPresentations *presentations,
                                                                LecternHttpServer *http,
                                                                LecternAccessChain *access,
                                                                LecternSessions *sessions);
/* The server stops: every player's session ends, and none begins. Thread: control. */
LECTERN_API void lectern_segment_service_close (LecternSegmentService *self);

/* A playlist that begins a player's session is asked for (multivariant playlist, MPD). Returns:
 * (transfer full) (nullable): the query that each address in it carries: the viewer's credentials
 * and session, without "?"; NULL: the session was ended by the server, and the viewer is told.
 * Thread: the connection's reactor. */
LECTERN_API char *lectern_segment_service_begin (LecternSegmentService *self,
                                                 LecternHttpExchange *exchange);
/* Something further is asked for, and gets @bytes bytes of media. FALSE: the session was ended by
 * the server, and the viewer is told. Thread: the connection's reactor. */
LECTERN_API gboolean lectern_segment_service_count (LecternSegmentService *self,
                                                    LecternHttpExchange *exchange, gsize bytes);
/* Returns: (transfer full): the query that each address of the answer carries on, "" for none.
 * Thread: the connection's reactor. */
LECTERN_API char *lectern_segment_service_carry (LecternHttpExchange *exchange);
