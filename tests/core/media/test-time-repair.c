/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-publisher.h"
#include "media/lectern-time-repair.h"

#define MS G_GINT64_CONSTANT (1000000)
#define HOUR (3600 * 1000 * MS)

static gint64
apply (LecternTimeRepair *repair, LecternMedia media, gint64 wall_ms, gint64 raw_ms)
{
  gint64 dts = raw_ms * MS;
  gint64 pts = dts;

  lectern_time_repair_apply (repair, media, wall_ms * 1000, &dts, &pts);
  return dts / MS;
}

static void
starts_at_zero (void)
{
  LecternTimeRepair repair = { 0 };

  g_assert_cmpint (apply (&repair, LECTERN_MEDIA_VIDEO, 5000, 123456), ==, 0);
  g_assert_cmpint (apply (&repair, LECTERN_MEDIA_AUDIO, 5010, 123466), ==, 10);
  g_assert_cmpint (apply (&repair, LECTERN_MEDIA_VIDEO, 5040, 123496), ==, 40);
}

static void
keeps_composition_time (void)
{
  LecternTimeRepair repair = { 0 };
  gint64 dts = 1000 * MS;
  gint64 pts = 1080 * MS;

  lectern_time_repair_apply (&repair, LECTERN_MEDIA_VIDEO, 0, &dts, &pts);
  g_assert_cmpint (dts, ==, 0);
  g_assert_cmpint (pts, ==, 80 * MS);
}

/* T-02: back by 1 s, 10 min, to 0; ahead by 1 h; each time both tracks go on in step. */
static void
reanchors_jumps (void)
{
  static const gint64 jumps_ms[] = { -3000, -600000, -5000000, 3600000, 86400000 };

  for (guint i = 0; i < G_N_ELEMENTS (jumps_ms); i++)
    {
      LecternTimeRepair repair = { 0 };
      gint64 raw = 6000000;
      gint64 wall = 1000;
      gint64 last = -1;

      for (guint frame = 0; frame < 200; frame++)
        {
          gint64 video;
          gint64 audio;

          if (frame == 100)
            raw += jumps_ms[i];
          video = apply (&repair, LECTERN_MEDIA_VIDEO, wall, raw);
          audio = apply (&repair, LECTERN_MEDIA_AUDIO, wall, raw + 10);
          g_assert_cmpint (video, >, last);
          g_assert_cmpint (video - last, <=, 100);
          g_assert_cmpint (audio - video, ==, 10);
          last = video;
          raw += 40;
          wall += 40;
        }
    }
}

static void
small_steps_back_stay_monotonic (void)
{
  LecternTimeRepair repair = { 0 };
  gint64 first = apply (&repair, LECTERN_MEDIA_VIDEO, 0, 1000);
  gint64 second = apply (&repair, LECTERN_MEDIA_VIDEO, 10, 995);
  gint64 third = apply (&repair, LECTERN_MEDIA_VIDEO, 20, 1000);

  g_assert_cmpint (second, ==, first + 1);
  g_assert_cmpint (third, ==, second + 1);
}

/* A pause of the encoder that really took its time is no jump. */
static void
honest_pause_is_kept (void)
{
  LecternTimeRepair repair = { 0 };
  gint64 dts = 60000 * MS;
  gint64 pts = dts;

  apply (&repair, LECTERN_MEDIA_VIDEO, 0, 0);
  g_assert_false (
      lectern_time_repair_apply (&repair, LECTERN_MEDIA_VIDEO, 60000 * 1000, &dts, &pts));
  g_assert_cmpint (dts, ==, 60000 * MS);
}

static void
restart_follows_on (void)
{
  LecternTimeRepair repair = { 0 };
  gint64 newest = 0;

  for (gint64 ms = 0; ms < 5000; ms += 40)
    newest = apply (&repair, LECTERN_MEDIA_VIDEO, ms, 777000 + ms);
  lectern_time_repair_restart (&repair);
  g_assert_cmpint (apply (&repair, LECTERN_MEDIA_AUDIO, 9000, 0), ==, newest + 33);
  g_assert_cmpint (apply (&repair, LECTERN_MEDIA_VIDEO, 9010, 10), ==, newest + 43);
}

/* T-04: days of nanoseconds, and raw values at the ends of the range, overflow nothing. */
static void
survives_extremes (void)
{
  static const gint64 extremes[]
      = { G_MAXINT64, G_MININT64, 0, 40 * 24 * HOUR, -1, G_MAXINT64 / 2, G_MININT64 / 2 };
  LecternTimeRepair repair = { 0 };
  gint64 last = -1;

  for (guint i = 0; i < G_N_ELEMENTS (extremes); i++)
    {
      gint64 dts = extremes[i];
      gint64 pts = dts;

      lectern_time_repair_apply (&repair, LECTERN_MEDIA_VIDEO, i * 40000, &dts, &pts);
      g_assert_cmpint (dts, >, last);
      g_assert_cmpint (dts, <, 60000 * MS);
      last = dts;
    }
}

/* T-01: 2³² ms is one step like any other. */
static void
unwraps_wire_time (void)
{
  LecternUnwrap unwrap = { 0 };
  gint64 expected = 0xFFFFF000;

  for (guint i = 0; i < 1000; i++, expected += 40)
    g_assert_cmpint (lectern_unwrap_ms (&unwrap, (guint32)expected), ==, expected);
  g_assert_cmpint (lectern_unwrap_ms (&unwrap, (guint32)(expected - 4000)), ==, expected - 4000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/time-repair/starts-at-zero", starts_at_zero);
  g_test_add_func ("/time-repair/keeps-composition-time", keeps_composition_time);
  g_test_add_func ("/time-repair/T-02-reanchors-jumps", reanchors_jumps);
  g_test_add_func ("/time-repair/small-steps-back-stay-monotonic", small_steps_back_stay_monotonic);
  g_test_add_func ("/time-repair/honest-pause-is-kept", honest_pause_is_kept);
  g_test_add_func ("/time-repair/restart-follows-on", restart_follows_on);
  g_test_add_func ("/time-repair/T-04-survives-extremes", survives_extremes);
  g_test_add_func ("/time-repair/T-01-unwraps-wire-time", unwraps_wire_time);
  return g_test_run ();
}
