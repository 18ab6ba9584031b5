/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-hls-gzip.h"

#include <gio/gio.h>
#include <string.h>

/* Quick: playlists are written for each viewer, and are mostly repetition. */
#define LEVEL 1

gboolean
lectern_hls_gzip_is_accepted (const char *text)
{
  const char *at = text;

  while (at != NULL && *at != '\0')
    {
      gsize size;
      gsize name;
      const char *weight;

      at += strspn (at, ", \t");
      size = strcspn (at, ",");
      name = strcspn (at, "; \t,");
      weight = g_strstr_len (at, (gssize) size, "q=");
      if ((name == 4 && g_ascii_strncasecmp (at, "gzip", 4) == 0) || (name == 1 && *at == '*'))
        return weight == NULL || g_ascii_strtod (weight + 2, NULL) > 0;
      at += size;
    }
  return FALSE;
}

GBytes *
lectern_hls_gzip (GBytes *bytes)
{
  static GPrivate own = G_PRIVATE_INIT (g_object_unref);
  GConverter *converter = g_private_get (&own);
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);
  g_autofree char *to = g_malloc (MAX (size, 1));
  gsize read, written;

  if (converter == NULL)
    {
      converter = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, LEVEL));
      g_private_set (&own, converter);
    }
  g_converter_reset (converter);
  if (g_converter_convert (converter, data, size, to, size, G_CONVERTER_INPUT_AT_END, &read,
                           &written, NULL)
          != G_CONVERTER_FINISHED
      || read != size)
    return g_bytes_ref (bytes);
  return g_bytes_new_take (g_realloc (g_steal_pointer (&to), written), written);
}
