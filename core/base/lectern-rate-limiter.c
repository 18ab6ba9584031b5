/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-rate-limiter.h"

void
lectern_rate_limiter_init (LecternRateLimiter *self, double rate, double burst, gint64 now_us)
{
  *self
      = (LecternRateLimiter){ .rate = rate, .burst = burst, .tokens = burst, .updated_us = now_us };
}

gboolean
lectern_rate_limiter_take (LecternRateLimiter *self, gint64 now_us)
{
  gint64 passed_us = MAX (now_us - self->updated_us, 0);

  self->tokens = MIN (self->burst, self->tokens + self->rate * (double) passed_us / 1e6);
  self->updated_us = now_us;
  if (self->tokens < 1)
    return FALSE;
  self->tokens -= 1;
  return TRUE;
}
