/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-connection.h"

/* LecternPeers: those who are connected by one protocol: they are told when it stops, and those
 * that fail are counted and logged, in lines that a flood of them cannot multiply. Atomically
 * reference-counted. */
typedef struct _LecternPeers LecternPeers;

/* Tells one of them that it is over. Thread: its reactor. */
typedef void (*LecternPeersStopFunc) (gpointer peer);

/* @protocol: "rtmp", which logs as lectern-rtmp and counts in lectern_rtmp_failures_total.
 * Thread: control. */
LECTERN_API LecternPeers *lectern_peers_new (LecternReactorPool *reactors, const char *protocol,
                                             LecternPeersStopFunc stop);
LECTERN_API LecternPeers *lectern_peers_ref (LecternPeers *self);
LECTERN_API void lectern_peers_unref (LecternPeers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternPeers, lectern_peers_unref)
/* Stops all that are there, each on its reactor; none is added any more. Thread: control. */
LECTERN_API void lectern_peers_stop (LecternPeers *self);

/* @peer: the protocol's own, removed before it is freed. FALSE: they have been stopped.
 * Thread: a reactor, which is the peer's from here on. */
LECTERN_API gboolean lectern_peers_add (LecternPeers *self, gpointer peer);
/* Harmless for one that is not there. Thread: the peer's reactor. */
LECTERN_API void lectern_peers_remove (LecternPeers *self, gpointer peer);
/* One was refused, or cut off. @what: (nullable): what it wanted. Thread: any. */
LECTERN_API void lectern_peers_report (LecternPeers *self, LecternConnection *connection,
                                       const char *what, const GError *error);
