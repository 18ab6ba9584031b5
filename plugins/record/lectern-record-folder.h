/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-record-entry.h"

/* LecternRecordFolder: the folder of recordings: what is in it, and what goes. The functions block;
 * they run on the thread of its own that lectern_record_folder_run gives work to. */
typedef struct _LecternRecordFolder LecternRecordFolder;

#define LECTERN_RECORD_MP4 ".mp4"
#define LECTERN_RECORD_INDEX ".index"
#define LECTERN_RECORD_POSTER ".jpg"

/* @path: is made where it is missing. Errors: DENIED, FAILED, … Thread: control. */
LecternRecordFolder *lectern_record_folder_new (const char *path, LecternRecordCatalogue *catalogue,
                                                LecternPresentations *presentations,
                                                GError **error);
/* What is under way is waited for, what waits is dropped, and nothing is run any more. Thread:
 * control. */
void lectern_record_folder_close (LecternRecordFolder *self);
/* After it is closed. Thread: any. */
void lectern_record_folder_free (LecternRecordFolder *self);
const char *lectern_record_folder_get_path (LecternRecordFolder *self);

/* Runs @func (@data) on the folder's thread, in order. Thread: any. */
typedef void (*LecternRecordFolderFunc) (LecternRecordFolder *folder, gpointer data);
void lectern_record_folder_run (LecternRecordFolder *self, LecternRecordFolderFunc func,
                                gpointer data, GDestroyNotify free_data);

/* Puts what it finds into the catalogue: finished ones, whose figures are read by _read_index, and
 * parts that an earlier server left, FINISHING; removes what is left of unfinished copies. */
void lectern_record_folder_scan (LecternRecordFolder *self);
/* Reads the figures of a finished recording, which is READY then, or FAILED. */
void lectern_record_folder_read_index (LecternRecordFolder *self, LecternRecordEntry *entry);
/* For a part in which there is nothing to save: an empty one is removed, another FAILED. */
void lectern_record_folder_give_up (LecternRecordFolder *self, LecternRecordEntry *entry,
                                    const char *why);
/* Opens a file of a recording. Returns: -1 with errno. Thread: any; may block. */
int lectern_record_folder_open (LecternRecordFolder *self, LecternRecordEntry *entry,
                                const char *suffix);
/* Removes its files, and from the catalogue. */
void lectern_record_folder_remove (LecternRecordFolder *self, LecternRecordEntry *entry);
/* Removes those that ended longer than @age_us ago (0: none is too old), and the oldest while all
 * together are larger than @max_size (0: any size), but for the newest. */
void lectern_record_folder_trim (LecternRecordFolder *self, gint64 age_us, guint64 max_size);
/* Returns: whether the disk is as full as recordings may make it. */
gboolean lectern_record_folder_is_full (LecternRecordFolder *self, guint64 min_free);
