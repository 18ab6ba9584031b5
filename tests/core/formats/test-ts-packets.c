/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-ts-packets.h"

#include <string.h>

#define PID 0x100

static void
add_packet (GByteArray *bytes, guint pid, gboolean begins, guint8 fill)
{
  guint8 packet[LECTERN_TS_PACKET];

  memset (packet, fill, sizeof packet);
  packet[0] = 0x47;
  packet[1] = (guint8) ((begins ? 0x40 : 0) | pid >> 8);
  packet[2] = (guint8) pid;
  packet[3] = 0x10;
  g_byte_array_append (bytes, packet, sizeof packet);
}

static gsize
take (LecternTsPackets *packets, const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = lectern_ts_packets_take (packets, data, size, &error);

  g_assert_no_error (error);
  return g_bytes_get_size (bytes);
}

static void
test_pieces_become_packets (void)
{
  for (gsize step = 1; step < 500; step += 7)
    {
      g_autoptr (LecternTsPackets) packets = lectern_ts_packets_new ();
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      gsize taken = 0;

      for (guint i = 0; i < 20; i++)
        add_packet (bytes, PID, i % 5 == 0, 0);
      for (gsize at = 0; at < bytes->len; at += step)
        taken += take (packets, bytes->data + at, MIN (step, bytes->len - at));
      g_assert_cmpuint (taken, ==, bytes->len);
      g_assert_cmpuint (lectern_ts_packets_get_skipped (packets), ==, 0);
    }
}

static void
test_other_bytes_are_left_out (void)
{
  g_autoptr (LecternTsPackets) packets = lectern_ts_packets_new ();
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  g_byte_array_append (bytes, (const guint8 *) "noise G noise", 13);
  for (guint i = 0; i < 4; i++)
    add_packet (bytes, PID, FALSE, 0);
  g_byte_array_append (bytes, (const guint8 *) "more", 4);
  for (guint i = 0; i < 4; i++)
    add_packet (bytes, PID, FALSE, 0);
  /* The packet before a gap is not known to be one. */
  g_assert_cmpuint (take (packets, bytes->data, bytes->len), ==, 7 * LECTERN_TS_PACKET);
  g_assert_cmpuint (lectern_ts_packets_get_skipped (packets), ==, 13 + LECTERN_TS_PACKET + 4);
}

/* FALSE: it was refused. */
static gboolean
feed (LecternTsPackets *packets, guint pid, guint begin_each, guint count)
{
  for (guint i = 0; i < count; i++)
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      g_autoptr (GBytes) taken = NULL;
      g_autoptr (GError) error = NULL;

      add_packet (bytes, pid, begin_each > 0 && i % begin_each == 0, 0xff);
      taken = lectern_ts_packets_take (packets, bytes->data, bytes->len, &error);
      if (taken == NULL)
        {
          g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
          return FALSE;
        }
    }
  return TRUE;
}

static void
test_a_unit_ends_some_day (void)
{
  guint many = LECTERN_TS_MAX_OPEN / LECTERN_TS_PACKET;
  g_autoptr (LecternTsPackets) ordinary = lectern_ts_packets_new ();
  g_autoptr (LecternTsPackets) endless = lectern_ts_packets_new ();
  g_autoptr (LecternTsPackets) padding = lectern_ts_packets_new ();

  g_assert_true (feed (ordinary, PID, 1000, 2 * many));
  g_assert_true (feed (padding, 0x1fff, 0, 2 * many));
  /* Also when another track is as it should be. */
  g_assert_true (feed (endless, PID, 0, many / 2));
  g_assert_true (feed (endless, PID + 1, 1, many));
  g_assert_false (feed (endless, PID, 0, many));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/ts-packets/pieces-become-packets", test_pieces_become_packets);
  g_test_add_func ("/formats/ts-packets/other-bytes-are-left-out", test_other_bytes_are_left_out);
  g_test_add_func ("/formats/ts-packets/a-unit-ends-some-day", test_a_unit_ends_some_day);
  return g_test_run ();
}
