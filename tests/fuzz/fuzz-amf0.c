/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AMF0 values one after another, as RTMP commands and script tags carry them; what is read can be
 * written, and reads the same again. */
#include "formats/lectern-amf0.h"

#define ROOM (16 * 1024 * 1024)

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_written (GVariant *value)
{
  g_auto (LecternByteWriter) writer = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) again = NULL;
  LecternByteReader reader;

  lectern_byte_writer_init (&writer, ROOM);
  /* Byte arrays of AMF3 have no AMF0 form. */
  if (!lectern_amf0_write (&writer, value))
    return;
  lectern_byte_reader_init (&reader, writer.data, writer.size);
  again = lectern_amf0_read (&reader, &error);
  /* Repaired UTF-8 is longer and may pass a limit. */
  if (again == NULL)
    {
      g_assert_true (g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT));
      return;
    }
  g_assert_true (lectern_byte_reader_get_remaining (&reader) == 0);
  g_assert_true (g_variant_equal (value, again));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  LecternByteReader reader;

  lectern_byte_reader_init (&reader, data, size);
  while (lectern_byte_reader_get_remaining (&reader) > 0)
    {
      g_autoptr (GError) error = NULL;
      gsize before = reader.offset;
      g_autoptr (GVariant) value = lectern_amf0_read (&reader, &error);

      g_assert_true ((value == NULL) == (error != NULL));
      if (value == NULL)
        {
          g_assert_true (reader.offset == before);
          break;
        }
      g_assert_true (reader.offset > before);
      check_written (value);
    }
  return 0;
}
