/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-stream-registry.h"
#include "media/lectern-tape.h"
#include "net/lectern-reactor.h"

/* LecternAudience: the viewers of one tape on one reactor. The publisher's thread wakes it, once
 * for many packets; it flushes its viewers: all at each video frame, or in turn over an interval,
 * so that no burst delays anybody. Everything but ref, unref and wake: Thread: the reactor's. */
typedef struct _LecternAudience LecternAudience;
typedef struct _LecternViewer LecternViewer;

LecternAudience *lectern_audience_new (LecternTape *tape, LecternReactor *reactor,
                                       const LecternMediaLimits *limits, LecternStreamState state);
LecternAudience *lectern_audience_ref (LecternAudience *self);
void lectern_audience_unref (LecternAudience *self);
LecternTape *lectern_audience_get_tape (LecternAudience *self);
LecternReactor *lectern_audience_get_reactor (LecternAudience *self);
const LecternMediaLimits *lectern_audience_get_limits (LecternAudience *self);
/* The stream's state as the viewers know it. */
LecternStreamState lectern_audience_get_state (LecternAudience *self);
guint lectern_audience_get_size (LecternAudience *self);
void lectern_audience_add (LecternAudience *self, LecternViewer *viewer);
void lectern_audience_remove (LecternAudience *self, LecternViewer *viewer);

/* There are new bytes. Thread: any. */
void lectern_audience_wake (LecternAudience *self);
/* The stream's state changed. Thread: any. */
void lectern_audience_tell (LecternAudience *self, LecternStreamState state);
