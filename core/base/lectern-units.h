/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

/* The written forms of settings. All parsers take the whole text (no trailing characters), accept
 * no sign unless stated, detect overflow, and set INVALID_DATA. Thread: any. */

/* "250us", "40ms", "10s", "5m", "2h", "1d", or "0"; into microseconds. */
LECTERN_API gboolean lectern_units_parse_duration (const char *text, gint64 *microseconds,
                                                   GError **error);

/* "0", "512", "64KiB", "4MiB", "1GiB", also kB, MB, GB (powers of ten); into bytes. */
LECTERN_API gboolean lectern_units_parse_size (const char *text, gint64 *bytes, GError **error);

/* "64k", "2500k", "2.5M", "64000"; into bits a second. */
LECTERN_API gboolean lectern_units_parse_bitrate (const char *text, gint64 *bits, GError **error);

/* Decimal, an optional leading minus. */
LECTERN_API gboolean lectern_units_parse_integer (const char *text, gint64 *value, GError **error);

/* A mark for packets (RFC 2474): "0" to "63", or the name of one: "cs0" to "cs7", "af11" to "af43",
 * "ef" (RFC 3246), "le" (RFC 8622), in any case; into the six bits. */
LECTERN_API gboolean lectern_units_parse_dscp (const char *text, gint64 *dscp, GError **error);

/* "true", "yes", "on", "1" and "false", "no", "off", "0". */
LECTERN_API gboolean lectern_units_parse_boolean (const char *text, gboolean *value,
                                                  GError **error);

/* Returns: (transfer full): the shortest exact form ("1500ms", "2s", "4MiB"). */
LECTERN_API char *lectern_units_format_duration (gint64 microseconds);
LECTERN_API char *lectern_units_format_size (gint64 bytes);
