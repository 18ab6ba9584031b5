/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-packet.h"
#include "segment/lectern-segment.h"

/* LecternFragmenter: turns the frames of one track into parts. Sans I/O, plain memory. A frame's
 * duration is known only when the next one comes, so one frame is held back. Audio times are
 * counted in samples, since wire times of whole milliseconds would let the sound drift. */
typedef struct _LecternFragmenter LecternFragmenter;

/* A part is ready; its first frame's DTS in ticks. */
typedef void (*LecternFragmenterFunc) (LecternPart *part, guint64 ticks, guint64 duration_ticks,
                                       gpointer user_data);

LecternFragmenter *lectern_fragmenter_new (LecternTrack *track, gint64 part_target,
                                           LecternFragmenterFunc func, gpointer user_data);
void lectern_fragmenter_free (LecternFragmenter *self);
/* Adds a frame; @cut: a part ends before it whatever its length (a segment begins), and the frame
 * before it lasts to @limit at most (DTS, ns; G_MAXINT64: as long as it does). */
void lectern_fragmenter_push (LecternFragmenter *self, LecternPacket *packet, gboolean cut,
                              gint64 limit);
/* Gives out what is held: the held-back frame gets the duration of the one before, but never
 * reaches over @end (DTS, ns; G_MAXINT64: unknown). */
void lectern_fragmenter_flush (LecternFragmenter *self, gint64 end);
