/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-job.h"

/* LecternRtspTarget: the server that the jobs pull and push speak with. */
typedef struct
{
  char *url;
  char *user;     /* or NULL */
  char *password; /* or NULL */
  char *agent;
  char *ca_file;         /* or NULL */
  const char *protocols; /* of GStreamer's elements */
  gint64 timeout_ms;
} LecternRtspTarget;

/* Reads the parameters that pull.c names, lets the process reach the host and nothing else, and has
 * what it sends there marked. Errors: INVALID_DATA, INVALID_CONFIG. */
gboolean lectern_rtsp_target_read (LecternRtspTarget *self, JsonObject *parameters, GError **error);
void lectern_rtsp_target_clear (LecternRtspTarget *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRtspTarget, lectern_rtsp_target_clear)
/* Sets the properties of @element, rtspsrc or rtspclientsink. Errors: NOT_FOUND, INVALID_DATA: the
 * certificates. */
gboolean lectern_rtsp_target_apply (const LecternRtspTarget *self, GstElement *element,
                                    GError **error);
/* Whether the elements say, by a warning alone, that the connection is gone. Thread: any. */
gboolean lectern_rtsp_is_loss (GstMessage *message);
/* Takes leave of the server; GStreamer's elements may wait for each other for ever when it is gone.
 * Returns: FALSE: they do, and what their threads use must stay until the process ends. Thread:
 * main, once. */
gboolean lectern_rtsp_leave (GstElement *pipeline);
/* RTP and RTCP over UDP go where the server says, and that must be the server; with the mark. */
void lectern_rtsp_guard (LecternJob *job, GstElement *pipeline);
