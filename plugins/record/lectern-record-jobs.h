/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-record-entry.h"

/* LecternRecordJobs: what worker processes do to recordings, one at a time: "finish" makes the
 * ordinary MP4, "poster" the picture. A worker that dies is started again, three times at most.
 * Thread: control. */
typedef struct _LecternRecordJobs LecternRecordJobs;

typedef enum
{
  LECTERN_RECORD_JOB_FINISH,
  LECTERN_RECORD_JOB_POSTER,
} LecternRecordJobKind;

/* It is done; @error: (nullable): or not. */
typedef void (*LecternRecordJobFunc) (LecternRecordJobKind kind, LecternRecordEntry *entry,
                                      const GError *error, gpointer user_data);

/* @directory: of recordings, absolute. */
LecternRecordJobs *lectern_record_jobs_new (LecternHost *host, const char *directory,
                                            LecternRecordJobFunc func, gpointer user_data);
/* The worker is stopped; nothing follows. */
void lectern_record_jobs_free (LecternRecordJobs *self);
/* What a copy must leave free on the disk, as lectern_recorder_is_disk_full has it. */
void lectern_record_jobs_set_min_free (LecternRecordJobs *self, guint64 min_free);
/* Finishing goes before posters. */
void lectern_record_jobs_push (LecternRecordJobs *self, LecternRecordJobKind kind,
                               LecternRecordEntry *entry);
