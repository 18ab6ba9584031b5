/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* What the system knows of this process. Thread: any. */

/* Returns: resident bytes, 0 when unknown. */
LECTERN_API gint64 lectern_process_get_memory (void);
/* Returns: open descriptors, 0 when unknown. */
LECTERN_API guint lectern_process_get_descriptors (void);
/* Returns: processor time used so far, µs. */
LECTERN_API gint64 lectern_process_get_cpu_us (void);
