/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-job.h"

#define TRANSCODE_MAX_RUNGS 8

/* How a picture is to be encoded: for faces and things that move, for slides, or cheaply. */
typedef enum
{
  TRANSCODE_CAMERA,
  TRANSCODE_SLIDES,
  TRANSCODE_FAST,
} TranscodeProfile;

/* One encoder. */
typedef struct
{
  guint lane;
  guint width;
  guint height;
  guint bitrate; /* bits a second, at most */
} TranscodeTarget;

/* The job's parameters, checked. */
typedef struct
{
  LecternCodec video;                         /* NONE: no picture */
  LecternCodec audio;                         /* NONE: no sound, or none wanted */
  TranscodeTarget rungs[TRANSCODE_MAX_RUNGS]; /* from the largest */
  guint n_rungs;
  guint audio_lane;
  guint audio_bitrate;
  gboolean openh264; /* else x264 */
  TranscodeProfile profile;
  gint64 distance; /* ns between key frames; 0: where the source has them */
  gint64 shed_lag, shed_time, calm_lag, calm_time; /* ns */
} TranscodeParameters;

/* Errors: INVALID_CONFIG, NOT_SUPPORTED (codec, or no encoder here). */
gboolean transcode_parameters_read (TranscodeParameters *self, JsonObject *object, GError **error);

/* Returns: (transfer full): the pipeline in gst-launch's words: appsrc "picture" and "sound",
 * decoder "decoder", and for each lane what transcode-rung.h names. */
char *transcode_pipeline_describe (const TranscodeParameters *self);

extern const char *const transcode_pipeline_elements[];
