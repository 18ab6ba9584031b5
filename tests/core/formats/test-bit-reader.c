/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-bit-reader.h"
#include "hex.h"

static void
test_reads_across_bytes (void)
{
  static const guint8 data[] = { 0xa5, 0x0f, 0xff, 0x00, 0x80 };
  LecternBitReader bits;

  lectern_bit_reader_init (&bits, data, sizeof data);
  g_assert_cmpuint (lectern_bit_reader_read (&bits, 0), ==, 0);
  g_assert_cmpuint (lectern_bit_reader_read (&bits, 3), ==, 5);
  g_assert_cmpuint (lectern_bit_reader_read (&bits, 9), ==, 0x50);
  g_assert_cmpuint (lectern_bit_reader_get_remaining (&bits), ==, 28);
  lectern_bit_reader_skip (&bits, 11);
  g_assert_true (lectern_bit_reader_read_flag (&bits));
  g_assert_cmpuint (lectern_bit_reader_read (&bits, 16), ==, 0x0080);
  g_assert_false (bits.overrun);
}

static void
test_reads_32_bits (void)
{
  static const guint8 data[] = { 0x7f, 0xff, 0xff, 0xff, 0x80 };
  LecternBitReader bits;

  lectern_bit_reader_init (&bits, data, sizeof data);
  lectern_bit_reader_skip (&bits, 1);
  g_assert_cmpuint (lectern_bit_reader_read (&bits, 32), ==, 0xffffffff);
}

static void
test_stays_overrun (void)
{
  static const guint8 data[] = { 0xff };
  LecternBitReader bits;

  lectern_bit_reader_init (&bits, data, sizeof data);
  g_assert_cmpuint (lectern_bit_reader_read (&bits, 9), ==, 0);
  g_assert_true (bits.overrun);
  g_assert_cmpuint (lectern_bit_reader_read (&bits, 1), ==, 0);
  lectern_bit_reader_init (&bits, data, sizeof data);
  lectern_bit_reader_skip (&bits, G_MAXSIZE);
  g_assert_true (bits.overrun);
  g_assert_cmpuint (lectern_bit_reader_get_remaining (&bits), ==, 0);
  lectern_bit_reader_init (&bits, NULL, 0);
  g_assert_false (lectern_bit_reader_read_flag (&bits));
  g_assert_true (bits.overrun);
}

static void
test_reads_exp_golomb (void)
{
  /* 1, 010, 011, 00100, 00101 (ITU-T H.264, table 9-2), then as se 010, 010, 011 */
  g_autoptr (GBytes) bytes = unhex ("a642a4c0");
  LecternBitReader bits;

  lectern_bit_reader_init (&bits, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  for (guint i = 0; i < 5; i++)
    g_assert_cmpuint (lectern_bit_reader_read_ue (&bits), ==, i);
  g_assert_cmpint (lectern_bit_reader_read_se (&bits), ==, 1);
  g_assert_cmpint (lectern_bit_reader_read_se (&bits), ==, 1);
  g_assert_cmpint (lectern_bit_reader_read_se (&bits), ==, -1);
  g_assert_false (bits.overrun);
}

static void
test_bounds_exp_golomb (void)
{
  static const guint8 largest[] = { 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff };
  static const guint8 longer[] = { 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff };
  LecternBitReader bits;

  lectern_bit_reader_init (&bits, largest, sizeof largest);
  g_assert_cmpuint (lectern_bit_reader_read_ue (&bits), ==, 0xfffffffe);
  g_assert_false (bits.overrun);
  lectern_bit_reader_init (&bits, largest, sizeof largest);
  g_assert_cmpint (lectern_bit_reader_read_se (&bits), ==, -0x7fffffff);
  lectern_bit_reader_init (&bits, longer, sizeof longer);
  g_assert_cmpuint (lectern_bit_reader_read_ue (&bits), ==, 0);
  g_assert_true (bits.overrun);
  lectern_bit_reader_init (&bits, largest, 5);
  lectern_bit_reader_read_ue (&bits);
  g_assert_true (bits.overrun);
}

static void
test_removes_emulation_prevention (void)
{
  static const struct
  {
    const char *escaped;
    const char *plain;
  } cases[] = {
    { "", "" },
    { "000003", "0000" },
    { "00000301", "000001" },
    { "0000030000030000", "000000000000" },
    { "0003000003", "00030000" },
    { "00000303", "000003" },
    { "670003", "670003" },
    { "00000000", "00000000" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) from = unhex (cases[i].escaped);
      g_autoptr (GBytes) to = unhex (cases[i].plain);
      g_autofree guint8 *data = cut (from, g_bytes_get_size (from));
      guint8 room[8];
      gsize length = lectern_bit_reader_unescape (data, g_bytes_get_size (from), room, 8);

      g_assert_cmpmem (room, length, g_bytes_get_data (to, NULL), g_bytes_get_size (to));
      g_assert_cmpuint (lectern_bit_reader_unescape (data, g_bytes_get_size (from), room, 1), ==,
                        MIN (length, 1));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/bit-reader/reads-across-bytes", test_reads_across_bytes);
  g_test_add_func ("/formats/bit-reader/reads-32-bits", test_reads_32_bits);
  g_test_add_func ("/formats/bit-reader/stays-overrun", test_stays_overrun);
  g_test_add_func ("/formats/bit-reader/reads-exp-golomb", test_reads_exp_golomb);
  g_test_add_func ("/formats/bit-reader/bounds-exp-golomb", test_bounds_exp_golomb);
  g_test_add_func ("/formats/bit-reader/removes-emulation-prevention",
                   test_removes_emulation_prevention);
  return g_test_run ();
}
