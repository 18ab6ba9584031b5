/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-record-entry.h"

#include <string.h>

#define ID_SIZE 16
#define NAME_SIZE (sizeof "YYYY-MM-DD-HH-MM-SS" - 1)

struct _LecternRecordEntry
{
  gint refs;
  char *id;
  char *path;
  char *stream;

  GMutex lock; /* guards what follows */
  LecternRecordInfo info;
  LecternRecordingFile *file;
};

const char *
lectern_record_state_get_name (LecternRecordState state)
{
  static const char *const names[] = { "recording", "finishing", "ready", "failed" };

  return names[state];
}

void
lectern_record_post (GSourceFunc func, gpointer data, GDestroyNotify free_data)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, data, free_data);
  g_source_attach (source, NULL);
}

void
lectern_record_info_clear (LecternRecordInfo *info)
{
  for (guint i = 0; i < info->n_tracks; i++)
    lectern_track_unref (info->tracks[i]);
  g_free (info->error);
  *info = (LecternRecordInfo){ 0 };
}

/* Local time, as the recorder wrote it. Returns: µs, -1: it is no such name. */
static gint64
read_name (const char *name)
{
  static const char form[] = "dddd-dd-dd-dd-dd-dd";
  g_autoptr (GDateTime) date = NULL;
  g_auto (GStrv) numbers = NULL;
  int values[6];

  if (strlen (name) != NAME_SIZE)
    return -1;
  for (guint i = 0; i < NAME_SIZE; i++)
    if (form[i] == 'd' ? !g_ascii_isdigit (name[i]) : name[i] != '-')
      return -1;
  numbers = g_strsplit (name, "-", -1);
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    values[i] = (int) g_ascii_strtoll (numbers[i], NULL, 10);
  date = g_date_time_new_local (values[0], values[1], values[2], values[3], values[4], values[5]);
  return date != NULL ? g_date_time_to_unix (date) * G_USEC_PER_SEC : -1;
}

LecternRecordEntry *
lectern_record_entry_new (const char *path, LecternRecordState state)
{
  const char *slash = strrchr (path, '/');
  g_autofree char *stream = slash != NULL ? g_strndup (path, slash - path) : NULL;
  g_autofree char *hash = NULL;
  LecternRecordEntry *self;
  gint64 started_us;

  if (stream == NULL || !lectern_stream_name_is_valid (stream)
      || (started_us = read_name (slash + 1)) < 0)
    return NULL;
  hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, path, -1);
  self = g_new0 (LecternRecordEntry, 1);
  self->refs = 1;
  self->id = g_strndup (hash, ID_SIZE);
  self->path = g_strdup (path);
  self->stream = g_steal_pointer (&stream);
  self->info.state = state;
  self->info.started_us = started_us;
  g_mutex_init (&self->lock);
  return self;
}

LecternRecordEntry *
lectern_record_entry_ref (LecternRecordEntry *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_record_entry_unref (LecternRecordEntry *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  lectern_record_info_clear (&self->info);
  g_clear_pointer (&self->file, lectern_recording_file_unref);
  g_mutex_clear (&self->lock);
  g_free (self->id);
  g_free (self->path);
  g_free (self->stream);
  g_free (self);
}

const char *
lectern_record_entry_get_id (LecternRecordEntry *self)
{
  return self->id;
}

const char *
lectern_record_entry_get_path (LecternRecordEntry *self)
{
  return self->path;
}

const char *
lectern_record_entry_get_name (LecternRecordEntry *self)
{
  return strrchr (self->path, '/') + 1;
}

const char *
lectern_record_entry_get_stream (LecternRecordEntry *self)
{
  return self->stream;
}

/* Under the lock. */
static void
set_tracks (LecternRecordEntry *self, const LecternRecordingIndex *index)
{
  for (guint i = 0; i < self->info.n_tracks; i++)
    lectern_track_unref (self->info.tracks[i]);
  self->info.n_tracks = index->n_tracks;
  for (guint i = 0; i < index->n_tracks; i++)
    self->info.tracks[i] = lectern_track_ref (index->tracks[i]);
}

void
lectern_record_entry_get_info (LecternRecordEntry *self, LecternRecordInfo *info)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  *info = self->info;
  info->error = g_strdup (self->info.error);
  for (guint i = 0; i < info->n_tracks; i++)
    lectern_track_ref (info->tracks[i]);
  if (self->file != NULL)
    {
      info->size = lectern_recording_file_get_size (self->file);
      info->duration = lectern_recording_file_get_duration (self->file);
    }
}

LecternRecordState
lectern_record_entry_get_state (LecternRecordEntry *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->info.state;
}

void
lectern_record_entry_set_state (LecternRecordEntry *self, LecternRecordState state,
                                const char *error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->info.state = state;
  if (self->info.error == NULL)
    self->info.error = g_strdup (error);
}

void
lectern_record_entry_set_file (LecternRecordEntry *self, LecternRecordingFile *file)
{
  g_auto (LecternRecordingIndex) index = { 0 };
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  g_clear_pointer (&self->file, lectern_recording_file_unref);
  if (file == NULL)
    return;
  self->file = lectern_recording_file_ref (file);
  lectern_recording_file_get_index (file, &index);
  self->info.started_us = index.started_us;
  set_tracks (self, &index);
}

LecternRecordingFile *
lectern_record_entry_get_file (LecternRecordEntry *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->file != NULL ? lectern_recording_file_ref (self->file) : NULL;
}

void
lectern_record_entry_set_index (LecternRecordEntry *self, const LecternRecordingIndex *index)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->info.started_us = index->started_us;
  self->info.duration = index->duration;
  self->info.size = index->size;
  self->info.frames = index->frames;
  set_tracks (self, index);
}

void
lectern_record_entry_set_size (LecternRecordEntry *self, guint64 size)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->info.size = size;
}

void
lectern_record_entry_set_waits_for_room (LecternRecordEntry *self, gboolean waits)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->info.waits_for_room = waits;
}

void
lectern_record_entry_set_poster (LecternRecordEntry *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->info.poster = TRUE;
}

void
lectern_record_entry_renew (LecternRecordEntry *self, LecternPresentations *presentations)
{
  g_autofree char *name = g_strconcat (LECTERN_RECORD_APP "/", self->id, NULL);

  lectern_presentations_forget (presentations, name);
}

/* ── the catalogue ── */

struct _LecternRecordCatalogue
{
  GMutex lock;
  GHashTable *entries; /* id → LecternRecordEntry */
};

LecternRecordCatalogue *
lectern_record_catalogue_new (void)
{
  LecternRecordCatalogue *self = g_new0 (LecternRecordCatalogue, 1);

  g_mutex_init (&self->lock);
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                         (GDestroyNotify) lectern_record_entry_unref);
  return self;
}

void
lectern_record_catalogue_free (LecternRecordCatalogue *self)
{
  g_hash_table_unref (self->entries);
  g_mutex_clear (&self->lock);
  g_free (self);
}

gboolean
lectern_record_catalogue_add (LecternRecordCatalogue *self, LecternRecordEntry *entry)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (g_hash_table_contains (self->entries, entry->id))
    return FALSE;
  g_hash_table_insert (self->entries, entry->id, lectern_record_entry_ref (entry));
  return TRUE;
}

gboolean
lectern_record_catalogue_remove (LecternRecordCatalogue *self, LecternRecordEntry *entry)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return g_hash_table_lookup (self->entries, entry->id) == entry
         && g_hash_table_remove (self->entries, entry->id);
}

LecternRecordEntry *
lectern_record_catalogue_lookup (LecternRecordCatalogue *self, const char *id)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRecordEntry *entry = g_hash_table_lookup (self->entries, id);

  return entry != NULL ? lectern_record_entry_ref (entry) : NULL;
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  LecternRecordEntry *left = *(LecternRecordEntry *const *) a;
  LecternRecordEntry *right = *(LecternRecordEntry *const *) b;
  int order = strcmp (lectern_record_entry_get_name (right), lectern_record_entry_get_name (left));

  return order != 0 ? order : strcmp (left->stream, right->stream);
}

GPtrArray *
lectern_record_catalogue_list (LecternRecordCatalogue *self, const char *stream)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_record_entry_unref);
  GHashTableIter iter;
  gpointer entry;

  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, &entry))
    if (stream == NULL || g_str_equal (((LecternRecordEntry *) entry)->stream, stream))
      g_ptr_array_add (list, lectern_record_entry_ref (entry));
  g_mutex_unlock (&self->lock);
  g_ptr_array_sort (list, compare_entries);
  return list;
}
