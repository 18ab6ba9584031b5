/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-address.h"

/* May this server connect to @address? Asked for each address that a name has, just before it is
 * used, so that a name cannot lead to where it must not (SSRF, DNS rebinding). Must not block.
 * Thread: the reactor's. */
typedef gboolean (*LecternDialFilter) (const LecternAddress *address, gpointer filter_data);
