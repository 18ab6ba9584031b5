/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-ladder.h"
#include "segment/lectern-presentation-private.h"

/* LecternSegmenter: cuts one stream into the renditions of a presentation, sans I/O: "video" and
 * "audio" of the source, and the rungs of its ladder. One of them leads: the source's picture, or
 * the rung that the ladder names. It decides where segments begin: at a key frame once the target
 * is reached; at any frame before the limit would be exceeded; the others follow at their first
 * frame from there on, so that all have the same numbers and lines. Without a picture the source's
 * sound leads. A rendition that stays behind gets gaps. One thread at a time. */
typedef struct _LecternSegmenter LecternSegmenter;

LecternSegmenter *lectern_segmenter_new (LecternPresentation *presentation);
void lectern_segmenter_free (LecternSegmenter *self);
/* @ladder: (nullable): the renditions that are made now. Those that are gone leave the
 * presentation.
 */
void lectern_segmenter_set_ladder (LecternSegmenter *self, LecternLadder *ladder);
/* The source's next frame; METADATA and other data packets are passed over. */
void lectern_segmenter_push (LecternSegmenter *self, LecternPacket *packet);
/* The next frame of @rung; passed over when the ladder has no such rung. */
void lectern_segmenter_push_rung (LecternSegmenter *self, const char *rung, LecternPacket *packet);
/* Frames of the source were lost: goes on at the next key frame, with a discontinuity. */
void lectern_segmenter_break (LecternSegmenter *self);
/* Frames of @rung were lost: it goes on where it can. */
void lectern_segmenter_break_rung (LecternSegmenter *self, const char *rung);
/* Gives out what is held and ends the segments; the presentation is not ended. */
void lectern_segmenter_finish (LecternSegmenter *self);
/* Returns: ns between the leader's last two key frames when that is more than a segment may have;
 * else 0. */
gint64 lectern_segmenter_get_far_keys (LecternSegmenter *self);
