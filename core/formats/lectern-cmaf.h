/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-packet.h"

/* Fragmented MP4 as CMAF wants it (ISO/IEC 14496-12, 14496-14, 14496-15, 23000-19): one init
 * segment, then fragments (moof and mdat) of one track each. Track ids are fixed, video 1 and audio
 * 2, so that the fragments of all tracks appended to one file behind a joint moov are a recording.
 * H.264, H.265, AV1, VP9, AAC, MP3 and Opus. Thread: any. */

/* LecternCmafSample: one frame of a fragment, times in the track's timescale. */
typedef struct
{
  GBytes *payload;
  guint32 duration;
  gint32 composition; /* pts - dts */
  gboolean key;
} LecternCmafSample;

/* Returns: ticks a second: 90000 for video, the sample rate for audio. */
LECTERN_API guint32 lectern_cmaf_get_timescale (LecternTrack *track);
/* Returns: @ns in ticks, rounded down, without overflow for any time. */
LECTERN_API gint64 lectern_cmaf_from_ns (gint64 ns, guint32 timescale);
LECTERN_API gint64 lectern_cmaf_to_ns (gint64 ticks, guint32 timescale);

/* Whether a file can carry the track's codec. */
LECTERN_API gboolean lectern_cmaf_can_carry (LecternTrack *track);
/* ftyp and moov with mvex for @n_tracks tracks. Returns: (transfer full).
 * Errors: NOT_SUPPORTED (codec), INVALID_DATA (a config is missing or too short). */
LECTERN_API GBytes *lectern_cmaf_write_init (LecternTrack *const *tracks, guint n_tracks,
                                             GError **error);
/* One moof (mfhd, tfhd with default-base-is-moof, tfdt version 1, trun version 1) and its mdat.
 * @decode_time: of the first sample. @n_samples: 1 … 65536. Returns: (transfer full). */
LECTERN_API GBytes *lectern_cmaf_write_fragment (LecternTrack *track, guint32 sequence,
                                                 guint64 decode_time,
                                                 const LecternCmafSample *samples, guint n_samples);
/* The beginning of a fragment, which holds its numbers. */
#define LECTERN_CMAF_STAMP_SIZE 68
/* Copies the beginning of @fragment, written by lectern_cmaf_write_fragment, with another sequence
 * number and decode time. FALSE: it is no such fragment. */
LECTERN_API gboolean lectern_cmaf_restamp (GBytes *fragment, guint8 to[LECTERN_CMAF_STAMP_SIZE],
                                           guint32 sequence, guint64 decode_time);
/* Returns: (transfer full) (nullable): the codecs parameter (RFC 6381): "avc1.64001f", "mp4a.40.2";
 * NULL when the config does not tell. */
LECTERN_API char *lectern_cmaf_get_codec_string (LecternTrack *track);
