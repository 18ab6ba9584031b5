/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-reply.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* The first byte says in how large pieces it arrives. */
int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (LecternHttpReply) reply = lectern_http_reply_new ();
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  gsize piece;
  gsize at = 0;
  gsize end = 0;

  if (size == 0)
    return 0;
  piece = 1 + 8 * (gsize) data[0];
  data++;
  size--;
  while (end < size && error == NULL)
    {
      end = MIN (end + piece, size);
      at += lectern_http_reply_input (reply, data + at, end - at, body, &error);
    }
  g_assert_cmpuint (body->len, <=, size);
  return 0;
}
