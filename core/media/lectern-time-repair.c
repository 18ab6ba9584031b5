/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-time-repair.h"

#define MS G_GINT64_CONSTANT (1000000)
/* One step further back than tracks are ever interleaved, or further ahead than the time that
 * really passed, is a broken clock. */
#define MAX_BACK (2000 * MS)
#define MAX_AHEAD (3000 * MS)
#define MAX_COMPOSITION (10000 * MS)
#define ANCHOR_STEP (33 * MS)

static gboolean
is_plausible (const LecternTimeRepair *self, gint64 dts, gint64 now_us)
{
  gint64 passed = (now_us - self->arrival_us) * 1000;

  return dts >= self->newest - MAX_BACK && dts <= self->newest + passed + MAX_AHEAD;
}

static gint64
anchor (const LecternTimeRepair *self, gint64 raw)
{
  if (!self->started)
    return -raw;
  return self->newest + ANCHOR_STEP - raw;
}

gboolean
lectern_time_repair_apply (LecternTimeRepair *self, LecternMedia media, gint64 now_us, gint64 *dts,
                           gint64 *pts)
{
  gint64 composition = CLAMP (*pts - *dts, 0, MAX_COMPOSITION);
  gint64 raw = CLAMP (*dts, -(G_MAXINT64 / 4), G_MAXINT64 / 4);
  gint64 fixed = raw + self->offset;
  gboolean anchored = FALSE;

  if (self->trusted)
    fixed = MAX (raw, 0);
  else if (!self->started || !is_plausible (self, fixed, now_us))
    {
      anchored = self->started;
      self->offset = anchor (self, raw);
      fixed = raw + self->offset;
      self->started = TRUE;
    }
  /* Wire times are whole milliseconds, so the smallest step that survives them is one. */
  fixed = MAX (fixed, self->last[media] > 0 ? self->last[media] - 1 + MS : 0);
  self->last[media] = fixed + 1;
  if (fixed >= self->newest)
    {
      self->newest = fixed;
      self->arrival_us = now_us;
    }
  *dts = fixed;
  *pts = fixed + composition;
  return anchored;
}

void
lectern_time_repair_restart (LecternTimeRepair *self)
{
  /* No plausible time is so far back: the next packet is anchored. */
  if (self->started)
    self->offset = -(G_MAXINT64 / 2);
}
