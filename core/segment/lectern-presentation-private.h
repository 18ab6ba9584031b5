/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-ladder.h"
#include "segment/lectern-cuts.h"
#include "segment/lectern-presentation.h"

struct _LecternSpool;

/* The segmenter's side; each call under nobody's lock, for one rendition by one thread at a time.
 */
/* A segment is under way, which begins at @cut; its first frame's DTS is @start, and is shown at
 * @shown. */
void lectern_presentation_begin_segment (LecternPresentation *self, const char *rendition,
                                         const LecternCut *cut, gint64 start, gint64 shown);
void lectern_presentation_add_part (LecternPresentation *self, const char *rendition,
                                    LecternPart *part, guint64 ticks, guint64 duration_ticks);
/* The segment under way is whole; one without parts is dropped. */
void lectern_presentation_end_segment (LecternPresentation *self, const char *rendition);
/* The rendition has nothing for the @duration ns from @cut. */
void lectern_presentation_add_gap (LecternPresentation *self, const char *rendition,
                                   const LecternCut *cut, gint64 duration);
/* Whether playlists list the rendition, if there is one. What has left can be had for a moment, so
 * that players notice and go elsewhere. */
void lectern_presentation_set_listed (LecternPresentation *self, const char *rendition,
                                      gboolean listed);
/* Whole segments go to @spool too, for as long as the targets' `rewind` says. Before the first. */
void lectern_presentation_set_spool (LecternPresentation *self, struct _LecternSpool *spool);
/* The spool's side: the rendition's file, (transfer full) (nullable), and a segment that lies in it
 * and will stand for the one in memory. */
LecternSegmentFile *lectern_presentation_get_disk_file (LecternPresentation *self,
                                                        const char *rendition);
void lectern_presentation_set_disk_file (LecternPresentation *self, const char *rendition,
                                         LecternSegmentFile *file);
void lectern_presentation_take_twin (LecternPresentation *self, const char *rendition,
                                     LecternSegment *twin);
/* @ladder: (nullable): what the rungs are, and are meant to be. */
void lectern_presentation_set_rungs (LecternPresentation *self, LecternLadder *ladder);
