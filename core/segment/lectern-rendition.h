/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-presentation-private.h"
#include "segment/lectern-spool.h"

/* One rendition's window. Everything under the presentation's lock. */
struct _LecternRendition
{
  char *name;
  guint order; /* among those of equal size */
  LecternTrack *track;
  GPtrArray *inits;  /* element-type GBytes, by number; NULL where no segment needs it any more */
  GPtrArray *tracks; /* element-type LecternTrack, by the same number */
  GList *memory; /* the first of `segments` in memory; those before it lie on the disk; NULL none */
  guint n_memory;
  gint64 old_ns;            /* of those on the disk */
  GQueue twins;             /* LecternSegment on the disk, of those in memory, ascending */
  LecternSegmentFile *disk; /* NULL: nothing is there */
  LecternSpool *spool;      /* NULL: none; the presentation's */
  GQueue segments;          /* LecternSegment, oldest first */
  gsize bytes;              /* of the segments */
  LecternSegmentFile *file; /* of memory; NULL: cannot be had */
  GPtrArray *parts;         /* of the segment under way */
  LecternSegment next;      /* its plain fields so far */
  gboolean under_way;
  gboolean listed; /* else it has left, at `left_us`, and may come back */
  gint64 left_us;
  guint64 version;
  guint64 bandwidth;
  guint64 sum_bits;
  gint64 sum_ns;
  guint64 sum_frames;
  gboolean all_independent;
};

LecternRendition *lectern_rendition_new (const char *name);
void lectern_rendition_free (LecternRendition *self);
gboolean lectern_rendition_set_track (LecternRendition *self, LecternTrack *track, GError **error);
void lectern_rendition_begin_segment (LecternRendition *self, const LecternCut *cut, gint64 start,
                                      gint64 date_us);
/* There is nothing for the segment that begins at @cut. */
void lectern_rendition_add_gap (LecternRendition *self, const LecternCut *cut, gint64 duration,
                                gint64 date_us, const LecternSegmentTargets *targets);
/* Drops the segments, after which it may go on. */
void lectern_rendition_clear (LecternRendition *self);
void lectern_rendition_add_part (LecternRendition *self, LecternPart *part, guint64 ticks,
                                 guint64 duration_ticks);
void lectern_rendition_end_segment (LecternRendition *self, const LecternSegmentTargets *targets);
/* A segment that is whole already; the window does not move. */
void lectern_rendition_add_segment (LecternRendition *self, LecternSegment *segment);
void lectern_rendition_get_view (LecternRendition *self, LecternRenditionView *view);
/* Returns: the number of the oldest segment held. */
guint64 lectern_rendition_get_oldest (LecternRendition *self);
LecternSegment *lectern_rendition_find_segment (LecternRendition *self, guint64 number);
LecternPart *lectern_rendition_find_part (LecternRendition *self, guint64 number, guint part);
/* Whether part @part of segment @number (G_MAXUINT: all of it) is there, or can never come. */
gboolean lectern_rendition_has (LecternRendition *self, guint64 number, guint part);
