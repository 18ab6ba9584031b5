/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-recording-index.h"

#include "base/lectern-byte-writer.h"

#include <string.h>

#define VERSION 1
#define SEGMENT_SIZE 48
#define INDEPENDENT 1
#define DISCONTINUITY 2

void
lectern_recording_index_clear (LecternRecordingIndex *self)
{
  for (guint i = 0; i < self->n_tracks; i++)
    lectern_track_unref (self->tracks[i]);
  g_clear_pointer (&self->init, g_bytes_unref);
  g_clear_pointer (&self->segments, g_array_unref);
  *self = (LecternRecordingIndex){ 0 };
}

static void
put_segment (LecternByteWriter *writer, const LecternRecordingSegment *segment)
{
  lectern_byte_writer_put_u8 (writer, segment->media);
  lectern_byte_writer_put_u8 (writer, (segment->independent ? INDEPENDENT : 0)
                                          | (segment->discontinuity ? DISCONTINUITY : 0));
  lectern_byte_writer_put_u16 (writer, 0);
  lectern_byte_writer_put_u32 (writer, segment->number);
  lectern_byte_writer_put_u64 (writer, segment->ticks);
  lectern_byte_writer_put_u32 (writer, segment->duration_ticks);
  lectern_byte_writer_put_u32 (writer, segment->frames);
  lectern_byte_writer_put_u64 (writer, segment->date_us);
  lectern_byte_writer_put_u64 (writer, segment->offset);
  lectern_byte_writer_put_u32 (writer, segment->size);
  lectern_byte_writer_put_u32 (writer, 0);
}

GBytes *
lectern_recording_index_write (const LecternRecordingIndex *self, GError **error)
{
  guint count = MIN (self->segments->len, LECTERN_RECORDING_INDEX_MAX_SEGMENTS);
  gsize init_size = g_bytes_get_size (self->init);
  g_auto (LecternByteWriter) writer = { 0 };
  GBytes *bytes;

  lectern_byte_writer_init (&writer, LECTERN_RECORDING_INDEX_HEADER + LECTERN_MP4_MAX_INIT
                                         + (gsize) count * SEGMENT_SIZE);
  lectern_byte_writer_put (&writer, "LRIX", 4);
  lectern_byte_writer_put_u32 (&writer, VERSION);
  lectern_byte_writer_put_u64 (&writer, self->started_us);
  lectern_byte_writer_put_u64 (&writer, self->duration);
  lectern_byte_writer_put_u64 (&writer, self->size);
  lectern_byte_writer_put_u32 (&writer, self->frames);
  lectern_byte_writer_put_u32 (&writer, init_size);
  lectern_byte_writer_put_u32 (&writer, count);
  lectern_byte_writer_put_u32 (&writer, 0);
  lectern_byte_writer_put (&writer, g_bytes_get_data (self->init, NULL), init_size);
  for (guint i = 0; i < count; i++)
    put_segment (&writer, &g_array_index (self->segments, LecternRecordingSegment, i));
  bytes = lectern_byte_writer_steal (&writer);
  if (bytes == NULL)
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                         "the recording's index is too large");
  return bytes;
}

static gboolean
read_segment (LecternByteReader *reader, LecternRecordingSegment *segment)
{
  guint8 media, flags;
  guint16 zero;
  guint64 date;

  *segment = (LecternRecordingSegment){ 0 };
  if (!lectern_byte_reader_read_u8 (reader, &media) || !lectern_byte_reader_read_u8 (reader, &flags)
      || !lectern_byte_reader_read_u16 (reader, &zero)
      || !lectern_byte_reader_read_u32 (reader, &segment->number)
      || !lectern_byte_reader_read_u64 (reader, &segment->ticks)
      || !lectern_byte_reader_read_u32 (reader, &segment->duration_ticks)
      || !lectern_byte_reader_read_u32 (reader, &segment->frames)
      || !lectern_byte_reader_read_u64 (reader, &date)
      || !lectern_byte_reader_read_u64 (reader, &segment->offset)
      || !lectern_byte_reader_read_u32 (reader, &segment->size)
      || !lectern_byte_reader_skip (reader, 4))
    return FALSE;
  segment->media = media;
  segment->independent = (flags & INDEPENDENT) != 0;
  segment->discontinuity = (flags & DISCONTINUITY) != 0;
  segment->date_us = (gint64) MIN (date, G_MAXINT64);
  return TRUE;
}

/* The time that each track has reached. */
typedef struct
{
  guint64 ticks[LECTERN_MEDIA_DATA];
  gint64 number[LECTERN_MEDIA_DATA];
} Reached;

static gboolean
has_track (const LecternRecordingIndex *self, LecternMedia media)
{
  for (guint i = 0; i < self->n_tracks; i++)
    if (self->tracks[i]->media == media)
      return TRUE;
  return FALSE;
}

static gboolean
is_sound (const LecternRecordingIndex *self, const LecternRecordingSegment *segment,
          Reached *reached)
{
  if (!has_track (self, segment->media) || segment->duration_ticks == 0 || segment->size == 0
      || segment->size > self->size || segment->offset > self->size - segment->size
      || segment->ticks > G_MAXINT64 / 4 || segment->ticks < reached->ticks[segment->media]
      || (gint64) segment->number < reached->number[segment->media])
    return FALSE;
  reached->ticks[segment->media] = segment->ticks + segment->duration_ticks;
  reached->number[segment->media] = (gint64) segment->number + 1;
  return TRUE;
}

static gboolean
read_segments (LecternRecordingIndex *self, LecternByteReader *reader, guint32 count)
{
  Reached reached = { 0 };
  LecternRecordingSegment segment;

  if (count > LECTERN_RECORDING_INDEX_MAX_SEGMENTS
      || lectern_byte_reader_get_remaining (reader) != (gsize) count * SEGMENT_SIZE)
    return FALSE;
  for (guint32 i = 0; i < count; i++)
    {
      if (!read_segment (reader, &segment) || !is_sound (self, &segment, &reached))
        return FALSE;
      g_array_append_val (self->segments, segment);
    }
  return TRUE;
}

static gboolean
read_all (LecternRecordingIndex *self, LecternByteReader *reader, gboolean whole)
{
  const guint8 *magic = lectern_byte_reader_take (reader, 4);
  guint32 version, init_size, count;
  guint64 started, duration;
  const guint8 *init;

  if (magic == NULL || memcmp (magic, "LRIX", 4) != 0
      || !lectern_byte_reader_read_u32 (reader, &version) || version != VERSION
      || !lectern_byte_reader_read_u64 (reader, &started)
      || !lectern_byte_reader_read_u64 (reader, &duration)
      || !lectern_byte_reader_read_u64 (reader, &self->size)
      || !lectern_byte_reader_read_u32 (reader, &self->frames)
      || !lectern_byte_reader_read_u32 (reader, &init_size)
      || !lectern_byte_reader_read_u32 (reader, &count) || !lectern_byte_reader_skip (reader, 4)
      || init_size > LECTERN_MP4_MAX_INIT
      || (init = lectern_byte_reader_take (reader, init_size)) == NULL || started > G_MAXINT64
      || duration > G_MAXINT64
      || !lectern_mp4_read_init (init, init_size, self->tracks, &self->n_tracks, NULL))
    return FALSE;
  self->started_us = (gint64) started;
  self->duration = (gint64) duration;
  self->init = g_bytes_new (init, init_size);
  self->segments = g_array_new (FALSE, FALSE, sizeof (LecternRecordingSegment));
  return !whole || read_segments (self, reader, count);
}

gboolean
lectern_recording_index_read (LecternRecordingIndex *self, const guint8 *data, gsize size,
                              gboolean whole, GError **error)
{
  LecternByteReader reader;

  *self = (LecternRecordingIndex){ 0 };
  lectern_byte_reader_init (&reader, data, size);
  if (read_all (self, &reader, whole))
    return TRUE;
  lectern_recording_index_clear (self);
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                       "the recording's index is damaged");
  return FALSE;
}
