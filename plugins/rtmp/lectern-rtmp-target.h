/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

#define LECTERN_RTMP_MAX_TARGET 4096 /* bytes of a name with its query */

/* Reads the "app" of connect: "live", "/live/", "live?key=…"; when it has no query, that of @tc_url
 * (nullable) counts. *@query: NULL: none. Errors: INVALID_DATA. */
gboolean lectern_rtmp_parse_app (const char *app, const char *tc_url, char **name, char **query,
                                 GError **error);

/* Reads the name given to publish or play, "physics?key=…" (nullable), within @app. *@thing is
 * "app/name"; in *@query the name's query comes before @app_query. @rendition: whether
 * "physics@480p" will do. Errors: INVALID_DATA. */
gboolean lectern_rtmp_parse_name (const char *app, const char *app_query, const char *text,
                                  gboolean rendition, char **thing, char **query, GError **error);
