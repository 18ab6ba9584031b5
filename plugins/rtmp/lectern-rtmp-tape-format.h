/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* RTMP chunks for players, the same bytes for all of them: chunks of LECTERN_RTMP_CHUNK_SIZE, which
 * the player has been told, on message stream LECTERN_RTMP_PLAY_STREAM. */
extern const LecternTapeFormat lectern_rtmp_tape_format;
