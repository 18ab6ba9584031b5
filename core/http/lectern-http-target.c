/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-target.h"

#include "http/lectern-http-chars.h"

#include <string.h>

/* Returns: the byte that "XX" stands for, or -1. */
static int
read_escape (const char *digits)
{
  int high = g_ascii_xdigit_value (digits[0]);
  int low;

  if (high < 0)
    return -1;
  low = g_ascii_xdigit_value (digits[1]);
  return low < 0 ? -1 : high * 16 + low;
}

static gboolean
has_dot_segment (const char *path)
{
  const char *at = path;

  while ((at = strstr (at, "/.")) != NULL)
    {
      const char *end = at + 2;

      if (*end == '.')
        end++;
      if (*end == '/' || *end == '\0')
        return TRUE;
      at++;
    }
  return FALSE;
}

static gboolean
decode_byte (const char **from, char *to, LecternHttpRefusal *refusal)
{
  guint8 byte = (guint8) * *from;
  int value;

  if (byte != '%')
    {
      if (byte != '/' && !lectern_http_char_is (byte, LECTERN_HTTP_CHAR_PATH))
        return lectern_http_refuse (refusal, 400, "The path holds a character that it may not.");
      *to = (char) byte;
      *from += 1;
      return TRUE;
    }
  value = read_escape (*from + 1);
  if (value < 0)
    return lectern_http_refuse (refusal, 400, "The path holds a broken escape.");
  if (value < 0x20 || value == 0x7f || value == '/' || value == '\\')
    return lectern_http_refuse (refusal, 400, "The path escapes a character that it may not.");
  *to = (char) value;
  *from += 3;
  return TRUE;
}

gboolean
lectern_http_path_decode (char *path, LecternHttpRefusal *refusal)
{
  const char *from = path;
  char *to = path;

  if (*path != '/')
    return lectern_http_refuse (refusal, 400, "The path does not begin with a slash.");
  while (*from != '\0')
    {
      if (!decode_byte (&from, to, refusal))
        return FALSE;
      to++;
    }
  *to = '\0';
  if (!g_utf8_validate (path, to - path, NULL))
    return lectern_http_refuse (refusal, 400, "The path is not UTF-8.");
  if (has_dot_segment (path))
    return lectern_http_refuse (refusal, 400, "The path holds a dot segment.");
  return TRUE;
}

/* Returns: (transfer full) (nullable): @length bytes of a query with "+" and escapes undone. */
static char *
decode_part (const char *part, gsize length)
{
  g_autofree char *text = g_malloc (length + 1);
  gsize i, size = 0;

  for (i = 0; i < length; i++)
    {
      int value = (guint8) part[i];

      if (value == '+')
        value = ' ';
      else if (value == '%')
        {
          value = length - i > 2 ? read_escape (part + i + 1) : -1;
          i += 2;
        }
      if (value <= 0)
        return NULL;
      text[size++] = (char) value;
    }
  text[size] = '\0';
  return g_utf8_validate (text, size, NULL) ? g_steal_pointer (&text) : NULL;
}

char *
lectern_http_query_get (const char *query, const char *name)
{
  const char *at = query;

  while (at != NULL && *at != '\0')
    {
      gsize size = strcspn (at, "&");
      const char *equals = memchr (at, '=', size);
      gsize name_size = equals != NULL ? (gsize) (equals - at) : size;
      g_autofree char *found = decode_part (at, name_size);

      if (g_strcmp0 (found, name) == 0)
        return equals != NULL ? decode_part (equals + 1, size - name_size - 1) : g_strdup ("");
      at += size;
      at += *at == '&';
    }
  return NULL;
}
