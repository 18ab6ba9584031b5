/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-sdp.h"

#include "lectern-rtp-parameters.h"

#include <string.h>

#define MAX_TITLE 200

/* Printing */

static void
append_title (GString *to, const char *title)
{
  gsize start = to->len;

  for (const char *at = title != NULL ? title : ""; *at != '\0' && to->len - start < MAX_TITLE;
       at++)
    if ((guchar) *at >= ' ' && *at != 127)
      g_string_append_c (to, *at);
  if (to->len == start)
    g_string_append_c (to, '-'); /* s= may not be empty (RFC 8866, 5.3) */
}

static void
append_media (GString *to, const LecternRtpFormat *format, guint kbps, const char *control)
{
  g_string_append_printf (to, "m=%s 0 RTP/AVP %u\r\n",
                          format->media == LECTERN_MEDIA_VIDEO ? "video" : "audio",
                          format->payload_type);
  if (kbps > 0)
    g_string_append_printf (to, "b=AS:%u\r\n", kbps);
  g_string_append_printf (to, "a=rtpmap:%u %s/%u", format->payload_type, format->encoding,
                          format->clock_rate);
  if (format->channels > 1)
    g_string_append_printf (to, "/%u", format->channels);
  g_string_append (to, "\r\n");
  if (format->fmtp != NULL)
    g_string_append_printf (to, "a=fmtp:%u %s\r\n", format->payload_type, format->fmtp);
  g_string_append_printf (to, "a=control:%s\r\n", control);
}

char *
lectern_sdp_print (const LecternSdpOffer *offer)
{
  g_autoptr (GString) text = g_string_new ("v=0\r\n");
  gboolean six = strchr (offer->address, ':') != NULL;

  g_string_append_printf (text, "o=- %" G_GUINT64_FORMAT " 1 IN %s %s\r\ns=", offer->session,
                          six ? "IP6" : "IP4", offer->address);
  append_title (text, offer->title);
  g_string_append_printf (text,
                          "\r\nc=IN %s\r\nt=0 0\r\na=tool:lectern\r\na=type:broadcast\r\n"
                          "a=control:*\r\na=range:npt=now-\r\n",
                          six ? "IP6 ::" : "IP4 0.0.0.0");
  if (offer->video != NULL)
    append_media (text, offer->video, offer->video_kbps, LECTERN_SDP_CONTROL_VIDEO);
  if (offer->audio != NULL)
    append_media (text, offer->audio, offer->audio_kbps, LECTERN_SDP_CONTROL_AUDIO);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* Parsing */

/* What a media says before it is known which of its payload types is used. */
typedef struct
{
  LecternMedia media; /* DATA: nothing to be used */
  guint n_types;
  LecternRtpFormat types[LECTERN_SDP_MAX_TYPES];
} Candidate;

typedef struct
{
  LecternSdp *sdp;
  Candidate candidate; /* of the newest media */
  GError *refused;     /* why nothing was used, so far */
} Parser;

static void
candidate_clear (Candidate *self)
{
  for (guint i = 0; i < self->n_types; i++)
    lectern_rtp_format_clear (&self->types[i]);
  *self = (Candidate){ LECTERN_MEDIA_DATA };
}

static gboolean
refuse (GError **error, const char *what)
{
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, what);
  return FALSE;
}

/* Returns: (transfer full) (nullable): the next word of *@at. */
static char *
next_word (const char **at)
{
  const char *start = *at + strspn (*at, " ");
  gsize length = strcspn (start, " ");

  *at = start + length;
  return length > 0 ? g_strndup (start, length) : NULL;
}

/* What static types mean without an rtpmap (RFC 3551, 6). */
static void
set_static_type (LecternRtpFormat *format)
{
  static const struct
  {
    guint8 type;
    const char *encoding;
    guint clock;
    guint channels;
  } types[] = { { LECTERN_RTP_TYPE_PCMU, "PCMU", 8000, 1 },
                { LECTERN_RTP_TYPE_PCMA, "PCMA", 8000, 1 },
                { LECTERN_RTP_TYPE_MPA, "MPA", 90000, 0 } };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (types[i].type == format->payload_type)
      {
        g_strlcpy (format->encoding, types[i].encoding, sizeof format->encoding);
        format->clock_rate = types[i].clock;
        format->channels = types[i].channels;
      }
}

static gboolean
is_rtp (const char *transport)
{
  static const char *const known[] = { "RTP/AVP", "RTP/AVPF", "RTP/AVP/TCP", "RTP/AVP/UDP" };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_ascii_strcasecmp (transport, known[i]) == 0)
      return TRUE;
  return FALSE;
}

/* RFC 8866, 5.14. */
static gboolean
begin_media (Parser *self, const char *value, GError **error)
{
  Candidate *candidate = &self->candidate;
  g_autofree char *kind = next_word (&value);
  g_autofree char *port = next_word (&value);
  g_autofree char *transport = next_word (&value);

  candidate_clear (candidate);
  if (transport == NULL)
    return refuse (error, "a broken m= line");
  if (self->sdp->n_media == LECTERN_SDP_MAX_MEDIA)
    return refuse (error, "too many media");
  self->sdp->n_media++;
  if (!is_rtp (transport))
    return TRUE;
  if (strcmp (kind, "video") == 0)
    candidate->media = LECTERN_MEDIA_VIDEO;
  else if (strcmp (kind, "audio") == 0)
    candidate->media = LECTERN_MEDIA_AUDIO;
  while (candidate->n_types < LECTERN_SDP_MAX_TYPES)
    {
      g_autofree char *type = next_word (&value);
      LecternRtpFormat *format = &candidate->types[candidate->n_types];
      guint64 number;

      if (type == NULL)
        break;
      if (!g_ascii_string_to_unsigned (type, 10, 0, 127, &number, NULL))
        return refuse (error, "a payload type that is none");
      *format = (LecternRtpFormat){ .media = candidate->media, .payload_type = (guint8) number };
      set_static_type (format);
      candidate->n_types++;
    }
  return TRUE;
}

/* "96 rest": the format of that type, NULL when the media has none; *@value: the rest. */
static LecternRtpFormat *
find_type (Parser *self, const char **value)
{
  g_autofree char *type = next_word (value);
  guint64 number;

  if (type == NULL || !g_ascii_string_to_unsigned (type, 10, 0, 127, &number, NULL))
    return NULL;
  *value += strspn (*value, " ");
  for (guint i = 0; i < self->candidate.n_types; i++)
    if (self->candidate.types[i].payload_type == number)
      return &self->candidate.types[i];
  return NULL;
}

/* "96 H264/90000", "97 opus/48000/2". */
static gboolean
take_rtpmap (Parser *self, const char *value, GError **error)
{
  LecternRtpFormat *format = find_type (self, &value);
  g_auto (GStrv) parts = NULL;
  guint64 clock;
  guint64 channels = 0;

  if (format == NULL)
    return TRUE;
  parts = g_strsplit (value, "/", 4);
  if (parts[0] == NULL || parts[1] == NULL
      || !g_ascii_string_to_unsigned (g_strstrip (parts[1]), 10, 1, G_MAXINT, &clock, NULL)
      || (parts[2] != NULL
          && !g_ascii_string_to_unsigned (g_strstrip (parts[2]), 10, 1, 255, &channels, NULL)))
    return refuse (error, "a broken a=rtpmap");
  g_strlcpy (format->encoding, parts[0], sizeof format->encoding);
  format->clock_rate = (guint) clock;
  format->channels = (guint) channels;
  return TRUE;
}

static void
take_fmtp (Parser *self, const char *value)
{
  LecternRtpFormat *format = find_type (self, &value);

  if (format == NULL)
    return;
  g_free (format->fmtp);
  format->fmtp = g_strdup (value);
}

static gboolean
take_control (Parser *self, const char *value, GError **error)
{
  char **slot = self->sdp->n_media > 0 ? &self->sdp->media[self->sdp->n_media - 1].control
                                       : &self->sdp->control;

  if (strlen (value) > LECTERN_SDP_MAX_CONTROL)
    return refuse (error, "a control address that is too long");
  g_free (*slot);
  *slot = g_strstrip (g_strdup (value));
  return TRUE;
}

/* Chooses the payload type of the media that ends here. */
static gboolean
end_media (Parser *self, GError **error)
{
  LecternSdp *sdp = self->sdp;
  Candidate *candidate = &self->candidate;
  int *slot = candidate->media == LECTERN_MEDIA_VIDEO ? &sdp->video : &sdp->audio;

  if (sdp->n_media == 0 || candidate->media == LECTERN_MEDIA_DATA || *slot >= 0)
    return TRUE;
  for (guint i = 0; i < candidate->n_types; i++)
    {
      LecternRtpFormat *format = &candidate->types[i];
      g_auto (LecternRtpParameters) parameters = { LECTERN_CODEC_NONE };
      g_autoptr (GError) refused = NULL;

      if (lectern_rtp_parameters_init (&parameters, format, &refused))
        {
          LecternSdpMedia *media = &sdp->media[sdp->n_media - 1];

          media->used = TRUE;
          media->format = *format;
          *format = (LecternRtpFormat){ .fmtp = NULL };
          *slot = (int) sdp->n_media - 1;
          return TRUE;
        }
      if (!g_error_matches (refused, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED))
        {
          g_propagate_error (error, g_steal_pointer (&refused));
          return FALSE;
        }
      if (self->refused == NULL)
        self->refused = g_steal_pointer (&refused);
    }
  return TRUE;
}

static gboolean
take_attribute (Parser *self, const char *value, GError **error)
{
  if (g_str_has_prefix (value, "rtpmap:"))
    return take_rtpmap (self, value + strlen ("rtpmap:"), error);
  if (g_str_has_prefix (value, "fmtp:"))
    take_fmtp (self, value + strlen ("fmtp:"));
  else if (g_str_has_prefix (value, "control:"))
    return take_control (self, value + strlen ("control:"), error);
  return TRUE;
}

static gboolean
take_line (Parser *self, const char *line, GError **error)
{
  if (!g_ascii_islower (line[0]) || line[1] != '=')
    return refuse (error, "a line that is none of SDP");
  switch (line[0])
    {
    case 'm':
      return end_media (self, error) && begin_media (self, line + 2, error);
    case 'a':
      return take_attribute (self, line + 2, error);
    default:
      return TRUE;
    }
}

/* Lines end with CR LF, or as many write it, with LF. */
static gboolean
take_lines (Parser *self, const char *text, gsize size, GError **error)
{
  gsize at = 0;

  if (size < 3 || strncmp (text, "v=0", 3) != 0)
    return refuse (error, "a description that does not begin with v=0");
  while (at < size)
    {
      const char *end = memchr (text + at, '\n', size - at);
      gsize length = end != NULL ? (gsize) (end - (text + at)) : size - at;
      g_autofree char *line = NULL;

      if (length > LECTERN_SDP_MAX_LINE)
        return refuse (error, "a line that is too long");
      line = g_strndup (text + at, length);
      g_strchomp (line);
      if (line[0] != '\0' && !take_line (self, line, error))
        return FALSE;
      at += length + 1;
    }
  return end_media (self, error);
}

gboolean
lectern_sdp_parse (LecternSdp *self, const char *text, gsize size, GError **error)
{
  Parser parser = { .sdp = self, .candidate = { LECTERN_MEDIA_DATA } };
  gboolean good;

  *self = (LecternSdp){ .video = -1, .audio = -1 };
  if (size > LECTERN_SDP_MAX_SIZE)
    return refuse (error, "a description that is too long");
  if (memchr (text, '\0', size) != NULL)
    return refuse (error, "a description with a byte of 0");
  good = take_lines (&parser, text, size, error);
  candidate_clear (&parser.candidate);
  if (good && self->video < 0 && self->audio < 0)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                   "no picture or sound that can be taken%s%s", parser.refused != NULL ? ": " : "",
                   parser.refused != NULL ? parser.refused->message : "");
      good = FALSE;
    }
  g_clear_error (&parser.refused);
  if (!good)
    lectern_sdp_clear (self);
  return good;
}

void
lectern_sdp_clear (LecternSdp *self)
{
  for (guint i = 0; i < self->n_media; i++)
    {
      g_free (self->media[i].control);
      lectern_rtp_format_clear (&self->media[i].format);
    }
  g_free (self->control);
  *self = (LecternSdp){ .video = -1, .audio = -1 };
}
