/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

#define LECTERN_TRANSCODE_MAX_RUNGS 6

typedef enum
{
  LECTERN_TRANSCODE_PASS,   /* the source's picture is shown as it is */
  LECTERN_TRANSCODE_AUTO,   /* encoded when browsers cannot play it, or its key frames are far apart
                             */
  LECTERN_TRANSCODE_ENCODE, /* always encoded */
} LecternTranscodeSource;

/* One video rung of the setting. */
typedef struct
{
  guint height;
  guint64 bitrate;
} LecternTranscodeStep;

/* LecternTranscodePlan: what the settings say. Immutable, atomically reference-counted.
 * Thread: any. */
typedef struct
{
  LecternTranscodeStep steps[LECTERN_TRANSCODE_MAX_RUNGS]; /* from the largest */
  guint n_steps;
  guint64 audio_bitrate; /* of the rung without picture; 0: there is none */
  LecternTranscodeSource source;
  guint64 source_bitrate;
  char *encoder;
  char *profile;
  gint64 shed_lag_us, shed_after_us, calm_lag_us, calm_after_us;
  gint64 key_limit; /* ns: key frames further apart are too far */
  /*< private >*/
  gint refs;
} LecternTranscodePlan;

/* Reads "720p:1800k", "audio:64k" from @ladder; the rest is the caller's to fill. Returns:
 * (transfer full). Errors: INVALID_CONFIG. */
LecternTranscodePlan *lectern_transcode_plan_new (const char *const *ladder, GError **error);
LecternTranscodePlan *lectern_transcode_plan_ref (LecternTranscodePlan *self);
void lectern_transcode_plan_unref (LecternTranscodePlan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternTranscodePlan, lectern_transcode_plan_unref)
