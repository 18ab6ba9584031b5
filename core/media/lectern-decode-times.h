/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

#define LECTERN_DECODE_TIMES_MAX 16

/* LecternDecodeTimes: RTP and some files tell when a picture is shown and not when it is decoded.
 * Pictures come in decoding order, so the times of showing, sorted and moved back by as many
 * pictures as may be out of order, are times of decoding. Nothing is held back for that. Plain
 * memory. Thread: any, one at a time. */
typedef struct
{
  gint64 waiting[LECTERN_DECODE_TIMES_MAX + 1]; /* ns, ascending: shown, and not yet given out */
  guint count;
  guint reorder;
  guint most; /* it may be learned to be */
  gboolean started;
  gint64 last;
} LecternDecodeTimes;

/* @reorder: of the video's parameters; what is unknown (-1) is learned, at the price of a picture
 * or two that are shown late. */
LECTERN_API void lectern_decode_times_init (LecternDecodeTimes *self, gint reorder);
/* @pts: in: when the picture is shown, ns; out: not before it is decoded. Returns: when it is
 * decoded, more than the time before, but for a step back by more than a second, after which it
 * begins anew. */
LECTERN_API gint64 lectern_decode_times_next (LecternDecodeTimes *self, gint64 *pts);
