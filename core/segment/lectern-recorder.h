/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-presentation.h"
#include "segment/lectern-recording-file.h"

/* LecternRecorder: keeps the parts of one presentation's source ("video", "audio") in files. It
 * hears of parts on the thread that cuts them and only queues them there; a thread of its own
 * writes four times a second and syncs each second. When the queue is full because the disk is slow
 * or stuck, the recording stops with an error and the stream goes on. Another file begins where a
 * segment begins: when a codec changes or comes, and when one is as long or large as it may be.
 * Thread: control, but for what says otherwise. */
typedef struct _LecternRecorder LecternRecorder;

typedef struct
{
  const char *directory; /* of recordings; exists */
  gint64 max_length;     /* ns of one file */
  guint64 max_size;      /* bytes of one file */
  guint64 min_free;      /* stops before the disk has less, or less than a twentieth of it */
  gsize max_queue;       /* bytes that wait for the disk; 0: 32 MiB */
} LecternRecorderOptions;

/* On the control thread, in order; none after lectern_recorder_free. */
typedef struct
{
  void (*opened) (LecternRecorder *recorder, LecternRecordingFile *file, gpointer user_data);
  /* @file is whole, as far as it goes; @error: (nullable): why it ends early. */
  void (*closed) (LecternRecorder *recorder, LecternRecordingFile *file, const GError *error,
                  gpointer user_data);
  /* Nothing follows. @error: (nullable): why; LIMIT: the disk is full or slow. */
  void (*ended) (LecternRecorder *recorder, const GError *error, gpointer user_data);
} LecternRecorderEvents;

/* Begins with the next segment. @options are copied; @events are not. Errors: NOT_FOUND (no
 * such folder), FAILED. */
LECTERN_API LecternRecorder *lectern_recorder_new (LecternPresentation *presentation,
                                                   const LecternRecorderOptions *options,
                                                   const LecternRecorderEvents *events,
                                                   gpointer user_data, GError **error);
/* Stops and waits until all is written, for a few seconds at most. */
LECTERN_API void lectern_recorder_free (LecternRecorder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRecorder, lectern_recorder_free)
/* What there is is written, then `ended` comes. */
LECTERN_API void lectern_recorder_stop (LecternRecorder *self);
/* What is played while paused is left out: the recording goes on seamlessly with the first segment
 * after it. */
LECTERN_API void lectern_recorder_set_paused (LecternRecorder *self, gboolean paused);
LECTERN_API gboolean lectern_recorder_is_paused (LecternRecorder *self);
/* Waits, for @timeout_us at most, until the presentation has ended and all is written: for the end
 * of the server. */
LECTERN_API void lectern_recorder_wait (LecternRecorder *self, gint64 timeout_us);

/* Returns: whether the file system of @fd has less than @min_free, or than a twentieth of itself,
 * whichever is less, once @more bytes are written. Thread: any; may block. */
LECTERN_API gboolean lectern_recorder_is_disk_full (int fd, guint64 min_free, guint64 more);
