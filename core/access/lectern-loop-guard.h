/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access/lectern-guard.h"

/* More servers than these in a row are a loop, whatever they call themselves. */
#define LECTERN_LOOP_MAX_SERVERS 16

/* LecternLoopGuard: a stream must not come back to a server it has been through. Refuses to play
 * and to publish (CONFLICT) when the request's `via` names this server, or too many; abstains on
 * all else. Asked first. */
#define LECTERN_TYPE_LOOP_GUARD (lectern_loop_guard_get_type ())
LECTERN_API
G_DECLARE_FINAL_TYPE (LecternLoopGuard, lectern_loop_guard, LECTERN, LOOP_GUARD, GObject)

/* @id: this server's, see lectern_host_get_id. Thread: control. */
LECTERN_API LecternLoopGuard *lectern_loop_guard_new (const char *id);
