/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-byte-writer.h"
#include "media/lectern-track.h"

/* The boxes of ISO/IEC 14496-12 as they are written. `begin` returns what `end` needs to fill the
 * size in. */
gsize lectern_mp4_begin_box (LecternByteWriter *writer, const char *type);
gsize lectern_mp4_begin_full_box (LecternByteWriter *writer, const char *type, guint8 version,
                                  guint32 flags);
void lectern_mp4_end_box (LecternByteWriter *writer, gsize box);
void lectern_mp4_put_zeros (LecternByteWriter *writer, gsize length);
/* The unity matrix of mvhd and tkhd. */
void lectern_mp4_put_matrix (LecternByteWriter *writer);
/* hdlr; then vmhd or smhd with dinf: what does not depend on the file's kind. */
void lectern_mp4_put_handler (LecternByteWriter *writer, LecternTrack *track);
void lectern_mp4_put_media_info (LecternByteWriter *writer, LecternTrack *track);
/* avc1, hvc1, av01, vp09, mp4a or Opus, with its config. Errors: NOT_SUPPORTED, INVALID_DATA. */
gboolean lectern_mp4_put_sample_entry (LecternByteWriter *writer, LecternTrack *track,
                                       GError **error);
