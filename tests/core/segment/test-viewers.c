/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-segment-viewers.h"

#include "base/lectern-clock.h"
#include "segment/lectern-carried-query.h"

static gint64 now_us;

static gint64
get_now (void)
{
  return now_us;
}

typedef struct
{
  LecternSessions *sessions;
  LecternSegmentViewers *viewers;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  now_us = 1000;
  lectern_clock_set_for_test (get_now, get_now);
  fixture->sessions = lectern_sessions_new ();
  fixture->viewers = lectern_segment_viewers_new (fixture->sessions);
}

static void
run_all (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  lectern_segment_viewers_close (fixture->viewers);
  g_object_unref (fixture->viewers);
  run_all ();
  g_object_unref (fixture->sessions);
  lectern_clock_set_for_test (NULL, NULL);
}

static LecternAccessRequest *
make_request (const char *thing, const char *query, const char *session)
{
  LecternAddress peer = { 0 };
  LecternAccessRequest *request
      = lectern_access_request_new (LECTERN_ACTION_PLAY, thing, "http", &peer);

  request->query = lectern_carried_query_make (query, session);
  return request;
}

static LecternVerdict
ask (Fixture *fixture, const char *thing, const char *query, const char *session)
{
  g_autoptr (LecternAccessRequest) request = make_request (thing, query, session);
  g_autoptr (LecternIdentity) identity = NULL;
  LecternVerdict verdict;

  g_assert_true (LECTERN_GUARD_GET_IFACE (fixture->viewers)
                     ->check_now (LECTERN_GUARD (fixture->viewers), request, &verdict, &identity));
  return verdict;
}

static char *
begin (Fixture *fixture, const char *query)
{
  g_autoptr (LecternAccessRequest) request = make_request ("live/a", query, NULL);

  return lectern_segment_viewers_begin (fixture->viewers, request, NULL);
}

static void
touch (Fixture *fixture, const char *query, const char *session)
{
  g_autoptr (LecternAccessRequest) request = make_request ("live/a", query, session);

  g_assert_true (lectern_segment_viewers_touch (fixture->viewers, request, NULL, 10));
}

static void
yes_holds_for_the_same_thing_and_key (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = begin (fixture, "key=k&x=1");

  g_assert_cmpint (ask (fixture, "live/a", "key=k&x=1", id), ==, LECTERN_VERDICT_ALLOW);
  g_assert_cmpint (ask (fixture, "live/b", "key=k&x=1", id), ==, LECTERN_VERDICT_ABSTAIN);
  g_assert_cmpint (ask (fixture, "live/a", "key=other&x=1", id), ==, LECTERN_VERDICT_ABSTAIN);
  g_assert_cmpint (ask (fixture, "live/a", "key=k", id), ==, LECTERN_VERDICT_ABSTAIN);
  g_assert_cmpint (ask (fixture, "live/a", "key=k&x=1&y=2", id), ==, LECTERN_VERDICT_ABSTAIN);
  g_assert_cmpint (ask (fixture, "live/a", "key=k&x=1", NULL), ==, LECTERN_VERDICT_ABSTAIN);
  g_assert_cmpint (ask (fixture, "live/a", "key=k&x=1", "aaaaaaaaaaaaaaaaaaaaaaaa"), ==,
                   LECTERN_VERDICT_ABSTAIN);
}

static void
yes_expires_and_only_the_chain_renews_it (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = begin (fixture, "key=k");

  for (guint i = 0; i < 9; i++)
    {
      now_us += G_USEC_PER_SEC;
      touch (fixture, "key=k", id);
    }
  g_assert_cmpint (ask (fixture, "live/a", "key=k", id), ==, LECTERN_VERDICT_ALLOW);
  now_us += 3 * G_USEC_PER_SEC;
  g_assert_cmpint (ask (fixture, "live/a", "key=k", id), ==, LECTERN_VERDICT_ABSTAIN);
  touch (fixture, "other=k", id);
  g_assert_cmpint (ask (fixture, "live/a", "key=k", id), ==, LECTERN_VERDICT_ABSTAIN);
  touch (fixture, "key=k", id);
  g_assert_cmpint (ask (fixture, "live/a", "key=k", id), ==, LECTERN_VERDICT_ALLOW);
}

static void
who_is_sent_away_is_refused_at_once (Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = begin (fixture, "key=k");
  g_autoptr (LecternAccessRequest) request = make_request ("live/a", "key=k", id);
  g_autoptr (GPtrArray) sessions = NULL;

  run_all ();
  sessions = lectern_sessions_list (fixture->sessions, "live/a");
  g_assert_cmpuint (sessions->len, ==, 1);
  lectern_session_kick (g_ptr_array_index (sessions, 0), NULL);
  run_all ();
  g_assert_cmpint (ask (fixture, "live/a", "key=k", id), ==, LECTERN_VERDICT_DENY);
  g_assert_false (lectern_segment_viewers_touch (fixture->viewers, request, NULL, 1));
}

static void
silent_players_are_gone (Fixture *fixture, gconstpointer data)
{
  g_autofree char *first = begin (fixture, NULL);
  g_autofree char *second = NULL;
  g_autoptr (GPtrArray) left = NULL;

  now_us += 20 * G_USEC_PER_SEC;
  second = begin (fixture, NULL);
  g_assert_cmpstr (first, !=, second);
  run_all ();
  now_us += 20 * G_USEC_PER_SEC;
  lectern_segment_viewers_expire (fixture->viewers, 30 * G_USEC_PER_SEC);
  left = lectern_sessions_list (fixture->sessions, NULL);
  g_assert_cmpuint (left->len, ==, 1);
}

static void
queries_are_carried (void)
{
  static const struct
  {
    const char *query;
    const char *session;
    const char *carried;
  } rows[] = {
    { NULL, NULL, "" },
    { "", "s", "session=s" },
    { "key=k&_HLS_msn=4&_HLS_part=1", "s", "key=k&session=s" },
    { "session=old&key=k", "s", "key=k&session=s" },
    { "&&a=1&&b&", NULL, "a=1&b" },
    { "a=\"><script>&b=2&c='", NULL, "b=2" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *made = lectern_carried_query_make (rows[i].query, rows[i].session);
      g_autofree char *plain = lectern_carried_query_make (rows[i].query, NULL);

      g_assert_cmpstr (made, ==, rows[i].carried);
      g_assert_true (lectern_carried_query_matches (made, plain));
      g_assert_true (lectern_carried_query_matches (rows[i].query, plain));
      g_assert_false (lectern_carried_query_matches (made, "z=9"));
    }
}

int
main (int argc, char **argv)
{
#define ADD(name, func) g_test_add ("/viewers/" name, Fixture, NULL, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("yes-holds-for-the-same-thing-and-key", yes_holds_for_the_same_thing_and_key);
  ADD ("yes-expires-and-only-the-chain-renews-it", yes_expires_and_only_the_chain_renews_it);
  ADD ("who-is-sent-away-is-refused-at-once", who_is_sent_away_is_refused_at_once);
  ADD ("silent-players-are-gone", silent_players_are_gone);
  g_test_add_func ("/viewers/queries-are-carried", queries_are_carried);
  return g_test_run ();
}
