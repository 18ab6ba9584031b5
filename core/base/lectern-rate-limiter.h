/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* LecternRateLimiter:
 *
 * A token bucket: @rate tokens a second, at most @burst saved up. Plain memory, zero-allocation.
 * Thread: any, one at a time. */
typedef struct
{
  double rate;
  double burst;
  double tokens;
  gint64 updated_us;
} LecternRateLimiter;

/* Starts full. */
LECTERN_API void lectern_rate_limiter_init (LecternRateLimiter *self, double rate, double burst,
                                            gint64 now_us);

/* Takes one token; FALSE when there is none. */
LECTERN_API gboolean lectern_rate_limiter_take (LecternRateLimiter *self, gint64 now_us);
