/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-record-folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_RECORDINGS 100000
#define MAX_INDEX_START (LECTERN_RECORDING_INDEX_HEADER + LECTERN_MP4_MAX_INIT)

struct _LecternRecordFolder
{
  char *path;
  int root;
  LecternRecordCatalogue *catalogue;
  LecternPresentations *presentations;
  GMutex lock;         /* guards `thread` */
  GThreadPool *thread; /* NULL: closed */
  gint closing;        /* atomic: what waits is not done any more */
  guint found;
};

typedef struct
{
  LecternRecordFolderFunc func;
  gpointer data;
  GDestroyNotify free_data;
} Work;

static void
work_free (gpointer data)
{
  Work *work = data;

  if (work->free_data != NULL)
    work->free_data (work->data);
  g_free (work);
}

static void
do_work (gpointer data, gpointer user_data)
{
  LecternRecordFolder *self = user_data;
  Work *work = data;

  if (!g_atomic_int_get (&self->closing))
    work->func (self, work->data);
  work_free (work);
}

LecternRecordFolder *
lectern_record_folder_new (const char *path, LecternRecordCatalogue *catalogue,
                           LecternPresentations *presentations, GError **error)
{
  LecternRecordFolder *self;
  int root;

  if (g_mkdir_with_parents (path, 0750) != 0)
    {
      lectern_error_set_errno (error, errno, "cannot make the folder '%s'", path);
      return NULL;
    }
  root = lectern_beneath_open_root (path, error);
  if (root < 0)
    return NULL;
  self = g_new0 (LecternRecordFolder, 1);
  self->path = g_strdup (path);
  self->root = root;
  self->catalogue = catalogue;
  self->presentations = presentations;
  g_mutex_init (&self->lock);
  self->thread = g_thread_pool_new (do_work, self, 1, TRUE, error);
  if (self->thread == NULL)
    {
      lectern_record_folder_free (self);
      return NULL;
    }
  return self;
}

void
lectern_record_folder_close (LecternRecordFolder *self)
{
  GThreadPool *thread;

  g_mutex_lock (&self->lock);
  thread = g_steal_pointer (&self->thread);
  g_mutex_unlock (&self->lock);
  g_atomic_int_set (&self->closing, TRUE);
  /* What waits passes through do_work: GLib itself may drop it without freeing it. */
  if (thread != NULL)
    g_thread_pool_free (thread, FALSE, TRUE);
}

void
lectern_record_folder_free (LecternRecordFolder *self)
{
  lectern_record_folder_close (self);
  close (self->root);
  g_mutex_clear (&self->lock);
  g_free (self->path);
  g_free (self);
}

const char *
lectern_record_folder_get_path (LecternRecordFolder *self)
{
  return self->path;
}

void
lectern_record_folder_run (LecternRecordFolder *self, LecternRecordFolderFunc func, gpointer data,
                           GDestroyNotify free_data)
{
  Work *work = g_new (Work, 1);

  *work = (Work){ func, data, free_data };
  g_mutex_lock (&self->lock);
  if (self->thread != NULL)
    g_thread_pool_push (self->thread, g_steal_pointer (&work), NULL);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&work, work_free);
}

/* ── what is there ── */

/* Returns: (transfer full) (nullable). */
static DIR *
open_listing (int root, const char *path)
{
  int fd = lectern_beneath_open_folder (root, path, FALSE);
  DIR *listing = fd >= 0 ? fdopendir (fd) : NULL;

  if (listing == NULL && fd >= 0)
    close (fd);
  return listing;
}

/* Returns: (transfer full): the names in the folder @path. */
static GStrv
list_names (int root, const char *path)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  DIR *listing = open_listing (root, path);
  struct dirent *item;

  while (listing != NULL && (item = readdir (listing)) != NULL)
    if (item->d_name[0] != '.')
      g_strv_builder_add (names, item->d_name);
  if (listing != NULL)
    closedir (listing);
  return g_strv_builder_end (names);
}

static gboolean
strip (const char *name, const char *suffix, char **base)
{
  if (!g_str_has_suffix (name, suffix))
    return FALSE;
  *base = g_strndup (name, strlen (name) - strlen (suffix));
  return TRUE;
}

static gboolean
exists (int root, const char *stream, const char *base, const char *suffix)
{
  g_autofree char *path = g_strconcat (stream, "/", base, suffix, NULL);
  int fd = lectern_beneath_open (root, path, O_RDONLY, 0);

  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

static void
remove_file (LecternRecordFolder *self, const char *stream, const char *name)
{
  int folder = lectern_beneath_open_folder (self->root, stream, FALSE);

  if (folder < 0)
    return;
  unlinkat (folder, name, 0);
  close (folder);
}

static void
add (LecternRecordFolder *self, const char *stream, const char *base, LecternRecordState state)
{
  g_autofree char *path = g_strconcat (stream, "/", base, NULL);
  g_autoptr (LecternRecordEntry) entry = lectern_record_entry_new (path, state);

  if (entry == NULL)
    {
      g_message ("'%s' in the folder of recordings is none", path);
      return;
    }
  if (exists (self->root, stream, base, LECTERN_RECORD_POSTER))
    lectern_record_entry_set_poster (entry);
  self->found += lectern_record_catalogue_add (self->catalogue, entry);
}

/* A picture or an index whose recording was removed while it was made. */
static void
remove_left (LecternRecordFolder *self, const char *stream, const char *name, const char *base)
{
  g_autofree char *path = g_strconcat (stream, "/", base, NULL);
  g_autoptr (LecternRecordEntry) entry = lectern_record_entry_new (path, LECTERN_RECORD_FAILED);

  if (entry != NULL && !exists (self->root, stream, base, LECTERN_RECORD_MP4)
      && !exists (self->root, stream, base, LECTERN_RECORDING_PART_SUFFIX))
    remove_file (self, stream, name);
}

/* A part beside its finished file was only not removed yet: the finished one got its name when it
 * was whole. */
static void
take_name (LecternRecordFolder *self, const char *stream, const char *name)
{
  g_autofree char *base = NULL;

  if (g_str_has_suffix (name, ".tmp"))
    remove_file (self, stream, name);
  else if (strip (name, LECTERN_RECORDING_PART_SUFFIX, &base))
    {
      if (exists (self->root, stream, base, LECTERN_RECORD_MP4))
        remove_file (self, stream, name);
      else
        add (self, stream, base, LECTERN_RECORD_FINISHING);
    }
  else if (strip (name, LECTERN_RECORD_MP4, &base))
    add (self, stream, base, LECTERN_RECORD_READY);
  else if (strip (name, LECTERN_RECORD_POSTER, &base) || strip (name, LECTERN_RECORD_INDEX, &base))
    remove_left (self, stream, name, base);
}

void
lectern_record_folder_scan (LecternRecordFolder *self)
{
  g_auto (GStrv) apps = list_names (self->root, ".");

  for (guint i = 0; apps[i] != NULL; i++)
    {
      g_auto (GStrv) names = list_names (self->root, apps[i]);

      for (guint k = 0; names[k] != NULL; k++)
        {
          g_autofree char *stream = g_strconcat (apps[i], "/", names[k], NULL);
          g_auto (GStrv) files = list_names (self->root, stream);

          for (guint n = 0; files[n] != NULL && self->found < MAX_RECORDINGS; n++)
            take_name (self, stream, files[n]);
        }
    }
}

int
lectern_record_folder_open (LecternRecordFolder *self, LecternRecordEntry *entry,
                            const char *suffix)
{
  g_autofree char *path = g_strconcat (lectern_record_entry_get_path (entry), suffix, NULL);

  return lectern_beneath_open (self->root, path, O_RDONLY, 0);
}

/* Returns: bytes, 0 when there is no such file. */
static guint64
get_size (LecternRecordFolder *self, LecternRecordEntry *entry, const char *suffix)
{
  int fd = lectern_record_folder_open (self, entry, suffix);
  struct stat about = { 0 };

  if (fd < 0)
    return 0;
  if (fstat (fd, &about) != 0)
    about.st_size = 0;
  close (fd);
  return (guint64) about.st_size;
}

static gboolean
read_index (LecternRecordFolder *self, LecternRecordEntry *entry, LecternRecordingIndex *index)
{
  int fd = lectern_record_folder_open (self, entry, LECTERN_RECORD_INDEX);
  g_autoptr (GBytes) bytes = fd >= 0 ? lectern_beneath_read (fd, MAX_INDEX_START) : NULL;

  if (fd >= 0)
    close (fd);
  return bytes != NULL
         && lectern_recording_index_read (index, g_bytes_get_data (bytes, NULL),
                                          g_bytes_get_size (bytes), FALSE, NULL);
}

void
lectern_record_folder_read_index (LecternRecordFolder *self, LecternRecordEntry *entry)
{
  guint64 size = get_size (self, entry, LECTERN_RECORD_MP4);
  g_auto (LecternRecordingIndex) index = { 0 };

  if (read_index (self, entry, &index) && index.size == size)
    {
      lectern_record_entry_set_index (entry, &index);
      lectern_record_entry_set_state (entry, LECTERN_RECORD_READY, NULL);
      return;
    }
  lectern_record_entry_set_size (entry, size);
  g_message ("recording '%s' is damaged: its index does not fit it",
             lectern_record_entry_get_path (entry));
  lectern_record_entry_set_state (entry, LECTERN_RECORD_FAILED, "its index does not fit it");
}

/* ── what goes ── */

void
lectern_record_folder_give_up (LecternRecordFolder *self, LecternRecordEntry *entry,
                               const char *why)
{
  guint64 size = get_size (self, entry, LECTERN_RECORDING_PART_SUFFIX);

  lectern_record_entry_set_size (entry, size);
  if (size > LECTERN_MP4_MAX_INIT)
    lectern_record_entry_set_state (entry, LECTERN_RECORD_FAILED, why);
  else
    lectern_record_folder_remove (self, entry);
}

void
lectern_record_folder_remove (LecternRecordFolder *self, LecternRecordEntry *entry)
{
  static const char *const suffixes[] = { LECTERN_RECORD_MP4, LECTERN_RECORDING_PART_SUFFIX,
                                          LECTERN_RECORD_INDEX, LECTERN_RECORD_POSTER };
  const char *stream = lectern_record_entry_get_stream (entry);

  if (!lectern_record_catalogue_remove (self->catalogue, entry))
    return;
  lectern_record_entry_renew (entry, self->presentations);
  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *name
          = g_strconcat (lectern_record_entry_get_name (entry), suffixes[i], NULL);

      remove_file (self, stream, name);
    }
}

static void
remove_for (LecternRecordFolder *self, LecternRecordEntry *entry, const char *why)
{
  g_message ("recording '%s' is removed: %s", lectern_record_entry_get_path (entry), why);
  lectern_record_folder_remove (self, entry);
}

static gboolean
may_go (LecternRecordState state)
{
  return state == LECTERN_RECORD_READY || state == LECTERN_RECORD_FAILED;
}

void
lectern_record_folder_trim (LecternRecordFolder *self, gint64 age_us, guint64 max_size)
{
  g_autoptr (GPtrArray) list = lectern_record_catalogue_list (self->catalogue, NULL);
  gint64 now_us = lectern_clock_wall_us ();
  guint64 total = 0;

  for (guint i = 0; i < list->len; i++)
    {
      g_auto (LecternRecordInfo) info = { 0 };

      lectern_record_entry_get_info (g_ptr_array_index (list, i), &info);
      total += info.size;
    }
  for (guint i = list->len; i > 0; i--)
    {
      LecternRecordEntry *entry = g_ptr_array_index (list, i - 1);
      g_auto (LecternRecordInfo) info = { 0 };

      lectern_record_entry_get_info (entry, &info);
      if (!may_go (info.state))
        continue;
      if (age_us > 0 && now_us - info.started_us - info.duration / 1000 > age_us)
        remove_for (self, entry, "it is too old");
      else if (max_size > 0 && total > max_size && i > 1)
        remove_for (self, entry, "recordings take too much room");
      else
        continue;
      total -= info.size;
    }
}

gboolean
lectern_record_folder_is_full (LecternRecordFolder *self, guint64 min_free)
{
  return lectern_recorder_is_disk_full (self->root, min_free, 0);
}
