/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

/* STATE_DIR/lectern.pid: one server for each state directory. The server holds a lock on the file
 * as long as it lives, so a file left by a crash means nothing and no other process is ever taken
 * for it. */

/* Locks and writes the file. Returns: the descriptor to keep, or -1.
 * Errors: CONFLICT: another server runs there; DENIED, FAILED. */
int lectern_pid_file_take (const char *state_dir, GError **error);

/* Returns: the process that holds the lock, or 0. Errors: NOT_FOUND: no server runs there; others.
 */
gint64 lectern_pid_file_find (const char *state_dir, GError **error);
