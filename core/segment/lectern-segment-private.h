/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-segment.h"

#include <string.h>

/* Returns: (transfer full) (nullable): an empty file of memory, for the segments of one rendition:
 * what is no more held of it goes back to the system. */
LecternSegmentFile *lectern_segment_file_new_in_memory (void);
/* Takes the plain fields of @fields; joins @parts (element-type LecternPart), at least one, into
 * one memory, in @file (nullable) of lectern_segment_file_new_in_memory. Returns: (transfer full).
 */
LecternSegment *lectern_segment_new (const LecternSegment *fields, GPtrArray *parts,
                                     LecternSegmentFile *file);
/* One without content. Returns: (transfer full). */
LecternSegment *lectern_segment_new_gap (const LecternSegment *fields);
