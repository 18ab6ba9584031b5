/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

#define LECTERN_TS_PACKET 188
/* Bytes of units (PES packets, tables) that have begun and are not yet followed by another. */
#define LECTERN_TS_MAX_OPEN (16 * 1024 * 1024)

/* LecternTsPackets: bytes from a peer → whole packets of an MPEG transport stream (ISO/IEC 13818-1,
 * 2.4.3), of which nothing can begin that never ends: demultiplexers collect a unit however large
 * it becomes. Bytes that are no packets are left out. Thread: any, one at a time. */
typedef struct _LecternTsPackets LecternTsPackets;

LECTERN_API LecternTsPackets *lectern_ts_packets_new (void);
LECTERN_API void lectern_ts_packets_free (LecternTsPackets *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternTsPackets, lectern_ts_packets_free)

/* Takes @data. Returns: (transfer full): the packets that it completes, also none. Errors: LIMIT:
 * units larger than LECTERN_TS_MAX_OPEN; nothing is to follow. */
LECTERN_API GBytes *lectern_ts_packets_take (LecternTsPackets *self, const guint8 *data, gsize size,
                                             GError **error);
/* Bytes that were left out. */
LECTERN_API guint64 lectern_ts_packets_get_skipped (LecternTsPackets *self);
