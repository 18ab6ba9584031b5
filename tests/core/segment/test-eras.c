/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-eras.h"

#define SECOND G_GINT64_CONSTANT (1000000000)

static void
test_dates_follow_the_wall_after_a_break (void)
{
  LecternEras *eras = lectern_eras_new ();
  LecternEra era;

  g_assert_false (lectern_eras_find (eras, 0, &era));
  g_assert_cmpint (lectern_eras_begin_segment (eras, 0, 0, 1000, FALSE), ==, 1000);
  g_assert_cmpint (lectern_eras_begin_segment (eras, 1, 2 * SECOND, 5, FALSE), ==, 2001000);
  /* Away for ten seconds: the stream's clock did not go on. */
  g_assert_cmpint (lectern_eras_begin_segment (eras, 2, 4 * SECOND, 14001000, TRUE), ==, 14001000);
  /* The other rendition of the same segment begins a little later, and asks the clock later. */
  g_assert_cmpint (lectern_eras_begin_segment (eras, 2, 4 * SECOND + SECOND / 2, 15500000, TRUE),
                   ==, 14501000);
  g_assert_cmpint (lectern_eras_begin_segment (eras, 3, 6 * SECOND, 0, FALSE), ==, 16001000);
  g_assert_true (lectern_eras_find (eras, 1, &era));
  g_assert_cmpuint (era.number, ==, 0);
  g_assert_true (lectern_eras_find (eras, 7, &era));
  g_assert_cmpuint (era.number, ==, 2);
  g_assert_cmpint (era.start, ==, 4 * SECOND);
  lectern_eras_free (eras);
}

static void
test_dates_never_go_back (void)
{
  LecternEras *eras = lectern_eras_new ();

  lectern_eras_begin_segment (eras, 0, 0, 5000000, FALSE);
  g_assert_cmpint (lectern_eras_begin_segment (eras, 1, 4 * SECOND, 6000000, TRUE), ==, 9000000);
  lectern_eras_free (eras);
}

static void
test_first_era_grows_to_the_front (void)
{
  LecternEras *eras = lectern_eras_new ();
  LecternEra era;

  lectern_eras_begin_segment (eras, 5, 10 * SECOND, 10000000, FALSE);
  g_assert_cmpint (lectern_eras_begin_segment (eras, 3, 6 * SECOND, 0, FALSE), ==, 6000000);
  g_assert_true (lectern_eras_find (eras, 4, &era));
  g_assert_cmpuint (era.number, ==, 3);
  g_assert_false (lectern_eras_find (eras, 2, &era));
  lectern_eras_free (eras);
}

static void
test_forgets_what_is_gone (void)
{
  LecternEras *eras = lectern_eras_new ();
  LecternEra era;

  for (guint i = 0; i < 10; i++)
    lectern_eras_begin_segment (eras, i * 2, i * SECOND, i * 1000000, TRUE);
  lectern_eras_forget (eras, 9);
  g_assert_true (lectern_eras_find (eras, 9, &era));
  g_assert_cmpuint (era.number, ==, 8);
  g_assert_false (lectern_eras_find (eras, 7, &era));
  lectern_eras_free (eras);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/eras/wall", test_dates_follow_the_wall_after_a_break);
  g_test_add_func ("/eras/monotonic", test_dates_never_go_back);
  g_test_add_func ("/eras/front", test_first_era_grows_to_the_front);
  g_test_add_func ("/eras/forget", test_forgets_what_is_gone);
  return g_test_run ();
}
