/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/lectern-nearest.h"

#include <string.h>

#define MAX_WORD 64

/* Optimal string alignment, with three rows of the table at a time. */
static guint
distance (const char *a, gsize a_length, const char *b, gsize b_length)
{
  guint rows[3][MAX_WORD + 1];
  guint *before = rows[0];
  guint *above = rows[1];
  guint *row = rows[2];

  for (gsize j = 0; j <= b_length; j++)
    above[j] = (guint) j;
  for (gsize i = 1; i <= a_length; i++)
    {
      guint *spare = before;

      row[0] = (guint) i;
      for (gsize j = 1; j <= b_length; j++)
        {
          guint cost = g_ascii_tolower (a[i - 1]) != g_ascii_tolower (b[j - 1]);

          row[j] = MIN (MIN (row[j - 1] + 1, above[j] + 1), above[j - 1] + cost);
          if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
            row[j] = MIN (row[j], before[j - 2] + 1);
        }
      before = above;
      above = row;
      row = spare;
    }
  return above[b_length];
}

const char *
lectern_nearest (const char *word, const char *const *candidates)
{
  gsize length = strlen (word);
  /* A third of the letters may be wrong, and in short words one. */
  guint limit = MAX (1, (guint) MIN (length, MAX_WORD) / 3);
  const char *nearest = NULL;

  for (; length <= MAX_WORD && *candidates != NULL; candidates++)
    {
      gsize candidate_length = strlen (*candidates);
      guint found;

      if (candidate_length > MAX_WORD)
        continue;
      found = distance (word, length, *candidates, candidate_length);
      if (found <= limit && (nearest == NULL || found < limit))
        {
          nearest = *candidates;
          limit = found;
        }
    }
  return nearest;
}
