/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* LecternCut: where a segment begins, in all renditions. */
typedef struct
{
  guint64 number;
  gint64 start; /* PTS, ns */
  gboolean discontinuity;
  guint64 timeline; /* discontinuities up to here, its own included */
} LecternCut;

/* LecternCuts: the newest cuts of a presentation, by which slower renditions are cut later. */
typedef struct
{
  GArray *cuts; /* of LecternCut, ascending */
} LecternCuts;

void lectern_cuts_init (LecternCuts *self);
void lectern_cuts_clear (LecternCuts *self);
/* Returns: the new cut; lives until the next change. */
const LecternCut *lectern_cuts_add (LecternCuts *self, gint64 start, gboolean discontinuity);
/* Returns: (nullable). */
const LecternCut *lectern_cuts_get_newest (const LecternCuts *self);
/* Returns: (nullable): the newest cut that begins at or before @time. */
const LecternCut *lectern_cuts_find (const LecternCuts *self, gint64 time);
/* Returns: (nullable): the cut that begins segment @number; NULL: too old, or to come. */
const LecternCut *lectern_cuts_get (const LecternCuts *self, guint64 number);
