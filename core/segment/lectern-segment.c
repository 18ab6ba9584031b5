/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-segment-private.h"

#include <errno.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

LecternPart *
lectern_part_new (GBytes *bytes, gint64 duration, guint frames, gboolean independent)
{
  LecternPart *self = g_new0 (LecternPart, 1);

  self->refs = 1;
  self->bytes = g_bytes_ref (bytes);
  self->duration = duration;
  self->frames = frames;
  self->independent = independent;
  return self;
}

LecternPart *
lectern_part_ref (LecternPart *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_part_unref (LecternPart *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_bytes_unref (self->bytes);
  g_free (self);
}

/* A segment's place in the rendition's file. */
typedef struct
{
  LecternSegmentFile *file;
  guint64 offset;
  gsize size; /* whole pages */
  guint8 *memory;
} Place;

static void
place_free (gpointer data)
{
  Place *place = data;

  munmap (place->memory, place->size);
  /* Nobody sends it any more: its pages go back. */
  if (fallocate (place->file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) place->offset,
                 (off_t) place->size)
      != 0)
    g_debug ("a segment's memory is kept: %s", g_strerror (errno));
  lectern_segment_file_unref (place->file);
  g_free (place);
}

/* Returns: (nullable): memory for @size bytes at the file's end. */
static Place *
find_place (LecternSegmentFile *file, gsize size)
{
  gsize page = (gsize) sysconf (_SC_PAGESIZE);
  gsize whole = (size + page - 1) / page * page;
  Place *place;
  void *memory;

  if (ftruncate (file->fd, (off_t) (file->end + whole)) != 0)
    return NULL;
  memory = mmap (NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, (off_t) file->end);
  if (memory == MAP_FAILED)
    return NULL;
  place = g_new (Place, 1);
  *place = (Place){ lectern_segment_file_ref (file), file->end, whole, memory };
  file->end += whole;
  return place;
}

static gsize
get_size (GPtrArray *parts)
{
  gsize size = 0;

  for (guint i = 0; i < parts->len; i++)
    size += g_bytes_get_size (((LecternPart *) g_ptr_array_index (parts, i))->bytes);
  return size;
}

static void
copy_parts (GPtrArray *parts, guint8 *to)
{
  for (guint i = 0; i < parts->len; i++)
    {
      gsize length;
      LecternPart *part = g_ptr_array_index (parts, i);
      gconstpointer bytes = g_bytes_get_data (part->bytes, &length);

      memcpy (to, bytes, length);
      to += length;
    }
}

/* The same parts as slices of the whole, so that nothing is held twice. */
static GPtrArray *
slice_parts (GPtrArray *parts, GBytes *whole)
{
  GPtrArray *slices = g_ptr_array_new_full (parts->len, (GDestroyNotify) lectern_part_unref);
  gsize at = 0;

  for (guint i = 0; i < parts->len; i++)
    {
      LecternPart *part = g_ptr_array_index (parts, i);
      gsize length = g_bytes_get_size (part->bytes);
      g_autoptr (GBytes) slice = g_bytes_new_from_bytes (whole, at, length);

      g_ptr_array_add (slices,
                       lectern_part_new (slice, part->duration, part->frames, part->independent));
      at += length;
    }
  return slices;
}

static LecternSegment *
new_segment (const LecternSegment *fields, gsize size)
{
  LecternSegment *self = g_new0 (LecternSegment, 1);

  *self = *fields;
  self->refs = 1;
  self->size = size;
  self->bytes = NULL;
  self->file = NULL;
  self->offset = 0;
  self->pieces = NULL;
  self->n_pieces = 0;
  return self;
}

/* In the file, so that the kernel sends it from there; else in memory of its own. */
static void
set_content (LecternSegment *self, GPtrArray *parts, LecternSegmentFile *file)
{
  Place *place = file != NULL ? find_place (file, self->size) : NULL;
  guint8 *memory = place != NULL ? place->memory : g_malloc (self->size);

  copy_parts (parts, memory);
  if (place == NULL)
    {
      self->bytes = g_bytes_new_take (memory, self->size);
      return;
    }
  self->bytes = g_bytes_new_with_free_func (memory, self->size, place_free, place);
  self->file = lectern_segment_file_ref (file);
  self->offset = place->offset;
}

LecternSegment *
lectern_segment_new (const LecternSegment *fields, GPtrArray *parts, LecternSegmentFile *file)
{
  LecternSegment *self = new_segment (fields, get_size (parts));

  set_content (self, parts, file);
  self->parts = slice_parts (parts, self->bytes);
  self->frames = 0;
  for (guint i = 0; i < parts->len; i++)
    self->frames += ((LecternPart *) g_ptr_array_index (parts, i))->frames;
  return self;
}

LecternSegment *
lectern_segment_new_gap (const LecternSegment *fields)
{
  LecternSegment *self = new_segment (fields, 0);

  self->parts = g_ptr_array_new ();
  self->gap = TRUE;
  return self;
}

LecternSegment *
lectern_segment_new_in_file (const LecternSegment *fields, LecternSegmentFile *file, guint64 offset,
                             gsize size)
{
  LecternSegment *self = new_segment (fields, size);

  self->parts = g_ptr_array_new ();
  self->file = lectern_segment_file_ref (file);
  self->offset = offset;
  return self;
}

LecternSegment *
lectern_segment_new_in_pieces (const LecternSegment *fields, LecternSegmentFile *file,
                               const LecternSegmentPiece *pieces, guint n_pieces)
{
  LecternSegment *self = lectern_segment_new_in_file (fields, file, pieces[0].offset, 0);

  self->pieces = g_memdup2 (pieces, n_pieces * sizeof *pieces);
  self->n_pieces = n_pieces;
  for (guint i = 0; i < n_pieces; i++)
    self->size += pieces[i].size;
  return self;
}

gboolean
lectern_segment_is_range (LecternSegment *self)
{
  return self->file != NULL && self->pieces == NULL;
}

static gboolean
read_piece (int fd, guint8 *to, const LecternSegmentPiece *piece)
{
  gsize at = 0;

  while (at < piece->size)
    {
      gssize got = pread (fd, to + at, piece->size - at, (off_t) (piece->offset + at));

      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0)
        return FALSE;
      at += (gsize) got;
    }
  return TRUE;
}

GBytes *
lectern_segment_read (LecternSegment *self)
{
  LecternSegmentPiece whole = { self->offset, self->size };
  const LecternSegmentPiece *pieces = self->pieces != NULL ? self->pieces : &whole;
  g_autofree guint8 *data = NULL;
  gsize at = 0;

  if (self->bytes != NULL)
    return g_bytes_ref (self->bytes);
  if (self->file == NULL)
    return NULL;
  data = g_malloc (self->size);
  for (guint i = 0; i < MAX (self->n_pieces, 1); i++)
    {
      if (!read_piece (self->file->fd, data + at, &pieces[i]))
        return NULL;
      at += pieces[i].size;
    }
  return g_bytes_new_take (g_steal_pointer (&data), self->size);
}

LecternSegment *
lectern_segment_ref (LecternSegment *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_segment_unref (LecternSegment *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_ptr_array_unref (self->parts);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_clear_pointer (&self->file, lectern_segment_file_unref);
  g_free (self->pieces);
  g_free (self);
}

LecternSegmentFile *
lectern_segment_file_new (int fd)
{
  LecternSegmentFile *self = g_new (LecternSegmentFile, 1);

  *self = (LecternSegmentFile){ .fd = fd, .refs = 1 };
  return self;
}

LecternSegmentFile *
lectern_segment_file_new_in_memory (void)
{
  int fd = memfd_create ("lectern-segments", MFD_CLOEXEC);

  return fd >= 0 ? lectern_segment_file_new (fd) : NULL;
}

LecternSegmentFile *
lectern_segment_file_ref (LecternSegmentFile *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_segment_file_unref (LecternSegmentFile *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  close (self->fd);
  g_free (self);
}
