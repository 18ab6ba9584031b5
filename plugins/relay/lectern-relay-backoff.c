/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-relay-backoff.h"

#define FIRST_US G_USEC_PER_SEC
#define LAST_US (30 * G_USEC_PER_SEC)
#define URGENT_US G_USEC_PER_SEC
#define AT_ONCE_US 100000
/* What ends sooner has not worked. */
#define WORKED_US (5 * G_USEC_PER_SEC)
/* 2^5 s are more than the last. */
#define MAX_STEPS 5

void
lectern_relay_backoff_worked (LecternRelayBackoff *self, gint64 duration_us)
{
  if (duration_us < WORKED_US)
    return;
  self->failures = 0;
  self->worked = TRUE;
}

gint64
lectern_relay_backoff_next (LecternRelayBackoff *self, gboolean urgent, double jitter)
{
  gint64 delay_us = MIN (FIRST_US << MIN (self->failures, MAX_STEPS), LAST_US);

  if (self->worked)
    delay_us = AT_ONCE_US;
  else
    self->failures++;
  self->worked = FALSE;
  if (urgent)
    delay_us = MIN (delay_us, URGENT_US);
  /* Three quarters to all of it. */
  return delay_us - (gint64) ((double) delay_us * jitter / 4);
}
