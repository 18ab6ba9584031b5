/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-presentation-private.h"

/* LecternSegmenter: cuts one stream into the renditions "video" and "audio" of a presentation, sans
 * I/O. Video decides where segments begin: at a key frame once the target is reached, at any frame
 * before the limit would be exceeded; audio follows at its first frame from there on. Without
 * video, audio decides. One thread at a time. */
typedef struct _LecternSegmenter LecternSegmenter;

LecternSegmenter *lectern_segmenter_new (LecternPresentation *presentation);
void lectern_segmenter_free (LecternSegmenter *self);
/* The next frame; METADATA and other data packets are passed over. */
void lectern_segmenter_push (LecternSegmenter *self, LecternPacket *packet);
/* Frames were lost: goes on at the next key frame, with a discontinuity. */
void lectern_segmenter_break (LecternSegmenter *self);
/* Gives out what is held and ends the segment; the presentation is not ended. */
void lectern_segmenter_finish (LecternSegmenter *self);
