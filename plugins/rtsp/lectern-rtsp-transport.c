/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-transport.h"

#include <string.h>

#define MAX_WAYS 8
#define MAX_PARAMETERS 32

/* "a-b" or "a", which means "a-(a+1)". FALSE: not that, or above @max. */
static gboolean
read_pair (const char *text, guint max, guint *first, guint *second)
{
  g_auto (GStrv) parts = g_strsplit (text, "-", 3);
  guint count = g_strv_length (parts);
  gint64 numbers[2];

  for (guint i = 0; i < count; i++)
    if (i >= 2 || !lectern_units_parse_integer (parts[i], &numbers[i], NULL) || numbers[i] < 0
        || numbers[i] > max)
      return FALSE;
  if (count == 1)
    numbers[1] = numbers[0] + 1;
  if (count == 0 || numbers[1] > max)
    return FALSE;
  *first = (guint) numbers[0];
  *second = (guint) numbers[1];
  return TRUE;
}

static gboolean
is_value (const char *value, const char *word)
{
  g_autofree char *bare = g_strdup (value);

  if (bare[0] == '"' && strlen (bare) >= 2 && g_str_has_suffix (bare, "\""))
    {
      bare[strlen (bare) - 1] = '\0';
      return g_ascii_strcasecmp (bare + 1, word) == 0;
    }
  return g_ascii_strcasecmp (bare, word) == 0;
}

/* One parameter. FALSE: its value is broken. */
static gboolean
read_parameter (LecternRtspTransport *self, const char *parameter, gboolean *multicast)
{
  const char *equals = strchr (parameter, '=');
  g_autofree char *name
      = equals != NULL ? g_strndup (parameter, (gsize) (equals - parameter)) : g_strdup (parameter);
  const char *value = equals != NULL ? equals + 1 : "";
  guint first;
  guint second;

  if (g_ascii_strcasecmp (name, "multicast") == 0)
    *multicast = TRUE;
  else if (g_ascii_strcasecmp (name, "mode") == 0)
    self->record = is_value (value, "record") || is_value (value, "receive");
  else if (g_ascii_strcasecmp (name, "interleaved") == 0)
    {
      if (!read_pair (value, 255, &first, &second) || second != first + 1)
        return FALSE;
      self->channel = (int) first;
    }
  else if (g_ascii_strcasecmp (name, "client_port") == 0)
    {
      if (!read_pair (value, 65535, &first, &second) || first == 0 || second == 0)
        return FALSE;
      self->client_rtp = (guint16) first;
      self->client_rtcp = (guint16) second;
    }
  return TRUE;
}

/* Returns: whether @way is usable; *@broken: it is nonsense. */
static gboolean
read_way (LecternRtspTransport *self, const char *way, gboolean *broken)
{
  g_auto (GStrv) parts = g_strsplit (way, ";", MAX_PARAMETERS + 1);
  gboolean multicast = FALSE;

  *self = (LecternRtspTransport){ .channel = -1 };
  *broken = g_strv_length (parts) == 0 || g_strv_length (parts) > MAX_PARAMETERS;
  if (*broken)
    return FALSE;
  g_strstrip (parts[0]);
  self->tcp = g_ascii_strcasecmp (parts[0], "RTP/AVP/TCP") == 0;
  if (!self->tcp && g_ascii_strcasecmp (parts[0], "RTP/AVP") != 0
      && g_ascii_strcasecmp (parts[0], "RTP/AVP/UDP") != 0)
    return FALSE;
  for (guint i = 1; parts[i] != NULL; i++)
    if (!read_parameter (self, g_strstrip (parts[i]), &multicast))
      *broken = TRUE;
  return !*broken && !multicast && (self->tcp || self->client_rtp != 0);
}

gboolean
lectern_rtsp_transport_parse (LecternRtspTransport *self, const char *header, gboolean allow_tcp,
                              gboolean allow_udp, GError **error)
{
  g_auto (GStrv) ways = g_strsplit (header, ",", MAX_WAYS + 1);

  for (guint i = 0; ways[i] != NULL && i < MAX_WAYS; i++)
    {
      gboolean broken;

      if (read_way (self, ways[i], &broken) && (self->tcp ? allow_tcp : allow_udp))
        return TRUE;
      if (broken)
        {
          g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                               "Transport is broken");
          return FALSE;
        }
    }
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                       "no Transport that is offered here");
  return FALSE;
}
