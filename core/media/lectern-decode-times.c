/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-decode-times.h"

#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)
#define MAX_LEARNED 4 /* more is seen with encoders only that say so */
#define STEP_BACK (1000 * MS)

void
lectern_decode_times_init (LecternDecodeTimes *self, gint reorder)
{
  guint known = (guint) CLAMP (reorder, 0, LECTERN_DECODE_TIMES_MAX);

  *self = (LecternDecodeTimes){ .reorder = known, .most = reorder < 0 ? MAX_LEARNED : known };
}

static void
insert (LecternDecodeTimes *self, gint64 time)
{
  guint at = self->count;

  while (at > 0 && self->waiting[at - 1] > time)
    {
      self->waiting[at] = self->waiting[at - 1];
      at--;
    }
  self->waiting[at] = time;
  self->count++;
}

static gint64
take_first (LecternDecodeTimes *self)
{
  gint64 first = self->waiting[0];

  self->count--;
  memmove (self->waiting, self->waiting + 1, self->count * sizeof self->waiting[0]);
  return first;
}

/* The first pictures have none before them to take the time of. */
static gint64
get_early_time (LecternDecodeTimes *self)
{
  return self->waiting[0] - (gint64) (self->reorder - self->count + 1) * MS;
}

gint64
lectern_decode_times_next (LecternDecodeTimes *self, gint64 *pts)
{
  gint64 dts;

  if (self->started && *pts < self->last - STEP_BACK)
    self->started = self->count = 0;
  if (self->started && *pts <= self->last && self->reorder < self->most)
    self->reorder++;
  insert (self, *pts);
  dts = self->count > self->reorder ? take_first (self) : get_early_time (self);
  if (self->started)
    dts = MAX (dts, self->last + 1);
  self->started = TRUE;
  self->last = dts;
  *pts = MAX (*pts, dts);
  return dts;
}
