/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-byte-reader.h"
#include "media/lectern-track.h"

/* Reads what lectern-cmaf.h writes, and nothing else: recordings that a crash left behind. Whatever
 * stands there, memory is bounded by the input. ISO/IEC 14496-12. Thread: any. */

#define LECTERN_MP4_MAX_INIT (256 * 1024)          /* ftyp and moov of a recording */
#define LECTERN_MP4_MAX_FRAGMENT (4 * 1024 * 1024) /* a moof */
#define LECTERN_MP4_MAX_TRACKS 2
/* prft, version 1 (8.16.5): before the first fragment of each segment of a recording. */
#define LECTERN_MP4_PRFT_SIZE 32

typedef struct
{
  char type[5];
  guint header; /* bytes: 8 or 16 */
  guint64 size; /* with the header */
} LecternMp4Box;

/* One frame of a track's table. */
typedef struct
{
  guint32 size;
  guint32 duration;
  gint32 composition;
  gboolean key;
} LecternMp4Sample;

typedef struct
{
  guint32 track;       /* its id: LECTERN_MEDIA_VIDEO or _AUDIO */
  guint64 decode_time; /* of its first sample, ticks */
  guint64 duration;    /* ticks, the sum */
  guint32 data_offset; /* of the first sample, from the moof's start */
  guint64 data_size;   /* of all samples */
  guint n_samples;
} LecternMp4Fragment;

/* Reads the header of the next box without moving. FALSE: too few bytes, or no box of stated size.
 */
LECTERN_API gboolean lectern_mp4_peek_box (const LecternByteReader *reader, LecternMp4Box *box);
/* Reads ftyp and moov. *@tracks: (transfer full), *@n_tracks of them, video before audio; free each
 * with lectern_track_unref. Errors: INVALID_DATA, NOT_SUPPORTED. */
LECTERN_API gboolean lectern_mp4_read_init (const guint8 *data, gsize size,
                                            LecternTrack *tracks[LECTERN_MP4_MAX_TRACKS],
                                            guint *n_tracks, GError **error);
/* Reads the moof that @data begins with and fills. Its samples are appended to @samples
 * (element-type LecternMp4Sample). Errors: INVALID_DATA. */
LECTERN_API gboolean lectern_mp4_read_fragment (const guint8 *data, gsize size,
                                                LecternMp4Fragment *fragment, GArray *samples,
                                                GError **error);
/* Reads a prft box. *@date_us: µs since 1970. */
LECTERN_API gboolean lectern_mp4_read_reference_time (const guint8 *data, gsize size,
                                                      guint32 *track, gint64 *date_us);
/* Writes it into @to. */
LECTERN_API void lectern_mp4_write_reference_time (guint8 to[LECTERN_MP4_PRFT_SIZE], guint32 track,
                                                   gint64 date_us, guint64 decode_time);
