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

/* LecternSegmentFile: an open file that segments lie in. Atomically reference-counted; closed with
 * the last reference. Thread: any. */
typedef struct
{
  int fd;
  /*< private >*/
  gint refs;
  guint64 end; /* where the next segment goes */
} LecternSegmentFile;

/* @fd: (transfer full). */
LECTERN_API LecternSegmentFile *lectern_segment_file_new (int fd);
LECTERN_API LecternSegmentFile *lectern_segment_file_ref (LecternSegmentFile *self);
LECTERN_API void lectern_segment_file_unref (LecternSegmentFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternSegmentFile, lectern_segment_file_unref)

/* Some bytes of a file. */
typedef struct
{
  guint64 offset;
  gsize size;
} LecternSegmentPiece;

/* LecternSegment: some seconds of one track, whole. In memory or in a file. Immutable, atomically
 * reference-counted. Thread: any. */
typedef struct
{
  guint64 number;  /* media sequence number; the same in all renditions of a presentation */
  guint init;      /* number of the init segment it needs */
  gint64 start;    /* DTS of its first frame, ns of the stream's clock */
  gint64 duration; /* ns */
  guint64 ticks;   /* `start` as in its tfdt, in the track's timescale */
  guint64 duration_ticks;
  gint64 date_us; /* wall time of its first picture */
  gboolean independent;
  gboolean discontinuity; /* time or codec breaks before it */
  guint64 timeline;       /* discontinuities so far, its own included; the same in all renditions */
  gboolean gap;           /* there is nothing: the rendition's frames did not come */
  guint frames;
  gsize size;       /* bytes */
  GPtrArray *parts; /* element-type LecternPart; in order, slices of `bytes`; empty in a file */
  GBytes *bytes;    /* NULL: in a file */
  LecternSegmentFile *file; /* NULL: in memory alone; with `bytes`: there too */
  guint64 offset;           /* in the file */
  /*< private >*/
  LecternSegmentPiece *pieces; /* NULL: it lies in one */
  guint n_pieces;
  gint refs;
} LecternSegment;

/* Takes the plain fields of @fields, up to `frames`: @size bytes of @file from @offset. Returns:
 * (transfer full). */
LECTERN_API LecternSegment *lectern_segment_new_in_file (const LecternSegment *fields,
                                                         LecternSegmentFile *file, guint64 offset,
                                                         gsize size);
/* The same for one that lies in pieces, between those of others; use lectern_segment_read. */
LECTERN_API LecternSegment *lectern_segment_new_in_pieces (const LecternSegment *fields,
                                                           LecternSegmentFile *file,
                                                           const LecternSegmentPiece *pieces,
                                                           guint n_pieces);
/* Returns: whether it is one range of its file. */
LECTERN_API gboolean lectern_segment_is_range (LecternSegment *self);
/* Returns: (transfer full) (nullable): all of it; NULL: its file cannot be read. Blocks on a disk.
 */
LECTERN_API GBytes *lectern_segment_read (LecternSegment *self);
LECTERN_API LecternSegment *lectern_segment_ref (LecternSegment *self);
LECTERN_API void lectern_segment_unref (LecternSegment *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternSegment, lectern_segment_unref)
