/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtmp/lectern-rtmp-handshake.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* The first byte says in how large pieces the rest arrives. */
int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_auto (LecternByteWriter) out = { NULL };
  g_autoptr (GError) error = NULL;
  LecternRtmpHandshake server;
  gsize piece;
  gsize at = 0;

  if (size == 0)
    return 0;
  piece = 1 + 16 * (gsize) data[0];
  data++;
  size--;
  lectern_byte_writer_init (&out, 16 * 1024);
  lectern_rtmp_handshake_init_server (&server);
  for (gsize end = MIN (piece, size); error == NULL; end = MIN (end + piece, size))
    {
      at += lectern_rtmp_handshake_input (&server, data + at, end - at, &out, &error);
      if (end == size)
        break;
    }
  g_assert (!out.overflow);
  return 0;
}
