/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-presentation.h"

/* The segmenter's side; each call under nobody's lock, for one rendition by one thread at a time.
 */
LecternPresentation *
lectern_presentation_new (const char *name, const LecternSegmentTargets *targets, gint64 epoch_us);
/* Makes the rendition, or a new init segment for it when the track has changed. Errors: those of
 * lectern_cmaf_write_init. */
gboolean lectern_presentation_set_track (LecternPresentation *self, const char *rendition,
                                         LecternTrack *track, GError **error);
/* The segment @number is under way. */
void lectern_presentation_begin_segment (LecternPresentation *self, const char *rendition,
                                         guint64 number, gint64 start, gboolean discontinuity);
void lectern_presentation_add_part (LecternPresentation *self, const char *rendition,
                                    LecternPart *part, guint64 ticks, guint64 duration_ticks);
/* The segment under way is whole; one without parts is dropped. */
void lectern_presentation_end_segment (LecternPresentation *self, const char *rendition);
/* Nothing follows. */
void lectern_presentation_end (LecternPresentation *self);
