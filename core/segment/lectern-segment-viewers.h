/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access/lectern-guard.h"
#include "media/lectern-session.h"

/* LecternSegmentViewers: who watches by way of playlists. A player is known by the id that its
 * first playlist put into every address; it is gone when it has asked for nothing for a while.
 *
 * As a guard it lets a player go on that the access chain has allowed a moment ago, with the same
 * credentials for the same thing, so that not every segment needs the way to the control thread.
 * After that moment the chain is asked again; a player that was sent away is refused at once. */
#define LECTERN_TYPE_SEGMENT_VIEWERS (lectern_segment_viewers_get_type ())
G_DECLARE_FINAL_TYPE (LecternSegmentViewers, lectern_segment_viewers, LECTERN, SEGMENT_VIEWERS,
                      GObject)

/* Thread: control. */
LecternSegmentViewers *lectern_segment_viewers_new (LecternSessions *sessions);
/* The player of @request, which the chain has allowed for @identity, asks for a playlist that
 * begins a session, or goes on with the one it names. Returns: (transfer full) (nullable): the
 * session's id; NULL: it was ended by the server. Thread: any. */
char *lectern_segment_viewers_begin (LecternSegmentViewers *self, LecternAccessRequest *request,
                                     LecternIdentity *identity);
/* The player gets @bytes bytes. FALSE: it was ended by the server. A request without a session of
 * ours is not counted. Thread: any. */
gboolean lectern_segment_viewers_touch (LecternSegmentViewers *self, LecternAccessRequest *request,
                                        LecternIdentity *identity, gsize bytes);
/* Ends those of the stream @thing (nullable: all); who goes on watching what is left of it begins
 * anew. Thread: control. */
void lectern_segment_viewers_end (LecternSegmentViewers *self, const char *thing);
/* Ends all, and begins none any more. Thread: control. */
void lectern_segment_viewers_close (LecternSegmentViewers *self);
/* Ends those that have been silent for @silence_us. Thread: control. */
void lectern_segment_viewers_expire (LecternSegmentViewers *self, gint64 silence_us);
