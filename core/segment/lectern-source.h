/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-presentation.h"

/* LecternSource: a stream's own picture and sound, cut into parts for one who keeps them, whatever
 * a ladder makes of the stream for players. Its presentation keeps hardly anything: the parts are
 * heard of through lectern_presentation_listen. It begins with the GOP cache and ends with the
 * stream. Thread: control. */
typedef struct _LecternSource LecternSource;

/* @targets: how long segments and parts are. Returns: (transfer full). */
LECTERN_API LecternSource *lectern_source_new (LecternStream *stream, LecternReactorPool *reactors,
                                               const LecternSegmentTargets *targets);
/* Ends what has begun, with what there is. */
LECTERN_API void lectern_source_free (LecternSource *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternSource, lectern_source_free)
/* Returns: (transfer none). */
LECTERN_API LecternPresentation *lectern_source_get_presentation (LecternSource *self);
/* Parts come from now on. Once. */
LECTERN_API void lectern_source_start (LecternSource *self);
