/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* Monotonic time in microseconds; never wall time, so that a clock step moves no timer.
 * Thread: any. */
LECTERN_API gint64 lectern_clock_now_us (void);

/* Wall time in microseconds since 1970, for what people read and for expiry of tokens.
 * Thread: any. */
LECTERN_API gint64 lectern_clock_wall_us (void);

/* Replaces both clocks in a test; NULL restores the real ones. The functions must be safe in any
 * thread. Thread: control, before other threads run. */
typedef gint64 (*LecternClockFunc) (void);
LECTERN_API void lectern_clock_set_for_test (LecternClockFunc now, LecternClockFunc wall);
