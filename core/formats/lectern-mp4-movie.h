/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "formats/lectern-mp4-reader.h"

/* LecternMp4Movie: the tables of an ordinary MP4 file (ISO/IEC 14496-12) whose moov comes first and
 * whose media data are fragments as they were recorded: players that read tables never see a moof,
 * and HLS and DASH read the fragments out of the same file. Thread: any, one at a time. */
typedef struct _LecternMp4Movie LecternMp4Movie;

/* @tracks: as lectern_mp4_read_init gives them; references are taken. */
LECTERN_API LecternMp4Movie *lectern_mp4_movie_new (LecternTrack *const *tracks, guint n_tracks);
LECTERN_API void lectern_mp4_movie_free (LecternMp4Movie *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternMp4Movie, lectern_mp4_movie_free)
/* Adds a fragment and its samples to its track; @offset: of the first sample from the start of the
 * media data. A hole before it becomes a longer last sample. In order for each track.
 * Errors: INVALID_DATA (no such track, time goes back), LIMIT (16 million samples). */
LECTERN_API gboolean lectern_mp4_movie_add (LecternMp4Movie *self,
                                            const LecternMp4Fragment *fragment,
                                            const LecternMp4Sample *samples, guint64 offset,
                                            GError **error);
/* Returns: samples of the track with id @media. */
LECTERN_API guint lectern_mp4_movie_count (LecternMp4Movie *self, LecternMedia media);
/* Returns: ns from the earliest start to the latest end. */
LECTERN_API gint64 lectern_mp4_movie_get_duration (LecternMp4Movie *self);
/* Returns: (transfer full): ftyp, moov and the header of the mdat box that @data_size bytes of
 * media data follow. Starts that differ become edit lists. @date_us: when it was recorded.
 * Errors: LIMIT (1 GiB of tables), NOT_SUPPORTED. */
LECTERN_API GBytes *lectern_mp4_movie_write (LecternMp4Movie *self, guint64 data_size,
                                             gint64 date_us, GError **error);
