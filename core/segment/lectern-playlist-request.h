/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-exchange.h"
#include "segment/lectern-presentation.h"

/* Requests for playlists, of whatever kind: players that come a moment too early wait, as those who
 * are told no may never ask again. */

/* Answers @exchange with a playlist of @presentation. FALSE: there is nothing to list, and nothing
 * is answered. */
typedef gboolean (*LecternPlaylistFunc) (LecternHttpExchange *exchange,
                                         LecternPresentation *presentation, gpointer plugin);

/* For what a player begins with (multivariant playlist, MPD): waits for the exchange's thing as
 * lectern_presentations_want does, then for the first segment of each rendition, and has @func
 * answer. Otherwise answers itself: 404, nobody publishes it; 503, nothing came in time. Both say
 * when to ask again. Nothing more is done once the peer has left. @plugin: a GObject, held.
 * Thread: the connection's reactor. */
LECTERN_API void lectern_playlist_begin (LecternPresentations *presentations,
                                         LecternHttpExchange *exchange, LecternPlaylistFunc func,
                                         gpointer plugin);
/* The same for the playlist of the one rendition that the route's {rendition} names: waits for a
 * stream that is live, and for what will be in its list of renditions. */
LECTERN_API void lectern_playlist_go_on (LecternPresentations *presentations,
                                         LecternHttpExchange *exchange, LecternPlaylistFunc func,
                                         gpointer plugin);
