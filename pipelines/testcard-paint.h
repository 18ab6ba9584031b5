/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

/* Paints onto a picture in I420: a ball that moves with @time, a flash in the first 100 ms of each
 * second of @time (beside the beep), and the wall clock @wall_us twice: as "12:34:56.789" for
 * people, and as a stripe along the bottom for programs. The stripe has 64 cells of equal width,
 * white or black: one white, one black, 48 bits of the milliseconds since 1970 with the highest
 * first, the same bits' 8-bit sum, six black. Thread: any. */
void testcard_paint (GstVideoFrame *frame, GstClockTime time, gint64 wall_us);
