/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-arrivals.h"

#define MOST 100

typedef struct
{
  LecternReactor *reactor;
  LecternStreamRegistry *streams;
  LecternArrivals *arrivals;
  LecternPresentation *instead;
  gint64 limit_us;
  gint waiting; /* atomic */
  gint refused; /* atomic */
  gint answers; /* atomic */
  gint64 got;   /* atomic: the presentation */
} Fixture;

static LecternPresentation *
make (const char *name)
{
  static const LecternSegmentTargets targets = { .segment = 2000000000, .window = 6 };

  return lectern_presentation_new (name, &targets, 0);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  static const LecternMediaLimits limits = { .max_streams = 1, .max_waiting = MOST };
  g_autoptr (LecternSessions) sessions = lectern_sessions_new ();

  fixture->streams = lectern_stream_registry_new (sessions, &limits);
  fixture->reactor = lectern_reactor_new ("test", NULL);
  fixture->arrivals = lectern_arrivals_new (fixture->streams);
  fixture->instead = make ("live/instead");
  fixture->limit_us = 20 * G_USEC_PER_SEC;
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  lectern_reactor_stop (fixture->reactor);
  g_object_unref (fixture->reactor);
  lectern_arrivals_free (fixture->arrivals);
  /* Whoever waited has left the count. */
  for (guint i = 0; i < MOST; i++)
    g_assert_true (lectern_stream_registry_add_waiting (fixture->streams, 1, NULL));
  g_object_unref (fixture->streams);
  lectern_presentation_unref (fixture->instead);
}

static void
take (LecternPresentation *presentation, gpointer data)
{
  Fixture *fixture = data;

  g_assert_true (lectern_reactor_is_current (fixture->reactor));
  __atomic_store_n (&fixture->got, (gint64) (gintptr) presentation, __ATOMIC_SEQ_CST);
  g_atomic_int_inc (&fixture->answers);
}

static void
wait_on_reactor (gpointer data)
{
  Fixture *fixture = data;

  if (!lectern_arrivals_wait (fixture->arrivals, "live/a", NULL, fixture->limit_us,
                              fixture->instead, take, fixture))
    g_atomic_int_inc (&fixture->refused);
  g_atomic_int_inc (&fixture->waiting);
}

static void
wait_for (gint *counter, gint count)
{
  while (g_atomic_int_get (counter) < count)
    g_usleep (1000);
}

static void
begin_waiting (Fixture *fixture, gint count)
{
  for (gint i = 0; i < count; i++)
    lectern_reactor_post (fixture->reactor, wait_on_reactor, fixture, NULL);
  wait_for (&fixture->waiting, count);
}

static gboolean
has_got (Fixture *fixture, LecternPresentation *presentation)
{
  return __atomic_load_n (&fixture->got, __ATOMIC_SEQ_CST) == (gint64) (gintptr) presentation;
}

static void
all_get_what_comes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternPresentation) other = make ("live/b");
  g_autoptr (LecternPresentation) wanted = make ("live/a");

  begin_waiting (fixture, 3);
  lectern_arrivals_tell (fixture->arrivals, other);
  g_assert_cmpint (g_atomic_int_get (&fixture->answers), ==, 0);
  lectern_arrivals_tell (fixture->arrivals, wanted);
  lectern_arrivals_tell (fixture->arrivals, wanted);
  wait_for (&fixture->answers, 3);
  g_assert_true (has_got (fixture, wanted));
  lectern_arrivals_end (fixture->arrivals, FALSE);
  lectern_reactor_stop (fixture->reactor);
  g_assert_cmpint (g_atomic_int_get (&fixture->answers), ==, 3);
}

static void
waiting_has_a_limit (Fixture *fixture, gconstpointer data)
{
  fixture->limit_us = 10000;
  begin_waiting (fixture, 2);
  wait_for (&fixture->answers, 2);
  g_assert_true (has_got (fixture, fixture->instead));
}

static void
the_end_is_told (Fixture *fixture, gconstpointer data)
{
  begin_waiting (fixture, 2);
  lectern_arrivals_end (fixture->arrivals, FALSE);
  wait_for (&fixture->answers, 2);
  g_assert_true (has_got (fixture, fixture->instead));
}

static void
after_the_servers_end_nobody_waits (Fixture *fixture, gconstpointer data)
{
  begin_waiting (fixture, 1);
  lectern_arrivals_end (fixture->arrivals, TRUE);
  wait_for (&fixture->answers, 1);
  lectern_reactor_post (fixture->reactor, wait_on_reactor, fixture, NULL);
  wait_for (&fixture->refused, 1);
}

static void
not_more_than_so_many_wait (Fixture *fixture, gconstpointer data)
{
  begin_waiting (fixture, MOST + 1);
  g_assert_cmpint (g_atomic_int_get (&fixture->refused), ==, 1);
  g_assert_false (
      lectern_arrivals_wait (fixture->arrivals, "live/a", NULL, 1, NULL, take, fixture));
  lectern_arrivals_end (fixture->arrivals, FALSE);
  wait_for (&fixture->answers, MOST);
  lectern_reactor_post (fixture->reactor, wait_on_reactor, fixture, NULL);
  wait_for (&fixture->waiting, MOST + 2);
  g_assert_cmpint (g_atomic_int_get (&fixture->refused), ==, 1);
  lectern_arrivals_end (fixture->arrivals, FALSE);
  wait_for (&fixture->answers, MOST + 1);
}

int
main (int argc, char **argv)
{
#define ADD(name, func) g_test_add ("/arrivals/" name, Fixture, NULL, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("all-get-what-comes", all_get_what_comes);
  ADD ("waiting-has-a-limit", waiting_has_a_limit);
  ADD ("the-end-is-told", the_end_is_told);
  ADD ("after-the-servers-end-nobody-waits", after_the_servers_end_nobody_waits);
  ADD ("not-more-than-so-many-wait", not_more_than_so_many_wait);
  return g_test_run ();
}
