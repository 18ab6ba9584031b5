/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What transfers do alike, with a protocol that only notes how it is ended. */
#include "media/lectern-carriage.h"

#include "../net/net-fixture.h"

typedef struct
{
  LecternReactor *reactor;
  LecternCarriage *carriage;
  const char *publish_refusal; /* NULL: whoever is asked stops the transfer */
  gboolean follows;
  guint followed;
  guint halts;
  guint clears;
  Counter ended;
  GError *error;
} Fixture;

typedef struct
{
  LecternCarriage carriage; /* first */
  Fixture *fixture;
} Transfer;

static void
halt (LecternCarriage *carriage)
{
  ((Transfer *) carriage)->fixture->halts++;
}

static void
clear (LecternCarriage *carriage)
{
  ((Transfer *) carriage)->fixture->clears++;
}

static const LecternCarriageClass class = { .halt = halt, .clear = clear };

static LecternPublisher *
on_publish (gpointer user_data, GError **error)
{
  Fixture *fixture = user_data;

  if (fixture->publish_refusal == NULL)
    lectern_carriage_stop (g_steal_pointer (&fixture->carriage));
  else
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT, fixture->publish_refusal);
  return NULL;
}

static void
on_ended (const GError *error, gpointer user_data)
{
  Fixture *fixture = user_data;

  fixture->error = error != NULL ? g_error_copy (error) : NULL;
  counter_add (&fixture->ended, 1);
}

static gboolean
follow (const char *url, gpointer filter_data, GError **error)
{
  Fixture *fixture = filter_data;

  g_assert_cmpstr (url, ==, "x://other/secret");
  fixture->followed++;
  if (!fixture->follows)
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_DENIED, "not there");
  return fixture->follows;
}

static void
begin_with (Fixture *fixture, LecternCarrierFollow may_follow)
{
  static const LecternCarrierEvents events = { .publish = on_publish, .ended = on_ended };
  const LecternCarrierSpec spec = { .reactor = fixture->reactor,
                                    .timeout_us = G_USEC_PER_SEC / 20,
                                    .follow = may_follow,
                                    .filter_data = fixture };

  fixture->carriage
      = lectern_carriage_new (sizeof (Transfer), &class, &spec, NULL, &events, fixture);
  ((Transfer *) fixture->carriage)->fixture = fixture;
}

static void
begin (gpointer data)
{
  begin_with (data, follow);
}

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  fixture->reactor = new_reactor ();
  call_on (fixture->reactor, begin, fixture);
}

static void
stop (gpointer data)
{
  lectern_carriage_stop (data);
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  if (fixture->carriage != NULL)
    call_on (fixture->reactor, stop, fixture->carriage);
  g_assert_cmpuint (fixture->halts, ==, 1);
  g_assert_cmpuint (fixture->clears, ==, 1);
  g_assert_cmpint (counter_get (&fixture->ended), <=, 1);
  lectern_reactor_stop (fixture->reactor);
  g_object_unref (fixture->reactor);
  g_clear_error (&fixture->error);
}

static void
check_ended (Fixture *fixture, LecternError code, const char *words)
{
  g_assert_true (counter_wait (&fixture->ended, 1));
  g_assert_error (fixture->error, LECTERN_ERROR, (int) code);
  g_assert_nonnull (strstr (fixture->error->message, words));
}

static void
fail (gpointer data)
{
  Fixture *fixture = data;

  lectern_carriage_fail (
      fixture->carriage,
      g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "no address"));
  g_assert_cmpint (counter_get (&fixture->ended), ==, 0);
}

static void
test_tells_what_was_wrong_from_the_start (Fixture *fixture, gconstpointer unused)
{
  call_on (fixture->reactor, fail, fixture);
  check_ended (fixture, LECTERN_ERROR_INVALID_DATA, "no address");
}

static void
expect (gpointer data)
{
  lectern_carriage_expect (((Fixture *) data)->carriage, "nothing came");
}

static void
test_notices_silence (Fixture *fixture, gconstpointer unused)
{
  call_on (fixture->reactor, expect, fixture);
  check_ended (fixture, LECTERN_ERROR_TIMED_OUT, "nothing came");
}

static void
end_twice (gpointer data)
{
  Fixture *fixture = data;

  lectern_carriage_end_with (fixture->carriage, LECTERN_ERROR_CLOSED, "first");
  lectern_carriage_end_with (fixture->carriage, LECTERN_ERROR_FAILED, "second");
  g_assert_true (fixture->carriage->over);
  g_assert_false (lectern_carriage_publish (fixture->carriage));
}

static void
test_ends_once (Fixture *fixture, gconstpointer unused)
{
  call_on (fixture->reactor, end_twice, fixture);
  check_ended (fixture, LECTERN_ERROR_CLOSED, "first");
}

static void
publish (gpointer data)
{
  g_assert_false (lectern_carriage_publish (((Fixture *) data)->carriage));
}

static void
test_may_not_publish (Fixture *fixture, gconstpointer unused)
{
  fixture->publish_refusal = "taken";
  call_on (fixture->reactor, publish, fixture);
  check_ended (fixture, LECTERN_ERROR_CONFLICT, "taken");
}

static void
test_is_stopped_by_whom_it_asks (Fixture *fixture, gconstpointer unused)
{
  call_on (fixture->reactor, publish, fixture);
  g_assert_null (fixture->carriage);
  g_assert_cmpint (counter_get (&fixture->ended), ==, 0);
}

static void
expect_no_way (Fixture *fixture, LecternError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (lectern_carriage_follow (fixture->carriage, "x://other/secret", &error));
  g_assert_error (error, LECTERN_ERROR, (int) code);
  g_assert_null (strstr (error->message, "secret"));
}

static void
follow_around (gpointer data)
{
  Fixture *fixture = data;

  expect_no_way (fixture, LECTERN_ERROR_DENIED);
  fixture->follows = TRUE;
  for (guint i = 1; i < LECTERN_CARRIAGE_MAX_REDIRECTS; i++)
    g_assert_true (lectern_carriage_follow (fixture->carriage, "x://other/secret", NULL));
  expect_no_way (fixture, LECTERN_ERROR_LIMIT);
  g_assert_cmpuint (fixture->followed, ==, LECTERN_CARRIAGE_MAX_REDIRECTS);
}

static void
test_follows_so_far (Fixture *fixture, gconstpointer unused)
{
  call_on (fixture->reactor, follow_around, fixture);
}

static void
follow_nowhere (gpointer data)
{
  Fixture *fixture = data;

  lectern_carriage_stop (fixture->carriage);
  begin_with (fixture, NULL);
  expect_no_way (fixture, LECTERN_ERROR_NOT_SUPPORTED);
  fixture->halts = fixture->clears = 0;
}

static void
test_follows_nowhere_unasked (Fixture *fixture, gconstpointer unused)
{
  call_on (fixture->reactor, follow_nowhere, fixture);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    void (*run) (Fixture *fixture, gconstpointer unused);
  } tests[] = {
    { "tells-what-was-wrong-from-the-start", test_tells_what_was_wrong_from_the_start },
    { "notices-silence", test_notices_silence },
    { "ends-once", test_ends_once },
    { "may-not-publish", test_may_not_publish },
    { "is-stopped-by-whom-it-asks", test_is_stopped_by_whom_it_asks },
    { "follows-so-far", test_follows_so_far },
    { "follows-nowhere-unasked", test_follows_nowhere_unasked },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/media/carriage/", tests[i].name, NULL);

      g_test_add (path, Fixture, NULL, set_up, tests[i].run, tear_down);
    }
  return g_test_run ();
}
