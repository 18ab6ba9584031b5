/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-carried-query.h"

#include <string.h>

#define SESSION "session="

/* Steps to the next parameter that is carried. Returns: (nullable): where it begins. */
static const char *
next (const char **at, gsize *size)
{
  while (*at != NULL && **at != '\0')
    {
      const char *begin = *at;

      *size = strcspn (begin, "&");
      *at = begin + *size + (begin[*size] == '&');
      if (*size > 0 && !g_str_has_prefix (begin, "_HLS_") && !g_str_has_prefix (begin, SESSION)
          && strcspn (begin, "\"'\\<>") >= *size)
        return begin;
    }
  return NULL;
}

char *
lectern_carried_query_make (const char *query, const char *session)
{
  GString *made = g_string_new (NULL);
  const char *at = query;
  const char *found;
  gsize size;

  while ((found = next (&at, &size)) != NULL)
    {
      if (made->len > 0)
        g_string_append_c (made, '&');
      g_string_append_len (made, found, (gssize) size);
    }
  if (session != NULL)
    g_string_append_printf (made, "%s" SESSION "%s", made->len > 0 ? "&" : "", session);
  return g_string_free (made, FALSE);
}

gboolean
lectern_carried_query_matches (const char *query, const char *carried)
{
  const char *at = query;
  const char *found;
  gboolean first = TRUE;
  gsize size;

  while ((found = next (&at, &size)) != NULL)
    {
      if (!first && *carried++ != '&')
        return FALSE;
      if (strncmp (carried, found, size) != 0)
        return FALSE;
      carried += size;
      first = FALSE;
    }
  return *carried == '\0';
}

const char *
lectern_carried_query_find_session (const char *query, gsize *size)
{
  const char *at = query;

  while (at != NULL && *at != '\0')
    {
      gsize length = strcspn (at, "&");

      if (g_str_has_prefix (at, SESSION))
        {
          *size = length - strlen (SESSION);
          return at + strlen (SESSION);
        }
      at += length + (at[length] == '&');
    }
  return NULL;
}
