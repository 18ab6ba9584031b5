/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-target.h"

#include <string.h>

#define MAX_SHOWN 64

static gboolean
refuse (const char *what, const char *text, GError **error)
{
  g_autofree char *shown = lectern_log_escape (text, -1, MAX_SHOWN);

  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "'%s' is not allowed as %s", shown,
               what);
  return FALSE;
}

static const char *
find_query (const char *text)
{
  const char *mark = text != NULL ? strchr (text, '?') : NULL;

  return mark != NULL && mark[1] != '\0' ? mark + 1 : NULL;
}

gboolean
lectern_rtmp_parse_app (const char *app, const char *tc_url, char **name, char **query,
                        GError **error)
{
  g_autofree char *path = g_strndup (app, strcspn (app, "?"));
  g_autofree char *probe = NULL;
  const char *from_app = find_query (app);
  gsize length;

  if (*path == '/')
    memmove (path, path + 1, strlen (path));
  length = strlen (path);
  if (length > 0 && path[length - 1] == '/')
    path[length - 1] = '\0';
  probe = g_strconcat (path, "/name", NULL);
  if (strlen (app) > LECTERN_RTMP_MAX_TARGET || !lectern_stream_name_is_valid (probe))
    return refuse ("an application's name", path, error);
  *name = g_steal_pointer (&path);
  *query = g_strdup (from_app != NULL ? from_app : find_query (tc_url));
  return TRUE;
}

gboolean
lectern_rtmp_parse_name (const char *app, const char *app_query, const char *text,
                         gboolean rendition, char **thing, char **query, GError **error)
{
  g_autofree char *name = text != NULL ? g_strndup (text, strcspn (text, "?")) : g_strdup ("");
  g_autofree char *whole = g_strconcat (app, "/", name, NULL);
  const char *own_query = find_query (text);

  if (text == NULL || strlen (text) > LECTERN_RTMP_MAX_TARGET
      || !lectern_stream_name_is_valid (whole) || (!rendition && strchr (name, '@') != NULL))
    return refuse ("a stream's name", name, error);
  *thing = g_steal_pointer (&whole);
  if (own_query != NULL && app_query != NULL)
    *query = g_strconcat (own_query, "&", app_query, NULL);
  else
    *query = g_strdup (own_query != NULL ? own_query : app_query);
  return TRUE;
}
