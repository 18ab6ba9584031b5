/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* /api/streams and one stream of them. Thread: control. */
gboolean lectern_nms_api_streams_add_routes (LecternPlugin *plugin, GError **error);
/* Returns: "rtmp", "http" (FLV, HLS, DASH), "ws", or another protocol's own name; static, or owned
 * by @session. Thread: any. */
const char *lectern_nms_api_streams_get_protocol (LecternSession *session);
