/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtp-format.h"

#include <string.h>

#define VIDEO_CLOCK 90000
#define OPUS_CLOCK 48000
#define G711_RATE 8000
/* Longer parameter sets are told in-band only: lines of SDP have a bound. */
#define MAX_SPROP 8192
#define MAX_AAC_CONFIG 256

guint
lectern_rtp_format_get_clock (const LecternTrack *track, guint8 *payload_type)
{
  gboolean plain = track->rate == G711_RATE && track->channels <= 1;

  switch (track->codec)
    {
    case LECTERN_CODEC_H264:
    case LECTERN_CODEC_H265:
      *payload_type = LECTERN_RTP_TYPE_VIDEO;
      return VIDEO_CLOCK;
    case LECTERN_CODEC_AAC:
      *payload_type = LECTERN_RTP_TYPE_AUDIO;
      return track->rate;
    case LECTERN_CODEC_OPUS:
      *payload_type = LECTERN_RTP_TYPE_AUDIO;
      return OPUS_CLOCK;
    case LECTERN_CODEC_MP3:
      *payload_type = LECTERN_RTP_TYPE_MPA;
      return VIDEO_CLOCK;
    case LECTERN_CODEC_PCMA:
      *payload_type = plain ? LECTERN_RTP_TYPE_PCMA : LECTERN_RTP_TYPE_AUDIO;
      return track->rate;
    case LECTERN_CODEC_PCMU:
      *payload_type = plain ? LECTERN_RTP_TYPE_PCMU : LECTERN_RTP_TYPE_AUDIO;
      return track->rate;
    default:
      return 0;
    }
}

/* Appends the parameter sets of @reader, of which there are @count, as base64 with commas. */
static gboolean
append_sets (LecternByteReader *reader, guint count, GString *to)
{
  for (guint i = 0; i < count; i++)
    {
      g_autofree char *base64 = NULL;
      const guint8 *set;
      guint16 size;

      if (!lectern_byte_reader_read_u16 (reader, &size)
          || (set = lectern_byte_reader_take (reader, size)) == NULL)
        return FALSE;
      base64 = g_base64_encode (set, size);
      if (to->len > 0)
        g_string_append_c (to, ',');
      g_string_append (to, base64);
    }
  return TRUE;
}

/* RFC 6184, 8.1. */
static char *
describe_h264 (const guint8 *config, gsize size)
{
  g_autoptr (GString) sets = g_string_new (NULL);
  LecternByteReader reader;
  LecternVideoParameters parameters;
  const guint8 *head;
  guint8 pictures;

  lectern_byte_reader_init (&reader, config, size);
  if (!lectern_h264_parse_config (config, size, &parameters, NULL)
      || (head = lectern_byte_reader_take (&reader, 6)) == NULL
      || !append_sets (&reader, head[5] & 0x1f, sets)
      || !lectern_byte_reader_read_u8 (&reader, &pictures)
      || !append_sets (&reader, pictures, sets))
    return NULL;
  if (sets->len > MAX_SPROP)
    return g_strdup_printf ("packetization-mode=1; profile-level-id=%02X%02X%02X", head[1], head[2],
                            head[3]);
  return g_strdup_printf ("packetization-mode=1; profile-level-id=%02X%02X%02X; "
                          "sprop-parameter-sets=%s",
                          head[1], head[2], head[3], sets->str);
}

/* RFC 7798, 7.1. */
static char *
describe_h265 (const guint8 *config, gsize size)
{
  static const struct
  {
    guint8 type;
    const char *name;
  } kinds[] = { { 32, "sprop-vps" }, { 33, "sprop-sps" }, { 34, "sprop-pps" } };
  g_autoptr (GString) text = g_string_new (NULL);
  LecternVideoParameters parameters;

  if (!lectern_h265_parse_config (config, size, &parameters, NULL))
    return NULL;
  for (guint kind = 0; kind < G_N_ELEMENTS (kinds); kind++)
    {
      g_autoptr (GString) sets = g_string_new (NULL);
      LecternByteReader reader;

      lectern_byte_reader_init (&reader, config, size);
      lectern_byte_reader_skip (&reader, 23);
      for (guint i = 0; i < config[22]; i++)
        {
          g_autoptr (GString) others = g_string_new (NULL);
          guint8 type;
          guint16 count;

          if (!lectern_byte_reader_read_u8 (&reader, &type)
              || !lectern_byte_reader_read_u16 (&reader, &count)
              || !append_sets (&reader, count, (type & 0x3f) == kinds[kind].type ? sets : others))
            return NULL;
        }
      if (sets->len > 0 && text->len + sets->len <= MAX_SPROP)
        g_string_append_printf (text, "%s%s=%s", text->len > 0 ? "; " : "", kinds[kind].name,
                                sets->str);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* RFC 3640, 3.3.6 and 4.1. */
static char *
describe_aac (const guint8 *config, gsize size)
{
  g_autoptr (GString) hex = g_string_new (NULL);
  LecternAacParameters parameters;

  if (size > MAX_AAC_CONFIG || !lectern_aac_parse_config (config, size, &parameters, NULL))
    return NULL;
  for (gsize i = 0; i < size; i++)
    g_string_append_printf (hex, "%02x", config[i]);
  return g_strdup_printf ("streamtype=5; profile-level-id=1; mode=AAC-hbr; config=%s; "
                          "sizelength=13; indexlength=3; indexdeltalength=3",
                          hex->str);
}

/* Returns: FALSE when the track's config is of no use. */
static gboolean
describe (LecternRtpFormat *self, LecternTrack *track)
{
  static const char *const encodings[] = {
    [LECTERN_CODEC_H264] = "H264",         [LECTERN_CODEC_H265] = "H265",
    [LECTERN_CODEC_AAC] = "mpeg4-generic", [LECTERN_CODEC_MP3] = "MPA",
    [LECTERN_CODEC_OPUS] = "opus",         [LECTERN_CODEC_PCMA] = "PCMA",
    [LECTERN_CODEC_PCMU] = "PCMU",
  };
  gsize size = 0;
  const guint8 *config = track->config != NULL ? g_bytes_get_data (track->config, &size) : NULL;

  g_strlcpy (self->encoding, encodings[track->codec], sizeof self->encoding);
  switch (track->codec)
    {
    case LECTERN_CODEC_H264:
      self->fmtp = describe_h264 (config, size);
      return self->fmtp != NULL;
    case LECTERN_CODEC_H265:
      self->fmtp = describe_h265 (config, size);
      return self->fmtp != NULL;
    case LECTERN_CODEC_AAC:
      self->channels = MAX (track->channels, 1);
      self->fmtp = describe_aac (config, size);
      return self->fmtp != NULL;
    case LECTERN_CODEC_OPUS:
      self->channels = 2; /* always; how many there are is said beside it (RFC 7587, 7) */
      self->fmtp = track->channels == 1 ? NULL : g_strdup ("sprop-stereo=1");
      return TRUE;
    case LECTERN_CODEC_MP3:
      return TRUE;
    default:
      self->channels = MAX (track->channels, 1);
      return TRUE;
    }
}

gboolean
lectern_rtp_format_init (LecternRtpFormat *self, LecternTrack *track, GError **error)
{
  *self = (LecternRtpFormat){ .media = track->media };
  self->clock_rate = lectern_rtp_format_get_clock (track, &self->payload_type);
  if (self->clock_rate == 0)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED, "%s is not sent over RTP",
                   lectern_codec_get_name (track->codec));
      return FALSE;
    }
  if (describe (self, track))
    return TRUE;
  lectern_rtp_format_clear (self);
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "broken configuration of %s",
               lectern_codec_get_name (track->codec));
  return FALSE;
}

void
lectern_rtp_format_clear (LecternRtpFormat *self)
{
  g_free (self->fmtp);
  *self = (LecternRtpFormat){ .fmtp = NULL };
}

char *
lectern_rtp_format_get_parameter (const LecternRtpFormat *self, const char *name)
{
  const char *at = self->fmtp;
  gsize length = strlen (name);

  while (at != NULL && *at != '\0')
    {
      gsize size = strcspn (at, ";");
      g_autofree char *pair = g_strstrip (g_strndup (at, size));

      if (g_ascii_strncasecmp (pair, name, length) == 0)
        {
          const char *rest = pair + length;

          while (*rest == ' ')
            rest++;
          if (*rest == '\0')
            return g_strdup ("");
          if (*rest == '=')
            return g_strstrip (g_strdup (rest + 1));
        }
      at += size;
      at += strspn (at, ";");
    }
  return NULL;
}
