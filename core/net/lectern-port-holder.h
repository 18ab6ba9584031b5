/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* Returns: (transfer full) (nullable): who listens on TCP @port, or has UDP @port, "nginx (pid 812)",
 * as far as /proc shows it to this user. Thread: control. */
char *lectern_port_holder_find (guint16 port, gboolean udp);
