/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* The MPD (ISO/IEC 23009-1, profile isoff-live:2011) of what a presentation holds: bytes out, no
 * I/O. An era is a Period, a rendition a Representation, with its exact times in a SegmentTimeline.
 * Dynamic while the stream is on the air, static after its end and for what was recorded. */

typedef struct
{
  const char *query; /* what every address carries, Location too, without "?"; "" for nothing */
  gint64 now_us;     /* wall time */
} LecternDashRequest;

/* Returns: (transfer full) (nullable): NULL: nothing can be played yet. */
char *lectern_dash_write_mpd (LecternPresentation *presentation, const LecternDashRequest *request);
