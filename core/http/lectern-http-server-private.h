/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-cell.h"
#include "http/lectern-http-router.h"
#include "http/lectern-http-server.h"

/* Thread: any. */
const LecternHttpLimits *lectern_http_server_get_limits (LecternHttpServer *self);
LecternAccessChain *lectern_http_server_get_access (LecternHttpServer *self);
/* Returns: (transfer full): the routes of this moment. */
LecternHttpRouter *lectern_http_server_get_router (LecternHttpServer *self);
gboolean lectern_http_server_is_draining (LecternHttpServer *self);
/* Returns: the Access-Control-Allow-Origin for @origin (nullable): "*", @origin itself, or NULL.
 * *@varies: whether answers depend on it. */
const char *lectern_http_server_allow_origin (LecternHttpServer *self, const char *origin,
                                              gboolean *varies);
