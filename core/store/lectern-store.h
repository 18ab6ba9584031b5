/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

#include <sqlite3.h>

/* LecternStore: core.db, in sqlite, on a thread of its own; nothing on control or a reactor ever
 * waits for it. Writes are grouped: one commit every 10 ms or 64 calls, and a call is answered after
 * its commit. */
#define LECTERN_TYPE_STORE (lectern_store_get_type ())
LECTERN_API G_DECLARE_FINAL_TYPE (LecternStore, lectern_store, LECTERN, STORE, GObject)

/* Opens @path (made with mode 0600, WAL, foreign keys, busy time-out 5 s) and brings its tables to
 * this version's; a file of a later version, or a damaged one, is refused. Blocks.
 * Errors: FAILED, INVALID_DATA (damaged or too new). Thread: control. */
LECTERN_API LecternStore *lectern_store_open (const char *path, GError **error);

/* Commits, ends the thread, closes. Idempotent. Blocks. Thread: control. */
LECTERN_API void lectern_store_close (LecternStore *self);

/* Runs on the store's thread inside its transaction. Returns: (transfer full) (nullable): what the
 * caller of _finish receives. On failure set @error: the work of this call alone is undone. */
typedef gpointer (*LecternStoreFunc) (sqlite3 *db, gpointer user_data, GError **error);

/* Queues @func; at most 10000 calls wait, more fail with LIMIT. @callback runs in the caller's
 * thread-default main context after the commit. @free_user_data runs on any thread, after @func.
 * @free_result: for a result nobody fetched. Thread: any that runs a main context. */
LECTERN_API void lectern_store_call_async (LecternStore *self, LecternStoreFunc func,
                                           gpointer user_data, GDestroyNotify free_user_data,
                                           GDestroyNotify free_result, GCancellable *cancellable,
                                           GAsyncReadyCallback callback, gpointer callback_data);
LECTERN_API gpointer lectern_store_call_finish (LecternStore *self, GAsyncResult *result,
                                                GError **error);

/* The same, waiting. For subcommands and tests only. */
LECTERN_API gpointer lectern_store_call (LecternStore *self, LecternStoreFunc func,
                                         gpointer user_data, GError **error);

/* Sets @error from the last sqlite error of @db. Returns FALSE. Thread: the store's. */
LECTERN_API gboolean lectern_store_set_error (sqlite3 *db, const char *doing, GError **error);
