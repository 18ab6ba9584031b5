/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "formats/lectern-mp4-reader.h"

/* LecternRecordingIndex: where each segment of a finished recording lies in its file, so that HLS
 * and DASH can be served from it without reading its tables. Numbers are big-endian:
 *
 *     "LRIX"  u32 version 1
 *     u64 started, µs since 1970   u64 duration, ns   u64 size of the recording
 *     u32 frames of video          u32 size of the init
 *     u32 segments                 u32 0
 *     the init (ftyp and moov as the recording began)
 *     each segment in 48 bytes: u8 media  u8 flags (1 independent, 2 discontinuity)  u16 0
 *         u32 number  u64 ticks  u32 duration in ticks  u32 frames  u64 date, µs  u64 offset
 *         u32 size  u32 0
 *
 * Thread: any, one at a time. */
#define LECTERN_RECORDING_INDEX_MAX_SEGMENTS (1024 * 1024)
#define LECTERN_RECORDING_INDEX_HEADER 48

typedef struct
{
  LecternMedia media;
  gboolean independent;
  gboolean discontinuity;
  guint32 number;
  guint64 ticks;
  guint32 duration_ticks;
  guint32 frames;
  gint64 date_us;
  guint64 offset;
  guint32 size;
} LecternRecordingSegment;

typedef struct
{
  gint64 started_us;
  gint64 duration; /* ns */
  guint64 size;    /* of the recording, bytes */
  guint32 frames;  /* of video */
  LecternTrack *tracks[LECTERN_MP4_MAX_TRACKS];
  guint n_tracks;
  GBytes *init;
  GArray *segments; /* of LecternRecordingSegment, in the order of the file */
} LecternRecordingIndex;

LECTERN_API void lectern_recording_index_clear (LecternRecordingIndex *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRecordingIndex, lectern_recording_index_clear)

/* Returns: (transfer full): the bytes. Errors: LIMIT. */
LECTERN_API GBytes *lectern_recording_index_write (const LecternRecordingIndex *self,
                                                   GError **error);
/* Reads @data; @whole FALSE: it may end anywhere behind the init, and only what stands before the
 * segments is read. Segments have tracks, lie within the recording, and time does not go back.
 * Errors: INVALID_DATA. */
LECTERN_API gboolean lectern_recording_index_read (LecternRecordingIndex *self, const guint8 *data,
                                                   gsize size, gboolean whole, GError **error);
