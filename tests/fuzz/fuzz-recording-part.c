/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a crash may leave of a recording: boxes that are cut, torn or nonsense. */
#include "segment/lectern-part-scan.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  int fd = memfd_create ("part", MFD_CLOEXEC);
  g_autoptr (LecternPartScan) scan = NULL;

  if (fd < 0 || write (fd, data, size) != (gssize) size)
    return 0;
  scan = lectern_part_scan_new (fd, NULL);
  close (fd);
  if (scan == NULL)
    return 0;
  g_assert_cmpuint (scan->whole, <=, size);
  for (guint i = 0; i < scan->segments->len; i++)
    {
      const LecternPartSegment *segment = &g_array_index (scan->segments, LecternPartSegment, i);

      g_assert_cmpuint (segment->fragments->len, >, 0);
      for (guint k = 0; k < segment->fragments->len; k++)
        {
          const LecternPartFragment *fragment
              = lectern_part_scan_get_fragment (scan, segment->fragments, k);

          g_assert_cmpuint (fragment->offset + fragment->size, <=, scan->whole);
          g_assert_cmpuint (fragment->first_sample + fragment->fragment.n_samples, <=,
                            scan->samples->len);
        }
    }
  return 0;
}
