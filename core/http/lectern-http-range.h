/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

typedef enum
{
  LECTERN_HTTP_RANGE_NONE, /* to be ignored: the whole is sent */
  LECTERN_HTTP_RANGE_PART,
  LECTERN_HTTP_RANGE_UNSATISFIABLE, /* 416 */
} LecternHttpRangeResult;

/* Reads a Range header (RFC 9110, 14) for a thing of @size bytes. Several ranges are ignored, as
 * they only serve to make a server work; a reversed one is unsatisfiable. *@start and *@length are
 * set for a PART alone. Thread: any. */
LecternHttpRangeResult lectern_http_range_parse (const char *text, guint64 size, guint64 *start,
                                                 guint64 *length);
/* Returns: whether the If-Range value @text (nullable) lets a part be sent of a thing with @etag
 * (nullable): the same strong tag. A date never does. Thread: any. */
gboolean lectern_http_range_is_current (const char *text, const char *etag);
/* Returns: whether the list of tags of an If-None-Match header holds @etag, compared weakly.
 * Thread: any. */
gboolean lectern_http_etag_matches (const char *list, const char *etag);
