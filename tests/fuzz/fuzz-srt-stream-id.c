/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a caller says it wants: a stream's name that is one, and a query without odd characters. */
#include "srt/lectern-srt-stream-id.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autofree char *thing = NULL;
  g_autofree char *query = NULL;
  g_autoptr (GError) error = NULL;

  if (!lectern_srt_stream_id_parse (text, &thing, &query, &error))
    {
      g_assert (error != NULL && thing == NULL && query == NULL);
      return 0;
    }
  g_assert (lectern_stream_name_is_valid (thing) && strchr (thing, '@') == NULL);
  g_assert (query == NULL || (*query != '\0' && g_utf8_validate (query, -1, NULL)));
  return 0;
}
