/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* LecternEra: segments in one unbroken time: from the first one, or from a discontinuity, to the
 * next discontinuity. */
typedef struct
{
  guint64 number; /* of its first segment */
  gint64 start;   /* DTS of its first frame, ns of the stream's clock */
  gint64 date_us; /* wall time of `start` */
} LecternEra;

/* The eras of one presentation. Not thread-safe. */
typedef struct _LecternEras LecternEras;

LecternEras *lectern_eras_new (void);
void lectern_eras_free (LecternEras *self);
/* The segment @number begins at @start; @date_us: its wall time, if it begins an era: the first
 * one, or one with @discontinuity. Dates never go back. Returns: the segment's wall time, µs. */
gint64 lectern_eras_begin_segment (LecternEras *self, guint64 number, gint64 start, gint64 date_us,
                                   gboolean discontinuity);
/* The era of segment @number; FALSE: there is none. */
gboolean lectern_eras_find (LecternEras *self, guint64 number, LecternEra *era);
/* Nothing before @number is asked for any more. */
void lectern_eras_forget (LecternEras *self, guint64 number);
