/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-url.h"

#include <string.h>

#define PORT 1935
#define SECURE_PORT 443

void
lectern_rtmp_url_clear (LecternRtmpUrl *self)
{
  g_clear_pointer (&self->host, g_free);
  g_clear_pointer (&self->app, g_free);
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->tc_url, g_free);
}

static gboolean
refuse (GError **error, LecternError code, const char *text)
{
  g_set_error_literal (error, LECTERN_ERROR, (int) code, text);
  return FALSE;
}

/* @path: "/app/name", "/app/instance/name". */
static gboolean
split_path (LecternRtmpUrl *self, const char *path, const char *query, GError **error)
{
  const char *last = strrchr (path, '/');

  if (last == NULL || last == path || last[1] == '\0')
    return refuse (error, LECTERN_ERROR_INVALID_DATA,
                   "the address has no application and stream, as in rtmp://host/app/name");
  self->app = g_strndup (path + 1, (gsize) (last - path - 1));
  self->name = query != NULL ? g_strconcat (last + 1, "?", query, NULL) : g_strdup (last + 1);
  return TRUE;
}

static void
make_tc_url (LecternRtmpUrl *self, gboolean explicit_port)
{
  gboolean brackets = strchr (self->host, ':') != NULL;
  g_autofree char *port = explicit_port ? g_strdup_printf (":%u", self->port) : g_strdup ("");

  self->tc_url
      = g_strdup_printf ("%s://%s%s%s%s/%s", self->secure ? "rtmps" : "rtmp", brackets ? "[" : "",
                         self->host, brackets ? "]" : "", port, self->app);
}

gboolean
lectern_rtmp_url_parse (const char *text, LecternRtmpUrl *self, GError **error)
{
  g_autofree char *scheme = NULL;
  g_autofree char *user = NULL;
  g_autofree char *path = NULL;
  g_autofree char *query = NULL;
  int port;

  *self = (LecternRtmpUrl){ .host = NULL };
  if (strlen (text) > LECTERN_RTMP_MAX_URL
      || !g_uri_split (text, G_URI_FLAGS_ENCODED, &scheme, &user, &self->host, &port, &path, &query,
                       NULL, NULL)
      || self->host == NULL || *self->host == '\0' || port == 0 || port > G_MAXUINT16)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "the address is none of RTMP");
  self->secure = g_ascii_strcasecmp (scheme, "rtmps") == 0;
  if (!self->secure && g_ascii_strcasecmp (scheme, "rtmp") != 0)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "the address is none of RTMP");
  if (user != NULL)
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED,
                   "RTMP has no place for a user and password; put the key behind the name");
  self->port = port > 0 ? (guint16) port : self->secure ? SECURE_PORT : PORT;
  if (!split_path (self, path, query, error))
    return FALSE;
  make_tc_url (self, port > 0);
  return TRUE;
}
