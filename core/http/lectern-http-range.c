/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-range.h"

#include <string.h>

/* Reads digits at *@at into *@value; what is larger than 64 bits becomes the largest.
 * Returns: whether there were any. */
static gboolean
read_number (const char **at, guint64 *value)
{
  const char *begin = *at;

  *value = 0;
  while (g_ascii_isdigit (**at))
    {
      guint64 digit = (guint64) (**at - '0');

      if (*value > (G_MAXUINT64 - digit) / 10)
        *value = G_MAXUINT64;
      else
        *value = *value * 10 + digit;
      *at += 1;
    }
  return *at > begin;
}

static LecternHttpRangeResult
take_suffix (guint64 wanted, guint64 size, guint64 *start, guint64 *length)
{
  if (wanted == 0 || size == 0)
    return LECTERN_HTTP_RANGE_UNSATISFIABLE;
  *length = MIN (wanted, size);
  *start = size - *length;
  return LECTERN_HTTP_RANGE_PART;
}

LecternHttpRangeResult
lectern_http_range_parse (const char *text, guint64 size, guint64 *start, guint64 *length)
{
  const char *at = text;
  guint64 first, last;
  gboolean has_first, has_last;

  if (g_ascii_strncasecmp (at, "bytes=", 6) != 0)
    return LECTERN_HTTP_RANGE_NONE;
  at += 6;
  has_first = read_number (&at, &first);
  if (*at++ != '-')
    return LECTERN_HTTP_RANGE_NONE;
  has_last = read_number (&at, &last);
  if (*at != '\0' || (!has_first && !has_last))
    return LECTERN_HTTP_RANGE_NONE;
  if (!has_first)
    return take_suffix (last, size, start, length);
  if (first >= size || (has_last && last < first))
    return LECTERN_HTTP_RANGE_UNSATISFIABLE;
  if (!has_last || last >= size)
    last = size - 1;
  *start = first;
  *length = last - first + 1;
  return LECTERN_HTTP_RANGE_PART;
}

gboolean
lectern_http_range_is_current (const char *text, const char *etag)
{
  if (text == NULL)
    return TRUE;
  return etag != NULL && *text == '"' && strcmp (text, etag) == 0;
}

static const char *
skip_weak (const char *tag)
{
  return g_str_has_prefix (tag, "W/") ? tag + 2 : tag;
}

gboolean
lectern_http_etag_matches (const char *list, const char *etag)
{
  const char *wanted = skip_weak (etag);
  gsize wanted_size = strlen (wanted);

  if (strcmp (list, "*") == 0)
    return TRUE;
  while (*list != '\0')
    {
      const char *tag;
      gsize size;

      list += strspn (list, ", \t");
      tag = skip_weak (list);
      if (*tag != '"')
        return FALSE;
      size = strcspn (tag + 1, "\"") + 1;
      if (tag[size] != '"')
        return FALSE;
      if (size + 1 == wanted_size && strncmp (tag, wanted, wanted_size) == 0)
        return TRUE;
      list = tag + size + 1;
    }
  return FALSE;
}
