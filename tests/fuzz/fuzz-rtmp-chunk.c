/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtmp/lectern-rtmp-chunk-reader.h"

#define BUDGET (64 * 1024)

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* The first byte says in how large pieces the rest arrives. */
int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (LecternRtmpChunkReader) reader = lectern_rtmp_chunk_reader_new ();
  g_autoptr (GError) error = NULL;
  gsize piece;
  gsize at = 0;
  gsize end = 0;

  if (size == 0)
    return 0;
  piece = 1 + 4 * (gsize) data[0];
  data++;
  size--;
  lectern_rtmp_chunk_reader_set_budget (reader, BUDGET, BUDGET);
  while (end < size && error == NULL)
    {
      gboolean more = TRUE;

      end = MIN (end + piece, size);
      while (more && error == NULL)
        {
          g_auto (LecternRtmpMessage) message = { 0 };

          at += lectern_rtmp_chunk_reader_read (reader, data + at, end - at, &message, &error);
          more = message.payload != NULL;
          g_assert (at <= end);
          g_assert (error != NULL || more || end - at <= 17);
        }
      g_assert (lectern_rtmp_chunk_reader_get_held (reader) <= 2 * BUDGET);
    }
  return 0;
}
