/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pull-outlet.h"

/* What the sources of the job have in common. */
typedef struct
{
  LecternJob *job;
  GstElement *pipeline;
  PullOutlet video;
  PullOutlet sound;
  gint heard;   /* packets so far */
  gint limit_s; /* of silence */
  gint silent_s;
  gint heard_before;
  gpointer rtsp; /* of pull-rtsp.c, or NULL */
  gpointer file; /* of pull-file.c, or NULL */
} Pull;

/* The first of each media is taken. Returns: (nullable): where a track with the GStreamer caps or
 * RTP encoding @kind goes. */
PullOutlet *pull_find_outlet (Pull *self, const char *kind, LecternMedia media);

/* Parameters: see pull.c. Each makes the pipeline and lets it run. Errors: INVALID_DATA,
 * INVALID_CONFIG, NOT_FOUND, FAILED. */
gboolean pull_rtsp_start (Pull *self, JsonObject *parameters, GError **error);
/* Each second. */
void pull_rtsp_tick (Pull *self);
void pull_rtsp_stop (Pull *self);
gboolean pull_file_start (Pull *self, JsonObject *parameters, GError **error);
void pull_file_stop (Pull *self);
