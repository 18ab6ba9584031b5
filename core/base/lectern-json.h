/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

#include <json-glib/json-glib.h>

#define LECTERN_JSON_MAX_SIZE (64 * 1024)
#define LECTERN_JSON_MAX_DEPTH 32
#define LECTERN_JSON_MAX_MEMBERS 4096
#define LECTERN_JSON_MAX_NAMES 256

/* The only door for JSON from outside: json-glib recurses on depth and crashes on a 200 KB text, so
 * the text is read here, iteratively and strictly (RFC 8259), into json-glib's nodes. Refused is
 * what is larger than LECTERN_JSON_MAX_SIZE, deeper than LECTERN_JSON_MAX_DEPTH, has more than
 * LECTERN_JSON_MAX_MEMBERS members and elements together, more than LECTERN_JSON_MAX_NAMES names in
 * one object (chosen names collide in its hash table, which then takes their square), repeats a
 * name in one object, is not UTF-8, has a lone surrogate escape, a zero character (C strings would
 * end there) or a number that is not finite. A whole number beyond 64 bits becomes a double.
 * Returns: (transfer full): the root.
 * Errors: LIMIT, INVALID_DATA. Thread: any. */
LECTERN_API JsonNode *lectern_json_parse (const char *text, gsize length, GError **error);

/* json-glib's generator writes 1e20 as "1e+20.0", which is no JSON, hence our own. Recurses as deep
 * as @root is: at most LECTERN_JSON_MAX_DEPTH for what came from outside. A double that is not
 * finite becomes null.
 * Returns: (transfer full): compact UTF-8. Thread: any. */
LECTERN_API GBytes *lectern_json_print (JsonNode *root);
