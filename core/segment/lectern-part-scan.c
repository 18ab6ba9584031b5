/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-part-scan.h"

#include "base/lectern-beneath.h"
#include "formats/lectern-cmaf.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A fragment's boxes are rarely larger; one read gets them. */
#define PEEK_SIZE 4096
#define MAX_SAMPLES (32 * 1024 * 1024)
#define MAX_GAP_TICKS (1u << 30)
#define MAX_HOLE (500 * G_GINT64_CONSTANT (1000000))

static void
clear_segment (gpointer data)
{
  g_array_unref (((LecternPartSegment *) data)->fragments);
}

void
lectern_part_scan_free (LecternPartScan *self)
{
  for (guint i = 0; i < self->n_tracks; i++)
    lectern_track_unref (self->tracks[i]);
  g_clear_pointer (&self->init, g_bytes_unref);
  g_array_unref (self->samples);
  g_array_unref (self->fragments);
  g_array_unref (self->segments);
  g_free (self);
}

const LecternPartFragment *
lectern_part_scan_get_fragment (LecternPartScan *self, GArray *indexes, guint place)
{
  return &g_array_index (self->fragments, LecternPartFragment,
                         g_array_index (indexes, guint, place));
}

/* Returns: bytes read, fewer at the file's end. */
static gsize
read_at (int fd, guint8 *to, gsize size, guint64 offset)
{
  gsize at = 0;

  while (at < size)
    {
      gssize got = pread (fd, to + at, size - at, (off_t) (offset + at));

      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0)
        break;
      at += (gsize) got;
    }
  return at;
}

static gboolean
read_init (LecternPartScan *self, int fd, GError **error)
{
  g_autoptr (GBytes) start = lectern_beneath_read (fd, LECTERN_MP4_MAX_INIT);
  LecternByteReader reader;
  LecternMp4Box box;

  if (start == NULL)
    {
      lectern_error_set_errno (error, errno, "cannot read the recording");
      return FALSE;
    }
  lectern_byte_reader_init (&reader, g_bytes_get_data (start, NULL), g_bytes_get_size (start));
  for (guint i = 0; i < 2; i++)
    if (!lectern_mp4_peek_box (&reader, &box) || !lectern_byte_reader_skip (&reader, box.size))
      {
        g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                             "not a recording: it does not begin with ftyp and moov");
        return FALSE;
      }
  self->init = g_bytes_new_from_bytes (start, 0, reader.offset);
  self->whole = reader.offset;
  return lectern_mp4_read_init (reader.data, reader.offset, self->tracks, &self->n_tracks, error);
}

static LecternTrack *
find_track (LecternPartScan *self, guint32 media)
{
  for (guint i = 0; i < self->n_tracks; i++)
    if (self->tracks[i]->media == media)
      return self->tracks[i];
  return NULL;
}

static gint64
get_end (LecternPartScan *self, const LecternPartSegment *segment)
{
  const LecternPartFragment *last
      = lectern_part_scan_get_fragment (self, segment->fragments, segment->fragments->len - 1);
  guint32 timescale = lectern_cmaf_get_timescale (find_track (self, segment->media));

  return lectern_cmaf_to_ns ((gint64) (last->fragment.decode_time + last->fragment.duration),
                             timescale);
}

static LecternPartSegment *
find_newest (LecternPartScan *self, guint32 media)
{
  gint newest = self->newest[media];

  return newest >= 0 ? &g_array_index (self->segments, LecternPartSegment, newest) : NULL;
}

/* @date_us: negative: it goes on with its segment. */
static void
add_fragment (LecternPartScan *self, const LecternPartFragment *found, gint64 date_us)
{
  LecternPartSegment *newest = find_newest (self, found->fragment.track);
  guint index = self->fragments->len;

  g_array_append_vals (self->fragments, found, 1);
  if (newest == NULL || date_us >= 0)
    {
      guint32 timescale = lectern_cmaf_get_timescale (find_track (self, found->fragment.track));
      LecternPartSegment segment
          = { .media = found->fragment.track,
              .start = lectern_cmaf_to_ns ((gint64) found->fragment.decode_time, timescale),
              .date_us = MAX (date_us, 0),
              .fragments = g_array_new (FALSE, FALSE, sizeof (guint)) };

      segment.discontinuity = newest != NULL && segment.start - get_end (self, newest) > MAX_HOLE;
      self->newest[segment.media] = (gint) self->segments->len;
      g_array_append_val (self->segments, segment);
      newest = &g_array_index (self->segments, LecternPartSegment, self->segments->len - 1);
    }
  g_array_append_val (newest->fragments, index);
}

/* Where a fragment is being read. */
typedef struct
{
  int fd;
  guint64 at;
  guint8 peek[PEEK_SIZE];
  gsize peeked;
} Place;

static gboolean
read_moof (LecternPartScan *self, const Place *place, guint head, guint64 size,
           LecternPartFragment *found)
{
  g_autofree guint8 *large = NULL;
  const guint8 *data = place->peek + head;

  if (size > LECTERN_MP4_MAX_FRAGMENT)
    return FALSE;
  if (head + size > place->peeked)
    {
      data = large = g_malloc (size);
      if (read_at (place->fd, large, size, place->at + head) < size)
        return FALSE;
    }
  return lectern_mp4_read_fragment (data, size, &found->fragment, self->samples, NULL);
}

/* Time does not go back within a track, nor hours ahead. */
static gboolean
is_in_order (LecternPartScan *self, const LecternMp4Fragment *fragment)
{
  LecternPartSegment *newest = find_newest (self, fragment->track);
  const LecternPartFragment *last;
  guint64 end;

  if (newest == NULL)
    return fragment->decode_time <= MAX_GAP_TICKS;
  last = lectern_part_scan_get_fragment (self, newest->fragments, newest->fragments->len - 1);
  end = last->fragment.decode_time + last->fragment.duration;
  return fragment->decode_time >= end && fragment->decode_time - end <= MAX_GAP_TICKS;
}

/* The mdat must follow at once, hold exactly the samples, and be there whole. */
static gboolean
check_data (LecternPartScan *self, const Place *place, guint64 moof_size,
            LecternPartFragment *found)
{
  guint64 at = place->at + found->head + moof_size;
  LecternByteReader reader;
  LecternMp4Box box;
  guint8 header[16];

  lectern_byte_reader_init (&reader, header, read_at (place->fd, header, sizeof header, at));
  if (!lectern_mp4_peek_box (&reader, &box) || !g_str_equal (box.type, "mdat")
      || box.size - box.header != found->fragment.data_size
      || found->fragment.data_offset != moof_size + box.header || box.size > self->size
      || at > self->size - box.size)
    return FALSE;
  found->size = found->head + moof_size + box.size;
  return found->size <= G_MAXUINT32;
}

/* Reads one fragment. FALSE: here the recording ends. */
static gboolean
read_next (LecternPartScan *self, Place *place)
{
  LecternPartFragment found = { .offset = place->at, .first_sample = self->samples->len };
  LecternByteReader reader;
  LecternMp4Box box;
  gint64 date_us = -1;
  guint32 track = 0;

  place->peeked = read_at (place->fd, place->peek, PEEK_SIZE, place->at);
  lectern_byte_reader_init (&reader, place->peek, place->peeked);
  if (lectern_mp4_peek_box (&reader, &box) && box.size == LECTERN_MP4_PRFT_SIZE
      && lectern_mp4_read_reference_time (place->peek, place->peeked, &track, &date_us))
    {
      found.head = LECTERN_MP4_PRFT_SIZE;
      lectern_byte_reader_skip (&reader, found.head);
    }
  if (!lectern_mp4_peek_box (&reader, &box) || !g_str_equal (box.type, "moof")
      || !read_moof (self, place, found.head, box.size, &found))
    return FALSE;
  if (find_track (self, found.fragment.track) == NULL || found.fragment.duration == 0
      || found.fragment.duration > MAX_GAP_TICKS
      || (found.head > 0 && track != found.fragment.track) || self->samples->len > MAX_SAMPLES
      || !is_in_order (self, &found.fragment) || !check_data (self, place, box.size, &found))
    {
      g_array_set_size (self->samples, found.first_sample);
      return FALSE;
    }
  found.independent = g_array_index (self->samples, LecternMp4Sample, found.first_sample).key;
  add_fragment (self, &found, found.head > 0 ? MAX (date_us, 0) : -1);
  place->at += found.size;
  self->whole = place->at;
  return TRUE;
}

/* After a power cut a file may be as long as it was to be, with zeros where nothing was written: no
 * frame ends with so many. */
static gboolean
is_last_written (LecternPartScan *self, int fd)
{
  static const guint8 zeros[8];
  guint8 tail[sizeof zeros];

  return read_at (fd, tail, sizeof tail, self->whole - sizeof tail) == sizeof tail
         && memcmp (tail, zeros, sizeof zeros) != 0;
}

static void
drop_last (LecternPartScan *self)
{
  const LecternPartFragment *last
      = &g_array_index (self->fragments, LecternPartFragment, self->fragments->len - 1);
  LecternPartSegment *segment = find_newest (self, last->fragment.track);

  self->whole = last->offset;
  g_array_set_size (self->samples, last->first_sample);
  g_array_set_size (segment->fragments, segment->fragments->len - 1);
  if (segment->fragments->len == 0)
    g_array_remove_index (self->segments, (guint) self->newest[segment->media]);
  g_array_set_size (self->fragments, self->fragments->len - 1);
}

LecternPartScan *
lectern_part_scan_new (int fd, GError **error)
{
  g_autoptr (LecternPartScan) self = g_new0 (LecternPartScan, 1);
  Place place = { .fd = fd };
  struct stat about;

  self->samples = g_array_new (FALSE, FALSE, sizeof (LecternMp4Sample));
  self->fragments = g_array_new (FALSE, FALSE, sizeof (LecternPartFragment));
  self->segments = g_array_new (FALSE, FALSE, sizeof (LecternPartSegment));
  g_array_set_clear_func (self->segments, clear_segment);
  for (guint i = 0; i < G_N_ELEMENTS (self->newest); i++)
    self->newest[i] = -1;
  if (!read_init (self, fd, error))
    return NULL;
  if (fstat (fd, &about) == 0)
    self->size = (guint64) about.st_size;
  place.at = self->whole;
  while (read_next (self, &place))
    continue;
  if (self->fragments->len > 0 && !is_last_written (self, fd))
    drop_last (self);
  if (self->fragments->len == 0)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "there is nothing in the recording");
      return NULL;
    }
  return g_steal_pointer (&self);
}
