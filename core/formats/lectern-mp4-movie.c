/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-mp4-movie.h"

#include "formats/lectern-cmaf.h"
#include "formats/lectern-mp4-box.h"

#include <string.h>

#define MAX_SAMPLES (16 * 1024 * 1024)
#define MAX_HEADER (1024 * 1024 * 1024)
#define MOVIE_TIMESCALE 90000
#define EPOCH_1904 G_GINT64_CONSTANT (2082844800) /* seconds from 1904 to 1970 */
#define MAX_SAMPLE_TICKS G_MAXINT32

/* A fragment's samples, which lie together. */
typedef struct
{
  guint64 offset;
  guint samples;
} Chunk;

typedef struct
{
  LecternTrack *track;
  guint32 timescale;
  guint64 start; /* decode time of the first sample */
  guint64 end;
  GArray *samples; /* of LecternMp4Sample */
  GArray *chunks;
} Lane;

struct _LecternMp4Movie
{
  Lane lanes[LECTERN_MP4_MAX_TRACKS];
  guint n_lanes;
};

LecternMp4Movie *
lectern_mp4_movie_new (LecternTrack *const *tracks, guint n_tracks)
{
  LecternMp4Movie *self = g_new0 (LecternMp4Movie, 1);

  self->n_lanes = MIN (n_tracks, LECTERN_MP4_MAX_TRACKS);
  for (guint i = 0; i < self->n_lanes; i++)
    self->lanes[i] = (Lane){ .track = lectern_track_ref (tracks[i]),
                             .timescale = lectern_cmaf_get_timescale (tracks[i]),
                             .samples = g_array_new (FALSE, FALSE, sizeof (LecternMp4Sample)),
                             .chunks = g_array_new (FALSE, FALSE, sizeof (Chunk)) };
  return self;
}

void
lectern_mp4_movie_free (LecternMp4Movie *self)
{
  for (guint i = 0; i < self->n_lanes; i++)
    {
      lectern_track_unref (self->lanes[i].track);
      g_array_unref (self->lanes[i].samples);
      g_array_unref (self->lanes[i].chunks);
    }
  g_free (self);
}

static Lane *
find_lane (LecternMp4Movie *self, guint32 media)
{
  for (guint i = 0; i < self->n_lanes; i++)
    if (self->lanes[i].track->media == media)
      return &self->lanes[i];
  return NULL;
}

/* Lets the last sample last until the fragment begins. */
static gboolean
fill_hole (Lane *lane, guint64 decode_time)
{
  LecternMp4Sample *last;

  if (lane->samples->len == 0)
    {
      lane->start = lane->end = decode_time;
      return TRUE;
    }
  last = &g_array_index (lane->samples, LecternMp4Sample, lane->samples->len - 1);
  if (decode_time < lane->end
      || decode_time - lane->end > MAX_SAMPLE_TICKS - (guint64) last->duration)
    return FALSE;
  last->duration += decode_time - lane->end;
  lane->end = decode_time;
  return TRUE;
}

gboolean
lectern_mp4_movie_add (LecternMp4Movie *self, const LecternMp4Fragment *fragment,
                       const LecternMp4Sample *samples, guint64 offset, GError **error)
{
  Lane *lane = find_lane (self, fragment->track);
  Chunk chunk = { offset, fragment->n_samples };

  if (lane != NULL && lane->samples->len + fragment->n_samples > MAX_SAMPLES)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                           "the recording has too many frames for one file");
      return FALSE;
    }
  if (lane == NULL || !fill_hole (lane, fragment->decode_time))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "the recording's fragments are in no order");
      return FALSE;
    }
  g_array_append_vals (lane->samples, samples, fragment->n_samples);
  g_array_append_val (lane->chunks, chunk);
  lane->end += fragment->duration;
  return TRUE;
}

guint
lectern_mp4_movie_count (LecternMp4Movie *self, LecternMedia media)
{
  Lane *lane = find_lane (self, media);

  return lane != NULL ? lane->samples->len : 0;
}

/* The first sample's composition time: what is shown first is shown so much after its decoding. */
static gint32
get_lead (const Lane *lane)
{
  return MAX (g_array_index (lane->samples, LecternMp4Sample, 0).composition, 0);
}

static gint64
get_start (const Lane *lane)
{
  return lectern_cmaf_to_ns (lane->start + get_lead (lane), lane->timescale);
}

/* When the earliest track is first seen or heard. */
static gint64
get_origin (LecternMp4Movie *self)
{
  gint64 origin = G_MAXINT64;

  for (guint i = 0; i < self->n_lanes; i++)
    if (self->lanes[i].samples->len > 0)
      origin = MIN (origin, get_start (&self->lanes[i]));
  return origin == G_MAXINT64 ? 0 : origin;
}

gint64
lectern_mp4_movie_get_duration (LecternMp4Movie *self)
{
  gint64 origin = get_origin (self);
  gint64 duration = 0;

  for (guint i = 0; i < self->n_lanes; i++)
    if (self->lanes[i].samples->len > 0)
      duration = MAX (duration, lectern_cmaf_to_ns (self->lanes[i].end + get_lead (&self->lanes[i]),
                                                    self->lanes[i].timescale)
                                    - origin);
  return duration;
}

/* ── boxes ── */

static void
put_times (LecternByteWriter *writer, gint64 date_us)
{
  guint64 date = date_us > 0 ? (guint64) (date_us / G_USEC_PER_SEC + EPOCH_1904) : 0;

  lectern_byte_writer_put_u64 (writer, date);
  lectern_byte_writer_put_u64 (writer, date);
}

static void
put_file_type (LecternByteWriter *writer)
{
  gsize box = lectern_mp4_begin_box (writer, "ftyp");

  lectern_byte_writer_put (writer, "isom", 4);
  lectern_byte_writer_put_u32 (writer, 0x200);
  lectern_byte_writer_put (writer, "isomiso2mp41", 12);
  lectern_mp4_end_box (writer, box);
}

static void
put_movie_header (LecternByteWriter *writer, LecternMp4Movie *self, gint64 date_us)
{
  gsize box = lectern_mp4_begin_full_box (writer, "mvhd", 1, 0);

  put_times (writer, date_us);
  lectern_byte_writer_put_u32 (writer, MOVIE_TIMESCALE);
  lectern_byte_writer_put_u64 (
      writer, lectern_cmaf_from_ns (lectern_mp4_movie_get_duration (self), MOVIE_TIMESCALE));
  lectern_byte_writer_put_u32 (writer, 0x10000);
  lectern_byte_writer_put_u16 (writer, 0x100);
  lectern_mp4_put_zeros (writer, 10);
  lectern_mp4_put_matrix (writer);
  lectern_mp4_put_zeros (writer, 24);
  lectern_byte_writer_put_u32 (writer, LECTERN_MEDIA_AUDIO + 1);
  lectern_mp4_end_box (writer, box);
}

/* How long after the movie's start the lane begins, and how long it lasts, in the movie's ticks. */
static void
get_edit (const Lane *lane, gint64 origin, guint64 *delay, guint64 *length)
{
  *delay = lectern_cmaf_from_ns (get_start (lane) - origin, MOVIE_TIMESCALE);
  *length = lectern_cmaf_from_ns (lectern_cmaf_to_ns (lane->end - lane->start, lane->timescale),
                                  MOVIE_TIMESCALE);
}

static void
put_track_header (LecternByteWriter *writer, const Lane *lane, gint64 origin, gint64 date_us)
{
  gsize box = lectern_mp4_begin_full_box (writer, "tkhd", 1, 3);
  gboolean audio = lane->track->media == LECTERN_MEDIA_AUDIO;
  guint64 delay, length;

  get_edit (lane, origin, &delay, &length);
  put_times (writer, date_us);
  lectern_byte_writer_put_u32 (writer, lane->track->media);
  lectern_byte_writer_put_u32 (writer, 0);
  lectern_byte_writer_put_u64 (writer, delay + length);
  lectern_mp4_put_zeros (writer, 10);
  lectern_byte_writer_put_u16 (writer, audio ? 1 : 0);
  lectern_byte_writer_put_u16 (writer, audio ? 0x100 : 0);
  lectern_byte_writer_put_u16 (writer, 0);
  lectern_mp4_put_matrix (writer);
  lectern_byte_writer_put_u32 (writer, lane->track->width << 16);
  lectern_byte_writer_put_u32 (writer, lane->track->height << 16);
  lectern_mp4_end_box (writer, box);
}

static void
put_edit (LecternByteWriter *writer, guint64 length, gint64 media_time)
{
  lectern_byte_writer_put_u64 (writer, length);
  lectern_byte_writer_put_u64 (writer, (guint64) media_time);
  lectern_byte_writer_put_u32 (writer, 0x10000);
}

static void
put_edit_list (LecternByteWriter *writer, const Lane *lane, gint64 origin)
{
  guint64 delay, length;
  gsize edts, box;

  get_edit (lane, origin, &delay, &length);
  if (delay == 0 && get_lead (lane) == 0)
    return;
  edts = lectern_mp4_begin_box (writer, "edts");
  box = lectern_mp4_begin_full_box (writer, "elst", 1, 0);
  lectern_byte_writer_put_u32 (writer, delay > 0 ? 2 : 1);
  if (delay > 0)
    put_edit (writer, delay, -1);
  put_edit (writer, length, get_lead (lane));
  lectern_mp4_end_box (writer, box);
  lectern_mp4_end_box (writer, edts);
}

static void
put_media_header (LecternByteWriter *writer, const Lane *lane, gint64 date_us)
{
  gsize box = lectern_mp4_begin_full_box (writer, "mdhd", 1, 0);

  put_times (writer, date_us);
  lectern_byte_writer_put_u32 (writer, lane->timescale);
  lectern_byte_writer_put_u64 (writer, lane->end - lane->start);
  lectern_byte_writer_put_u16 (writer, 0x55C4); /* "und" */
  lectern_byte_writer_put_u16 (writer, 0);
  lectern_mp4_end_box (writer, box);
}

/* A table that begins with the number of its rows, which is known at its end. */
typedef struct
{
  gsize box;
  gsize count_at;
  guint32 count;
} Table;

static Table
begin_table (LecternByteWriter *writer, const char *type, guint8 version)
{
  Table table = { .box = lectern_mp4_begin_full_box (writer, type, version, 0) };

  table.count_at = writer->size;
  lectern_byte_writer_put_u32 (writer, 0);
  return table;
}

static void
end_table (LecternByteWriter *writer, const Table *table)
{
  guint32 count = GUINT32_TO_BE (table->count);

  if (!writer->overflow)
    memcpy (writer->data + table->count_at, &count, sizeof count);
  lectern_mp4_end_box (writer, table->box);
}

static const LecternMp4Sample *
get_sample (const Lane *lane, guint index)
{
  return &g_array_index (lane->samples, LecternMp4Sample, index);
}

/* stts or ctts: runs of equal values. */
static void
put_runs (LecternByteWriter *writer, const Lane *lane, gboolean composition)
{
  Table table = begin_table (writer, composition ? "ctts" : "stts", composition ? 1 : 0);
  guint begun = 0;

  for (guint i = 1; i <= lane->samples->len; i++)
    {
      const LecternMp4Sample *first = get_sample (lane, begun);
      const LecternMp4Sample *next = i < lane->samples->len ? get_sample (lane, i) : NULL;

      if (next != NULL
          && (composition ? next->composition == first->composition
                          : next->duration == first->duration))
        continue;
      lectern_byte_writer_put_u32 (writer, i - begun);
      lectern_byte_writer_put_u32 (writer,
                                   composition ? (guint32) first->composition : first->duration);
      table.count++;
      begun = i;
    }
  end_table (writer, &table);
}

static gboolean
is_reordered (const Lane *lane)
{
  for (guint i = 0; i < lane->samples->len; i++)
    if (get_sample (lane, i)->composition != 0)
      return TRUE;
  return FALSE;
}

/* stss: the samples that can be decoded by themselves; left out when all can. */
static void
put_sync_samples (LecternByteWriter *writer, const Lane *lane)
{
  gboolean all = TRUE;
  Table table;

  for (guint i = 0; i < lane->samples->len && all; i++)
    all = get_sample (lane, i)->key;
  if (all)
    return;
  table = begin_table (writer, "stss", 0);
  for (guint i = 0; i < lane->samples->len; i++)
    if (get_sample (lane, i)->key)
      {
        lectern_byte_writer_put_u32 (writer, i + 1);
        table.count++;
      }
  end_table (writer, &table);
}

static void
put_sizes (LecternByteWriter *writer, const Lane *lane)
{
  gsize box = lectern_mp4_begin_full_box (writer, "stsz", 0, 0);

  lectern_byte_writer_put_u32 (writer, 0);
  lectern_byte_writer_put_u32 (writer, lane->samples->len);
  for (guint i = 0; i < lane->samples->len; i++)
    lectern_byte_writer_put_u32 (writer, get_sample (lane, i)->size);
  lectern_mp4_end_box (writer, box);
}

/* stsc: runs of chunks of as many samples. */
static void
put_chunk_lengths (LecternByteWriter *writer, const Lane *lane)
{
  Table table = begin_table (writer, "stsc", 0);
  guint last = 0;

  for (guint i = 0; i < lane->chunks->len; i++)
    {
      guint samples = g_array_index (lane->chunks, Chunk, i).samples;

      if (samples == last)
        continue;
      lectern_byte_writer_put_u32 (writer, i + 1);
      lectern_byte_writer_put_u32 (writer, samples);
      lectern_byte_writer_put_u32 (writer, 1);
      table.count++;
      last = samples;
    }
  end_table (writer, &table);
}

static void
put_chunk_offsets (LecternByteWriter *writer, const Lane *lane, guint64 base, gboolean large)
{
  Table table = begin_table (writer, large ? "co64" : "stco", 0);

  for (guint i = 0; i < lane->chunks->len; i++)
    {
      guint64 offset = base + g_array_index (lane->chunks, Chunk, i).offset;

      if (large)
        lectern_byte_writer_put_u64 (writer, offset);
      else
        lectern_byte_writer_put_u32 (writer, offset);
    }
  table.count = lane->chunks->len;
  end_table (writer, &table);
}

static gboolean
put_tables (LecternByteWriter *writer, const Lane *lane, guint64 base, gboolean large,
            GError **error)
{
  gsize box = lectern_mp4_begin_box (writer, "stbl");
  gsize descriptions = lectern_mp4_begin_full_box (writer, "stsd", 0, 0);

  lectern_byte_writer_put_u32 (writer, 1);
  if (!lectern_mp4_put_sample_entry (writer, lane->track, error))
    return FALSE;
  lectern_mp4_end_box (writer, descriptions);
  put_runs (writer, lane, FALSE);
  if (is_reordered (lane))
    put_runs (writer, lane, TRUE);
  put_sync_samples (writer, lane);
  put_chunk_lengths (writer, lane);
  put_sizes (writer, lane);
  put_chunk_offsets (writer, lane, base, large);
  lectern_mp4_end_box (writer, box);
  return TRUE;
}

typedef struct
{
  gint64 origin;
  gint64 date_us;
  guint64 data_size;
  guint64 base; /* where the media data begin in the file */
  gboolean large;
} Layout;

static gboolean
put_track (LecternByteWriter *writer, const Lane *lane, const Layout *layout, GError **error)
{
  gsize trak = lectern_mp4_begin_box (writer, "trak");
  gsize mdia, minf;

  put_track_header (writer, lane, layout->origin, layout->date_us);
  put_edit_list (writer, lane, layout->origin);
  mdia = lectern_mp4_begin_box (writer, "mdia");
  put_media_header (writer, lane, layout->date_us);
  lectern_mp4_put_handler (writer, lane->track);
  minf = lectern_mp4_begin_box (writer, "minf");
  lectern_mp4_put_media_info (writer, lane->track);
  if (!put_tables (writer, lane, layout->base, layout->large, error))
    return FALSE;
  lectern_mp4_end_box (writer, minf);
  lectern_mp4_end_box (writer, mdia);
  lectern_mp4_end_box (writer, trak);
  return TRUE;
}

static void
put_data_header (LecternByteWriter *writer, const Layout *layout)
{
  lectern_byte_writer_put_u32 (writer, layout->large ? 1 : (guint32) (layout->data_size + 8));
  lectern_byte_writer_put (writer, "mdat", 4);
  if (layout->large)
    lectern_byte_writer_put_u64 (writer, layout->data_size + 16);
}

static GBytes *
write_header (LecternMp4Movie *self, const Layout *layout, GError **error)
{
  g_auto (LecternByteWriter) writer = { 0 };
  GBytes *bytes;
  gsize moov;

  lectern_byte_writer_init (&writer, MAX_HEADER);
  put_file_type (&writer);
  moov = lectern_mp4_begin_box (&writer, "moov");
  put_movie_header (&writer, self, layout->date_us);
  for (guint i = 0; i < self->n_lanes; i++)
    if (self->lanes[i].samples->len > 0 && !put_track (&writer, &self->lanes[i], layout, error))
      return NULL;
  lectern_mp4_end_box (&writer, moov);
  put_data_header (&writer, layout);
  bytes = lectern_byte_writer_steal (&writer);
  if (bytes == NULL)
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                         "the recording's tables are too large");
  return bytes;
}

GBytes *
lectern_mp4_movie_write (LecternMp4Movie *self, guint64 data_size, gint64 date_us, GError **error)
{
  Layout layout = { .origin = get_origin (self), .date_us = date_us, .data_size = data_size };
  g_autoptr (GBytes) sketch = NULL;

  /* The header's size does not depend on the offsets in it, but on how wide they are. */
  layout.large = data_size > G_MAXUINT32 - MAX_HEADER;
  sketch = write_header (self, &layout, error);
  if (sketch == NULL)
    return NULL;
  layout.base = g_bytes_get_size (sketch);
  return write_header (self, &layout, error);
}
