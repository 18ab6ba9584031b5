/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-spool.h"

/* LecternSegmentJob: one stream being segmented on a reactor, with the rungs of its ladder.
 * Atomically reference-counted. */
typedef struct _LecternSegmentJob LecternSegmentJob;

/* The presentation began, or ended (it may be NULL then: nothing came). Thread: control. */
typedef void (*LecternSegmentJobFunc) (LecternSegmentJob *job, gboolean ended, gpointer user_data);

/* Begins. @spool: (nullable). @owner: a GObject, held until the end was told. Thread: control.
 * Returns: (transfer full).
 */
LecternSegmentJob *lectern_segment_job_new (LecternStreamRegistry *streams, LecternStream *stream,
                                            LecternReactor *reactor,
                                            const LecternSegmentTargets *targets,
                                            LecternSpool *spool, LecternSegmentJobFunc func,
                                            gpointer owner);
LecternSegmentJob *lectern_segment_job_ref (LecternSegmentJob *self);
void lectern_segment_job_unref (LecternSegmentJob *self);
LecternStream *lectern_segment_job_get_stream (LecternSegmentJob *self);
/* Returns: (transfer full) (nullable): NULL before the first frame. Thread: any. */
LecternPresentation *lectern_segment_job_get_presentation (LecternSegmentJob *self);
/* The ladder changed, or one of its rungs is published. Thread: any. */
void lectern_segment_job_update (LecternSegmentJob *self);
/* Ends with what there is. Thread: any. */
void lectern_segment_job_stop (LecternSegmentJob *self);
