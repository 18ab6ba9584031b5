/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/lectern-link.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* What is read can be written, and is the same frame then. */
static void
check_written (LecternLinkFrame *frame)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;

  if (frame->object != NULL)
    bytes = lectern_link_write_object (frame->type, frame->object, &error);
  else if (frame->track != NULL)
    bytes = lectern_link_write_track (frame->lane, frame->track, &error);
  else if (frame->packet != NULL)
    bytes = lectern_link_write_packet_header (frame->lane, frame->packet, &error);
  else
    bytes = lectern_link_write (frame->type);
  /* Escapes may print longer than they were written. */
  if (error != NULL)
    g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
  else
    g_assert_nonnull (bytes);
}

/* The first byte says in pieces of which size the rest arrives. */
int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (LecternLinkReader) reader = lectern_link_reader_new ();
  gsize step = size > 0 && data[0] > 0 ? data[0] : G_MAXSIZE;
  gsize at = MIN (size, 1);

  while (at < size)
    {
      g_auto (LecternLinkFrame) frame = { 0 };
      g_autoptr (GError) error = NULL;
      LecternByteReader bytes;

      lectern_byte_reader_init (&bytes, data + at, MIN (step, size - at));
      if (lectern_link_reader_read (reader, &bytes, &frame, &error))
        check_written (&frame);
      else if (error != NULL)
        break;
      else
        g_assert_cmpuint (lectern_byte_reader_get_remaining (&bytes), ==, 0);
      at += bytes.offset;
    }
  return 0;
}
