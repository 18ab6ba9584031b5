/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-job.h"

/* PullOutlet: one track on its way from a parser to the server. What its sink's thread touches is
 * that thread's; the rest is set before there is a sink. */
typedef struct
{
  LecternJob *job;
  gboolean shown_only; /* buffers do not tell when they are decoded */
  gint64 offset;       /* ns, added to running times */
  gboolean taken;      /* there is a sink, or about to be */
  GstElement *bin;     /* (nullable): of the pipeline */
  gint *heard;         /* (nullable): counts packets */

  /* its sink's thread */
  GstCaps *caps; /* the latest */
  LecternTrack *track;
  LecternDecodeTimes times;
  gboolean skipping; /* to a key frame */
  gint64 last;       /* DTS given out, ns */
  gint64 end;        /* of what was given out, ns */
} PullOutlet;

/* @job: lives longer. */
void pull_outlet_init (PullOutlet *self, LecternJob *job);
void pull_outlet_clear (PullOutlet *self);
/* Puts @chain (of gst_parse_launch, ends with raw elementary frames) with a sink behind it into
 * @pipeline, links @pad with it and lets it run. @sync: the sink waits until it is time.
 * Errors: FAILED. Thread: any. */
gboolean pull_outlet_attach (PullOutlet *self, GstElement *pipeline, GstPad *pad, const char *chain,
                             gboolean sync, GError **error);
