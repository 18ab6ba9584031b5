/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

#define LECTERN_SRT_MAX_STREAM_ID 512 /* bytes: SRT has no longer ones */

/* Reads what a caller asks for by its stream id: "publish:live/NAME?key=…", or the standard form
 * (SRT Access Control Guidelines) "#!::r=live/NAME,m=publish,s=KEY", of which s, and other names
 * than u, h and t, become parameters of the query. *@thing: "live/NAME"; *@query: as in a URL,
 * encoded; NULL: none. Errors: INVALID_DATA; NOT_SUPPORTED: something else than publishing is asked
 * for. */
gboolean lectern_srt_stream_id_parse (const char *text, char **thing, char **query, GError **error);
