/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-target.h"

#include <string.h>

static gboolean
refuse (GError **error, LecternError code, const char *text)
{
  g_set_error_literal (error, LECTERN_ERROR, code, text);
  return FALSE;
}

/* Whether @text looks like "trackID=1", which no query of ours has behind a slash. */
static gboolean
is_control (const char *text)
{
  gsize word = strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

  return word > 0 && word <= 16 && text[word] == '='
         && strspn (text + word + 1, "0123456789") == strlen (text + word + 1)
         && text[word + 1] != '\0';
}

/* Takes the control off the query's end. */
static void
split_query (LecternRtspTarget *self)
{
  char *slash = self->query != NULL ? strrchr (self->query, '/') : NULL;

  if (slash == NULL || (slash[1] != '\0' && !is_control (slash + 1)))
    return;
  if (slash[1] != '\0' && self->control == NULL)
    self->control = g_strdup (slash + 1);
  *slash = '\0';
}

/* "/app/name/control…" */
static gboolean
split_path (LecternRtspTarget *self, const char *path, gsize *used, GError **error)
{
  const char *name = strchr (path + 1, '/');
  const char *rest = name != NULL ? strchr (name + 1, '/') : NULL;
  gsize length = rest != NULL ? (gsize) (rest - path) : strlen (path);

  self->thing = g_uri_unescape_segment (path + 1, path + length, NULL);
  if (self->thing == NULL || !lectern_stream_name_is_valid (self->thing))
    return refuse (error, LECTERN_ERROR_NOT_FOUND, "not a stream's name");
  if (rest != NULL && rest[1] != '\0')
    self->control = g_strdup (rest + 1);
  *used = length;
  return TRUE;
}

static const char *
skip_scheme (const char *url)
{
  if (g_ascii_strncasecmp (url, "rtsp://", 7) == 0)
    return url + 7;
  if (g_ascii_strncasecmp (url, "rtsps://", 8) == 0)
    return url + 8;
  return NULL;
}

static gboolean
parse (LecternRtspTarget *self, const char *url, GError **error)
{
  const char *host = skip_scheme (url);
  const char *path;
  const char *question;
  g_autofree char *text = NULL;
  gsize used;

  if (host == NULL || strchr (url, '#') != NULL)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "not an RTSP address");
  question = strchr (host, '?');
  path = memchr (host, '/', question != NULL ? (gsize) (question - host) : strlen (host));
  if (path == NULL || path[1] == '\0' || path + 1 == question)
    return TRUE;
  if (question != NULL)
    self->query = g_strdup (question + 1);
  text = question != NULL ? g_strndup (path, (gsize) (question - path)) : g_strdup (path);
  if (!split_path (self, text, &used, error))
    return FALSE;
  split_query (self);
  self->base = g_strndup (url, (gsize) (path - url) + used);
  return TRUE;
}

gboolean
lectern_rtsp_target_parse (LecternRtspTarget *self, const char *url, GError **error)
{
  *self = (LecternRtspTarget){ NULL };
  if (g_str_equal (url, "*"))
    return TRUE;
  if (parse (self, url, error))
    return TRUE;
  lectern_rtsp_target_clear (self);
  return FALSE;
}

void
lectern_rtsp_target_clear (LecternRtspTarget *self)
{
  g_clear_pointer (&self->thing, g_free);
  g_clear_pointer (&self->query, g_free);
  g_clear_pointer (&self->control, g_free);
  g_clear_pointer (&self->base, g_free);
}
