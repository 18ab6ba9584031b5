/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-recorder.h"

/* LecternRecordingItem: a part on its way to the disk. */
typedef struct
{
  LecternPart *part;
  LecternTrack *track;
  guint64 number;
  gint64 date_us;
  gboolean first;
  gboolean discontinuity;
  guint64 ticks;
  guint64 duration_ticks;
  guint generation; /* another after each pause */
} LecternRecordingItem;

LecternRecordingItem *lectern_recording_item_new (const LecternPartNews *news, guint generation);
void lectern_recording_item_free (LecternRecordingItem *self);

/* LecternRecordingLanes: decides which file a part goes to and what its time is there. Video leads,
 * audio alone where there is no video: a file begins with an independent part of the leader at a
 * segment's start; the other lane follows from the segment of that number on, so an earlier file
 * stays open until both have left it. Thread: the recorder's. */
typedef struct _LecternRecordingLanes LecternRecordingLanes;

typedef struct
{
  void (*opened) (LecternRecordingFile *file, gpointer user_data);
  void (*closed) (LecternRecordingFile *file, const GError *error, gpointer user_data);
} LecternRecordingLaneEvents;

LecternRecordingLanes *lectern_recording_lanes_new (LecternPresentation *presentation, int root,
                                                    const LecternRecorderOptions *options,
                                                    const LecternRecordingLaneEvents *events,
                                                    gpointer user_data);
/* Closes what is open; @error: (nullable): why. */
void lectern_recording_lanes_free (LecternRecordingLanes *self, const GError *error);
/* @item: (transfer full). */
gboolean lectern_recording_lanes_take (LecternRecordingLanes *self, LecternRecordingItem *item,
                                       GError **error);
/* Waits no longer for a second track to come. */
gboolean lectern_recording_lanes_begin (LecternRecordingLanes *self, GError **error);
/* Writes what was taken. Errors: LIMIT (the disk is nearly full, or full), FAILED. */
gboolean lectern_recording_lanes_flush (LecternRecordingLanes *self, GError **error);
gboolean lectern_recording_lanes_sync (LecternRecordingLanes *self, GError **error);
