/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-recording-file.h"

#include "base/lectern-beneath.h"
#include "formats/lectern-cmaf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILE_MODE 0640
/* How many seconds a name may be moved on when it is taken. */
#define MAX_NAMES 60
#define HEAD_SIZE (LECTERN_MP4_PRFT_SIZE + LECTERN_CMAF_STAMP_SIZE)
#define MAX_VECTORS 1000

/* A fragment that waits to be written. */
typedef struct
{
  LecternPart *part;
  guint8 head[HEAD_SIZE]; /* prft, if its segment begins, and the fragment's first bytes */
  guint head_size;
  LecternRecordingSegment segment;
} Waiting;

struct _LecternRecordingFile
{
  gint refs;
  char *stream;
  char *path;
  int folder; /* the stream's */
  int fd;
  gint64 started_us;
  LecternTrack *tracks[LECTERN_MP4_MAX_TRACKS];
  guint n_tracks;
  GBytes *init;

  GPtrArray *waiting; /* of Waiting */
  gsize waiting_bytes;
  guint32 sequence;
  gint64 numbers[LECTERN_MEDIA_DATA]; /* of the newest segment, -1 none */

  GMutex lock;     /* guards what follows */
  GArray *written; /* of LecternRecordingSegment */
  guint64 size;
  gint64 duration;
};

static void
waiting_free (gpointer data)
{
  Waiting *waiting = data;

  lectern_part_unref (waiting->part);
  g_free (waiting);
}

LecternRecordingFile *
lectern_recording_file_ref (LecternRecordingFile *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_recording_file_unref (LecternRecordingFile *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  if (self->fd >= 0)
    close (self->fd);
  if (self->folder >= 0)
    close (self->folder);
  for (guint i = 0; i < self->n_tracks; i++)
    lectern_track_unref (self->tracks[i]);
  g_clear_pointer (&self->init, g_bytes_unref);
  g_ptr_array_unref (self->waiting);
  g_array_unref (self->written);
  g_mutex_clear (&self->lock);
  g_free (self->stream);
  g_free (self->path);
  g_free (self);
}

const char *
lectern_recording_file_get_path (LecternRecordingFile *self)
{
  return self->path;
}

guint64
lectern_recording_file_get_size (LecternRecordingFile *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->size;
}

gint64
lectern_recording_file_get_duration (LecternRecordingFile *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->duration;
}

void
lectern_recording_file_get_index (LecternRecordingFile *self, LecternRecordingIndex *index)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  *index = (LecternRecordingIndex){ .started_us = self->started_us,
                                    .duration = self->duration,
                                    .size = self->size,
                                    .n_tracks = self->n_tracks,
                                    .init = g_bytes_ref (self->init),
                                    .segments = g_array_copy (self->written) };
  for (guint i = 0; i < self->n_tracks; i++)
    index->tracks[i] = lectern_track_ref (self->tracks[i]);
}

LecternTrack *
lectern_recording_file_get_track (LecternRecordingFile *self, LecternMedia media)
{
  for (guint i = 0; i < self->n_tracks; i++)
    if (self->tracks[i]->media == media)
      return self->tracks[i];
  return NULL;
}

/* A name is taken by a finished recording too. */
static int
try_name (LecternRecordingFile *self, const char *name)
{
  g_autofree char *finished = g_strconcat (name, ".mp4", NULL);
  g_autofree char *part = g_strconcat (name, LECTERN_RECORDING_PART_SUFFIX, NULL);

  if (faccessat (self->folder, finished, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    {
      errno = EEXIST;
      return -1;
    }
  return lectern_beneath_open (self->folder, part, O_WRONLY | O_CREAT | O_EXCL, FILE_MODE);
}

static gboolean
open_file (LecternRecordingFile *self, GError **error)
{
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (self->started_us / G_USEC_PER_SEC);
  g_autoptr (GDateTime) started = utc != NULL ? g_date_time_to_local (utc) : NULL;

  for (guint i = 0; started != NULL && i < MAX_NAMES && self->fd < 0; i++)
    {
      g_autoptr (GDateTime) moved = g_date_time_add_seconds (started, i);
      g_autofree char *name = g_date_time_format (moved, "%Y-%m-%d-%H-%M-%S");

      self->fd = try_name (self, name);
      if (self->fd >= 0)
        self->path = g_strconcat (self->stream, "/", name, NULL);
      else if (errno != EEXIST)
        break;
    }
  if (self->fd < 0)
    lectern_error_set_errno (error, errno, "cannot make a file for the recording");
  return self->fd >= 0;
}

/* The folder is synced too, so that the name is there after a power cut. */
static gboolean
write_init (LecternRecordingFile *self, GError **error)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (self->init, &size);

  if (!lectern_beneath_write_all (self->fd, data, size, 0) || fsync (self->fd) != 0
      || fsync (self->folder) != 0)
    {
      lectern_error_set_errno (error, errno, "cannot write the recording");
      return FALSE;
    }
  self->size = size;
  return TRUE;
}

LecternRecordingFile *
lectern_recording_file_new (int root, const char *stream, gint64 started_us,
                            LecternTrack *const *tracks, guint n_tracks, GError **error)
{
  g_autoptr (LecternRecordingFile) self = g_new0 (LecternRecordingFile, 1);

  self->refs = 1;
  self->fd = -1;
  self->stream = g_strdup (stream);
  self->started_us = started_us;
  self->waiting = g_ptr_array_new_with_free_func (waiting_free);
  self->written = g_array_new (FALSE, FALSE, sizeof (LecternRecordingSegment));
  g_mutex_init (&self->lock);
  for (guint i = 0; i < G_N_ELEMENTS (self->numbers); i++)
    self->numbers[i] = -1;
  for (guint i = 0; i < n_tracks; i++)
    self->tracks[self->n_tracks++] = lectern_track_ref (tracks[i]);
  self->folder = lectern_beneath_open_folder (root, stream, TRUE);
  if (self->folder < 0)
    {
      lectern_error_set_errno (error, errno, "cannot make the folder '%s'", stream);
      return NULL;
    }
  self->init = lectern_cmaf_write_init (self->tracks, self->n_tracks, error);
  if (self->init == NULL || !open_file (self, error))
    return NULL;
  if (!write_init (self, error))
    {
      lectern_recording_file_close (self);
      return NULL;
    }
  return g_steal_pointer (&self);
}

void
lectern_recording_file_add (LecternRecordingFile *self, LecternPart *part,
                            const LecternRecordingSegment *segment)
{
  Waiting *waiting = g_new0 (Waiting, 1);
  gboolean first = self->numbers[segment->media] != (gint64) segment->number;
  guint8 *stamp = waiting->head;

  if (first)
    {
      lectern_mp4_write_reference_time (stamp, segment->media, segment->date_us, segment->ticks);
      stamp += LECTERN_MP4_PRFT_SIZE;
    }
  if (!lectern_cmaf_restamp (part->bytes, stamp, ++self->sequence, segment->ticks))
    {
      g_free (waiting);
      return;
    }
  self->numbers[segment->media] = segment->number;
  waiting->head_size = (guint) (stamp - waiting->head) + LECTERN_CMAF_STAMP_SIZE;
  waiting->part = lectern_part_ref (part);
  waiting->segment = *segment;
  waiting->segment.size
      = waiting->head_size - LECTERN_CMAF_STAMP_SIZE + (guint32) g_bytes_get_size (part->bytes);
  waiting->segment.discontinuity = segment->discontinuity && first;
  self->waiting_bytes += waiting->segment.size;
  g_ptr_array_add (self->waiting, waiting);
}

gsize
lectern_recording_file_get_waiting (LecternRecordingFile *self)
{
  return self->waiting_bytes;
}

/* Writes all of the vectors, which it changes, over interruptions and partial writes. */
static gboolean
write_vectors (int fd, struct iovec *vectors, guint n_vectors, off_t offset)
{
  guint at = 0;

  while (at < n_vectors)
    {
      gssize written = pwritev (fd, vectors + at, (int) MIN (n_vectors - at, MAX_VECTORS), offset);

      if (written < 0 && errno == EINTR)
        continue;
      if (written <= 0)
        return FALSE;
      offset += written;
      while (at < n_vectors && (gsize) written >= vectors[at].iov_len)
        written -= (gssize) vectors[at++].iov_len;
      if (at < n_vectors)
        {
          vectors[at].iov_base = (guint8 *) vectors[at].iov_base + written;
          vectors[at].iov_len -= (gsize) written;
        }
    }
  return TRUE;
}

static struct iovec *
make_vectors (LecternRecordingFile *self)
{
  struct iovec *vectors = g_new (struct iovec, 2 * (gsize) self->waiting->len);

  for (guint i = 0; i < self->waiting->len; i++)
    {
      Waiting *waiting = g_ptr_array_index (self->waiting, i);
      gsize size;
      const guint8 *data = g_bytes_get_data (waiting->part->bytes, &size);

      vectors[2 * i] = (struct iovec){ waiting->head, waiting->head_size };
      vectors[2 * i + 1] = (struct iovec){ (gpointer) (data + LECTERN_CMAF_STAMP_SIZE),
                                           size - LECTERN_CMAF_STAMP_SIZE };
    }
  return vectors;
}

static void
take_written (LecternRecordingFile *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  for (guint i = 0; i < self->waiting->len; i++)
    {
      LecternRecordingSegment segment = ((Waiting *) g_ptr_array_index (self->waiting, i))->segment;
      LecternTrack *track = lectern_recording_file_get_track (self, segment.media);
      gint64 end = lectern_cmaf_to_ns ((gint64) (segment.ticks + segment.duration_ticks),
                                       lectern_cmaf_get_timescale (track));

      segment.offset = self->size;
      self->size += segment.size;
      self->duration = MAX (self->duration, end);
      g_array_append_val (self->written, segment);
    }
}

gboolean
lectern_recording_file_flush (LecternRecordingFile *self, GError **error)
{
  g_autofree struct iovec *vectors = make_vectors (self);

  if (!write_vectors (self->fd, vectors, 2 * self->waiting->len, (off_t) self->size))
    {
      lectern_error_set_errno (error, errno, "cannot write '%s'", self->path);
      /* Half a fragment would be found and left out later; so there is none. */
      if (ftruncate (self->fd, (off_t) self->size) != 0)
        g_message ("'%s' ends with half a fragment", self->path);
      g_ptr_array_set_size (self->waiting, 0);
      self->waiting_bytes = 0;
      return FALSE;
    }
  take_written (self);
  g_ptr_array_set_size (self->waiting, 0);
  self->waiting_bytes = 0;
  return TRUE;
}

gboolean
lectern_recording_file_sync (LecternRecordingFile *self, GError **error)
{
  if (fdatasync (self->fd) == 0)
    return TRUE;
  lectern_error_set_errno (error, errno, "cannot write '%s' to the disk", self->path);
  return FALSE;
}

gboolean
lectern_recording_file_close (LecternRecordingFile *self)
{
  gboolean empty = self->written->len == 0;

  if (empty)
    {
      g_autofree char *base = g_path_get_basename (self->path);
      g_autofree char *name = g_strconcat (base, LECTERN_RECORDING_PART_SUFFIX, NULL);

      unlinkat (self->folder, name, 0);
    }
  else
    fsync (self->fd);
  close (self->fd);
  self->fd = -1;
  return !empty;
}
