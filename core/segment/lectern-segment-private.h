/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-segment.h"

#include <string.h>

/* Takes the plain fields of @fields; joins @parts (element-type LecternPart), at least one, into
 * one memory. Returns: (transfer full). */
LecternSegment *lectern_segment_new (const LecternSegment *fields, GPtrArray *parts);
/* One without content. Returns: (transfer full). */
LecternSegment *lectern_segment_new_gap (const LecternSegment *fields);
