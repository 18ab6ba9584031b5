/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-address.h"

/* Takes the UDP port @wanted for a moment, to see that it is free; 0: any that is. For a worker
 * that will listen there: an operator hears at once what is wrong. *@found: with the port. Errors:
 * CONFLICT: the port is taken (the message names it); DENIED, FAILED. Thread: control. */
gboolean lectern_udp_port_find (const LecternAddress *wanted, LecternAddress *found,
                                GError **error);
