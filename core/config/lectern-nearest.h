/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Finds what somebody who wrote @word most likely meant: the candidate with the fewest insertions,
 * deletions, replacements and swaps of neighbours between, when they are few. Private to core.
 * Returns: (nullable): one of the NULL-terminated @candidates. Thread: any. */
const char *lectern_nearest (const char *word, const char *const *candidates);
