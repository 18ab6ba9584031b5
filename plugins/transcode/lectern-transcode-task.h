/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-transcode-plan.h"

/* LecternTranscodeTask: the renditions of one stream: feeds its packets to a worker, publishes what
 * comes back, and says on the stream which renditions there are. Thread: control. */
typedef struct _LecternTranscodeTask LecternTranscodeTask;

LecternTranscodeTask *lectern_transcode_task_new (LecternHost *host, LecternStream *stream,
                                                  LecternTranscodePlan *plan);
LecternStream *lectern_transcode_task_get_stream (LecternTranscodeTask *self);
/* The renditions end: when the stream has ended, with all that is still on its way. */
void lectern_transcode_task_free (LecternTranscodeTask *self);
