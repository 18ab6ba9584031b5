/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

#define LECTERN_HTTP_FLV_MAX_URL 4096

/* Reads "http://user:password@host:8000/live/name.flv?query". *@host, *@request: (out) (transfer
 * full): where to connect, and the head of the request to send there. @via: (nullable).
 * Errors, which do not tell the address: INVALID_DATA. */
gboolean lectern_http_flv_url_parse (const char *text, const char *via, char **host, guint16 *port,
                                     gboolean *secure, char **request, GError **error);
