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
  g_clear_pointer (&self->user, g_free);
  g_clear_pointer (&self->password, g_free);
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

/* @text: "USER:PASSWORD", "USER"; both escaped. */
static gboolean
split_user (LecternRtmpUrl *self, const char *text, GError **error)
{
  const char *colon = strchr (text, ':');

  self->user = g_uri_unescape_segment (text, colon, NULL);
  self->password = g_uri_unescape_string (colon != NULL ? colon + 1 : "", NULL);
  if (self->user != NULL && *self->user != '\0' && self->password != NULL
      && g_utf8_validate (self->user, -1, NULL))
    return TRUE;
  return refuse (error, LECTERN_ERROR_INVALID_DATA, "the address has a user who is none");
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
  if (user != NULL && !split_user (self, user, error))
    return FALSE;
  self->port = port > 0 ? (guint16) port : self->secure ? SECURE_PORT : PORT;
  if (!split_path (self, path, query, error))
    return FALSE;
  make_tc_url (self, port > 0);
  return TRUE;
}

/* Returns: (transfer full): @redirect, "rtmp://HOST/APP[?QUERY]", with @name and its query in it.
 */
static char *
join (const char *redirect, const char *name)
{
  g_autofree char *path = g_strndup (redirect, strcspn (redirect, "?"));
  const char *query = redirect + strlen (path);

  while (g_str_has_suffix (path, "/"))
    path[strlen (path) - 1] = '\0';
  if (*query == '\0')
    return g_strconcat (path, "/", name, NULL);
  return g_strconcat (path, "/", name, strchr (name, '?') != NULL ? "&" : "?", query + 1, NULL);
}

char *
lectern_rtmp_url_redirect (const LecternRtmpUrl *self, const char *redirect, LecternRtmpUrl *target,
                           GError **error)
{
  g_autofree char *url = join (redirect, self->name);

  if (!lectern_rtmp_url_parse (url, target, error))
    {
      g_prefix_error_literal (error, "the server refers to another one: ");
      return NULL;
    }
  if (self->secure && !target->secure)
    {
      refuse (error, LECTERN_ERROR_DENIED, "the server refers to one without TLS");
      return NULL;
    }
  if (target->user == NULL && g_ascii_strcasecmp (self->host, target->host) == 0)
    {
      target->user = g_strdup (self->user);
      target->password = g_strdup (self->password);
    }
  return g_steal_pointer (&url);
}
