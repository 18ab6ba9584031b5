/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-track.h"

/* LecternPart: some frames of one track as moof and mdat: what low-latency HLS hands out before the
 * segment is whole. Immutable, atomically reference-counted. Thread: any. */
typedef struct
{
  GBytes *bytes;
  gint64 duration; /* ns, the exact sum of its frames' */
  guint frames;
  gboolean independent; /* begins with a key frame */
  /*< private >*/
  gint refs;
} LecternPart;

LECTERN_API LecternPart *lectern_part_new (GBytes *bytes, gint64 duration, guint frames,
                                           gboolean independent);
LECTERN_API LecternPart *lectern_part_ref (LecternPart *self);
LECTERN_API void lectern_part_unref (LecternPart *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternPart, lectern_part_unref)

/* LecternSegment: some seconds of one track, whole. Immutable, atomically reference-counted.
 * Thread: any. */
typedef struct
{
  guint64 number;  /* media sequence number; the same in all renditions of a presentation */
  guint init;      /* number of the init segment it needs */
  gint64 start;    /* DTS of its first frame, ns of the stream's clock */
  gint64 duration; /* ns */
  guint64 ticks;   /* `start` as in its tfdt, in the track's timescale */
  guint64 duration_ticks;
  gint64 date_us; /* wall time of `start` */
  gboolean independent;
  gboolean discontinuity; /* time or codec breaks before it */
  GPtrArray *parts; /* element-type LecternPart; in order; their bytes are slices of `bytes` */
  GBytes *bytes;
  /*< private >*/
  gint refs;
} LecternSegment;

LECTERN_API LecternSegment *lectern_segment_ref (LecternSegment *self);
LECTERN_API void lectern_segment_unref (LecternSegment *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternSegment, lectern_segment_unref)
