/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-cuts.h"

/* No rendition is ever so far behind. */
#define MAX_CUTS 64

void
lectern_cuts_init (LecternCuts *self)
{
  self->cuts = g_array_new (FALSE, FALSE, sizeof (LecternCut));
}

void
lectern_cuts_clear (LecternCuts *self)
{
  g_array_unref (self->cuts);
}

const LecternCut *
lectern_cuts_get_newest (const LecternCuts *self)
{
  return self->cuts->len > 0 ? &g_array_index (self->cuts, LecternCut, self->cuts->len - 1) : NULL;
}

const LecternCut *
lectern_cuts_add (LecternCuts *self, gint64 start, gboolean discontinuity)
{
  const LecternCut *newest = lectern_cuts_get_newest (self);
  LecternCut cut = { .start = start, .discontinuity = discontinuity };

  if (newest != NULL)
    {
      cut.number = newest->number + 1;
      cut.timeline = newest->timeline + (discontinuity ? 1 : 0);
    }
  g_array_append_val (self->cuts, cut);
  if (self->cuts->len > MAX_CUTS)
    g_array_remove_index (self->cuts, 0);
  return lectern_cuts_get_newest (self);
}

const LecternCut *
lectern_cuts_find (const LecternCuts *self, gint64 time)
{
  for (guint i = self->cuts->len; i > 0; i--)
    if (g_array_index (self->cuts, LecternCut, i - 1).start <= time)
      return &g_array_index (self->cuts, LecternCut, i - 1);
  return NULL;
}

const LecternCut *
lectern_cuts_get (const LecternCuts *self, guint64 number)
{
  const LecternCut *newest = lectern_cuts_get_newest (self);

  if (newest == NULL || number > newest->number || newest->number - number >= self->cuts->len)
    return NULL;
  return &g_array_index (self->cuts, LecternCut, self->cuts->len - 1 - (newest->number - number));
}
