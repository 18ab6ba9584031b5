/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../lectern-rtcp.h"

#include <string.h>

static gboolean
parse (LecternRtcp *rtcp, const void *data, gsize size)
{
  g_autofree guint8 *copy = g_malloc (MAX (size, 1));
  g_autoptr (GError) error = NULL;
  gboolean good;

  if (size > 0)
    memcpy (copy, data, size);
  good = lectern_rtcp_parse (rtcp, copy, size, &error);
  if (!good)
    g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
  return good;
}

static void
test_sender_report (void)
{
  static const guint8 ffmpeg[]
      = { 0x80, 200,  0,    6,    0xd1, 0x4e, 0xfb, 0x32, 0xee, 0xb1, 0xb8, 0x61, 0x70, 0xa3,
          0xd7, 0x0a, 0xf1, 0x6a, 0x32, 0x75, 0,    0,    0,    0xa2, 0,    1,    0x8d, 0xb7 };
  LecternRtcp rtcp;

  g_assert_true (parse (&rtcp, ffmpeg, sizeof ffmpeg));
  g_assert_true (rtcp.sender_report);
  g_assert_cmphex (rtcp.ssrc, ==, 0xd14efb32);
  g_assert_cmphex (rtcp.ntp, ==, G_GUINT64_CONSTANT (0xeeb1b86170a3d70a));
  g_assert_cmphex (rtcp.rtp_time, ==, 0xf16a3275);
  g_assert_cmpuint (rtcp.packets, ==, 0xa2);
  g_assert_cmpuint (rtcp.octets, ==, 0x18db7);
  g_assert_cmpuint (rtcp.n_blocks, ==, 0);
  g_assert_cmpuint (rtcp.bye, ==, 0);
}

/* Report, name and goodbye in one. */
static void
test_compound (void)
{
  static const guint8 compound[]
      = { 0x81, 201, 0, 7, 0, 0, 0, 9, 0,    0, 0,    7,   64, 0xff, 0xff, 0xfe, 0, 1, 0, 5, 0, 0,
          0,    3,   1, 2, 3, 4, 0, 1, 0x80, 0, 0x81, 202, 0,  2,    0,    0,    0, 9, 1, 0, 0, 0,
          0xa2, 203, 0, 4, 0, 0, 0, 7, 0,    0, 0,    8,   3,  'b',  'y',  'e',  0, 0, 0, 4 };
  LecternRtcp rtcp;

  g_assert_true (parse (&rtcp, compound, sizeof compound));
  g_assert_false (rtcp.sender_report);
  g_assert_cmpuint (rtcp.n_blocks, ==, 1);
  g_assert_cmpuint (rtcp.blocks[0].ssrc, ==, 7);
  g_assert_cmpuint (rtcp.blocks[0].fraction_lost, ==, 64);
  g_assert_cmpint (rtcp.blocks[0].lost, ==, -2);
  g_assert_cmphex (rtcp.blocks[0].highest, ==, 0x10005);
  g_assert_cmpuint (rtcp.blocks[0].delay, ==, 0x18000);
  g_assert_cmpuint (rtcp.bye, ==, 2);
  g_assert_cmpuint (rtcp.bye_ssrc, ==, 7);
}

static void
test_broken (void)
{
  static const struct
  {
    const char *bytes;
    gsize size;
  } broken[] = {
    { "", 0 },
    { "\x80\xc9\0", 3 },
    { "\x40\xc9\0\1\0\0\0\1", 8 },                  /* version 1 */
    { "\x80\xc9\0\2\0\0\0\1", 8 },                  /* longer than it is */
    { "\x80\xc8\0\1\0\0\0\1", 8 },                  /* no sender report */
    { "\x81\xc9\0\1\0\0\0\1", 8 },                  /* no block */
    { "\xa0\xc9\0\1\0\0\0\0", 8 },                  /* padding of 0 */
    { "\xa0\xc9\0\1\0\0\0\x09", 8 },                /* padding over all */
    { "\xa0\xc9\0\0", 4 },                          /* padding of nothing */
    { "\x82\xcb\0\1\0\0\0\1", 8 },                  /* two goodbyes, one name */
    { "\x80\xc9\0\1\0\0\0\1\x80\xc9\xff\xff", 12 }, /* the second is cut off */
  };
  LecternRtcp rtcp;

  for (guint i = 0; i < G_N_ELEMENTS (broken); i++)
    g_assert_false (parse (&rtcp, broken[i].bytes, broken[i].size));
  g_assert_cmpuint (rtcp.n_blocks, ==, 0);
}

/* More blocks than we keep are read past. */
static void
test_many_blocks (void)
{
  guint8 report[8 + 31 * 24] = { 0x9f, 201, 0, 1 + 31 * 6 };
  LecternRtcp rtcp;

  g_assert_true (parse (&rtcp, report, sizeof report));
  g_assert_cmpuint (rtcp.n_blocks, ==, LECTERN_RTCP_MAX_BLOCKS);
}

static void
test_write (void)
{
  static const LecternRtcpBlock block = { 7, 64, -2, 0x10005, 3, 0x01020304, 0x18000 };
  guint8 report[LECTERN_RTCP_REPORT_SIZE];
  LecternRtcp rtcp;
  gsize size = lectern_rtcp_write_receiver_report (9, &block, report);

  g_assert_cmpuint (size, <=, sizeof report);
  g_assert_true (parse (&rtcp, report, size));
  g_assert_cmpmem (&rtcp.blocks[0], sizeof block, &block, sizeof block);
  size = lectern_rtcp_write_receiver_report (9, NULL, report);
  g_assert_true (parse (&rtcp, report, size));
  g_assert_cmpuint (rtcp.n_blocks, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtsp/rtcp/sender-report", test_sender_report);
  g_test_add_func ("/rtsp/rtcp/compound", test_compound);
  g_test_add_func ("/rtsp/rtcp/P-08-broken", test_broken);
  g_test_add_func ("/rtsp/rtcp/many-blocks", test_many_blocks);
  g_test_add_func ("/rtsp/rtcp/reads-what-it-writes", test_write);
  return g_test_run ();
}
