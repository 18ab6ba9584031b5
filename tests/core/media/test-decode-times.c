/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-decode-times.h"

#define MS G_GINT64_CONSTANT (1000000)
#define FRAME (40 * MS)

/* Groups as x264 makes them: I, then P and B pictures in decoding order. */
static const guint shown[] = { 0, 4, 2, 1, 3, 8, 6, 5, 7, 9, 12, 10, 11, 13, 14 };

static void
check (LecternDecodeTimes *times, gint64 pts, gint64 *last)
{
  gint64 given = pts;
  gint64 dts = lectern_decode_times_next (times, &given);

  g_assert_cmpint (given, ==, pts);
  g_assert_cmpint (dts, <=, pts);
  g_assert_cmpint (dts, >, *last);
  *last = dts;
}

static void
known_order_costs_nothing (void)
{
  LecternDecodeTimes times;
  gint64 last = G_MININT64;

  lectern_decode_times_init (&times, 2);
  for (guint i = 0; i < G_N_ELEMENTS (shown); i++)
    check (&times, shown[i] * FRAME, &last);
  g_assert_cmpint (last, ==, 12 * FRAME);
}

static void
in_order_is_as_shown (void)
{
  LecternDecodeTimes times;

  lectern_decode_times_init (&times, 0);
  for (gint64 i = 0; i < 50; i++)
    {
      gint64 pts = 1000 * MS + i * FRAME;

      g_assert_cmpint (lectern_decode_times_next (&times, &pts), ==, 1000 * MS + i * FRAME);
    }
}

static void
unknown_order_is_learned (void)
{
  LecternDecodeTimes times;
  gint64 last = G_MININT64;
  guint moved = 0;

  lectern_decode_times_init (&times, -1);
  for (guint round = 0; round < 4; round++)
    for (guint i = 0; i < G_N_ELEMENTS (shown); i++)
      {
        gint64 pts = (shown[i] + round * 15) * FRAME;
        gint64 given = pts;
        gint64 dts = lectern_decode_times_next (&times, &given);

        g_assert_cmpint (dts, >, last);
        g_assert_cmpint (dts, <=, given);
        last = dts;
        moved += given != pts;
      }
  g_assert_cmpuint (times.reorder, <=, 3);
  g_assert_cmpuint (moved, <=, 3);
}

static void
lost_pictures_do_no_harm (void)
{
  for (guint lost = 1; lost < 8; lost++)
    {
      LecternDecodeTimes times;
      gint64 last = G_MININT64;

      lectern_decode_times_init (&times, 2);
      for (guint i = 0; i < 20 * G_N_ELEMENTS (shown); i++)
        if (i == 0 || (i % 7 >= lost / 2 && i % 11 != lost))
          check (&times, (shown[i % 15] + i / 15 * 15) * FRAME, &last);
      g_assert_cmpint (last, >=, 295 * FRAME);
    }
}

static void
a_step_back_begins_anew (void)
{
  LecternDecodeTimes times;
  gint64 last = G_MININT64;

  lectern_decode_times_init (&times, 2);
  for (guint i = 0; i < G_N_ELEMENTS (shown); i++)
    check (&times, 3600 * 1000 * MS + shown[i] * FRAME, &last);
  last = G_MININT64;
  for (guint i = 0; i < G_N_ELEMENTS (shown); i++)
    check (&times, shown[i] * FRAME, &last);
  g_assert_cmpint (last, ==, 12 * FRAME);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/media/decode-times/known-order-costs-nothing", known_order_costs_nothing);
  g_test_add_func ("/media/decode-times/in-order-is-as-shown", in_order_is_as_shown);
  g_test_add_func ("/media/decode-times/unknown-order-is-learned", unknown_order_is_learned);
  g_test_add_func ("/media/decode-times/lost-pictures-do-no-harm", lost_pictures_do_no_harm);
  g_test_add_func ("/media/decode-times/a-step-back-begins-anew", a_step_back_begins_anew);
  return g_test_run ();
}
