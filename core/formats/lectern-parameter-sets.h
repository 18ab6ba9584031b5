/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-track.h"

/* LecternParameterSets: the parameter sets of an H.264 or H.265 stream as they come in-band or
 * beside it, and the track that they describe. Bounded in number and size. Thread: any, one at a
 * time. */
typedef struct _LecternParameterSets LecternParameterSets;

/* @codec: H264 or H265. Returns: (transfer full). */
LECTERN_API LecternParameterSets *lectern_parameter_sets_new (LecternCodec codec);
LECTERN_API void lectern_parameter_sets_free (LecternParameterSets *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternParameterSets, lectern_parameter_sets_free)

/* Returns: TRUE for a parameter set, which then is no part of a frame; a broken one is forgotten.
 * @nal: with its header. */
LECTERN_API gboolean lectern_parameter_sets_add (LecternParameterSets *self, const guint8 *nal,
                                                 gsize size);

/* Returns: (transfer none) (nullable): the track of the sets so far, its config with lengths of 4
 * bytes; another one after a set has changed; NULL while sets are missing. */
LECTERN_API LecternTrack *lectern_parameter_sets_get_track (LecternParameterSets *self);
/* LecternVideoParameters.reorder of that track. */
LECTERN_API gint lectern_parameter_sets_get_reorder (LecternParameterSets *self);
