/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media-fixture.h"
#include "media/lectern-stream-registry.h"

typedef struct
{
  LecternSessions *sessions;
  LecternStreamRegistry *registry;
  LecternIdentity *ann;
  LecternIdentity *ben;
  GString *events;
  guint lost;
  int lost_code;
} Fixture;

static void
on_live (LecternStreamRegistry *registry, LecternStream *stream, Fixture *fixture)
{
  g_string_append (fixture->events, "live ");
}

static void
on_away (LecternStreamRegistry *registry, LecternStream *stream, Fixture *fixture)
{
  g_string_append (fixture->events, "away ");
}

static void
on_ended (LecternStreamRegistry *registry, LecternStream *stream, Fixture *fixture)
{
  g_string_append (fixture->events, "ended ");
}

static void
on_lost (LecternPublisher *publisher, const GError *reason, gpointer data)
{
  Fixture *fixture = data;

  fixture->lost++;
  fixture->lost_code = reason->code;
}

static const LecternMediaLimits limits = {
  .grace_us = 50000,
  .wait_us = 50000,
  .max_streams = 4,
  .max_waiting = 10,
  .gop_size = 1 << 20,
  .tape_size = 4 << 20,
  .late_us = 5 * G_USEC_PER_SEC,
  .stuck_us = 10 * G_USEC_PER_SEC,
};

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->sessions = lectern_sessions_new ();
  fixture->registry = lectern_stream_registry_new (fixture->sessions, &limits);
  fixture->ann = lectern_identity_new ("key", "ann", NULL);
  fixture->ben = lectern_identity_new ("key", "ben", NULL);
  fixture->events = g_string_new (NULL);
  g_signal_connect (fixture->registry, "live", G_CALLBACK (on_live), fixture);
  g_signal_connect (fixture->registry, "away", G_CALLBACK (on_away), fixture);
  g_signal_connect (fixture->registry, "ended", G_CALLBACK (on_ended), fixture);
}

static void
run_pending (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  LecternStreamRegistry *registry = fixture->registry;

  lectern_stream_registry_end_all (registry);
  run_pending ();
  g_object_add_weak_pointer (G_OBJECT (registry), (gpointer *)&fixture->registry);
  g_object_unref (registry);
  g_assert_null (fixture->registry);
  g_object_unref (fixture->sessions);
  lectern_identity_unref (fixture->ann);
  lectern_identity_unref (fixture->ben);
  g_string_free (fixture->events, TRUE);
}

static LecternPublisher *
publish (Fixture *fixture, LecternIdentity *identity, GError **error)
{
  return lectern_stream_registry_publish (fixture->registry, "live/a", identity, on_lost, fixture,
                                          error);
}

static LecternStreamState
get_state (Fixture *fixture)
{
  g_autoptr (LecternStream) stream = lectern_stream_registry_lookup (fixture->registry, "live/a");

  return stream != NULL ? lectern_stream_get_state (stream) : LECTERN_STREAM_ENDED;
}

static void
names (void)
{
  static const char *const good[]
      = { "live/a", "live/physics.101", "a/b", "live/a~b_c-d", "live/name@480p" };
  static const char *const bad[]
      = { "",         "live",          "live/",      "/a",         "live//a",
          "live/a/b", "live/..",       "live/.",     "../a",       "live/a b",
          "live/a\n", "live/\xc3\xa9", "live/a@",    "live/a@x@y", "live/a%2e",
          "live/...", "li@ve/a",       "live/a@x/y", "live\\a" };
  g_autofree char *longest = g_strnfill (128, 'x');
  g_autofree char *too_long = g_strnfill (129, 'x');
  g_autofree char *fits = g_strconcat ("live/", longest, NULL);
  g_autofree char *exceeds = g_strconcat ("live/", too_long, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (lectern_stream_name_is_valid (good[i]));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (lectern_stream_name_is_valid (bad[i]));
  g_assert_true (lectern_stream_name_is_valid (fits));
  g_assert_false (lectern_stream_name_is_valid (exceeds));
}

static void
one_publisher_at_a_time (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternPublisher) first = publish (fixture, fixture->ann, NULL);
  g_autoptr (LecternPublisher) second = NULL;
  g_autoptr (GError) error = NULL;

  second = publish (fixture, fixture->ben, &error);
  g_assert_null (second);
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT);
  g_clear_error (&error);
  second = publish (fixture, NULL, &error);
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT);
  run_pending ();
  g_assert_cmpuint (fixture->lost, ==, 0);
  lectern_publisher_end (first, FALSE);
}

static void
a_test_picture_yields (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternPublisher) picture = publish (fixture, fixture->ann, NULL);
  g_autoptr (LecternPublisher) teacher = NULL;
  g_autoptr (LecternPublisher) third = NULL;
  g_autoptr (GError) error = NULL;

  lectern_publisher_set_yielding (picture);
  teacher = publish (fixture, fixture->ben, &error);
  g_assert_no_error (error);
  g_assert_nonnull (teacher);
  run_pending ();
  g_assert_cmpuint (fixture->lost, ==, 1);
  g_assert_cmpint (fixture->lost_code, ==, LECTERN_ERROR_CONFLICT);
  lectern_publisher_set_yielding (picture); /* has no say any more */
  third = publish (fixture, fixture->ann, &error);
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT);
  lectern_publisher_end (teacher, FALSE);
}

static void
same_key_takes_over (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternPublisher) first = publish (fixture, fixture->ann, NULL);
  g_autoptr (LecternPublisher) second = publish (fixture, fixture->ann, NULL);

  g_assert_nonnull (second);
  run_pending ();
  g_assert_cmpuint (fixture->lost, ==, 1);
  g_assert_cmpint (fixture->lost_code, ==, LECTERN_ERROR_CONFLICT);
  /* The old one's end means nothing any more. */
  lectern_publisher_end (first, FALSE);
  g_assert_cmpint (get_state (fixture), ==, LECTERN_STREAM_LIVE);
  lectern_publisher_end (second, FALSE);
  g_assert_cmpint (get_state (fixture), ==, LECTERN_STREAM_ENDED);
  run_pending ();
  g_assert_cmpstr (fixture->events->str, ==, "live ended ");
}

static void
lost_publisher_has_grace (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternPublisher) first = publish (fixture, fixture->ann, NULL);
  g_autoptr (LecternPublisher) second = NULL;
  g_autoptr (GError) error = NULL;

  lectern_publisher_end (first, TRUE);
  g_assert_cmpint (get_state (fixture), ==, LECTERN_STREAM_AWAY);
  g_assert_null (publish (fixture, fixture->ben, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT);
  second = publish (fixture, fixture->ann, NULL);
  g_assert_nonnull (second);
  lectern_publisher_end (second, TRUE);
  while (get_state (fixture) != LECTERN_STREAM_ENDED)
    g_main_context_iteration (NULL, TRUE);
  run_pending ();
  g_assert_cmpstr (fixture->events->str, ==, "live away live away ended ");
}

static void
lost_publisher_may_have_longer_or_give_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternPublisher) first = publish (fixture, fixture->ann, NULL);
  g_autoptr (LecternPublisher) second = NULL;
  gint64 until = g_get_monotonic_time () + 3 * limits.grace_us;

  lectern_publisher_set_grace (first, 100 * G_USEC_PER_SEC);
  lectern_publisher_end (first, TRUE);
  while (g_get_monotonic_time () < until)
    run_pending ();
  g_assert_cmpint (get_state (fixture), ==, LECTERN_STREAM_AWAY);
  second = publish (fixture, fixture->ann, NULL);
  /* Whoever came after is not touched by it. */
  lectern_publisher_end (first, FALSE);
  g_assert_cmpint (get_state (fixture), ==, LECTERN_STREAM_LIVE);
  lectern_publisher_end (second, TRUE);
  lectern_publisher_end (first, FALSE);
  g_assert_cmpint (get_state (fixture), ==, LECTERN_STREAM_AWAY);
  lectern_publisher_end (second, FALSE);
  g_assert_cmpint (get_state (fixture), ==, LECTERN_STREAM_ENDED);
}

static void
on_wanted (LecternStreamRegistry *registry, const char *name, LecternAccessRequest *request,
           Fixture *fixture)
{
  g_string_append_printf (fixture->events, "%s(%s) ", name, request != NULL ? "asked" : "");
}

static void
what_somebody_brings_is_wanted_once (Fixture *fixture, gconstpointer data)
{
  LecternStreamRegistry *registry = fixture->registry;
  LecternAddress peer = { 0 };
  g_autoptr (LecternAccessRequest) request
      = lectern_access_request_new (LECTERN_ACTION_PLAY, "live/a", "test", &peer);
  g_autoptr (LecternPublisher) publisher = NULL;

  g_signal_connect (registry, "wanted", G_CALLBACK (on_wanted), fixture);
  g_assert_false (lectern_stream_registry_want (registry, "live/a", NULL));
  lectern_stream_registry_carry (registry, "live");
  lectern_stream_registry_carry (registry, "live");
  lectern_stream_registry_uncarry (registry, "live");
  lectern_stream_registry_carry (registry, "talks/b");
  g_assert_true (lectern_stream_registry_want (registry, "live/a@480p", request));
  g_assert_true (lectern_stream_registry_want (registry, "live/a", NULL));
  g_assert_true (lectern_stream_registry_want (registry, "talks/b", NULL));
  g_assert_false (lectern_stream_registry_want (registry, "talks/c", NULL));
  g_assert_false (lectern_stream_registry_want (registry, "live/..", NULL));
  run_pending ();
  g_assert_cmpstr (fixture->events->str, ==, "live/a(asked) talks/b() ");
  publisher = publish (fixture, fixture->ann, NULL);
  g_assert_true (lectern_stream_registry_want (registry, "live/a", NULL));
  lectern_publisher_end (publisher, FALSE);
  lectern_stream_registry_uncarry (registry, "live");
  g_assert_false (lectern_stream_registry_want (registry, "live/a", NULL));
  run_pending ();
  g_assert_cmpstr (fixture->events->str, ==, "live/a(asked) talks/b() live ended ");
}

static void
anonymous_may_return (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternPublisher) first = publish (fixture, NULL, NULL);
  g_autoptr (LecternPublisher) second = NULL;

  g_assert_null (publish (fixture, NULL, NULL));
  lectern_publisher_end (first, TRUE);
  second = publish (fixture, NULL, NULL);
  g_assert_nonnull (second);
  lectern_publisher_end (second, FALSE);
}

static void
ending_tells_the_publisher (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternPublisher) publisher = publish (fixture, fixture->ann, NULL);
  g_autoptr (GError) reason = g_error_new (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "lesson over");
  g_autoptr (LecternPublisher) again = NULL;

  g_assert_true (lectern_stream_registry_end (fixture->registry, "live/a", reason));
  g_assert_false (lectern_stream_registry_end (fixture->registry, "live/a", reason));
  again = publish (fixture, fixture->ben, NULL);
  g_assert_nonnull (again);
  run_pending ();
  g_assert_cmpuint (fixture->lost, ==, 1);
  g_assert_cmpint (fixture->lost_code, ==, LECTERN_ERROR_CLOSED);
  lectern_publisher_end (publisher, FALSE);
  lectern_publisher_end (again, FALSE);
}

static void
streams_are_limited_and_freed (Fixture *fixture, gconstpointer data)
{
  for (guint round = 0; round < 2500; round++)
    {
      LecternPublisher *publishers[4];
      g_autoptr (GError) error = NULL;

      for (guint i = 0; i < G_N_ELEMENTS (publishers); i++)
        {
          g_autofree char *name = g_strdup_printf ("live/r%u-%u", round, i);

          publishers[i] = lectern_stream_registry_publish (fixture->registry, name, NULL, on_lost,
                                                           fixture, NULL);
          g_assert_nonnull (publishers[i]);
        }
      g_assert_null (publish (fixture, NULL, &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
      for (guint i = 0; i < G_N_ELEMENTS (publishers); i++)
        {
          lectern_publisher_end (publishers[i], FALSE);
          lectern_publisher_unref (publishers[i]);
        }
      run_pending ();
    }
}

/* S-01: eight at once with eight keys; exactly one wins, each time. */
typedef struct
{
  LecternStreamRegistry *registry;
  LecternIdentity *identity;
  gint *start;
  LecternPublisher *publisher;
} Racer;

static gpointer
race (gpointer data)
{
  Racer *racer = data;

  while (!g_atomic_int_get (racer->start))
    g_thread_yield ();
  racer->publisher = lectern_stream_registry_publish (racer->registry, "live/a", racer->identity,
                                                      on_lost, NULL, NULL);
  return NULL;
}

static void
race_has_one_winner (Fixture *fixture, gconstpointer data)
{
  for (guint round = 0; round < 200; round++)
    {
      Racer racers[8];
      GThread *threads[8];
      gint start = 0;
      guint winners = 0;

      for (guint i = 0; i < 8; i++)
        {
          g_autofree char *subject = g_strdup_printf ("racer %u", i);

          racers[i] = (Racer){ fixture->registry, lectern_identity_new ("key", subject, NULL),
                               &start, NULL };
          threads[i] = g_thread_new ("racer", race, &racers[i]);
        }
      g_atomic_int_set (&start, 1);
      for (guint i = 0; i < 8; i++)
        {
          g_thread_join (threads[i]);
          winners += racers[i].publisher != NULL;
        }
      g_assert_cmpuint (winners, ==, 1);
      for (guint i = 0; i < 8; i++)
        {
          if (racers[i].publisher != NULL)
            lectern_publisher_end (racers[i].publisher, FALSE);
          g_clear_pointer (&racers[i].publisher, lectern_publisher_unref);
          lectern_identity_unref (racers[i].identity);
        }
      run_pending ();
    }
}

static void
info_tells_tracks_and_counts (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternPublisher) publisher = publish (fixture, fixture->ann, NULL);
  g_autoptr (LecternTrack) video = fixture_track (LECTERN_CODEC_H264, "v");
  g_autoptr (GBytes) payload = g_bytes_new_static ("0123456789", 10);
  g_auto (LecternStreamInfo) info = { 0 };

  lectern_publisher_push (publisher, LECTERN_MEDIA_VIDEO, LECTERN_PACKET_KEY, 0, 0, payload);
  lectern_publisher_set_track (publisher, video);
  lectern_publisher_push (publisher, LECTERN_MEDIA_VIDEO, LECTERN_PACKET_KEY, 0, 0, payload);
  lectern_publisher_push (publisher, LECTERN_MEDIA_VIDEO, 0, 40 * MS, 40 * MS, payload);
  lectern_stream_get_info (lectern_publisher_get_stream (publisher), &info);
  g_assert_cmpint (info.state, ==, LECTERN_STREAM_LIVE);
  g_assert_cmpuint (info.packets_in, ==, 2);
  g_assert_cmpuint (info.bytes_in, ==, 20);
  g_assert_cmpuint (info.gop_bytes, ==, 20);
  g_assert_true (lectern_track_equal (info.video, video));
  g_assert_null (info.audio);
  lectern_publisher_end (publisher, FALSE);
}

static void
count_started (LecternSessions *sessions, LecternSession *session, guint *count)
{
  *count += 1;
}

static void
count_ended (LecternSessions *sessions, LecternSession *session, const char *reason, guint *count)
{
  *count += 100;
}

static void
on_kick (LecternSession *session, const GError *reason, gpointer data)
{
  *(guint *)data += 10000;
}

static void
sessions_start_and_end_once (Fixture *fixture, gconstpointer data)
{
  LecternAddress peer = { .port = 1 };
  g_autoptr (LecternAccessRequest) request
      = lectern_access_request_new (LECTERN_ACTION_PLAY, "live/a", "http", &peer);
  g_autoptr (LecternSession) session = NULL;
  g_autoptr (GPtrArray) list = NULL;
  guint count = 0;

  g_signal_connect (fixture->sessions, "started", G_CALLBACK (count_started), &count);
  g_signal_connect (fixture->sessions, "ended", G_CALLBACK (count_ended), &count);
  session = lectern_sessions_start (fixture->sessions, LECTERN_SESSION_PLAY, request, NULL, on_kick,
                                    &count);
  g_assert_cmpuint (strlen (lectern_session_get_id (session)), ==, 8);
  list = lectern_sessions_list (fixture->sessions, "live/a");
  g_assert_cmpuint (list->len, ==, 1);
  lectern_session_kick (session, NULL);
  run_pending ();
  g_assert_cmpuint (count, ==, 10001);
  lectern_session_kick (session, NULL);
  lectern_session_end (session, NULL);
  lectern_session_end (session, NULL);
  run_pending ();
  g_assert_cmpuint (count, ==, 10101);
  g_signal_handlers_disconnect_by_data (fixture->sessions, &count);
}

int
main (int argc, char **argv)
{
#define ADD(name, func) g_test_add ("/stream/" name, Fixture, NULL, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/stream/R-08-names", names);
  ADD ("S-01-one-publisher-at-a-time", one_publisher_at_a_time);
  ADD ("a-test-picture-yields", a_test_picture_yields);
  ADD ("S-01-same-key-takes-over", same_key_takes_over);
  ADD ("S-01-race-has-one-winner", race_has_one_winner);
  ADD ("S-02-lost-publisher-has-grace", lost_publisher_has_grace);
  ADD ("lost-publisher-may-have-longer-or-give-up", lost_publisher_may_have_longer_or_give_up);
  ADD ("what-somebody-brings-is-wanted-once", what_somebody_brings_is_wanted_once);
  ADD ("anonymous-may-return", anonymous_may_return);
  ADD ("ending-tells-the-publisher", ending_tells_the_publisher);
  ADD ("streams-are-limited-and-freed", streams_are_limited_and_freed);
  ADD ("info-tells-tracks-and-counts", info_tells_tracks_and_counts);
  ADD ("sessions-start-and-end-once", sessions_start_and_end_once);
  return g_test_run ();
}
