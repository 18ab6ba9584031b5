/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* What this process may connect to through GIO: no names are resolved, but one may stand for given
 * addresses, so that certificates and virtual hosts are still asked for by it; and whatever a
 * server refers to elsewhere is refused. */

/* Takes GIO's places for resolvers of names and proxies, before anything used them.
 * Errors: FAILED. Thread: main. */
gboolean lectern_reach_init (GError **error);
/* @host: a name or a numeric address. @addresses: numeric ones that the name stands for; empty for
 * a numeric host. Before this nothing is reached. Errors: INVALID_DATA. Thread: main, once. */
gboolean lectern_reach_allow (const char *host, JsonArray *addresses, GError **error);
/* Whether @host is the one, or stands for it. Thread: any. */
gboolean lectern_reach_is_allowed (const char *host);
