/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What every address of a playlist carries on: the query that the viewer came with (a key, a
 * signature) without what playlists alone understand ("_HLS_…"), and the session. Thread: any. */

/* Returns: (transfer full): @query (nullable) without its session, with @session (nullable); ""
 * when there is nothing. Parameters that would not be safe within quotes or XML are left out. */
char *lectern_carried_query_make (const char *query, const char *session);
/* Whether @query carries just @carried, which was made without a session. */
gboolean lectern_carried_query_matches (const char *query, const char *carried);
/* Returns: (nullable): the session in @query (nullable), as sent; *@size: its length. */
const char *lectern_carried_query_find_session (const char *query, gsize *size);
