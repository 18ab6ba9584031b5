/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-recording-index.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_auto (LecternRecordingIndex) index = { 0 };
  g_auto (LecternRecordingIndex) start = { 0 };
  g_autoptr (GBytes) again = NULL;

  if (!lectern_recording_index_read (&index, data, size, TRUE, NULL))
    return 0;
  /* What is read whole is read in part, and can be written. */
  g_assert_true (lectern_recording_index_read (&start, data, size, FALSE, NULL));
  again = lectern_recording_index_write (&index, NULL);
  g_assert_nonnull (again);
  for (guint i = 0; i < index.segments->len; i++)
    {
      const LecternRecordingSegment *segment
          = &g_array_index (index.segments, LecternRecordingSegment, i);

      g_assert_cmpuint (segment->offset + segment->size, <=, index.size);
    }
  return 0;
}
