/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* Recordings are presentations of this name: "replay/ID". */
#define LECTERN_RECORD_APP "replay"

typedef enum
{
  LECTERN_RECORD_RECORDING, /* is being written */
  LECTERN_RECORD_FINISHING, /* waits to become an ordinary MP4 */
  LECTERN_RECORD_READY,
  LECTERN_RECORD_FAILED, /* could not be finished, or is damaged */
} LecternRecordState;

const char *lectern_record_state_get_name (LecternRecordState state);

/* Runs @func (@data) on the control thread, later; g_main_context_invoke would run it here and now
 * while nobody iterates that context. */
void lectern_record_post (GSourceFunc func, gpointer data, GDestroyNotify free_data);

/* What is known of a recording at one moment. */
typedef struct
{
  LecternRecordState state;
  gint64 started_us;
  gint64 duration;                              /* ns, 0 unknown */
  guint64 size;                                 /* bytes */
  guint32 frames;                               /* of video, 0 unknown */
  LecternTrack *tracks[LECTERN_MP4_MAX_TRACKS]; /* (transfer full) */
  guint n_tracks;
  gboolean poster;
  gboolean waits_for_room; /* FAILED, but only until the disk has room */
  char *error;             /* (transfer full) (nullable): why it ended early or failed */
} LecternRecordInfo;
void lectern_record_info_clear (LecternRecordInfo *info);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRecordInfo, lectern_record_info_clear)

/* LecternRecordEntry: one recording, in whatever state. Atomically reference-counted. Thread: any.
 */
typedef struct _LecternRecordEntry LecternRecordEntry;

/* @path: "app/name/YYYY-MM-DD-HH-MM-SS". Returns: (transfer full) (nullable): NULL when it has not
 * that form. */
LecternRecordEntry *lectern_record_entry_new (const char *path, LecternRecordState state);
LecternRecordEntry *lectern_record_entry_ref (LecternRecordEntry *self);
void lectern_record_entry_unref (LecternRecordEntry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRecordEntry, lectern_record_entry_unref)
/* Sixteen hexadecimal digits, always the same for the same path. */
const char *lectern_record_entry_get_id (LecternRecordEntry *self);
const char *lectern_record_entry_get_path (LecternRecordEntry *self);
/* The path's last element. */
const char *lectern_record_entry_get_name (LecternRecordEntry *self);
const char *lectern_record_entry_get_stream (LecternRecordEntry *self);

void lectern_record_entry_get_info (LecternRecordEntry *self, LecternRecordInfo *info);
LecternRecordState lectern_record_entry_get_state (LecternRecordEntry *self);
/* @error: (nullable): added once; a later one does not replace it. */
void lectern_record_entry_set_state (LecternRecordEntry *self, LecternRecordState state,
                                     const char *error);
/* What is written now; NULL: no more. */
void lectern_record_entry_set_file (LecternRecordEntry *self, LecternRecordingFile *file);
/* Returns: (transfer full) (nullable). */
LecternRecordingFile *lectern_record_entry_get_file (LecternRecordEntry *self);
void lectern_record_entry_set_index (LecternRecordEntry *self, const LecternRecordingIndex *index);
void lectern_record_entry_set_size (LecternRecordEntry *self, guint64 size);
void lectern_record_entry_set_waits_for_room (LecternRecordEntry *self, gboolean waits);
void lectern_record_entry_set_poster (LecternRecordEntry *self);
/* What hls and dash serve of it is out of date: it has grown, is finished, or is gone. */
void lectern_record_entry_renew (LecternRecordEntry *self, LecternPresentations *presentations);

/* LecternRecordCatalogue: all recordings by id. Thread: any. */
typedef struct _LecternRecordCatalogue LecternRecordCatalogue;

LecternRecordCatalogue *lectern_record_catalogue_new (void);
void lectern_record_catalogue_free (LecternRecordCatalogue *self);
/* FALSE: one of that path is there already. */
gboolean lectern_record_catalogue_add (LecternRecordCatalogue *self, LecternRecordEntry *entry);
/* FALSE: it was gone already. */
gboolean lectern_record_catalogue_remove (LecternRecordCatalogue *self, LecternRecordEntry *entry);
/* Returns: (transfer full) (nullable). */
LecternRecordEntry *lectern_record_catalogue_lookup (LecternRecordCatalogue *self, const char *id);
/* Returns: (transfer full) (element-type LecternRecordEntry): the newest first. @stream:
 * (nullable): those of one alone. */
GPtrArray *lectern_record_catalogue_list (LecternRecordCatalogue *self, const char *stream);
