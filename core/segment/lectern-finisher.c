/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-finisher.h"

#include "base/lectern-beneath.h"
#include "formats/lectern-mp4-movie.h"
#include "formats/lectern-recording-index.h"
#include "segment/lectern-part-scan.h"
#include "segment/lectern-recorder.h"
#include "segment/lectern-recording-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MODE 0640
#define COPY_SIZE (1024 * 1024)
#define VERIFY_SIZE 256
#define FINISHED ".mp4"
#define TEMPORARY ".mp4.tmp"
#define INDEX ".index"

typedef struct
{
  int folder;
  const char *name;
  guint64 min_free;
  LecternFinisherFunc func;
  gpointer user_data;
  int source;
  LecternPartScan *scan;
  LecternRecordingIndex index;
  GBytes *header; /* up to the media data */
} Finisher;

static char *
make_name (Finisher *self, const char *suffix)
{
  return g_strconcat (self->name, suffix, NULL);
}

static gboolean
fail (GError **error, Finisher *self, const char *suffix)
{
  lectern_error_set_errno (error, errno, "cannot finish '%s%s'", self->name, suffix);
  return FALSE;
}

static int
open_named (Finisher *self, const char *suffix, int flags, GError **error)
{
  g_autofree char *name = make_name (self, suffix);
  int fd = lectern_beneath_open (self->folder, name, flags, FILE_MODE);

  if (fd < 0)
    fail (error, self, suffix);
  return fd;
}

/* ── the plan ── */

static gint
compare_segments (gconstpointer a, gconstpointer b, gpointer user_data)
{
  LecternPartScan *scan = user_data;
  const LecternPartSegment *left
      = &g_array_index (scan->segments, LecternPartSegment, *(guint *) a);
  const LecternPartSegment *right
      = &g_array_index (scan->segments, LecternPartSegment, *(guint *) b);
  gint64 difference = left->start - right->start;

  if (difference == 0)
    return (int) left->media - (int) right->media;
  return difference < 0 ? -1 : 1;
}

/* Segments by their time, video before audio. Returns: (transfer full): indexes. */
static GArray *
sort_segments (LecternPartScan *scan)
{
  GArray *order = g_array_sized_new (FALSE, FALSE, sizeof (guint), scan->segments->len);

  for (guint i = 0; i < scan->segments->len; i++)
    g_array_append_val (order, i);
  g_array_sort_with_data (order, compare_segments, scan);
  return order;
}

/* Audio has the number of the video segment that it belongs to. */
static guint32
choose_number (LecternPartSegment *segment, gint64 *newest, gint64 *last)
{
  gboolean leads = segment->media == LECTERN_MEDIA_VIDEO || *newest < 0;
  gint64 number = leads ? *newest + 1 : *newest;

  if (segment->media == LECTERN_MEDIA_VIDEO)
    *newest = number;
  number = MAX (number, last[segment->media] + 1);
  last[segment->media] = number;
  return (guint32) number;
}

static void
add_to_index (Finisher *self, const LecternPartSegment *segment, guint32 number, guint64 offset)
{
  const LecternPartFragment *first
      = lectern_part_scan_get_fragment (self->scan, segment->fragments, 0);
  LecternRecordingSegment entry = { .media = segment->media,
                                    .independent = first->independent,
                                    .discontinuity = segment->discontinuity,
                                    .number = number,
                                    .ticks = first->fragment.decode_time,
                                    .date_us = segment->date_us,
                                    .offset = offset };

  for (guint i = 0; i < segment->fragments->len; i++)
    {
      const LecternPartFragment *at
          = lectern_part_scan_get_fragment (self->scan, segment->fragments, i);

      entry.duration_ticks
          = (guint32) (at->fragment.decode_time + at->fragment.duration - entry.ticks);
      entry.frames += at->fragment.n_samples;
      entry.size += (guint32) at->size;
    }
  g_array_append_val (self->index.segments, entry);
}

/* Lays the segments out one after the other and fills the tables. @order: of segments. */
static LecternMp4Movie *
lay_out (Finisher *self, GArray *order, guint64 *total, GError **error)
{
  LecternPartScan *scan = self->scan;
  g_autoptr (LecternMp4Movie) movie = lectern_mp4_movie_new (scan->tracks, scan->n_tracks);
  gint64 newest = -1;
  gint64 last[LECTERN_MEDIA_DATA] = { -1, -1, -1 };

  *total = 0;
  for (guint i = 0; i < order->len; i++)
    {
      LecternPartSegment *segment
          = &g_array_index (scan->segments, LecternPartSegment, g_array_index (order, guint, i));

      add_to_index (self, segment, choose_number (segment, &newest, last), *total);
      for (guint k = 0; k < segment->fragments->len; k++)
        {
          const LecternPartFragment *at
              = lectern_part_scan_get_fragment (scan, segment->fragments, k);

          const LecternMp4Sample *samples
              = &g_array_index (scan->samples, LecternMp4Sample, at->first_sample);

          if (!lectern_mp4_movie_add (movie, &at->fragment, samples,
                                      *total + at->head + at->fragment.data_offset, error))
            return NULL;
          *total += at->size;
        }
    }
  return g_steal_pointer (&movie);
}

/* ── the copy ── */

/* Copies @size bytes; one who is killed meanwhile begins anew. */
static gboolean
copy_range (Finisher *self, int to, guint8 *buffer, guint64 from_offset, guint64 to_offset,
            guint64 size, GError **error)
{
  while (size > 0)
    {
      gssize got = pread (self->source, buffer, MIN (size, COPY_SIZE), (off_t) from_offset);

      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0 || !lectern_beneath_write_all (to, buffer, (gsize) got, (off_t) to_offset))
        return fail (error, self, TEMPORARY);
      from_offset += (guint64) got;
      to_offset += (guint64) got;
      size -= (guint64) got;
    }
  return TRUE;
}

/* Fragments that stand together are copied together. */
static gboolean
copy_segment (Finisher *self, int to, guint8 *buffer, const LecternPartSegment *segment,
              guint64 offset, GError **error)
{
  guint i = 0;

  while (i < segment->fragments->len)
    {
      const LecternPartFragment *first
          = lectern_part_scan_get_fragment (self->scan, segment->fragments, i);
      guint64 size = first->size;

      for (i++; i < segment->fragments->len; i++)
        {
          const LecternPartFragment *next
              = lectern_part_scan_get_fragment (self->scan, segment->fragments, i);

          if (next->offset != first->offset + size)
            break;
          size += next->size;
        }
      if (!copy_range (self, to, buffer, first->offset, offset, size, error))
        return FALSE;
      offset += size;
    }
  return TRUE;
}

static gboolean
copy_all (Finisher *self, int to, GArray *order, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (COPY_SIZE);
  gsize header_size;
  gconstpointer header = g_bytes_get_data (self->header, &header_size);

  if (!lectern_beneath_write_all (to, header, header_size, 0))
    return fail (error, self, TEMPORARY);
  for (guint i = 0; i < order->len; i++)
    {
      const LecternPartSegment *segment = &g_array_index (self->scan->segments, LecternPartSegment,
                                                          g_array_index (order, guint, i));
      guint64 offset = g_array_index (self->index.segments, LecternRecordingSegment, i).offset;

      if (!copy_segment (self, to, buffer, segment, offset, error))
        return FALSE;
      if (self->func != NULL)
        self->func (self->user_data);
    }
  return fsync (to) == 0 || fail (error, self, TEMPORARY);
}

/* ── the look back ── */

static gboolean
is_same (int fd, gconstpointer expected, gsize size, guint64 offset)
{
  g_autofree guint8 *got = g_malloc (size);
  gsize at = 0;

  while (at < size)
    {
      gssize piece = pread (fd, got + at, size - at, (off_t) (offset + at));

      if (piece < 0 && errno == EINTR)
        continue;
      if (piece <= 0)
        return FALSE;
      at += (gsize) piece;
    }
  return memcmp (got, expected, size) == 0;
}

/* The segment begins in the copy as it does in the recording. */
static gboolean
verify_segment (Finisher *self, int fd, const LecternPartSegment *segment, guint64 offset)
{
  const LecternPartFragment *first
      = lectern_part_scan_get_fragment (self->scan, segment->fragments, 0);
  guint8 start[VERIFY_SIZE];
  gsize size = MIN (first->size, sizeof start);

  return pread (self->source, start, size, (off_t) first->offset) == (gssize) size
         && is_same (fd, start, size, offset);
}

/* The tables are there as they were written, the file is as long as it should be, and each segment
 * stands where the index says. */
static gboolean
verify (Finisher *self, int fd, GArray *order, guint64 total, GError **error)
{
  gsize header_size;
  gconstpointer header = g_bytes_get_data (self->header, &header_size);
  gboolean good = is_same (fd, header, header_size, 0)
                  && lseek (fd, 0, SEEK_END) == (off_t) (header_size + total);

  for (guint i = 0; i < order->len && good; i++)
    good = verify_segment (
        self, fd,
        &g_array_index (self->scan->segments, LecternPartSegment, g_array_index (order, guint, i)),
        g_array_index (self->index.segments, LecternRecordingSegment, i).offset);
  if (!good)
    g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_FAILED,
                 "'%s' was not written as it should be; the recording stays as it was", self->name);
  return good;
}

/* ── all of it ── */

static gboolean
write_index (Finisher *self, GError **error)
{
  g_autoptr (GBytes) bytes = lectern_recording_index_write (&self->index, error);
  g_autofree char *name = make_name (self, INDEX);

  return bytes != NULL && lectern_beneath_replace (self->folder, name, bytes, error);
}

/* The name comes last: a finished file has its index. */
static gboolean
put_in_place (Finisher *self, GError **error)
{
  g_autofree char *temporary = make_name (self, TEMPORARY);
  g_autofree char *finished = make_name (self, FINISHED);
  g_autofree char *part = make_name (self, LECTERN_RECORDING_PART_SUFFIX);

  if (!write_index (self, error))
    return FALSE;
  if (renameat (self->folder, temporary, self->folder, finished) != 0 || fsync (self->folder) != 0)
    return fail (error, self, FINISHED);
  if (unlinkat (self->folder, part, 0) != 0 || fsync (self->folder) != 0)
    return fail (error, self, LECTERN_RECORDING_PART_SUFFIX);
  return TRUE;
}

static gboolean
write_copy (Finisher *self, GArray *order, guint64 total, GError **error)
{
  int to = open_named (self, TEMPORARY, O_RDWR | O_CREAT | O_TRUNC, error);
  gboolean done;

  if (to < 0)
    return FALSE;
  done = copy_all (self, to, order, error) && verify (self, to, order, total, error);
  close (to);
  if (!done)
    {
      g_autofree char *temporary = make_name (self, TEMPORARY);

      unlinkat (self->folder, temporary, 0);
    }
  return done;
}

/* When its first segment began. */
static gint64
get_started (LecternPartScan *scan)
{
  const LecternPartSegment *first = &g_array_index (scan->segments, LecternPartSegment, 0);

  return first->date_us;
}

static void
begin_index (Finisher *self)
{
  self->index.started_us = get_started (self->scan);
  self->index.init = g_bytes_ref (self->scan->init);
  self->index.segments = g_array_new (FALSE, FALSE, sizeof (LecternRecordingSegment));
  for (guint i = 0; i < self->scan->n_tracks; i++)
    self->index.tracks[self->index.n_tracks++] = lectern_track_ref (self->scan->tracks[i]);
}

/* Offsets in the index count from the file's start. */
static void
end_index (Finisher *self, LecternMp4Movie *movie, guint64 total)
{
  gsize base = g_bytes_get_size (self->header);

  self->index.duration = lectern_mp4_movie_get_duration (movie);
  self->index.size = base + total;
  self->index.frames = lectern_mp4_movie_count (movie, LECTERN_MEDIA_VIDEO);
  for (guint i = 0; i < self->index.segments->len; i++)
    g_array_index (self->index.segments, LecternRecordingSegment, i).offset += base;
}

static gboolean
finish (Finisher *self, LecternFinisherResult *result, GError **error)
{
  g_autoptr (LecternMp4Movie) movie = NULL;
  g_autoptr (GArray) order = NULL;
  guint64 total;

  self->scan = lectern_part_scan_new (self->source, error);
  if (self->scan == NULL)
    return FALSE;
  begin_index (self);
  order = sort_segments (self->scan);
  movie = lay_out (self, order, &total, error);
  if (movie == NULL)
    return FALSE;
  self->header = lectern_mp4_movie_write (movie, total, self->index.started_us, error);
  if (self->header == NULL)
    return FALSE;
  end_index (self, movie, total);
  if (lectern_recorder_is_disk_full (self->folder, self->min_free, self->index.size))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                           "the disk has no room for the finished recording");
      return FALSE;
    }
  if (!write_copy (self, order, total, error) || !put_in_place (self, error))
    return FALSE;
  *result
      = (LecternFinisherResult){ .duration = self->index.duration,
                                 .size = self->index.size,
                                 .left_out = self->scan->size - self->scan->whole,
                                 .video = self->index.frames,
                                 .audio = lectern_mp4_movie_count (movie, LECTERN_MEDIA_AUDIO) };
  return TRUE;
}

gboolean
lectern_finisher_run (int folder, const char *name, guint64 min_free, LecternFinisherFunc func,
                      gpointer user_data, LecternFinisherResult *result, GError **error)
{
  Finisher self = {
    .folder = folder, .name = name, .min_free = min_free, .func = func, .user_data = user_data
  };
  gboolean done;

  self.source = open_named (&self, LECTERN_RECORDING_PART_SUFFIX, O_RDONLY, error);
  if (self.source < 0)
    return FALSE;
  done = finish (&self, result, error);
  close (self.source);
  g_clear_pointer (&self.scan, lectern_part_scan_free);
  g_clear_pointer (&self.header, g_bytes_unref);
  lectern_recording_index_clear (&self.index);
  return done;
}
