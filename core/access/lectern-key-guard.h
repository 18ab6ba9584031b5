/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access/lectern-guard.h"
#include "store/lectern-store.h"

/* LecternKeyGuard: the stream keys. A request to PUBLISH with a key is allowed when the key's
 * SHA-256 is in the store for that stream, with the identity ("key", hex of the hash); with a wrong
 * key it is denied; without a key it abstains. A key comes as "key=…" in the query, as the password
 * of HTTP's Basic with any name, or by Digest, whose user name is the stream's own ("physics"); a
 * bearer token is not its business. The hashes are compared in constant time. */
#define LECTERN_TYPE_KEY_GUARD (lectern_key_guard_get_type ())
LECTERN_API
G_DECLARE_FINAL_TYPE (LecternKeyGuard, lectern_key_guard, LECTERN, KEY_GUARD, GObject)

/* Thread: control. */
LECTERN_API LecternKeyGuard *lectern_key_guard_new (LecternStore *store);

/* Makes a key for @stream ("live/physics", or "physics", which means "live/physics"): 32 random
 * bytes, base64url. Only its SHA-256 is stored, and
 * what Digest needs. @replace drops the stream's other keys.
 * Returns: (transfer full): the key, told once. Blocks; for subcommands and start-up.
 * Errors: INVALID_DATA for a bad name, FAILED. Thread: any. */
LECTERN_API char *lectern_key_create (LecternStore *store, const char *stream, const char *label,
                                      gboolean replace, GError **error);
