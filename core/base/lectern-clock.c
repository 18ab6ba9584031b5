/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-clock.h"

static LecternClockFunc now_func = g_get_monotonic_time;
static LecternClockFunc wall_func = g_get_real_time;

gint64
lectern_clock_now_us (void)
{
  return now_func ();
}

gint64
lectern_clock_wall_us (void)
{
  return wall_func ();
}

void
lectern_clock_set_for_test (LecternClockFunc now, LecternClockFunc wall)
{
  now_func = now != NULL ? now : g_get_monotonic_time;
  wall_func = wall != NULL ? wall : g_get_real_time;
}
