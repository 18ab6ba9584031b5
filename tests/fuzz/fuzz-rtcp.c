/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtsp/lectern-rtcp.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  guint8 written[LECTERN_RTCP_REPORT_SIZE];
  LecternRtcp read;
  LecternRtcp again;

  if (!lectern_rtcp_parse (&read, data, size, &error))
    {
      g_assert_true (g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA));
      return 0;
    }
  g_assert_true (read.n_blocks <= LECTERN_RTCP_MAX_BLOCKS);
  for (guint i = 0; i < read.n_blocks; i++)
    {
      gsize length = lectern_rtcp_write_receiver_report (1, &read.blocks[i], written);

      g_assert_true (length <= sizeof written);
      g_assert_true (lectern_rtcp_parse (&again, written, length, NULL));
      g_assert_true (again.n_blocks == 1 && again.blocks[0].lost == read.blocks[i].lost);
    }
  return 0;
}
