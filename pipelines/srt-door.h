/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-job.h"

/* SrtDoor: the callers of an SRT listener, on a thread of its own. It tells the server of each
 * caller, and reads none before it is allowed. Messages of the link, {"event": …}:
 *
 *   to the server    "open": callers may come
 *                    "caller": caller, streamid, address: who asks
 *                    "statistics": caller, packets, lost, dropped, bytes, rtt_us: each two seconds
 *                    "gone": caller, orderly, reason: nothing more comes on its lane
 *   from the server  "settings": latency_ms, passphrase, pbkeylen, read_timeout_ms: for callers to
 *                                come; the first one opens the door
 *                    "allow": caller, lane;  "close": caller */
typedef struct _SrtDoor SrtDoor;

#define SRT_DOOR_MAX_ADDRESSES 8

/* @addresses: (element-type LecternAddress): they are bound. @dscp: 0 … 63. Errors: CONFLICT,
 * LIMIT, FAILED. */
SrtDoor *srt_door_new (LecternJob *job, GArray *addresses, guint dscp, GError **error);
/* Takes a message from the server. Errors: FAILED: it cannot be opened. Thread: main. */
gboolean srt_door_take (SrtDoor *self, JsonObject *message, GError **error);
/* Sends everybody away. */
void srt_door_free (SrtDoor *self);
