/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* A packet as one message, on message stream @stream at @time_ms, in chunks of
 * LECTERN_RTMP_CHUNK_SIZE: the most bytes it needs, and its writing. Returns: the bytes written, 0
 * when RTMP cannot carry it. */
gsize lectern_rtmp_packet_bound (const LecternPacket *packet);
gsize lectern_rtmp_packet_write (const LecternPacket *packet, guint32 stream, guint32 time_ms,
                                 guint8 *to);

/* RTMP chunks for players, the same bytes for all of them: chunks of LECTERN_RTMP_CHUNK_SIZE, which
 * the player has been told, on message stream LECTERN_RTMP_PLAY_STREAM. */
extern const LecternTapeFormat lectern_rtmp_tape_format;
