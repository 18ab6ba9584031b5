/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-spool.h"

#include "base/lectern-error.h"
#include "base/lectern-log.h"
#include "segment/lectern-presentation-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Waiting to be written. */
#define MAX_WAITING (64 * 1024 * 1024)
#define ALIGNMENT 4096

struct _LecternSpool
{
  gint refs; /* a reference for each errand too */
  char *folder;
  GThreadPool *pool;
  gint waiting; /* bytes; atomic */
  gint failed;  /* atomic: said once */
};

/* Something for the thread to do. */
typedef struct
{
  LecternSpool *spool;
  LecternPresentation *presentation; /* NULL: the segment is dropped */
  char *rendition;
  LecternSegment *segment;
} Errand;

static void run (gpointer data, gpointer user_data);

LecternSpool *
lectern_spool_new (const char *folder)
{
  LecternSpool *self = g_new0 (LecternSpool, 1);

  self->refs = 1;
  self->folder = g_strdup (folder);
  self->pool = g_thread_pool_new (run, NULL, 1, FALSE, NULL);
  return self;
}

LecternSpool *
lectern_spool_ref (LecternSpool *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_spool_unref (LecternSpool *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  /* Nothing waits, as errands hold references; the thread itself may be the last to let go. */
  g_thread_pool_free (self->pool, FALSE, FALSE);
  g_free (self->folder);
  g_free (self);
}

static void
fail (LecternSpool *self, const char *what)
{
  int number = errno;

  if (g_atomic_int_compare_and_exchange (&self->failed, FALSE, TRUE))
    g_message ("live streams cannot be rewound: cannot %s '%s': %s", what, self->folder,
               g_strerror (number));
}

static int
open_file (LecternSpool *self)
{
  int fd;

  if (g_mkdir_with_parents (self->folder, 0750) != 0)
    return -1;
  fd = open (self->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
    return fd;
  {
    g_autofree char *path = g_build_filename (self->folder, "segments-XXXXXX", NULL);

    fd = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
      unlink (path);
  }
  return fd;
}

static gboolean
write_all (int fd, GBytes *bytes, guint64 offset)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  gsize at = 0;

  while (at < size)
    {
      gssize put = pwrite (fd, data + at, size - at, (off_t) (offset + at));

      if (put < 0 && errno == EINTR)
        continue;
      if (put <= 0)
        return FALSE;
      at += (gsize) put;
    }
  return TRUE;
}

static void
write_segment (LecternSpool *self, Errand *errand)
{
  LecternSegment *segment = errand->segment;
  g_autoptr (LecternSegmentFile) file
      = lectern_presentation_get_disk_file (errand->presentation, errand->rendition);
  g_autoptr (LecternSegment) twin = NULL;

  if (file == NULL)
    {
      int fd = open_file (self);

      if (fd < 0)
        {
          fail (self, "write to");
          return;
        }
      file = lectern_segment_file_new (fd);
      lectern_presentation_set_disk_file (errand->presentation, errand->rendition, file);
    }
  if (!write_all (file->fd, segment->bytes, file->end))
    {
      fail (self, "write to");
      return;
    }
  twin = lectern_segment_new_in_file (segment, file, file->end, segment->size);
  file->end += (segment->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  lectern_presentation_take_twin (errand->presentation, errand->rendition, twin);
}

static void
drop_segment (LecternSegment *segment)
{
  gsize size = (segment->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

  if (fallocate (segment->file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                 (off_t) segment->offset, (off_t) size)
      != 0)
    g_debug ("a segment's place on the disk is kept: %s", g_strerror (errno));
}

static void
run (gpointer data, gpointer user_data)
{
  Errand *errand = data;

  if (errand->presentation != NULL)
    {
      write_segment (errand->spool, errand);
      g_atomic_int_add (&errand->spool->waiting, -(gint) errand->segment->size);
    }
  else if (errand->segment->file != NULL)
    drop_segment (errand->segment);
  g_clear_pointer (&errand->presentation, lectern_presentation_unref);
  lectern_segment_unref (errand->segment);
  lectern_spool_unref (errand->spool);
  g_free (errand->rendition);
  g_free (errand);
}

void
lectern_spool_write (LecternSpool *self, LecternPresentation *presentation, const char *rendition,
                     LecternSegment *segment)
{
  Errand *errand;

  if (segment->bytes == NULL || segment->size > MAX_WAITING
      || g_atomic_int_get (&self->waiting) > MAX_WAITING - (gint) segment->size)
    return;
  g_atomic_int_add (&self->waiting, (gint) segment->size);
  errand = g_new (Errand, 1);
  *errand = (Errand){ lectern_spool_ref (self), lectern_presentation_ref (presentation),
                      g_strdup (rendition), lectern_segment_ref (segment) };
  g_thread_pool_push (self->pool, errand, NULL);
}

void
lectern_spool_drop (LecternSpool *self, LecternSegment *segment)
{
  Errand *errand = g_new (Errand, 1);

  *errand = (Errand){ lectern_spool_ref (self), NULL, NULL, segment };
  g_thread_pool_push (self->pool, errand, NULL);
}
