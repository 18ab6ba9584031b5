/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-mp4-box.h"

#include "base/lectern-byte-reader.h"
#include "base/lectern-error.h"

#include <string.h>

#define OBJECT_TYPE_AAC 0x40
#define OBJECT_TYPE_MP3 0x6B

gsize
lectern_mp4_begin_box (LecternByteWriter *writer, const char *type)
{
  gsize box = writer->size;

  lectern_byte_writer_put_u32 (writer, 0);
  lectern_byte_writer_put (writer, type, 4);
  return box;
}

gsize
lectern_mp4_begin_full_box (LecternByteWriter *writer, const char *type, guint8 version,
                            guint32 flags)
{
  gsize box = lectern_mp4_begin_box (writer, type);

  lectern_byte_writer_put_u8 (writer, version);
  lectern_byte_writer_put_u24 (writer, flags);
  return box;
}

void
lectern_mp4_end_box (LecternByteWriter *writer, gsize box)
{
  guint32 size = GUINT32_TO_BE (writer->size - box);

  if (!writer->overflow)
    memcpy (writer->data + box, &size, sizeof size);
}

void
lectern_mp4_put_zeros (LecternByteWriter *writer, gsize length)
{
  guint8 *at = lectern_byte_writer_reserve (writer, length);

  if (at != NULL)
    memset (at, 0, length);
}

void
lectern_mp4_put_matrix (LecternByteWriter *writer)
{
  static const guint32 unity[9] = { 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000 };

  for (guint i = 0; i < G_N_ELEMENTS (unity); i++)
    lectern_byte_writer_put_u32 (writer, unity[i]);
}

void
lectern_mp4_put_handler (LecternByteWriter *writer, LecternTrack *track)
{
  gboolean video = track->media == LECTERN_MEDIA_VIDEO;
  gsize box = lectern_mp4_begin_full_box (writer, "hdlr", 0, 0);

  lectern_byte_writer_put_u32 (writer, 0);
  lectern_byte_writer_put (writer, video ? "vide" : "soun", 4);
  lectern_mp4_put_zeros (writer, 12);
  lectern_byte_writer_put (writer, video ? "video" : "audio", 6);
  lectern_mp4_end_box (writer, box);
}

static void
put_media_info_header (LecternByteWriter *writer, LecternTrack *track)
{
  gboolean video = track->media == LECTERN_MEDIA_VIDEO;
  gsize box = lectern_mp4_begin_full_box (writer, video ? "vmhd" : "smhd", 0, video ? 1 : 0);

  lectern_mp4_put_zeros (writer, video ? 8 : 4);
  lectern_mp4_end_box (writer, box);
}

static void
put_data_info (LecternByteWriter *writer)
{
  gsize dinf = lectern_mp4_begin_box (writer, "dinf");
  gsize dref = lectern_mp4_begin_full_box (writer, "dref", 0, 0);
  gsize url;

  lectern_byte_writer_put_u32 (writer, 1);
  url = lectern_mp4_begin_full_box (writer, "url ", 0, 1);
  lectern_mp4_end_box (writer, url);
  lectern_mp4_end_box (writer, dref);
  lectern_mp4_end_box (writer, dinf);
}

void
lectern_mp4_put_media_info (LecternByteWriter *writer, LecternTrack *track)
{
  put_media_info_header (writer, track);
  put_data_info (writer);
}

static void
put_config_box (LecternByteWriter *writer, const char *type, GBytes *config)
{
  gsize box = lectern_mp4_begin_box (writer, type);
  gsize size;
  gconstpointer data = g_bytes_get_data (config, &size);

  lectern_byte_writer_put (writer, data, size);
  lectern_mp4_end_box (writer, box);
}

static void
put_visual_entry (LecternByteWriter *writer, LecternTrack *track, const char *type,
                  const char *config_type, gboolean full)
{
  gsize box = lectern_mp4_begin_box (writer, type);
  gsize config;

  lectern_mp4_put_zeros (writer, 6);
  lectern_byte_writer_put_u16 (writer, 1);
  lectern_mp4_put_zeros (writer, 16);
  lectern_byte_writer_put_u16 (writer, track->width);
  lectern_byte_writer_put_u16 (writer, track->height);
  lectern_byte_writer_put_u32 (writer, 0x480000);
  lectern_byte_writer_put_u32 (writer, 0x480000);
  lectern_byte_writer_put_u32 (writer, 0);
  lectern_byte_writer_put_u16 (writer, 1);
  lectern_mp4_put_zeros (writer, 32);
  lectern_byte_writer_put_u16 (writer, 24);
  lectern_byte_writer_put_u16 (writer, 0xFFFF);
  if (full)
    {
      config = lectern_mp4_begin_full_box (writer, config_type, 1, 0);
      lectern_byte_writer_put (writer, g_bytes_get_data (track->config, NULL),
                               g_bytes_get_size (track->config));
      lectern_mp4_end_box (writer, config);
    }
  else
    put_config_box (writer, config_type, track->config);
  lectern_mp4_end_box (writer, box);
}

static gsize
begin_audio_entry (LecternByteWriter *writer, LecternTrack *track, const char *type)
{
  gsize box = lectern_mp4_begin_box (writer, type);
  guint rate = track->codec == LECTERN_CODEC_OPUS ? 48000 : track->rate;

  lectern_mp4_put_zeros (writer, 6);
  lectern_byte_writer_put_u16 (writer, 1);
  lectern_mp4_put_zeros (writer, 8);
  lectern_byte_writer_put_u16 (writer, track->channels > 0 ? track->channels : 2);
  lectern_byte_writer_put_u16 (writer, 16);
  lectern_byte_writer_put_u32 (writer, 0);
  lectern_byte_writer_put_u32 (writer, MIN (rate, 65535) << 16);
  return box;
}

/* A descriptor of ISO/IEC 14496-1, 8.3.3, always with a size of four bytes. */
static gsize
begin_descriptor (LecternByteWriter *writer, guint8 tag)
{
  lectern_byte_writer_put_u8 (writer, tag);
  lectern_byte_writer_put_u32 (writer, 0);
  return writer->size;
}

static void
end_descriptor (LecternByteWriter *writer, gsize start)
{
  gsize size = writer->size - start;

  if (writer->overflow)
    return;
  for (guint i = 0; i < 4; i++)
    writer->data[start - 1 - i] = (guint8) (((size >> (7 * i)) & 0x7F) | (i > 0 ? 0x80 : 0));
}

static void
put_elementary_stream (LecternByteWriter *writer, LecternTrack *track)
{
  gsize esds = lectern_mp4_begin_full_box (writer, "esds", 0, 0);
  gsize stream = begin_descriptor (writer, 3);
  gsize decoder;
  gsize part;

  lectern_byte_writer_put_u16 (writer, 0);
  lectern_byte_writer_put_u8 (writer, 0);
  decoder = begin_descriptor (writer, 4);
  lectern_byte_writer_put_u8 (writer, track->codec == LECTERN_CODEC_AAC ? OBJECT_TYPE_AAC
                                                                        : OBJECT_TYPE_MP3);
  lectern_byte_writer_put_u8 (writer, 0x15); /* an audio stream */
  lectern_mp4_put_zeros (writer, 11);
  if (track->codec == LECTERN_CODEC_AAC)
    {
      part = begin_descriptor (writer, 5);
      lectern_byte_writer_put (writer, g_bytes_get_data (track->config, NULL),
                               g_bytes_get_size (track->config));
      end_descriptor (writer, part);
    }
  end_descriptor (writer, decoder);
  part = begin_descriptor (writer, 6);
  lectern_byte_writer_put_u8 (writer, 2);
  end_descriptor (writer, part);
  end_descriptor (writer, stream);
  lectern_mp4_end_box (writer, esds);
}

/* dOps from OpusHead: the same fields, big-endian (Opus in ISOBMFF, 4.3.2; RFC 7845, 5.1). */
static gboolean
put_opus_config (LecternByteWriter *writer, GBytes *config, GError **error)
{
  gsize size;
  const guint8 *head = g_bytes_get_data (config, &size);
  gsize box;

  if (size < 19 || memcmp (head, "OpusHead", 8) != 0)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "the Opus configuration is no OpusHead");
      return FALSE;
    }
  box = lectern_mp4_begin_box (writer, "dOps");
  lectern_byte_writer_put_u8 (writer, 0);
  lectern_byte_writer_put_u8 (writer, head[9]);
  lectern_byte_writer_put_u16 (writer, head[10] | head[11] << 8);
  lectern_byte_writer_put_u32 (writer, head[12] | head[13] << 8 | head[14] << 16
                                           | (guint32) head[15] << 24);
  lectern_byte_writer_put_u16 (writer, head[16] | head[17] << 8);
  lectern_byte_writer_put (writer, head + 18, size - 18);
  lectern_mp4_end_box (writer, box);
  return TRUE;
}

static gboolean
put_audio_entry (LecternByteWriter *writer, LecternTrack *track, GError **error)
{
  gboolean opus = track->codec == LECTERN_CODEC_OPUS;
  gsize box = begin_audio_entry (writer, track, opus ? "Opus" : "mp4a");

  if (opus && !put_opus_config (writer, track->config, error))
    return FALSE;
  if (!opus)
    put_elementary_stream (writer, track);
  lectern_mp4_end_box (writer, box);
  return TRUE;
}

gboolean
lectern_mp4_put_sample_entry (LecternByteWriter *writer, LecternTrack *track, GError **error)
{
  if (track->config == NULL && lectern_codec_needs_config (track->codec))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "%s without its configuration",
                   lectern_codec_get_name (track->codec));
      return FALSE;
    }
  switch (track->codec)
    {
    case LECTERN_CODEC_H264:
      put_visual_entry (writer, track, "avc1", "avcC", FALSE);
      return TRUE;
    case LECTERN_CODEC_H265:
      put_visual_entry (writer, track, "hvc1", "hvcC", FALSE);
      return TRUE;
    case LECTERN_CODEC_AV1:
      put_visual_entry (writer, track, "av01", "av1C", FALSE);
      return TRUE;
    case LECTERN_CODEC_VP9:
      put_visual_entry (writer, track, "vp09", "vpcC", TRUE);
      return TRUE;
    case LECTERN_CODEC_AAC:
    case LECTERN_CODEC_MP3:
    case LECTERN_CODEC_OPUS:
      return put_audio_entry (writer, track, error);
    default:
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED, "MP4 does not carry %s here",
                   lectern_codec_get_name (track->codec));
      return FALSE;
    }
}
