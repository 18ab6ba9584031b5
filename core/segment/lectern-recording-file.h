/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "formats/lectern-recording-index.h"
#include "segment/lectern-segment.h"

/* LecternRecordingFile: a recording while it is written: "app/name/YYYY-MM-DD-HH-MM-SS.part.mp4",
 * ftyp and moov, then fragments as they come, which any reader of fragmented MP4 plays at any
 * moment. Before the first fragment of each segment stands a prft box, so that segments and their
 * wall times are found again. Times begin at 0. One thread writes; the getters are Thread: any.
 * Atomically reference-counted. */
typedef struct _LecternRecordingFile LecternRecordingFile;

#define LECTERN_RECORDING_PART_SUFFIX ".part.mp4"

LECTERN_API LecternRecordingFile *lectern_recording_file_ref (LecternRecordingFile *self);
LECTERN_API void lectern_recording_file_unref (LecternRecordingFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRecordingFile, lectern_recording_file_unref)
/* Returns: the path below the folder of recordings, without its ending. */
LECTERN_API const char *lectern_recording_file_get_path (LecternRecordingFile *self);
/* Bytes and ns written so far. */
LECTERN_API guint64 lectern_recording_file_get_size (LecternRecordingFile *self);
LECTERN_API gint64 lectern_recording_file_get_duration (LecternRecordingFile *self);
/* Fills @index with what is written so far; its segments are single fragments, those of one segment
 * with the same number. */
LECTERN_API void lectern_recording_file_get_index (LecternRecordingFile *self,
                                                   LecternRecordingIndex *index);

/* The rest is the recorder's. */

/* Makes the file below the folder @root, under the local time of @started_us or the next free
 * second. @tracks: as for lectern_mp4_read_init. Errors: FAILED, LIMIT, NOT_SUPPORTED. */
LecternRecordingFile *lectern_recording_file_new (int root, const char *stream, gint64 started_us,
                                                  LecternTrack *const *tracks, guint n_tracks,
                                                  GError **error);
/* Returns: (transfer none) (nullable). */
LecternTrack *lectern_recording_file_get_track (LecternRecordingFile *self, LecternMedia media);
/* Adds a fragment to those that wait to be written: @segment's media, number, ticks, duration,
 * frames, date, independent and discontinuity. */
void lectern_recording_file_add (LecternRecordingFile *self, LecternPart *part,
                                 const LecternRecordingSegment *segment);
/* Returns: bytes that wait. */
gsize lectern_recording_file_get_waiting (LecternRecordingFile *self);
/* Writes what waits; after an error the file ends with the last whole fragment. Errors: FAILED,
 * LIMIT (disk full). */
gboolean lectern_recording_file_flush (LecternRecordingFile *self, GError **error);
gboolean lectern_recording_file_sync (LecternRecordingFile *self, GError **error);
/* Syncs and closes it; a file without a fragment is removed. Returns: whether anything is in it. */
gboolean lectern_recording_file_close (LecternRecordingFile *self);
