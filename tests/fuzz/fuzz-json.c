/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-json.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* What is accepted can be printed, read again, and is the same then. */
int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = lectern_json_parse ((const char *) data, size, &error);
  g_autoptr (JsonNode) again = NULL;
  g_autoptr (GBytes) first = NULL;
  g_autoptr (GBytes) second = NULL;
  gconstpointer text;
  gsize length;

  g_assert ((node == NULL) == (error != NULL));
  if (node == NULL)
    return 0;
  first = lectern_json_print (node);
  text = g_bytes_get_data (first, &length);
  again = lectern_json_parse (text, length, &error);
  /* Escapes and long numbers may print longer than they were written. */
  if (length > LECTERN_JSON_MAX_SIZE)
    return 0;
  g_assert_no_error (error);
  second = lectern_json_print (again);
  g_assert (g_bytes_equal (first, second));
  return 0;
}
