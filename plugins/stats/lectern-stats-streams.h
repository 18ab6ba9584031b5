/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* /api/v1/streams. Thread: control. */
gboolean lectern_stats_streams_add_routes (LecternPlugin *plugin, GError **error);
