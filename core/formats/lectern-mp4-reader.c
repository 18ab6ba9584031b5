/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-mp4-reader.h"

#include "base/lectern-byte-writer.h"

#include <string.h>

#define TFHD_FLAGS 0x020000
#define TRUN_FLAGS 0x01000F01 /* version 1 */
#define NON_SYNC 0x00010000
#define NTP_EPOCH G_GINT64_CONSTANT (2208988800) /* seconds from 1900 to 1970 */

static gboolean
invalid (GError **error, const char *what)
{
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "not a recording: %s", what);
  return FALSE;
}

gboolean
lectern_mp4_peek_box (const LecternByteReader *reader, LecternMp4Box *box)
{
  LecternByteReader at = *reader;
  const guint8 *type;
  guint32 small;

  if (!lectern_byte_reader_read_u32 (&at, &small)
      || (type = lectern_byte_reader_take (&at, 4)) == NULL)
    return FALSE;
  memcpy (box->type, type, 4);
  box->type[4] = '\0';
  box->header = 8;
  box->size = small;
  if (small == 1)
    {
      box->header = 16;
      if (!lectern_byte_reader_read_u64 (&at, &box->size))
        return FALSE;
    }
  return box->size >= box->header;
}

/* Takes the next box whole; its body into @body. */
static gboolean
take_box (LecternByteReader *reader, LecternMp4Box *box, LecternByteReader *body)
{
  return lectern_mp4_peek_box (reader, box)
         && box->size <= lectern_byte_reader_get_remaining (reader)
         && lectern_byte_reader_skip (reader, box->header)
         && lectern_byte_reader_read_part (reader, box->size - box->header, body);
}

/* Finds the first box @type of @parent. */
static gboolean
find_box (LecternByteReader parent, const char *type, LecternByteReader *body)
{
  LecternMp4Box box;

  while (take_box (&parent, &box, body))
    if (g_str_equal (box.type, type))
      return TRUE;
  return FALSE;
}

/* The box that must come next. */
static gboolean
take_named (LecternByteReader *reader, const char *type, LecternByteReader *body)
{
  LecternMp4Box box;

  return take_box (reader, &box, body) && g_str_equal (box.type, type);
}

/* ── moov ── */

static GBytes *
copy_rest (LecternByteReader *reader)
{
  gsize size = lectern_byte_reader_get_remaining (reader);

  return g_bytes_new (lectern_byte_reader_take (reader, size), size);
}

/* A descriptor of ISO/IEC 14496-1, 8.3.3. */
static gboolean
take_descriptor (LecternByteReader *reader, guint8 tag, LecternByteReader *body)
{
  gsize size = 0;
  guint8 byte;

  if (!lectern_byte_reader_read_u8 (reader, &byte) || byte != tag)
    return FALSE;
  for (guint i = 0; i < 4; i++)
    {
      if (!lectern_byte_reader_read_u8 (reader, &byte))
        return FALSE;
      size = size << 7 | (byte & 0x7F);
      if (!(byte & 0x80))
        return lectern_byte_reader_read_part (reader, size, body);
    }
  return FALSE;
}

static gboolean
read_elementary_stream (LecternByteReader body, LecternTrack *fields)
{
  LecternByteReader stream, decoder, config;
  guint8 type;

  if (!lectern_byte_reader_skip (&body, 4) || !take_descriptor (&body, 3, &stream)
      || !lectern_byte_reader_skip (&stream, 3) || !take_descriptor (&stream, 4, &decoder)
      || !lectern_byte_reader_read_u8 (&decoder, &type) || !lectern_byte_reader_skip (&decoder, 12))
    return FALSE;
  fields->codec = type == 0x40 ? LECTERN_CODEC_AAC : LECTERN_CODEC_MP3;
  if (fields->codec == LECTERN_CODEC_AAC && take_descriptor (&decoder, 5, &config))
    fields->config = copy_rest (&config);
  return fields->codec == LECTERN_CODEC_MP3 || fields->config != NULL;
}

/* dOps into OpusHead: the same fields, little-endian. */
static gboolean
read_opus_config (LecternByteReader body, LecternTrack *fields)
{
  g_auto (LecternByteWriter) head;
  guint16 skip, gain;
  guint32 rate;
  guint8 channels;

  lectern_byte_writer_init (&head, 512);
  if (!lectern_byte_reader_skip (&body, 1) || !lectern_byte_reader_read_u8 (&body, &channels)
      || !lectern_byte_reader_read_u16 (&body, &skip)
      || !lectern_byte_reader_read_u32 (&body, &rate)
      || !lectern_byte_reader_read_u16 (&body, &gain))
    return FALSE;
  lectern_byte_writer_put (&head, "OpusHead\1", 9);
  lectern_byte_writer_put_u8 (&head, channels);
  lectern_byte_writer_put_u16 (&head, GUINT16_SWAP_LE_BE (skip));
  lectern_byte_writer_put_u32_le (&head, rate);
  lectern_byte_writer_put_u16 (&head, GUINT16_SWAP_LE_BE (gain));
  lectern_byte_writer_put (&head, body.data + body.offset,
                           lectern_byte_reader_get_remaining (&body));
  fields->codec = LECTERN_CODEC_OPUS;
  fields->config = lectern_byte_writer_steal (&head);
  return fields->config != NULL;
}

static gboolean
read_audio_entry (LecternByteReader entry, LecternTrack *fields)
{
  LecternByteReader config;
  guint16 channels;
  guint32 rate;

  if (!lectern_byte_reader_skip (&entry, 16) || !lectern_byte_reader_read_u16 (&entry, &channels)
      || !lectern_byte_reader_skip (&entry, 6) || !lectern_byte_reader_read_u32 (&entry, &rate))
    return FALSE;
  fields->channels = channels;
  fields->rate = rate >> 16;
  if (find_box (entry, "esds", &config))
    return read_elementary_stream (config, fields);
  return find_box (entry, "dOps", &config) && read_opus_config (config, fields);
}

static gboolean
read_visual_entry (LecternByteReader entry, LecternTrack *fields)
{
  static const struct
  {
    const char *box;
    LecternCodec codec;
    guint skip; /* version and flags */
  } kinds[] = { { "avcC", LECTERN_CODEC_H264, 0 },
                { "hvcC", LECTERN_CODEC_H265, 0 },
                { "av1C", LECTERN_CODEC_AV1, 0 },
                { "vpcC", LECTERN_CODEC_VP9, 4 } };
  LecternByteReader config;
  guint16 width, height;

  if (!lectern_byte_reader_skip (&entry, 24) || !lectern_byte_reader_read_u16 (&entry, &width)
      || !lectern_byte_reader_read_u16 (&entry, &height) || !lectern_byte_reader_skip (&entry, 50))
    return FALSE;
  fields->width = width;
  fields->height = height;
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (find_box (entry, kinds[i].box, &config))
      {
        if (!lectern_byte_reader_skip (&config, kinds[i].skip))
          return FALSE;
        fields->codec = kinds[i].codec;
        fields->config = copy_rest (&config);
        return TRUE;
      }
  return FALSE;
}

static gboolean
read_sample_entry (LecternByteReader table, LecternTrack *fields)
{
  LecternByteReader descriptions, entry;
  LecternMp4Box box;

  return find_box (table, "stsd", &descriptions) && lectern_byte_reader_skip (&descriptions, 8)
         && take_box (&descriptions, &box, &entry)
         && (fields->media == LECTERN_MEDIA_VIDEO ? read_visual_entry (entry, fields)
                                                  : read_audio_entry (entry, fields));
}

static LecternTrack *
read_track (LecternByteReader trak, GError **error)
{
  LecternTrack fields = { 0 };
  g_autoptr (GBytes) config = NULL;
  LecternByteReader header, media, info, table, description;
  guint32 id, timescale = 0;
  gboolean whole;

  if (!find_box (trak, "tkhd", &header) || !lectern_byte_reader_skip (&header, 12)
      || !lectern_byte_reader_read_u32 (&header, &id)
      || (id != LECTERN_MEDIA_VIDEO && id != LECTERN_MEDIA_AUDIO)
      || !find_box (trak, "mdia", &media) || !find_box (media, "mdhd", &description)
      || !lectern_byte_reader_skip (&description, 12)
      || !lectern_byte_reader_read_u32 (&description, &timescale) || timescale == 0
      || !find_box (media, "minf", &info) || !find_box (info, "stbl", &table))
    {
      invalid (error, "its track is broken");
      return NULL;
    }
  fields.media = id;
  whole = read_sample_entry (table, &fields);
  config = fields.config;
  if (!whole)
    {
      invalid (error, "its codec is not known");
      return NULL;
    }
  /* A rate above 65535 Hz does not fit the sample entry; the timescale has it. */
  if (fields.media == LECTERN_MEDIA_AUDIO && fields.codec != LECTERN_CODEC_OPUS)
    fields.rate = timescale;
  return lectern_track_new (&fields);
}

static void
clear_tracks (LecternTrack **tracks, guint *n_tracks)
{
  for (guint i = 0; i < *n_tracks; i++)
    g_clear_pointer (&tracks[i], lectern_track_unref);
  *n_tracks = 0;
}

gboolean
lectern_mp4_read_init (const guint8 *data, gsize size, LecternTrack *tracks[LECTERN_MP4_MAX_TRACKS],
                       guint *n_tracks, GError **error)
{
  LecternByteReader reader, moov, trak;
  LecternMp4Box box;

  *n_tracks = 0;
  lectern_byte_reader_init (&reader, data, size);
  if (size > LECTERN_MP4_MAX_INIT || !take_named (&reader, "ftyp", &trak)
      || !take_named (&reader, "moov", &moov))
    return invalid (error, "it does not begin with ftyp and moov");
  while (take_box (&moov, &box, &trak))
    {
      if (!g_str_equal (box.type, "trak"))
        continue;
      if (*n_tracks == LECTERN_MP4_MAX_TRACKS
          || (tracks[*n_tracks] = read_track (trak, error)) == NULL
          || (*n_tracks > 0 && tracks[0]->media >= tracks[*n_tracks]->media))
        {
          *n_tracks += *n_tracks < LECTERN_MP4_MAX_TRACKS && tracks[*n_tracks] != NULL;
          clear_tracks (tracks, n_tracks);
          return error != NULL && *error != NULL ? FALSE : invalid (error, "its tracks");
        }
      (*n_tracks)++;
    }
  return *n_tracks > 0 || invalid (error, "it has no tracks");
}

/* ── moof ── */

static gboolean
read_run (LecternByteReader run, LecternMp4Fragment *fragment, GArray *samples)
{
  guint32 head, count;

  if (!lectern_byte_reader_read_u32 (&run, &head) || head != TRUN_FLAGS
      || !lectern_byte_reader_read_u32 (&run, &count)
      || !lectern_byte_reader_read_u32 (&run, &fragment->data_offset) || count == 0
      || lectern_byte_reader_get_remaining (&run) != (guint64) count * 16)
    return FALSE;
  fragment->n_samples = count;
  for (guint i = 0; i < count; i++)
    {
      LecternMp4Sample sample;
      guint32 flags, composition;

      lectern_byte_reader_read_u32 (&run, &sample.duration);
      lectern_byte_reader_read_u32 (&run, &sample.size);
      lectern_byte_reader_read_u32 (&run, &flags);
      lectern_byte_reader_read_u32 (&run, &composition);
      sample.composition = (gint32) composition;
      sample.key = !(flags & NON_SYNC);
      fragment->duration += sample.duration;
      fragment->data_size += sample.size;
      g_array_append_val (samples, sample);
    }
  return TRUE;
}

static gboolean
read_track_fragment (LecternByteReader traf, LecternMp4Fragment *fragment, GArray *samples)
{
  LecternByteReader box;
  guint32 head;

  return take_named (&traf, "tfhd", &box) && lectern_byte_reader_read_u32 (&box, &head)
         && head == TFHD_FLAGS && lectern_byte_reader_read_u32 (&box, &fragment->track)
         && (fragment->track == LECTERN_MEDIA_VIDEO || fragment->track == LECTERN_MEDIA_AUDIO)
         && take_named (&traf, "tfdt", &box) && lectern_byte_reader_read_u32 (&box, &head)
         && head == 0x01000000 && lectern_byte_reader_read_u64 (&box, &fragment->decode_time)
         && fragment->decode_time <= G_MAXINT64 / 2 && take_named (&traf, "trun", &box)
         && read_run (box, fragment, samples);
}

gboolean
lectern_mp4_read_fragment (const guint8 *data, gsize size, LecternMp4Fragment *fragment,
                           GArray *samples, GError **error)
{
  LecternByteReader reader, moof, box;
  guint before = samples->len;

  *fragment = (LecternMp4Fragment){ 0 };
  lectern_byte_reader_init (&reader, data, size);
  if (size <= LECTERN_MP4_MAX_FRAGMENT && take_named (&reader, "moof", &moof)
      && lectern_byte_reader_get_remaining (&reader) == 0 && take_named (&moof, "mfhd", &box)
      && take_named (&moof, "traf", &box) && read_track_fragment (box, fragment, samples))
    return TRUE;
  g_array_set_size (samples, before);
  return invalid (error, "its fragment is broken");
}

/* ── prft ── */

gboolean
lectern_mp4_read_reference_time (const guint8 *data, gsize size, guint32 *track, gint64 *date_us)
{
  LecternByteReader reader, box;
  guint32 head;
  guint64 ntp;

  lectern_byte_reader_init (&reader, data, size);
  if (!take_named (&reader, "prft", &box) || !lectern_byte_reader_read_u32 (&box, &head)
      || !lectern_byte_reader_read_u32 (&box, track) || !lectern_byte_reader_read_u64 (&box, &ntp))
    return FALSE;
  *date_us = ((gint64) (ntp >> 32) - NTP_EPOCH) * G_USEC_PER_SEC
             + (gint64) (((ntp & G_MAXUINT32) * G_USEC_PER_SEC + (1u << 31)) >> 32);
  return TRUE;
}

void
lectern_mp4_write_reference_time (guint8 to[LECTERN_MP4_PRFT_SIZE], guint32 track, gint64 date_us,
                                  guint64 decode_time)
{
  guint64 seconds = (guint64) (date_us / G_USEC_PER_SEC + NTP_EPOCH);
  guint64 rest = (guint64) (date_us % G_USEC_PER_SEC);
  LecternByteWriter writer;

  lectern_byte_writer_init_static (&writer, to, LECTERN_MP4_PRFT_SIZE);
  lectern_byte_writer_put_u32 (&writer, LECTERN_MP4_PRFT_SIZE);
  lectern_byte_writer_put (&writer, "prft", 4);
  lectern_byte_writer_put_u32 (&writer, 0x01000000);
  lectern_byte_writer_put_u32 (&writer, track);
  lectern_byte_writer_put_u64 (&writer, seconds << 32 | (rest << 32) / G_USEC_PER_SEC);
  lectern_byte_writer_put_u64 (&writer, decode_time);
}
