/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtp-parameters.h"

#include <string.h>

#define MIN_CLOCK 1000
#define MAX_CLOCK 1000000
#define MAX_CHANNELS 8
#define MAX_CONFIG 256 /* bytes of an AudioSpecificConfig */
#define AOT_LC 2
#define AOT_SBR 5
#define AOT_PS 29

static const struct
{
  const char *encoding;
  LecternCodec codec;
} encodings[] = {
  { "H264", LECTERN_CODEC_H264 },     { "H265", LECTERN_CODEC_H265 },
  { "HEVC", LECTERN_CODEC_H265 },     { "mpeg4-generic", LECTERN_CODEC_AAC },
  { "MP4A-LATM", LECTERN_CODEC_AAC }, { "opus", LECTERN_CODEC_OPUS },
  { "PCMA", LECTERN_CODEC_PCMA },     { "PCMU", LECTERN_CODEC_PCMU },
  { "MPA", LECTERN_CODEC_MP3 },
};

static gboolean
refuse (GError **error, LecternError code, const char *what)
{
  g_set_error_literal (error, LECTERN_ERROR, code, what);
  return FALSE;
}

/* Strict where GLib's decoder skips what it does not know; padding may be missing. */
static guint8 *
decode_base64 (const char *text, gsize length, gsize *size)
{
  static const char *const padding[4] = { "", "", "==", "=" };
  g_autofree char *padded = NULL;

  while (length > 0 && text[length - 1] == '=')
    length--;
  if (length % 4 == 1)
    return NULL;
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '+' && text[i] != '/')
      return NULL;
  padded = g_strdup_printf ("%.*s%s", (int) length, text, padding[length % 4]);
  return g_base64_decode (padded, size);
}

/* @text: sets in base64 with commas between them. */
static gboolean
take_sets (LecternRtpParameters *self, const char *text, GError **error)
{
  while (*text != '\0')
    {
      gsize length = strcspn (text, ",");
      guint8 *set = NULL;
      gsize size = 0;

      if (length > 0)
        {
          if (length <= LECTERN_RTP_MAX_SET_SIZE * 4 / 3 + 4)
            set = decode_base64 (text, length, &size);
          if (set == NULL || size == 0 || self->sets->len >= LECTERN_RTP_MAX_SETS)
            {
              g_free (set);
              return refuse (error, LECTERN_ERROR_INVALID_DATA, "broken parameter sets in fmtp");
            }
          g_ptr_array_add (self->sets, g_bytes_new_take (set, size));
        }
      text += length;
      text += strspn (text, ",");
    }
  return TRUE;
}

static gboolean
take_named_sets (LecternRtpParameters *self, const LecternRtpFormat *format, const char *name,
                 GError **error)
{
  g_autofree char *text = lectern_rtp_format_get_parameter (format, name);

  return text == NULL || take_sets (self, text, error);
}

/* *@value stays as it is where @name is missing. */
static gboolean
read_number (const LecternRtpFormat *format, const char *name, guint max, guint *value,
             GError **error)
{
  g_autofree char *text = lectern_rtp_format_get_parameter (format, name);
  guint64 number;

  if (text == NULL)
    return TRUE;
  if (!g_ascii_string_to_unsigned (text, 10, 0, max, &number, NULL))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "broken %s in fmtp", name);
      return FALSE;
    }
  *value = (guint) number;
  return TRUE;
}

static gboolean
init_h264 (LecternRtpParameters *self, const LecternRtpFormat *format, GError **error)
{
  guint mode = 0;

  if (!read_number (format, "packetization-mode", 255, &mode, error))
    return FALSE;
  if (mode > 1)
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "interleaved H.264 is not taken");
  return take_named_sets (self, format, "sprop-parameter-sets", error);
}

static gboolean
init_h265 (LecternRtpParameters *self, const LecternRtpFormat *format, GError **error)
{
  guint displacement = 0;

  if (!read_number (format, "sprop-max-don-diff", G_MAXUINT16, &displacement, error))
    return FALSE;
  if (displacement > 0)
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "interleaved H.265 is not taken");
  return take_named_sets (self, format, "sprop-vps", error)
         && take_named_sets (self, format, "sprop-sps", error)
         && take_named_sets (self, format, "sprop-pps", error);
}

/* Returns: NULL for what are no pairs of hexadecimal digits. */
static guint8 *
decode_hex (const char *text, gsize *size)
{
  gsize length = strlen (text);
  g_autofree guint8 *data = NULL;

  if (length == 0 || length % 2 != 0 || length / 2 > MAX_CONFIG)
    return NULL;
  data = g_malloc (length / 2);
  for (gsize i = 0; i < length / 2; i++)
    {
      int high = g_ascii_xdigit_value (text[2 * i]);
      int low = g_ascii_xdigit_value (text[2 * i + 1]);

      if (high < 0 || low < 0)
        return NULL;
      data[i] = (guint8) (high << 4 | low);
    }
  *size = length / 2;
  return g_steal_pointer (&data);
}

static guint
read_bits (const guint8 *data, guint at, guint count)
{
  guint value = 0;

  for (guint i = at; i < at + count; i++)
    value = value << 1 | (data[i / 8] >> (7 - i % 8) & 1);
  return value;
}

/* The AudioSpecificConfig in a StreamMuxConfig (ISO 14496-3, 1.7.3.2) of one program, one layer and
 * one frame in each payload: what is not aligned there is moved. Only AAC-LC with or without
 * explicit SBR and PS, of which it is plain where they end. */
static GBytes *
extract_latm_config (const guint8 *mux, gsize size)
{
  guint8 config[4] = { 0 };
  guint type;
  guint bits = 0;

  /* audioMuxVersion 0, allStreamsSameTimeFraming 1, numSubFrames 0, numProgram 0, numLayer 0. */
  if (size < 6 || read_bits (mux, 0, 15) != 0x2000)
    return NULL;
  type = read_bits (mux, 15, 5);
  if (type == AOT_LC && read_bits (mux, 15 + 5, 4) != 15 && read_bits (mux, 15 + 13, 3) == 0)
    bits = 16;
  else if ((type == AOT_SBR || type == AOT_PS) && read_bits (mux, 15 + 5, 4) != 15
           && read_bits (mux, 15 + 13, 4) != 15 && read_bits (mux, 15 + 17, 5) == AOT_LC
           && read_bits (mux, 15 + 22, 3) == 0)
    bits = 25;
  if (bits == 0 || read_bits (mux, 15 + 9, 4) == 0)
    return NULL;
  for (guint i = 0; i < bits; i++)
    config[i / 8] |= (guint8) (read_bits (mux, 15 + i, 1) << (7 - i % 8));
  return g_bytes_new (config, (bits + 7) / 8);
}

static gboolean
take_aac_config (LecternRtpParameters *self, const char *text, GError **error)
{
  g_autofree guint8 *data = NULL;
  LecternAacParameters parameters;
  gsize size = 0;

  data = text != NULL ? decode_hex (text, &size) : NULL;
  if (data == NULL)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "broken or no config of AAC in fmtp");
  self->config = self->latm ? extract_latm_config (data, size)
                            : g_bytes_new_take (g_steal_pointer (&data), size);
  if (self->config == NULL)
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "a kind of LATM that is not taken");
  return lectern_aac_parse_config (g_bytes_get_data (self->config, NULL),
                                   g_bytes_get_size (self->config), &parameters, error);
}

/* RFC 6416, 6.2: only with the config in fmtp. */
static gboolean
init_latm (LecternRtpParameters *self, const LecternRtpFormat *format, GError **error)
{
  g_autofree char *config = lectern_rtp_format_get_parameter (format, "config");
  guint present = 1;

  if (!read_number (format, "cpresent", 1, &present, error))
    return FALSE;
  if (present == 1 && config == NULL)
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "LATM with its config in-band is not taken");
  self->latm = TRUE;
  return take_aac_config (self, config, error);
}

static gboolean
init_aac (LecternRtpParameters *self, const LecternRtpFormat *format, GError **error)
{
  static const char *const strange[]
      = { "maxDisplacement",        "deinterleaveBufferSize", "CTSDeltaLength",
          "DTSDeltaLength",         "randomAccessIndication", "streamStateIndication",
          "auxiliaryDataSizeLength" };
  g_autofree char *mode = lectern_rtp_format_get_parameter (format, "mode");
  g_autofree char *config = lectern_rtp_format_get_parameter (format, "config");

  if (g_ascii_strcasecmp (format->encoding, "MP4A-LATM") == 0)
    return init_latm (self, format, error);
  if (mode != NULL && g_ascii_strcasecmp (mode, "AAC-hbr") != 0
      && g_ascii_strcasecmp (mode, "AAC-lbr") != 0 && g_ascii_strcasecmp (mode, "generic") != 0)
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "a mode of mpeg4-generic that is not AAC");
  for (guint i = 0; i < G_N_ELEMENTS (strange); i++)
    {
      guint value = 0;

      if (!read_number (format, strange[i], G_MAXUINT32, &value, error))
        return FALSE;
      if (value != 0)
        return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "interleaved AAC is not taken");
    }
  if (!read_number (format, "sizelength", 32, &self->size_length, error)
      || !read_number (format, "indexlength", 32, &self->index_length, error)
      || !read_number (format, "indexdeltalength", 32, &self->index_delta_length, error)
      || !read_number (format, "constantsize", G_MAXUINT16, &self->constant_size, error)
      || !read_number (format, "constantduration", G_MAXUINT16, &self->constant_duration, error))
    return FALSE;
  if (self->size_length == 0 && self->constant_size == 0)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "AAC of no size in fmtp");
  return take_aac_config (self, config, error);
}

static gboolean
init_opus (LecternRtpParameters *self, const LecternRtpFormat *format)
{
  g_autofree char *stereo = lectern_rtp_format_get_parameter (format, "sprop-stereo");

  /* A decoder told of two plays one on both; the other way half is lost. */
  self->channels = g_strcmp0 (stereo, "0") == 0 ? 1 : 2;
  return TRUE;
}

static gboolean
init_codec (LecternRtpParameters *self, const LecternRtpFormat *format, GError **error)
{
  switch (self->codec)
    {
    case LECTERN_CODEC_H264:
      return init_h264 (self, format, error);
    case LECTERN_CODEC_H265:
      return init_h265 (self, format, error);
    case LECTERN_CODEC_AAC:
      return init_aac (self, format, error);
    case LECTERN_CODEC_OPUS:
      return init_opus (self, format);
    default:
      return TRUE;
    }
}

gboolean
lectern_rtp_parameters_init (LecternRtpParameters *self, const LecternRtpFormat *format,
                             GError **error)
{
  *self = (LecternRtpParameters){ .clock_rate = format->clock_rate,
                                  .channels = MAX (format->channels, 1) };
  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    if (g_ascii_strcasecmp (format->encoding, encodings[i].encoding) == 0)
      self->codec = encodings[i].codec;
  if (self->codec == LECTERN_CODEC_NONE || lectern_codec_get_media (self->codec) != format->media)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED, "'%s' is not taken over RTP",
                   format->encoding);
      return FALSE;
    }
  if (format->clock_rate < MIN_CLOCK || format->clock_rate > MAX_CLOCK
      || self->channels > MAX_CHANNELS)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "a clock or channels out of range");
  self->sets = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  if (init_codec (self, format, error))
    return TRUE;
  lectern_rtp_parameters_clear (self);
  return FALSE;
}

void
lectern_rtp_parameters_clear (LecternRtpParameters *self)
{
  g_clear_pointer (&self->sets, g_ptr_array_unref);
  g_clear_pointer (&self->config, g_bytes_unref);
  *self = (LecternRtpParameters){ LECTERN_CODEC_NONE };
}
