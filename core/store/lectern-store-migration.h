/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

#include <sqlite3.h>

/* Brings the tables of @db to this version's, each step in a transaction of its own; two programs
 * may do this at once. Private to core. Errors: INVALID_DATA (of a later version, or not a file of
 * ours), FAILED. Thread: any. */
gboolean lectern_store_migrate (sqlite3 *db, GError **error);
