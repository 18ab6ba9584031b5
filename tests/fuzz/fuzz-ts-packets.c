/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes of a transport stream in pieces: what comes out is whole packets, and the same however the
 * bytes were cut. */
#include "formats/lectern-ts-packets.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static gsize
take (LecternTsPackets *packets, const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = lectern_ts_packets_take (packets, data, size, &error);
  const guint8 *at;
  gsize length = 0;

  if (bytes == NULL)
    {
      g_assert (error != NULL);
      return 0;
    }
  at = g_bytes_get_data (bytes, &length);
  g_assert (length % LECTERN_TS_PACKET == 0);
  for (gsize i = 0; i < length; i += LECTERN_TS_PACKET)
    g_assert (at[i] == 0x47);
  return length;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (LecternTsPackets) packets = lectern_ts_packets_new ();
  gsize taken = 0;
  gsize step = size > 0 ? 1 + data[0] * 3u : 1;

  for (gsize at = 0; at < size; at += step)
    taken += take (packets, data + at, MIN (step, size - at));
  g_assert (taken + lectern_ts_packets_get_skipped (packets) <= size);
  return 0;
}
