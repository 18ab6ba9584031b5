/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-router.h"

/* One segment of a pattern: @prefix alone, or with a parameter and a @suffix behind it. */
typedef struct
{
  char *prefix;
  char *name; /* NULL: literal */
  char *suffix;
  gboolean rest; /* takes all that follows */
} LecternHttpSegment;

typedef struct
{
  GArray *segments; /* of LecternHttpSegment; empty: "/" */
} LecternHttpPattern;

/* Clear @self in either case. Errors: INVALID_DATA. */
gboolean lectern_http_pattern_parse (LecternHttpPattern *self, const char *pattern, GError **error);
void lectern_http_pattern_clear (LecternHttpPattern *self);
/* Orders the more literal pattern first; 0: the same but for the names. */
int lectern_http_pattern_compare (const LecternHttpPattern *a, const LecternHttpPattern *b);
/* @match: (nullable): gets the parameters, some of them even when FALSE is returned. */
gboolean lectern_http_pattern_match (const LecternHttpPattern *self, const char *path,
                                     LecternHttpMatch *match);

const char *lectern_http_route_get_method (LecternHttpRoute *self);
const LecternHttpPattern *lectern_http_route_get_pattern (LecternHttpRoute *self);
