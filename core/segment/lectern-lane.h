/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-cuts.h"
#include "segment/lectern-fragmenter.h"
#include "segment/lectern-presentation-private.h"

/* LecternLane: one rendition on its way into a presentation: its frames are put into the segments
 * that the presentation's cuts begin. Sans I/O, one thread at a time. */
typedef struct
{
  LecternPresentation *presentation;
  const LecternSegmentTargets *targets;
  char *name;
  LecternMedia media;
  gboolean strict; /* begins only where a segment begins, so that renditions line up */
  gboolean silent; /* its frames are not used, but the moments of its cuts may be */
  LecternTrack *track;
  LecternFragmenter *fragmenter; /* NULL: nothing begun */
  gboolean open;                 /* a segment is under way */
  gint64 number;                 /* of the newest segment; -1 none */
  gint64 segment_dts;            /* of the segment under way */
  gint64 last_dts;               /* of the newest frame; G_MININT64 none */
  GQueue held;                   /* LecternPacket, ahead of the leader */
} LecternLane;

LecternLane *lectern_lane_new (LecternPresentation *presentation, const char *name,
                               LecternMedia media, gboolean strict);
void lectern_lane_free (LecternLane *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternLane, lectern_lane_free)
/* The next frame's track. *@changed: it is another one than before: the segment under way has
 * ended. FALSE: a file cannot carry it. */
gboolean lectern_lane_take_track (LecternLane *self, LecternTrack *track, gboolean *changed);
/* Puts a frame into the segment that it belongs to. */
void lectern_lane_put (LecternLane *self, LecternPacket *packet, const LecternCuts *cuts);
/* The segment under way ends with what there is. */
void lectern_lane_close (LecternLane *self);
/* The lane has nothing for the segments before @number: ends the one under way, and the others are
 * gaps. Only what has begun can be late. */
void lectern_lane_skip_to (LecternLane *self, const LecternCuts *cuts, guint64 number);
