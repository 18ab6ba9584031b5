/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The query of a player's request, and what its playlist's addresses carry of it. */
#include "segment/lectern-carried-query.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *query = g_strndup ((const char *) data, size);
  g_autofree char *plain = lectern_carried_query_make (query, NULL);
  g_autofree char *carried = lectern_carried_query_make (query, "abc");
  g_autofree char *again = lectern_carried_query_make (carried, NULL);
  gsize length = 0;
  const char *session = lectern_carried_query_find_session (carried, &length);

  g_assert (strpbrk (plain, "\"'\\<>") == NULL);
  g_assert (g_str_equal (plain, again));
  g_assert (lectern_carried_query_matches (query, plain));
  g_assert (lectern_carried_query_matches (carried, plain));
  g_assert (session != NULL && length == 3 && strncmp (session, "abc", 3) == 0);
  return 0;
}
