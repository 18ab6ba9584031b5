/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* /api/v1/sessions: who is connected, from where. Thread: control. */
gboolean lectern_stats_sessions_add_routes (LecternPlugin *plugin, GError **error);
/* Returns: "connect", "publish" or "play"; static. Thread: any. */
const char *lectern_stats_sessions_get_role_name (LecternSessionRole role);
