/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-flv.h"

#include "base/lectern-byte-reader.h"
#include "formats/lectern-aac.h"
#include "formats/lectern-flv-private.h"
#include "formats/lectern-h264.h"
#include "formats/lectern-h265.h"

#include <string.h>

G_GNUC_PRINTF (3, 4)
static gboolean
refuse (GError **error, LecternError code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (error, g_error_new_valist (LECTERN_ERROR, code, format, args));
  va_end (args);
  return FALSE;
}

static gboolean
truncated (GError **error)
{
  return refuse (error, LECTERN_ERROR_INVALID_DATA, "media tag cut short");
}

/* What is left is the payload; only a frame or a config has one, and it is not empty. */
static gboolean
finish (LecternByteReader *reader, LecternFlvBody *body, GError **error)
{
  if (body->kind == LECTERN_FLV_FRAME || body->kind == LECTERN_FLV_CONFIG)
    {
      body->payload_offset = reader->offset;
      body->payload_size = lectern_byte_reader_get_remaining (reader);
      if (body->payload_size == 0)
        return refuse (error, LECTERN_ERROR_INVALID_DATA, "media tag without media");
    }
  return TRUE;
}

static gboolean
read_composition (LecternByteReader *reader, LecternFlvBody *body)
{
  guint32 value;

  if (!lectern_byte_reader_read_u24 (reader, &value))
    return FALSE;
  body->composition_ms = value < 0x800000 ? (gint32) value : (gint32) value - 0x1000000;
  return TRUE;
}

/* Skips the modifiers before a packet type (nanosecond offsets and what comes later). */
static gboolean
skip_modifiers (LecternByteReader *reader, guint8 *type)
{
  while (*type == FLV_EX_MODIFIER)
    {
      guint8 narrow;
      guint16 wide;
      gsize size;
      guint8 next;

      if (!lectern_byte_reader_read_u8 (reader, &narrow))
        return FALSE;
      size = narrow + 1u;
      if (size == 256)
        {
          if (!lectern_byte_reader_read_u16 (reader, &wide))
            return FALSE;
          size = wide + 1u;
        }
      if (!lectern_byte_reader_skip (reader, size) || !lectern_byte_reader_read_u8 (reader, &next))
        return FALSE;
      *type = next & 0xf;
    }
  return TRUE;
}

static gboolean
read_frame_type (guint type, LecternFlvBody *body, GError **error)
{
  if (type < FLV_FRAME_KEY || type > FLV_FRAME_COMMAND)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "unknown frame type %u", type);
  body->key = type == FLV_FRAME_KEY || type == FLV_FRAME_GENERATED_KEY;
  return TRUE;
}

static LecternCodec
video_codec_of (guint32 fourcc)
{
  switch (fourcc)
    {
    case FLV_FOURCC_AVC1:
      return LECTERN_CODEC_H264;
    case FLV_FOURCC_HVC1:
      return LECTERN_CODEC_H265;
    case FLV_FOURCC_AV01:
      return LECTERN_CODEC_AV1;
    case FLV_FOURCC_VP09:
      return LECTERN_CODEC_VP9;
    default:
      return LECTERN_CODEC_NONE;
    }
}

static LecternCodec
audio_codec_of (guint32 fourcc)
{
  switch (fourcc)
    {
    case FLV_FOURCC_OPUS:
      return LECTERN_CODEC_OPUS;
    case FLV_FOURCC_MP4A:
      return LECTERN_CODEC_AAC;
    case FLV_FOURCC_MP3:
      return LECTERN_CODEC_MP3;
    default:
      return LECTERN_CODEC_NONE;
    }
}

static gboolean
read_fourcc (LecternByteReader *reader, LecternCodec (*codec_of) (guint32), LecternFlvBody *body,
             GError **error)
{
  guint32 fourcc;

  if (!lectern_byte_reader_read_u32 (reader, &fourcc))
    return truncated (error);
  body->fourcc = TRUE;
  body->codec = codec_of (fourcc);
  if (body->codec == LECTERN_CODEC_NONE)
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "unknown codec fourcc 0x%08x", fourcc);
  return TRUE;
}

static gboolean
parse_video_fourcc (LecternByteReader *reader, guint8 first, LecternFlvBody *body, GError **error)
{
  guint8 type = first & 0xf;
  gboolean has_composition;

  if (!skip_modifiers (reader, &type))
    return truncated (error);
  if ((first >> 4 & 7) == FLV_FRAME_COMMAND && type != FLV_EX_METADATA)
    {
      body->kind = LECTERN_FLV_IGNORE;
      return TRUE;
    }
  if (type == FLV_EX_MULTITRACK_VIDEO)
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "multitrack video");
  if (!read_fourcc (reader, video_codec_of, body, error))
    return FALSE;
  has_composition = body->codec == LECTERN_CODEC_H264 || body->codec == LECTERN_CODEC_H265;
  switch (type)
    {
    case FLV_EX_SEQUENCE_START:
      body->kind = LECTERN_FLV_CONFIG;
      break;
    case FLV_EX_CODED_FRAMES:
      if (has_composition && !read_composition (reader, body))
        return truncated (error);
      body->kind = LECTERN_FLV_FRAME;
      break;
    case FLV_EX_CODED_FRAMES_X:
      body->kind = LECTERN_FLV_FRAME;
      break;
    case FLV_EX_SEQUENCE_END:
      body->kind = LECTERN_FLV_END;
      break;
    case FLV_EX_METADATA:
      body->kind = LECTERN_FLV_IGNORE;
      break;
    case FLV_EX_MPEG2TS_START:
      return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "video config in MPEG-2 form");
    default:
      return refuse (error, LECTERN_ERROR_INVALID_DATA, "unknown video packet type %u", type);
    }
  return finish (reader, body, error);
}

gboolean
lectern_flv_parse_video (const guint8 *data, gsize size, LecternFlvBody *body, GError **error)
{
  LecternByteReader reader;
  guint8 first;
  guint8 type;

  *body = (LecternFlvBody){ .kind = LECTERN_FLV_FRAME };
  lectern_byte_reader_init (&reader, data, size);
  if (!lectern_byte_reader_read_u8 (&reader, &first))
    return truncated (error);
  if (!read_frame_type (first >> 4 & 7, body, error))
    return FALSE;
  if ((first & 0x80) != 0)
    return parse_video_fourcc (&reader, first, body, error);
  if (first >> 4 == FLV_FRAME_COMMAND)
    {
      body->kind = LECTERN_FLV_IGNORE;
      return TRUE;
    }
  if ((first & 0xf) == FLV_VIDEO_H264)
    body->codec = LECTERN_CODEC_H264;
  else if ((first & 0xf) == FLV_VIDEO_H265)
    body->codec = LECTERN_CODEC_H265;
  else
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "unknown video codec %u", first & 0xfu);
  if (!lectern_byte_reader_read_u8 (&reader, &type))
    return truncated (error);
  if (type > FLV_PACKET_END)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "unknown video packet type %u", type);
  body->kind = type == FLV_PACKET_CONFIG  ? LECTERN_FLV_CONFIG
               : type == FLV_PACKET_FRAME ? LECTERN_FLV_FRAME
                                          : LECTERN_FLV_END;
  if (body->kind != LECTERN_FLV_END && !read_composition (&reader, body))
    return truncated (error);
  return finish (&reader, body, error);
}

static gboolean
parse_audio_fourcc (LecternByteReader *reader, guint8 first, LecternFlvBody *body, GError **error)
{
  guint8 type = first & 0xf;

  if (!skip_modifiers (reader, &type))
    return truncated (error);
  if (type == FLV_EX_MULTITRACK_AUDIO)
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "multitrack audio");
  if (!read_fourcc (reader, audio_codec_of, body, error))
    return FALSE;
  switch (type)
    {
    case FLV_EX_SEQUENCE_START:
      /* MP3 has no config: its sequence start says nothing. */
      body->kind
          = lectern_codec_needs_config (body->codec) ? LECTERN_FLV_CONFIG : LECTERN_FLV_IGNORE;
      break;
    case FLV_EX_CODED_FRAMES:
      body->kind = LECTERN_FLV_FRAME;
      break;
    case FLV_EX_SEQUENCE_END:
      body->kind = LECTERN_FLV_END;
      break;
    case FLV_EX_MULTICHANNEL:
      body->kind = LECTERN_FLV_IGNORE;
      break;
    default:
      return refuse (error, LECTERN_ERROR_INVALID_DATA, "unknown audio packet type %u", type);
    }
  return finish (reader, body, error);
}

/* The rate that a codec always has goes before the signalled one, which then means nothing. */
static gboolean
read_sound (guint8 first, LecternFlvBody *body, GError **error)
{
  static const guint rates[] = { 5512, 11025, 22050, 44100 };
  static const struct
  {
    LecternCodec codec;
    guint rate;
  } sounds[16] = {
    [FLV_SOUND_MP3] = { LECTERN_CODEC_MP3, 0 },
    [FLV_SOUND_NELLYMOSER_16K] = { LECTERN_CODEC_NELLYMOSER, 16000 },
    [FLV_SOUND_NELLYMOSER_8K] = { LECTERN_CODEC_NELLYMOSER, 8000 },
    [FLV_SOUND_NELLYMOSER] = { LECTERN_CODEC_NELLYMOSER, 0 },
    [FLV_SOUND_PCMA] = { LECTERN_CODEC_PCMA, 0 },
    [FLV_SOUND_PCMU] = { LECTERN_CODEC_PCMU, 0 },
    [FLV_SOUND_AAC] = { LECTERN_CODEC_AAC, 0 },
    [FLV_SOUND_SPEEX] = { LECTERN_CODEC_SPEEX, 16000 },
    [FLV_SOUND_MP3_8K] = { LECTERN_CODEC_MP3, 8000 },
  };
  guint format = first >> 4;
  guint rate = first >> 2 & 3;

  body->codec = sounds[format].codec;
  if (body->codec == LECTERN_CODEC_NONE)
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "unknown audio codec %u", format);
  body->rate = sounds[format].rate != 0 ? sounds[format].rate : rates[rate];
  if ((format == FLV_SOUND_PCMA || format == FLV_SOUND_PCMU) && rate == 0)
    body->rate = 8000;
  body->bits = (first & 2) != 0 ? 16 : 8;
  body->channels = (first & 1) != 0 && format != FLV_SOUND_SPEEX ? 2 : 1;
  if (format == FLV_SOUND_NELLYMOSER_16K || format == FLV_SOUND_NELLYMOSER_8K)
    body->channels = 1;
  return TRUE;
}

gboolean
lectern_flv_parse_audio (const guint8 *data, gsize size, LecternFlvBody *body, GError **error)
{
  LecternByteReader reader;
  guint8 first;
  guint8 type;

  *body = (LecternFlvBody){ .kind = LECTERN_FLV_FRAME };
  lectern_byte_reader_init (&reader, data, size);
  if (!lectern_byte_reader_read_u8 (&reader, &first))
    return truncated (error);
  if (first >> 4 == FLV_SOUND_EX)
    return parse_audio_fourcc (&reader, first, body, error);
  if (!read_sound (first, body, error))
    return FALSE;
  if (body->codec != LECTERN_CODEC_AAC)
    return finish (&reader, body, error);
  if (!lectern_byte_reader_read_u8 (&reader, &type))
    return truncated (error);
  if (type > FLV_PACKET_FRAME)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "unknown AAC packet type %u", type);
  if (type == FLV_PACKET_CONFIG)
    body->kind = LECTERN_FLV_CONFIG;
  return finish (&reader, body, error);
}

/* AV1CodecConfigurationRecord (AV1 in ISO base media, 2.3.3). */
static gboolean
describe_av1 (const guint8 *data, gsize size, LecternTrack *fields, GError **error)
{
  static const char *const names[] = { "Main", "High", "Professional" };
  guint profile;
  guint level;

  if (size < 4 || data[0] != 0x81 || data[1] >> 5 >= G_N_ELEMENTS (names))
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "broken AV1 configuration record");
  profile = data[1] >> 5;
  level = data[1] & 0x1f;
  g_snprintf (fields->profile, sizeof fields->profile, "%s %u.%u", names[profile], 2 + (level >> 2),
              level & 3);
  return TRUE;
}

/* VPCodecConfigurationRecord (VP codec in ISO base media, 2.2), with or without the version and
 * flags of the box around it: both are in use, and a bit depth of 0 does not exist. */
static gboolean
describe_vp9 (const guint8 *data, gsize size, LecternTrack *fields, GError **error)
{
  if (size >= 4 && data[2] == 0)
    {
      data += 4;
      size -= 4;
    }
  if (size < 8 || data[0] > 3 || size - 8 < (gsize) (data[6] << 8 | data[7]))
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "broken VP9 configuration record");
  g_snprintf (fields->profile, sizeof fields->profile, "Profile %u", data[0]);
  return TRUE;
}

/* OpusHead (RFC 7845, 5.1). Opus always comes out at 48 kHz. */
static gboolean
describe_opus (const guint8 *data, gsize size, LecternTrack *fields, GError **error)
{
  if (size < 19 || memcmp (data, "OpusHead", 8) != 0 || (data[8] & 0xf0) != 0 || data[9] == 0)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "broken Opus identification header");
  fields->rate = 48000;
  fields->channels = data[9];
  return TRUE;
}

static gboolean
describe_aac (const guint8 *data, gsize size, LecternTrack *fields, GError **error)
{
  LecternAacParameters parameters;

  if (!lectern_aac_parse_config (data, size, &parameters, error))
    return FALSE;
  fields->rate = parameters.rate;
  fields->channels = parameters.channels;
  g_strlcpy (fields->profile, parameters.name, sizeof fields->profile);
  return TRUE;
}

static gboolean
describe_h26x (const guint8 *data, gsize size, LecternTrack *fields, GError **error)
{
  LecternVideoParameters parameters;

  if (fields->codec == LECTERN_CODEC_H264
          ? !lectern_h264_parse_config (data, size, &parameters, error)
          : !lectern_h265_parse_config (data, size, &parameters, error))
    return FALSE;
  fields->width = parameters.width;
  fields->height = parameters.height;
  g_strlcpy (fields->profile, parameters.name, sizeof fields->profile);
  return TRUE;
}

static gboolean
describe (const guint8 *data, gsize size, LecternTrack *fields, GError **error)
{
  switch (fields->codec)
    {
    case LECTERN_CODEC_H264:
    case LECTERN_CODEC_H265:
      return describe_h26x (data, size, fields, error);
    case LECTERN_CODEC_AV1:
      return describe_av1 (data, size, fields, error);
    case LECTERN_CODEC_VP9:
      return describe_vp9 (data, size, fields, error);
    case LECTERN_CODEC_OPUS:
      return describe_opus (data, size, fields, error);
    default:
      return describe_aac (data, size, fields, error);
    }
}

LecternTrack *
lectern_flv_make_track (const LecternFlvBody *body, GBytes *config, GError **error)
{
  LecternTrack fields = {
    .media = lectern_codec_get_media (body->codec),
    .codec = body->codec,
    .rate = body->rate,
    .channels = body->channels,
    .bits = body->bits,
    .fourcc = body->fourcc,
  };
  gsize size;
  const guint8 *data;

  if (!lectern_codec_needs_config (body->codec))
    return lectern_track_new (&fields);
  if (config == NULL)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "%s without a configuration",
                   lectern_codec_get_name (body->codec));
      return NULL;
    }
  fields.config = config;
  data = g_bytes_get_data (config, &size);
  return describe (data, size, &fields, error) ? lectern_track_new (&fields) : NULL;
}
