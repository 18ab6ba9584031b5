/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-address.h"

/* LecternGate: how many connections an address (IPv6: its /64) and the server may have open, and
 * how fast they may come. Shared by all listeners. Loopback counts like anyone. */
typedef struct _LecternGate LecternGate;

/* @per_address, @total: open connections; @rate: new ones a second and address; 0: unlimited.
 * Thread: any. */
LECTERN_API LecternGate *lectern_gate_new (guint per_address, guint rate, guint total);
LECTERN_API LecternGate *lectern_gate_ref (LecternGate *self);
LECTERN_API void lectern_gate_unref (LecternGate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternGate, lectern_gate_unref)
LECTERN_API void lectern_gate_set_limits (LecternGate *self, guint per_address, guint rate,
                                          guint total);
/* Returns: TRUE when admitted: lectern_gate_leave is then due. @reason: (out): static word for the
 * metric, "address", "rate" or "total". Thread: any. */
LECTERN_API gboolean lectern_gate_enter (LecternGate *self, const LecternAddress *address,
                                         const char **reason);
LECTERN_API void lectern_gate_leave (LecternGate *self, const LecternAddress *address);
