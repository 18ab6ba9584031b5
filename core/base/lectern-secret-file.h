/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

/* Reads a secret from a file of its own: a regular file that neither group nor others can reach, at
 * most 64 KiB, UTF-8, without line ends behind it. Private to core. Blocks.
 * Returns: (transfer full).
 * Errors: INVALID_CONFIG, NOT_FOUND, DENIED, FAILED. Thread: any. */
char *lectern_secret_file_read (const char *path, GError **error);
