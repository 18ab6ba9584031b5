/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-stats-totals.h"

/* /api/v1/server, /metrics, /healthz and /readyz. @counter must live as long as the plugin.
 * Thread: control. */
gboolean lectern_stats_server_add_routes (LecternPlugin *plugin, LecternStatsCounter *counter,
                                          GError **error);
