/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <string.h>

/* Returns: (transfer full): the bytes of pairs of hexadecimal digits; spaces are skipped. */
static inline GBytes *
unhex (const char *text)
{
  GByteArray *bytes = g_byte_array_new ();
  int high = -1;

  for (; *text != '\0'; text++)
    {
      int digit = g_ascii_xdigit_value (*text);

      if (digit < 0)
        continue;
      if (high >= 0)
        {
          guint8 byte = (guint8)(high << 4 | digit);

          g_byte_array_append (bytes, &byte, 1);
          high = -1;
        }
      else
        high = digit;
    }
  g_assert_cmpint (high, ==, -1);
  return g_byte_array_free_to_bytes (bytes);
}

/* A copy of exactly @size bytes, so that the sanitizer sees a read past the end. */
static inline guint8 *
cut (GBytes *bytes, gsize size)
{
  guint8 *copy = g_malloc (MAX (size, 1));

  g_assert_cmpuint (size, <=, g_bytes_get_size (bytes));
  if (size > 0)
    memcpy (copy, g_bytes_get_data (bytes, NULL), size);
  return copy;
}

/* Returns: (transfer full): a file of tests/core/formats/data. */
static inline GBytes *
load (const char *name)
{
  g_autofree char *path = g_build_filename (g_getenv ("LECTERN_SOURCE_DIR"), "tests", "core",
                                            "formats", "data", name, NULL);
  g_autoptr (GError) error = NULL;
  char *data;
  gsize size;

  g_file_get_contents (path, &data, &size, &error);
  g_assert_no_error (error);
  return g_bytes_new_take (data, size);
}
