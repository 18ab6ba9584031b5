/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-job.h"

/* TsInput: one peer's MPEG transport stream → tracks and packets of a lane, the first picture and
 * the first sound of its first programme. Times are the stream's own, unwrapped; what comes first
 * is held until both are there, and given in order of decoding. It works on a thread of its own. */
typedef struct _TsInput TsInput;

/* @name: of the peer, for the log. Errors: NOT_SUPPORTED. Thread: one, as all below. */
TsInput *ts_input_new (LecternJob *job, guint lane, const char *name, GError **error);
/* Takes bytes. FALSE: the peer is to be sent away: INVALID_DATA, NOT_SUPPORTED, LIMIT. */
gboolean ts_input_push (TsInput *self, const guint8 *data, gsize size, GError **error);
/* FALSE: what was pushed turned out to be such. */
gboolean ts_input_check (TsInput *self, GError **error);
/* How many frames have come. */
guint ts_input_get_frames (TsInput *self);
/* When this returns, nothing more is given. */
void ts_input_free (TsInput *self);

/* The elements that it may need, for a job's list. */
#define TS_INPUT_ELEMENTS                                                                          \
  "appsrc", "tsdemux", "h264parse", "h265parse", "aacparse", "mpegaudioparse", "opusparse",        \
      "capsfilter", "appsink"
