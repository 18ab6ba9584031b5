/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

#include <gst/gst.h>

/* LecternJob: what one `lectern-worker` process does, seen from inside. The program reads the link
 * and calls the job on its main thread; the job answers from any thread. */
typedef struct _LecternJob LecternJob;

typedef struct
{
  const char *name; /* "testcard", "transcode", … */
  /* GStreamer elements it may need, NULL-terminated: loaded before the process shuts itself in; one
   * that is not there is left out, and `start` can do without it or say so. */
  const char *const *elements;
  /* GIO's modules for TLS and names are loaded then, too. The spec says whether it may use them. */
  gboolean network;
  /* Builds the pipeline. FALSE with @error: the job is refused and not tried again. */
  gboolean (*start) (LecternJob *job, JsonObject *parameters, GError **error);
  void (*track) (LecternJob *job, guint lane, LecternTrack *track);    /* or NULL */
  void (*packet) (LecternJob *job, guint lane, LecternPacket *packet); /* or NULL */
  void (*message) (LecternJob *job, JsonObject *message);              /* or NULL */
  /* The server gives nothing more: work off what there is, then lectern_job_done. NULL: at once. */
  void (*finish) (LecternJob *job);
  /* The process ends: free what `start` made. */
  void (*stop) (LecternJob *job);
} LecternJobClass;

extern const LecternJobClass lectern_finish_job;
extern const LecternJobClass lectern_poster_job;
extern const LecternJobClass lectern_pull_job;
extern const LecternJobClass lectern_push_job;
extern const LecternJobClass lectern_srt_job;
extern const LecternJobClass lectern_testcard_job;
extern const LecternJobClass lectern_transcode_job;

/* For the job's own state. */
void lectern_job_set_data (LecternJob *self, gpointer data);
gpointer lectern_job_get_data (LecternJob *self);

/* To the server, in order; waits while the socket is full. Thread: any. */
void lectern_job_send_track (LecternJob *self, guint lane, LecternTrack *track);
void lectern_job_send_packet (LecternJob *self, guint lane, LecternPacket *packet);
void lectern_job_send_message (LecternJob *self, JsonObject *message);
/* The job works: without this, or anything sent, for five seconds it is taken for stuck. For a job
 * with a `packet` function the program does it whenever no packet has come for a moment. Thread:
 * any. */
void lectern_job_tick (LecternJob *self);
/* Over, well or ill; @error: (transfer full). Thread: any. */
void lectern_job_done (LecternJob *self);
void lectern_job_fail (LecternJob *self, GError *error);
/* Runs @pipeline's bus on the main thread: an error fails the job, the end of the stream ends it.
 */
void lectern_job_watch (LecternJob *self, GstElement *pipeline);
