/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-nms-api-machine.h"

/* LecternNmsApiServer: what /api/server tells. Lives as long as the plugin. */
typedef struct
{
  LecternHost *host; /* not owned */
  LecternNmsApiMachine machine;
  gint64 started_us;
} LecternNmsApiServer;

/* GET /api/server. @server must live as long as the plugin. Thread: control. */
gboolean lectern_nms_api_server_add_routes (LecternPlugin *plugin, LecternNmsApiServer *server,
                                            GError **error);
