/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-presentation.h"

/* The segmenter's side; each call under nobody's lock, for one rendition by one thread at a time.
 */
/* The segment @number is under way. */
void lectern_presentation_begin_segment (LecternPresentation *self, const char *rendition,
                                         guint64 number, gint64 start, gboolean discontinuity);
void lectern_presentation_add_part (LecternPresentation *self, const char *rendition,
                                    LecternPart *part, guint64 ticks, guint64 duration_ticks);
/* The segment under way is whole; one without parts is dropped. */
void lectern_presentation_end_segment (LecternPresentation *self, const char *rendition);
