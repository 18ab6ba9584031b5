/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-track.h"

/* LecternTimeRepair: turns a publisher's times into the stream's own clock, which starts at 0 and
 * goes on when the publisher's jumps, steps back or starts anew after a reconnection. All tracks
 * move together, so they stay in step. Plain memory, zero-initialised. */
typedef struct
{
  gboolean trusted; /* times are the stream's own already */
  gboolean started;
  gint64 offset;     /* stream time - publisher's time, ns */
  gint64 newest;     /* largest DTS given out, any track */
  gint64 last[4];    /* last DTS of each media given out, +1; 0 none */
  gint64 arrival_us; /* when the newest came */
} LecternTimeRepair;

/* Rewrites *@dts and *@pts (ns). Returns: TRUE when the clock was re-anchored. */
gboolean lectern_time_repair_apply (LecternTimeRepair *self, LecternMedia media, gint64 now_us,
                                    gint64 *dts, gint64 *pts);
/* The next packet is of a new publisher: it follows directly on the newest. */
void lectern_time_repair_restart (LecternTimeRepair *self);
