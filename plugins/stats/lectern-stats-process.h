/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What the system knows of this process. Thread: any. */

/* Returns: resident bytes, 0 when unknown. */
gint64 lectern_stats_process_get_memory (void);
/* Returns: open descriptors, 0 when unknown. */
guint lectern_stats_process_get_descriptors (void);
/* Returns: processor time used so far, µs. */
gint64 lectern_stats_process_get_cpu_us (void);
