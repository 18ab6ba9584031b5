/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternTranscodeOutput: one rendition, published as the stream "app/name@RUNG". A rendition with
 * a picture carries the sound too, held back until the picture has come as far, as encoding takes
 * its time. After a worker was lost it goes on at the first key frame that viewers have not seen.
 * Thread: its reactor's. */
typedef struct _LecternTranscodeOutput LecternTranscodeOutput;

LecternTranscodeOutput *lectern_transcode_output_new (LecternStreamRegistry *streams,
                                                      LecternStream *source, const char *rung,
                                                      LecternMedia media);
/* Ends the rendition. */
void lectern_transcode_output_free (LecternTranscodeOutput *self);
const char *lectern_transcode_output_get_rung (LecternTranscodeOutput *self);
LecternMedia lectern_transcode_output_get_media (LecternTranscodeOutput *self);
/* Returns: PTS, ns, of the newest frame of its own media; -1 none. */
gint64 lectern_transcode_output_get_newest (LecternTranscodeOutput *self);
/* What comes next is of another worker, which may repeat what viewers have seen. */
void lectern_transcode_output_resume (LecternTranscodeOutput *self);
void lectern_transcode_output_set_track (LecternTranscodeOutput *self, LecternTrack *track);
/* A frame from the worker, or of the sound that goes with the picture. */
void lectern_transcode_output_push (LecternTranscodeOutput *self, LecternPacket *packet);
