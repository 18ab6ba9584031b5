/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One AMF3 value; serialising it shows that references do not unfold into more than the limits. */
#include "formats/lectern-amf0.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;
  LecternByteReader reader;

  lectern_byte_reader_init (&reader, data, size);
  value = lectern_amf3_read (&reader, &error);
  g_assert_true ((value == NULL) == (error != NULL));
  if (value != NULL)
    g_assert_true (g_variant_get_size (value) < 16 * LECTERN_AMF_MAX_SIZE);
  return 0;
}
