/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

/* What stream keys and tokens are made of and compared with. Thread: any. */

#define LECTERN_SECRET_HASH_SIZE 32

/* Returns: (transfer full): 32 random bytes in base64url. Private to core. */
char *lectern_secret_new (GError **error);

/* SHA-256. Private to core. */
void lectern_secret_hash (const char *secret, guint8 hash[LECTERN_SECRET_HASH_SIZE]);

/* In constant time, which tells nothing of the lengths either. */
LECTERN_API gboolean lectern_secret_equal (const char *a, const char *b);
