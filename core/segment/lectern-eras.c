/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-eras.h"

struct _LecternEras
{
  GArray *eras; /* of LecternEra, ascending numbers */
};

LecternEras *
lectern_eras_new (void)
{
  LecternEras *self = g_new (LecternEras, 1);

  self->eras = g_array_new (FALSE, FALSE, sizeof (LecternEra));
  return self;
}

void
lectern_eras_free (LecternEras *self)
{
  g_array_unref (self->eras);
  g_free (self);
}

/* How many eras begin at @number or before. */
static guint
count (LecternEras *self, guint64 number)
{
  guint n = self->eras->len;

  while (n > 0 && g_array_index (self->eras, LecternEra, n - 1).number > number)
    n--;
  return n;
}

static gint64
get_date (const LecternEra *era, gint64 start)
{
  return era->date_us + (start - era->start) / 1000;
}

gint64
lectern_eras_begin_segment (LecternEras *self, guint64 number, gint64 start, gint64 date_us,
                            gboolean discontinuity)
{
  guint n = count (self, number);
  const LecternEra *before = n > 0 ? &g_array_index (self->eras, LecternEra, n - 1) : NULL;
  LecternEra made = { number, start, date_us };

  if (before != NULL && (before->number == number || !discontinuity))
    return get_date (before, start);
  if (before != NULL)
    made.date_us = MAX (date_us, get_date (before, start));
  /* A rendition that begins earlier than what came first: still the first era. */
  if (before == NULL && self->eras->len > 0 && !discontinuity)
    {
      LecternEra *first = &g_array_index (self->eras, LecternEra, 0);

      made.date_us = get_date (first, start);
      *first = made;
      return made.date_us;
    }
  g_array_insert_val (self->eras, n, made);
  return made.date_us;
}

gboolean
lectern_eras_find (LecternEras *self, guint64 number, LecternEra *era)
{
  guint n = count (self, number);

  if (n == 0)
    return FALSE;
  *era = g_array_index (self->eras, LecternEra, n - 1);
  return TRUE;
}

void
lectern_eras_forget (LecternEras *self, guint64 number)
{
  guint n = count (self, number);

  if (n > 1)
    g_array_remove_range (self->eras, 0, n - 1);
}
