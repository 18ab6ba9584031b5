/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

/* What a recording became. */
typedef struct
{
  gint64 duration;  /* ns */
  guint64 size;     /* bytes of the finished file */
  guint64 left_out; /* bytes at the end of the part file that were no whole fragment */
  guint32 video;    /* frames */
  guint32 audio;
} LecternFinisherResult;

/* Called now and then while it works. */
typedef void (*LecternFinisherFunc) (gpointer user_data);

/* Makes an ordinary MP4 of the recording NAME.part.mp4 in the folder @folder: NAME.mp4 with moov
 * before mdat, and NAME.index (lectern-recording-index.h). The fragments stand in the mdat as they
 * were recorded, but those of each segment together, so that each segment is one range of bytes.
 * A tail that a crash cut is left out. Both files are synced, read back and compared with what was
 * recorded before they get their names; then the part file is removed. Killed at any moment, it can
 * be run again. A copy that would leave too little of the disk free (lectern_recorder_is_disk_full
 * with @min_free) is not begun. Blocks for as long as it takes to copy the file.
 * Errors: INVALID_DATA (nothing in it to save), LIMIT (the disk is full), FAILED. Thread: any. */
LECTERN_API gboolean lectern_finisher_run (int folder, const char *name, guint64 min_free,
                                           LecternFinisherFunc func, gpointer user_data,
                                           LecternFinisherResult *result, GError **error);
