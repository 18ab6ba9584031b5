/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-job.h"

#include <gst/app/app.h>

/* Added to all times in the pipeline. x264enc moves what is earlier to there by itself, and then
 * leaves out key frames that are asked for before its first picture has come out. */
#define TRANSCODE_EPOCH ((gint64) (3600 * 1000 * GST_SECOND))

/* Which pictures the source has as key frames, so that each encoder makes them key frames too.
 * Thread: any. */
typedef struct _TranscodeKeys TranscodeKeys;

/* @distance: ns; 0: where the source has them; else at the first picture so long after the last
 * one. */
TranscodeKeys *transcode_keys_new (gint64 distance);
/* The first picture with a PTS behind @resume, ns, is a key frame as well: viewers have seen those
 * before it. Negative: none. */
void transcode_keys_set_resume (TranscodeKeys *self, gint64 resume);
void transcode_keys_free (TranscodeKeys *self);
/* The source has a key frame at @pts, ns; before its picture is decoded. */
void transcode_keys_add (TranscodeKeys *self, GstClockTime pts);

/* TranscodeRung: one encoder with its outlet, and the switch that takes it off. Built around
 * elements of the pipeline by name: "feed-N" (the queue before the encoder), "encoder-N" and
 * "sink-N" for lane N. */
typedef struct _TranscodeRung TranscodeRung;

TranscodeRung *transcode_rung_new (LecternJob *job, GstElement *pipeline, TranscodeKeys *keys,
                                   guint lane);
/* After the pipeline has stopped. */
void transcode_rung_free (TranscodeRung *self);
guint transcode_rung_get_lane (TranscodeRung *self);
/* Pictures come (TRUE) or are left out from now on; they come again at the next key frame. Thread:
 * any. */
void transcode_rung_set_on (TranscodeRung *self, gboolean on);
gboolean transcode_rung_is_on (TranscodeRung *self);
/* Returns: PTS, ns, of the newest picture that its encoder has taken; -1 none since it was switched
 * on. Thread: any. */
gint64 transcode_rung_get_newest (TranscodeRung *self);

/* An outlet without a switch, for sound: "sink-N". Thread: any. */
void transcode_watch_sink (LecternJob *job, GstElement *pipeline, guint lane, LecternTrack **track);
