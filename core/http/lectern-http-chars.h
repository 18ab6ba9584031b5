/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Which bytes may stand where (RFC 9110, 5.6.2 and 5.5; RFC 3986, 3.2.2 to 3.4). */
typedef enum
{
  LECTERN_HTTP_CHAR_TOKEN = 1,
  LECTERN_HTTP_CHAR_PATH = 2,  /* pchar without "%" */
  LECTERN_HTTP_CHAR_QUERY = 4, /* what browsers leave unescaped there, too */
  LECTERN_HTTP_CHAR_FIELD = 8, /* a field's value, with spaces, tabs and obs-text */
  LECTERN_HTTP_CHAR_HOST = 16, /* reg-name */
} LecternHttpChar;

extern const guint8 lectern_http_chars[256];

static inline gboolean
lectern_http_char_is (guint8 byte, LecternHttpChar kind)
{
  return (lectern_http_chars[byte] & kind) != 0;
}

/* Returns: whether @text is not empty and each of its bytes is of @kind. */
static inline gboolean
lectern_http_chars_are (const char *text, gsize length, LecternHttpChar kind)
{
  gsize i;

  for (i = 0; i < length; i++)
    if (!lectern_http_char_is ((guint8)text[i], kind))
      return FALSE;
  return length > 0;
}
