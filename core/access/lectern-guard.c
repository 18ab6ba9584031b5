/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-guard.h"

G_DEFINE_INTERFACE (LecternGuard, lectern_guard, G_TYPE_OBJECT)

static void
lectern_guard_default_init (LecternGuardInterface *iface)
{
}
