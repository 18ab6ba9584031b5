/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-cmaf.h"

#include "base/lectern-byte-writer.h"
#include "base/lectern-error.h"
#include "formats/lectern-mp4-box.h"

#include <string.h>

#define INIT_LIMIT (256 * 1024)
#define VIDEO_TIMESCALE 90000
#define NS_PER_SECOND G_GINT64_CONSTANT (1000000000)
/* Sample flags (ISO/IEC 14496-12, 8.8.3.1): depends on no other; depends on others and is no sync
 * sample. */
#define SYNC_FLAGS 0x02000000
#define NON_SYNC_FLAGS 0x01010000

guint32
lectern_cmaf_get_timescale (LecternTrack *track)
{
  if (track->media == LECTERN_MEDIA_VIDEO)
    return VIDEO_TIMESCALE;
  if (track->codec == LECTERN_CODEC_OPUS)
    return 48000;
  return track->rate > 0 ? track->rate : 48000;
}

gint64
lectern_cmaf_from_ns (gint64 ns, guint32 timescale)
{
  return (gint64) ((__int128) ns * timescale / NS_PER_SECOND);
}

gint64
lectern_cmaf_to_ns (gint64 ticks, guint32 timescale)
{
  return (gint64) ((__int128) ticks * NS_PER_SECOND / timescale);
}

gboolean
lectern_cmaf_can_carry (LecternTrack *track)
{
  switch (track->codec)
    {
    case LECTERN_CODEC_H264:
    case LECTERN_CODEC_H265:
    case LECTERN_CODEC_AV1:
    case LECTERN_CODEC_VP9:
    case LECTERN_CODEC_AAC:
    case LECTERN_CODEC_OPUS:
      return track->config != NULL;
    case LECTERN_CODEC_MP3:
      return TRUE;
    default:
      return FALSE;
    }
}

static void
put_file_type (LecternByteWriter *writer)
{
  gsize box = lectern_mp4_begin_box (writer, "ftyp");

  lectern_byte_writer_put (writer, "iso6", 4);
  lectern_byte_writer_put_u32 (writer, 0);
  lectern_byte_writer_put (writer, "iso6cmfcmp41dash", 16);
  lectern_mp4_end_box (writer, box);
}

static void
put_movie_header (LecternByteWriter *writer)
{
  gsize box = lectern_mp4_begin_full_box (writer, "mvhd", 0, 0);

  lectern_mp4_put_zeros (writer, 8);
  lectern_byte_writer_put_u32 (writer, 1000);
  lectern_byte_writer_put_u32 (writer, 0);
  lectern_byte_writer_put_u32 (writer, 0x10000);
  lectern_byte_writer_put_u16 (writer, 0x100);
  lectern_mp4_put_zeros (writer, 10);
  lectern_mp4_put_matrix (writer);
  lectern_mp4_put_zeros (writer, 24);
  lectern_byte_writer_put_u32 (writer, LECTERN_MEDIA_AUDIO + 1);
  lectern_mp4_end_box (writer, box);
}

static void
put_track_header (LecternByteWriter *writer, LecternTrack *track)
{
  gsize box = lectern_mp4_begin_full_box (writer, "tkhd", 0, 3);

  lectern_mp4_put_zeros (writer, 8);
  lectern_byte_writer_put_u32 (writer, track->media);
  lectern_mp4_put_zeros (writer, 16);
  lectern_byte_writer_put_u16 (writer, 0);
  lectern_byte_writer_put_u16 (writer, track->media == LECTERN_MEDIA_AUDIO ? 1 : 0);
  lectern_byte_writer_put_u16 (writer, track->media == LECTERN_MEDIA_AUDIO ? 0x100 : 0);
  lectern_byte_writer_put_u16 (writer, 0);
  lectern_mp4_put_matrix (writer);
  lectern_byte_writer_put_u32 (writer, track->width << 16);
  lectern_byte_writer_put_u32 (writer, track->height << 16);
  lectern_mp4_end_box (writer, box);
}

static void
put_media_header (LecternByteWriter *writer, LecternTrack *track)
{
  gsize box = lectern_mp4_begin_full_box (writer, "mdhd", 0, 0);

  lectern_mp4_put_zeros (writer, 8);
  lectern_byte_writer_put_u32 (writer, lectern_cmaf_get_timescale (track));
  lectern_byte_writer_put_u32 (writer, 0);
  lectern_byte_writer_put_u16 (writer, 0x55C4); /* "und" */
  lectern_byte_writer_put_u16 (writer, 0);
  lectern_mp4_end_box (writer, box);
}

static void
put_empty_tables (LecternByteWriter *writer)
{
  static const char *const names[] = { "stts", "stsc", "stco" };
  gsize box;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      box = lectern_mp4_begin_full_box (writer, names[i], 0, 0);
      lectern_byte_writer_put_u32 (writer, 0);
      lectern_mp4_end_box (writer, box);
    }
  box = lectern_mp4_begin_full_box (writer, "stsz", 0, 0);
  lectern_mp4_put_zeros (writer, 8);
  lectern_mp4_end_box (writer, box);
}

static gboolean
put_sample_table (LecternByteWriter *writer, LecternTrack *track, GError **error)
{
  gsize stbl = lectern_mp4_begin_box (writer, "stbl");
  gsize stsd = lectern_mp4_begin_full_box (writer, "stsd", 0, 0);

  lectern_byte_writer_put_u32 (writer, 1);
  if (!lectern_mp4_put_sample_entry (writer, track, error))
    return FALSE;
  lectern_mp4_end_box (writer, stsd);
  put_empty_tables (writer);
  lectern_mp4_end_box (writer, stbl);
  return TRUE;
}

static gboolean
put_track (LecternByteWriter *writer, LecternTrack *track, GError **error)
{
  gsize trak = lectern_mp4_begin_box (writer, "trak");
  gsize mdia;
  gsize minf;

  put_track_header (writer, track);
  mdia = lectern_mp4_begin_box (writer, "mdia");
  put_media_header (writer, track);
  lectern_mp4_put_handler (writer, track);
  minf = lectern_mp4_begin_box (writer, "minf");
  lectern_mp4_put_media_info (writer, track);
  if (!put_sample_table (writer, track, error))
    return FALSE;
  lectern_mp4_end_box (writer, minf);
  lectern_mp4_end_box (writer, mdia);
  lectern_mp4_end_box (writer, trak);
  return TRUE;
}

static void
put_movie_extends (LecternByteWriter *writer, LecternTrack *const *tracks, guint n_tracks)
{
  gsize mvex = lectern_mp4_begin_box (writer, "mvex");

  for (guint i = 0; i < n_tracks; i++)
    {
      gsize trex = lectern_mp4_begin_full_box (writer, "trex", 0, 0);

      lectern_byte_writer_put_u32 (writer, tracks[i]->media);
      lectern_byte_writer_put_u32 (writer, 1);
      lectern_mp4_put_zeros (writer, 12);
      lectern_mp4_end_box (writer, trex);
    }
  lectern_mp4_end_box (writer, mvex);
}

GBytes *
lectern_cmaf_write_init (LecternTrack *const *tracks, guint n_tracks, GError **error)
{
  g_auto (LecternByteWriter) writer = { 0 };
  GBytes *bytes;
  gsize moov;

  lectern_byte_writer_init (&writer, INIT_LIMIT);
  put_file_type (&writer);
  moov = lectern_mp4_begin_box (&writer, "moov");
  put_movie_header (&writer);
  for (guint i = 0; i < n_tracks; i++)
    if (!put_track (&writer, tracks[i], error))
      return NULL;
  put_movie_extends (&writer, tracks, n_tracks);
  lectern_mp4_end_box (&writer, moov);
  bytes = lectern_byte_writer_steal (&writer);
  if (bytes == NULL)
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                         "the codec configuration is too large for an init segment");
  return bytes;
}

static void
put_run (LecternByteWriter *writer, const LecternCmafSample *samples, guint n_samples,
         guint32 data_offset)
{
  /* data offset, and each sample's duration, size, flags and composition time */
  gsize trun = lectern_mp4_begin_full_box (writer, "trun", 1, 0x000F01);

  lectern_byte_writer_put_u32 (writer, n_samples);
  lectern_byte_writer_put_u32 (writer, data_offset);
  for (guint i = 0; i < n_samples; i++)
    {
      lectern_byte_writer_put_u32 (writer, samples[i].duration);
      lectern_byte_writer_put_u32 (writer, g_bytes_get_size (samples[i].payload));
      lectern_byte_writer_put_u32 (writer, samples[i].key ? SYNC_FLAGS : NON_SYNC_FLAGS);
      lectern_byte_writer_put_u32 (writer, (guint32) samples[i].composition);
    }
  lectern_mp4_end_box (writer, trun);
}

static void
put_track_fragment (LecternByteWriter *writer, LecternTrack *track, guint64 decode_time,
                    const LecternCmafSample *samples, guint n_samples, guint32 data_offset)
{
  gsize traf = lectern_mp4_begin_box (writer, "traf");
  gsize box = lectern_mp4_begin_full_box (writer, "tfhd", 0, 0x020000);

  lectern_byte_writer_put_u32 (writer, track->media);
  lectern_mp4_end_box (writer, box);
  box = lectern_mp4_begin_full_box (writer, "tfdt", 1, 0);
  lectern_byte_writer_put_u64 (writer, decode_time);
  lectern_mp4_end_box (writer, box);
  put_run (writer, samples, n_samples, data_offset);
  lectern_mp4_end_box (writer, traf);
}

GBytes *
lectern_cmaf_write_fragment (LecternTrack *track, guint32 sequence, guint64 decode_time,
                             const LecternCmafSample *samples, guint n_samples)
{
  /* moof, mfhd, traf, tfhd, tfdt, trun */
  gsize moof_size = 8 + 16 + 8 + 16 + 20 + 20 + 16 * (gsize) n_samples;
  g_auto (LecternByteWriter) writer = { 0 };
  gsize data_size = 0;
  gsize box;

  for (guint i = 0; i < n_samples; i++)
    data_size += g_bytes_get_size (samples[i].payload);
  lectern_byte_writer_init (&writer, moof_size + 8 + data_size);
  box = lectern_mp4_begin_box (&writer, "moof");
  {
    gsize mfhd = lectern_mp4_begin_full_box (&writer, "mfhd", 0, 0);

    lectern_byte_writer_put_u32 (&writer, sequence);
    lectern_mp4_end_box (&writer, mfhd);
  }
  put_track_fragment (&writer, track, decode_time, samples, n_samples, moof_size + 8);
  lectern_mp4_end_box (&writer, box);
  lectern_byte_writer_put_u32 (&writer, 8 + data_size);
  lectern_byte_writer_put (&writer, "mdat", 4);
  for (guint i = 0; i < n_samples; i++)
    {
      gsize size;
      gconstpointer data = g_bytes_get_data (samples[i].payload, &size);

      lectern_byte_writer_put (&writer, data, size);
    }
  return lectern_byte_writer_steal (&writer);
}

/* moof, mfhd, traf, tfhd, tfdt stand at fixed places. */
#define SEQUENCE_AT 20
#define DECODE_TIME_AT 60

static const guint8 *
get_stamp (GBytes *fragment)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (fragment, &size);

  if (size < LECTERN_CMAF_STAMP_SIZE || memcmp (data + 4, "moof", 4) != 0
      || memcmp (data + 12, "mfhd", 4) != 0 || memcmp (data + 52, "tfdt\1", 5) != 0)
    return NULL;
  return data;
}

gboolean
lectern_cmaf_restamp (GBytes *fragment, guint8 to[LECTERN_CMAF_STAMP_SIZE], guint32 sequence,
                      guint64 decode_time)
{
  const guint8 *stamp = get_stamp (fragment);

  if (stamp == NULL)
    return FALSE;
  sequence = GUINT32_TO_BE (sequence);
  decode_time = GUINT64_TO_BE (decode_time);
  memcpy (to, stamp, LECTERN_CMAF_STAMP_SIZE);
  memcpy (to + SEQUENCE_AT, &sequence, sizeof sequence);
  memcpy (to + DECODE_TIME_AT, &decode_time, sizeof decode_time);
  return TRUE;
}
