/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

#define LECTERN_KEYFILE_MAX_SIZE (1024 * 1024)
#define LECTERN_KEYFILE_MAX_LINE 8192

/* Called for each "[group]" line, with @key and @value NULL, and each "key = value" line; @line counts
 * from 1. FALSE with @error stops; the reader puts "name:line: " before the message. */
typedef gboolean (*LecternKeyfileFunc) (const char *group, const char *key, const char *value,
                                        guint line, gpointer user_data, GError **error);

/* Reads a keyfile (Desktop Entry syntax: "[group]", "key = value", "#" comments to the end of the
 * line only at a line's start, no locale keys, no escapes but "\\s \\n \\t \\\\") and reports its
 * entries in order. A repeated group is an error, as is a repeated key in a group. We read it
 * ourselves because GKeyFile forgets the lines, and an operator needs "file:line".
 * Errors: INVALID_CONFIG, "name:line: …". Thread: any. */
LECTERN_API gboolean lectern_keyfile_read (const char *name, const char *text, gsize length,
                                           LecternKeyfileFunc func, gpointer user_data,
                                           GError **error);
