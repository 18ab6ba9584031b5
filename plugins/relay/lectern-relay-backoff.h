/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* LecternRelayBackoff: how long to wait until the next try: 1, 2, 4 … 30 s; at once for one that
 * has worked; never long while somebody waits for it. Plain memory, zero-initialised. */
typedef struct
{
  guint failures; /* in a row */
  gboolean worked;
} LecternRelayBackoff;

/* It worked for so long. */
void lectern_relay_backoff_worked (LecternRelayBackoff *self, gint64 duration_us);
/* @urgent: viewers wait for it. @jitter: 0.0 … 1.0, so that many who lost the same server do not
 * all come back at once. Returns: µs. */
gint64 lectern_relay_backoff_next (LecternRelayBackoff *self, gboolean urgent, double jitter);
