/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "formats/lectern-mp4-reader.h"

/* LecternPartScan: what stands in a part file, read from its boxes alone, up to the first thing
 * that is no whole fragment: there a crash cut it. Thread: any, one at a time. */

typedef struct
{
  guint64 offset; /* in the file, of the prft box if there is one, else of the moof */
  guint64 size;   /* to the end of the mdat */
  guint head;     /* bytes before the moof */
  guint first_sample;
  gboolean independent;
  LecternMp4Fragment fragment;
} LecternPartFragment;

typedef struct
{
  LecternMedia media;
  gint64 start; /* ns */
  gint64 date_us;
  gboolean discontinuity; /* a hole before it */
  GArray *fragments;      /* of guint: indexes */
} LecternPartSegment;

typedef struct
{
  LecternTrack *tracks[LECTERN_MP4_MAX_TRACKS];
  guint n_tracks;
  GBytes *init;
  GArray *samples;   /* of LecternMp4Sample */
  GArray *fragments; /* of LecternPartFragment, in the order of the file */
  GArray *segments;  /* of LecternPartSegment */
  guint64 whole;     /* bytes up to the end of the last whole fragment */
  guint64 size;      /* of the file */
  /*< private >*/
  gint newest[LECTERN_MEDIA_DATA]; /* each track's last segment, -1 none */
} LecternPartScan;

/* Reads the file @fd. Returns: (transfer full). Errors: INVALID_DATA (no recording, or nothing in
 * it), LIMIT, FAILED. */
LecternPartScan *lectern_part_scan_new (int fd, GError **error);
void lectern_part_scan_free (LecternPartScan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternPartScan, lectern_part_scan_free)
/* The fragment that place @place of @indexes names. */
const LecternPartFragment *lectern_part_scan_get_fragment (LecternPartScan *self, GArray *indexes,
                                                           guint place);
