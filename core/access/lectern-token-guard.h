/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access/lectern-guard.h"

/* LecternTokenGuard: the operator's token. "Authorization: Bearer TOKEN" allows every action, with
 * the identity ("token", "admin"); another bearer token is denied; on all else it abstains.
 * Compared in constant time. Thread: control. */
#define LECTERN_TYPE_TOKEN_GUARD (lectern_token_guard_get_type ())
LECTERN_API
G_DECLARE_FINAL_TYPE (LecternTokenGuard, lectern_token_guard, LECTERN, TOKEN_GUARD, GObject)

LECTERN_API LecternTokenGuard *lectern_token_guard_new (const char *token);

/* Reads STATE_DIR/admin-token; makes it (32 random bytes in base64url, mode 0600) when there is
 * none. A file that others can read is refused. Two programs may do this at once. Blocks.
 * Returns: (transfer full): the token.
 * Errors: INVALID_CONFIG, DENIED, FAILED. Thread: any. */
LECTERN_API char *lectern_token_load_or_create (const char *state_dir, GError **error);
