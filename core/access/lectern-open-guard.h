/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access/lectern-guard.h"

/* LecternOpenGuard: the doors that stand open. PUBLIC is allowed to everybody, PLAY and PUBLISH
 * when the operator says so; on all else it abstains. Asked last. Thread: control. */
#define LECTERN_TYPE_OPEN_GUARD (lectern_open_guard_get_type ())
LECTERN_API
G_DECLARE_FINAL_TYPE (LecternOpenGuard, lectern_open_guard, LECTERN, OPEN_GUARD, GObject)

LECTERN_API LecternOpenGuard *lectern_open_guard_new (gboolean open_play, gboolean open_publish);
LECTERN_API void lectern_open_guard_set (LecternOpenGuard *self, gboolean open_play,
                                         gboolean open_publish);
