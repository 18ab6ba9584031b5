/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

#include <glib.h>

/* Marks what @fd, a socket of IPv4 or IPv6 (with IPv4 in it), sends from now on with @dscp, 0 to 63
 * (RFC 2474); connections that it accepts inherit the mark. A listener does this by itself: see
 * lectern_listener_set_dscp and the "dscp" setting of lectern_plugin_add_listeners. Switches may
 * ignore marks, and so may the system: nothing is reported. Thread: any. */
LECTERN_API void lectern_dscp_apply (int fd, guint dscp);
