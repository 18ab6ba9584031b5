/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The supervisor over a real program, fake-worker, that does as its job is named. */
#include "../net/net-fixture.h"

#include "base/lectern-metrics.h"
#include "worker/lectern-link.h"
#include "worker/lectern-workers.h"

#include <fcntl.h>
#include <signal.h>

/* Under a sanitizer a program takes a while to begin. */
#define START_US (10 * G_USEC_PER_SEC)
#define MAX_QUEUE (300 * 1024)

typedef struct
{
  LecternReactor *reactor;
  LecternWorkers *workers;
  char *program;
  LecternWorkersSettings settings;

  LecternWorkerSpec spec;
  LecternWorker *worker; /* the reactor's, as all below but the counters */
  LecternTrack *track;
  guint lane;
  LecternPacket *packet;
  JsonObject *message;
  GError *error;
  gboolean free_on_ready;

  Counter ready;
  Counter packets;
  Counter messages;
  Counter lost;
  Counter ended;
} Fixture;

static gint warnings;

/* A warning, which would end the program, is part of what is tested. */
static GLogWriterOutput
count_warnings (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer unused)
{
  if (!(level & G_LOG_LEVEL_WARNING))
    return g_log_writer_default (level, fields, n_fields, NULL);
  g_atomic_int_inc (&warnings);
  return G_LOG_WRITER_HANDLED;
}

static void
on_ready (LecternWorker *worker, gpointer user_data)
{
  Fixture *fixture = user_data;

  if (fixture->free_on_ready)
    g_clear_pointer (&fixture->worker, lectern_worker_free);
  counter_add (&fixture->ready, 1);
}

static void
on_track (LecternWorker *worker, guint lane, LecternTrack *track, gpointer user_data)
{
  Fixture *fixture = user_data;

  g_clear_pointer (&fixture->track, lectern_track_unref);
  fixture->track = lectern_track_ref (track);
  fixture->lane = lane;
}

static void
on_packet (LecternWorker *worker, guint lane, LecternPacket *packet, gpointer user_data)
{
  Fixture *fixture = user_data;

  g_clear_pointer (&fixture->packet, lectern_packet_unref);
  fixture->packet = lectern_packet_ref (packet);
  counter_add (&fixture->packets, 1);
}

static void
on_message (LecternWorker *worker, JsonObject *message, gpointer user_data)
{
  Fixture *fixture = user_data;

  g_clear_pointer (&fixture->message, json_object_unref);
  fixture->message = json_object_ref (message);
  counter_add (&fixture->messages, 1);
}

static void
note_error (Fixture *fixture, const GError *error)
{
  g_clear_error (&fixture->error);
  fixture->error = error != NULL ? g_error_copy (error) : NULL;
}

static void
on_lost (LecternWorker *worker, const GError *error, gpointer user_data)
{
  Fixture *fixture = user_data;

  note_error (fixture, error);
  counter_add (&fixture->lost, 1);
}

static void
on_ended (LecternWorker *worker, const GError *error, gpointer user_data)
{
  Fixture *fixture = user_data;

  note_error (fixture, error);
  g_clear_pointer (&fixture->worker, lectern_worker_free);
  counter_add (&fixture->ended, 1);
}

static const LecternWorkerEvents events = { .ready = on_ready,
                                            .track = on_track,
                                            .packet = on_packet,
                                            .message = on_message,
                                            .lost = on_lost,
                                            .ended = on_ended };

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  fixture->reactor = new_reactor ();
  fixture->program
      = g_build_filename (g_getenv ("LECTERN_BUILD_DIR"), "tests/core/worker/fake-worker", NULL);
  fixture->settings = (LecternWorkersSettings){ .program = fixture->program,
                                                .registry = "/nowhere/registry",
                                                .silence_us = 400000,
                                                .patience_us = START_US,
                                                .start_us = START_US,
                                                .stop_us = 100000,
                                                .at_once_us = 1000,
                                                .backoff_us = 10000,
                                                .max_backoff_us = 40000,
                                                .steady_us = 60 * G_USEC_PER_SEC,
                                                .max_failures = 5 };
  fixture->workers = lectern_workers_new (&fixture->settings);
}

static void
free_worker (gpointer data)
{
  g_clear_pointer (&((Fixture *) data)->worker, lectern_worker_free);
}

static void
wait_for_no_child (Fixture *fixture)
{
  gint64 until_us = g_get_monotonic_time () + PATIENCE_US;

  while (lectern_workers_count (fixture->workers) > 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, until_us);
      g_usleep (2000);
    }
}

/* Whatever a test does, no process is left. */
static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  call_on (fixture->reactor, free_worker, fixture);
  wait_for_no_child (fixture);
  lectern_reactor_stop (fixture->reactor);
  g_object_unref (fixture->reactor);
  lectern_workers_unref (fixture->workers);
  g_clear_pointer (&fixture->track, lectern_track_unref);
  g_clear_pointer (&fixture->packet, lectern_packet_unref);
  g_clear_pointer (&fixture->message, json_object_unref);
  g_clear_error (&fixture->error);
  g_free (fixture->program);
}

static void
make_worker (gpointer data)
{
  Fixture *fixture = data;

  fixture->worker
      = lectern_worker_new (fixture->workers, &fixture->spec, fixture->reactor, &events, fixture);
}

static void
begin (Fixture *fixture, const char *job)
{
  fixture->spec.job = job;
  fixture->spec.title = job;
  call_on (fixture->reactor, make_worker, fixture);
}

/* ── work ── */

static void
send_all_kinds (gpointer data)
{
  Fixture *fixture = data;
  const LecternTrack fields
      = { .media = LECTERN_MEDIA_AUDIO, .codec = LECTERN_CODEC_OPUS, .rate = 48000 };
  g_autoptr (LecternTrack) track = lectern_track_new (&fields);
  g_autoptr (GBytes) payload = g_bytes_new ("sound", 5);
  g_autoptr (LecternPacket) packet = lectern_packet_new (track, 0, 7, 8, 9, payload);
  g_autoptr (JsonObject) message = json_object_new ();

  g_assert_cmpint (lectern_worker_get_pid (fixture->worker), >, 0);
  g_assert_true (lectern_worker_send_track (fixture->worker, 2, track));
  g_assert_true (lectern_worker_send_packet (fixture->worker, 2, packet));
  json_object_set_string_member (message, "word", "hello");
  g_assert_true (lectern_worker_send_message (fixture->worker, message));
}

static void
finish (gpointer data)
{
  lectern_worker_finish (((Fixture *) data)->worker);
}

static void
works_and_finishes (Fixture *fixture, gconstpointer unused)
{
  begin (fixture, "echo");
  g_assert_true (counter_wait (&fixture->ready, 1));
  call_on (fixture->reactor, send_all_kinds, fixture);
  g_assert_true (counter_wait (&fixture->messages, 1));
  g_assert_cmpint (fixture->track->rate, ==, 48000);
  g_assert_cmpuint (fixture->lane, ==, 2);
  g_assert_cmpint (fixture->packet->pts, ==, 8);
  g_assert_cmpstr (json_object_get_string_member (fixture->message, "word"), ==, "hello");
  call_on (fixture->reactor, finish, fixture);
  g_assert_true (counter_wait (&fixture->ended, 1));
  g_assert_no_error (fixture->error);
  g_assert_cmpint (counter_get (&fixture->lost), ==, 0);
}

static void
gets_its_parameters (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (JsonObject) parameters = json_object_new ();

  json_object_set_int_member (parameters, "answer", 42);
  fixture->spec.parameters = parameters;
  begin (fixture, "parameters");
  g_assert_true (counter_wait (&fixture->messages, 1));
  g_assert_cmpint (json_object_get_int_member (fixture->message, "answer"), ==, 42);
}

static void
hears_what_it_may (Fixture *fixture, gconstpointer unused)
{
  fixture->spec.network = TRUE;
  fixture->spec.read_path = "/some/file";
  begin (fixture, "start");
  g_assert_true (counter_wait (&fixture->messages, 1));
  g_assert_true (json_object_get_boolean_member (fixture->message, "network"));
  g_assert_cmpstr (json_object_get_string_member (fixture->message, "read"), ==, "/some/file");
  g_assert_false (json_object_has_member (fixture->message, "write"));
}

static void
parameters_are_bounded (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (JsonObject) parameters = json_object_new ();
  g_autofree char *text = g_strnfill (LECTERN_JSON_MAX_SIZE, 'x');

  json_object_set_string_member (parameters, "text", text);
  fixture->spec.parameters = parameters;
  begin (fixture, "echo");
  g_assert_true (counter_wait (&fixture->ended, 1));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
}

/* No descriptor, no signal mask and no secret of the server's. */
static void
children_inherit_nothing (Fixture *fixture, gconstpointer unused)
{
  int leak = open ("/dev/null", O_RDONLY);

  g_setenv ("LECTERN_SECRET", "x", TRUE);
  begin (fixture, "describe");
  g_assert_true (counter_wait (&fixture->messages, 1));
  g_assert_cmpint (json_object_get_int_member (fixture->message, "descriptors"), ==, 4);
  g_assert_cmpint (json_object_get_int_member (fixture->message, "blocked"), ==, 0);
  g_assert_true (json_object_get_boolean_member (fixture->message, "own-group"));
  g_assert_false (json_object_get_boolean_member (fixture->message, "secret"));
  g_assert_cmpstr (json_object_get_string_member (fixture->message, "registry"), ==,
                   "/nowhere/registry");
  close (leak);
}

static void
may_be_freed_in_a_callback (Fixture *fixture, gconstpointer unused)
{
  fixture->free_on_ready = TRUE;
  begin (fixture, "echo");
  g_assert_true (counter_wait (&fixture->ready, 1));
  wait_for_no_child (fixture);
  g_assert_cmpint (counter_get (&fixture->ended), ==, 0);
}

/* ── failures ── */

static void
kill_child (gpointer data)
{
  kill (lectern_worker_get_pid (((Fixture *) data)->worker), SIGKILL);
}

static void
comes_back_at_once (Fixture *fixture, gconstpointer unused)
{
  gint64 restarts = lectern_metric_get (
      lectern_metrics_get_counter ("lectern_worker_restarts_total", NULL, NULL, NULL));

  begin (fixture, "echo");
  g_assert_true (counter_wait (&fixture->ready, 1));
  call_on (fixture->reactor, kill_child, fixture);
  g_assert_true (counter_wait (&fixture->ready, 2));
  g_assert_cmpint (counter_get (&fixture->lost), ==, 1);
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_CLOSED);
  g_assert_nonnull (strstr (fixture->error->message, "signal 9"));
  call_on (fixture->reactor, send_all_kinds, fixture);
  g_assert_true (counter_wait (&fixture->messages, 1));
  g_assert_cmpint (lectern_metric_get (lectern_metrics_get_counter ("lectern_worker_restarts_total",
                                                                    NULL, NULL, NULL)),
                   ==, restarts + 1);
}

static guint
count_descriptors (void)
{
  g_autoptr (GDir) folder = g_dir_open ("/proc/self/fd", 0, NULL);
  guint count = 0;

  while (g_dir_read_name (folder) != NULL)
    count++;
  return count;
}

/* One that works between its failures is started anew for ever, and leaves nothing behind. */
static void
many_kills (void)
{
  Fixture fixture = { 0 };
  guint descriptors = 0;

  set_up (&fixture, NULL);
  lectern_workers_unref (fixture.workers);
  fixture.settings.steady_us = 0;
  fixture.workers = lectern_workers_new (&fixture.settings);
  begin (&fixture, "echo");
  for (guint i = 1; i <= 50; i++)
    {
      g_assert_true (counter_wait (&fixture.ready, i));
      if (i == 1)
        descriptors = count_descriptors ();
      call_on (fixture.reactor, kill_child, &fixture);
    }
  g_assert_true (counter_wait (&fixture.ready, 51));
  g_assert_cmpuint (count_descriptors (), <=, descriptors);
  g_assert_cmpuint (lectern_workers_count (fixture.workers), ==, 1);
  tear_down (&fixture, NULL);
}

/* Fails five times in a row, with growing pauses, then no more. */
static void
is_given_up (Fixture *fixture, gconstpointer job)
{
  gint64 began_us = g_get_monotonic_time ();

  begin (fixture, job);
  g_assert_true (counter_wait (&fixture->ended, 1));
  g_assert_cmpint (counter_get (&fixture->lost), ==, 4);
  g_assert_cmpint (g_atomic_int_exchange (&warnings, 0), ==, 1);
  g_assert_nonnull (fixture->error);
  g_assert_nonnull (strstr (fixture->error->message, "given up"));
  /* 10, 20, 40, 40 ms, or 1, 10, 20, 40 ms for one that had been ready. */
  g_assert_cmpint (g_get_monotonic_time () - began_us, >=, 71000);
  g_assert_cmpuint (lectern_workers_count (fixture->workers), ==, 0);
}

static void
refusal_is_final (Fixture *fixture, gconstpointer unused)
{
  begin (fixture, "refuse");
  g_assert_true (counter_wait (&fixture->ended, 1));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED);
  g_assert_cmpstr (fixture->error->message, ==, "no such thing here");
  g_assert_cmpint (counter_get (&fixture->lost), ==, 0);
}

static void
once_is_once (Fixture *fixture, gconstpointer unused)
{
  fixture->spec.once = TRUE;
  begin (fixture, "crash");
  g_assert_true (counter_wait (&fixture->ended, 1));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_CLOSED);
  g_assert_cmpint (counter_get (&fixture->lost), ==, 0);
}

static void
the_childs_own_words_are_told (Fixture *fixture, gconstpointer unused)
{
  fixture->spec.once = TRUE;
  begin (fixture, "fail");
  g_assert_true (counter_wait (&fixture->ended, 1));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED);
}

static void
nonsense_is_a_failure (Fixture *fixture, gconstpointer unused)
{
  fixture->spec.once = TRUE;
  begin (fixture, "odd");
  g_assert_true (counter_wait (&fixture->ended, 1));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_FAILED);
}

static void
ready_comes_first (Fixture *fixture, gconstpointer unused)
{
  begin (fixture, "hasty");
  g_assert_true (counter_wait (&fixture->messages, 1));
  g_assert_cmpint (counter_get (&fixture->ready), ==, 1);
}

static void
silence_is_death (Fixture *fixture, gconstpointer unused)
{
  fixture->spec.once = TRUE;
  begin (fixture, "hang");
  g_assert_true (counter_wait (&fixture->ready, 1));
  g_assert_true (counter_wait (&fixture->ended, 1));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT);
}

static void
stop_child (gpointer data)
{
  kill (lectern_worker_get_pid (((Fixture *) data)->worker), SIGSTOP);
}

static void
a_stopped_child_is_replaced (Fixture *fixture, gconstpointer unused)
{
  begin (fixture, "echo");
  g_assert_true (counter_wait (&fixture->ready, 1));
  call_on (fixture->reactor, stop_child, fixture);
  g_assert_true (counter_wait (&fixture->ready, 2));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT);
}

static void
patience (Fixture *fixture, gconstpointer unused)
{
  fixture->spec.patient = TRUE;
  begin (fixture, "hang");
  g_assert_true (counter_wait (&fixture->ready, 1));
  g_usleep (2 * fixture->settings.silence_us);
  g_assert_cmpint (counter_get (&fixture->lost), ==, 0);
}

static void
a_start_takes_no_longer_than_it_may (void)
{
  Fixture fixture = { 0 };

  set_up (&fixture, NULL);
  lectern_workers_unref (fixture.workers);
  fixture.settings.start_us = 50000;
  fixture.workers = lectern_workers_new (&fixture.settings);
  fixture.spec.once = TRUE;
  begin (&fixture, "mute");
  g_assert_true (counter_wait (&fixture.ended, 1));
  g_assert_error (fixture.error, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT);
  tear_down (&fixture, NULL);
}

static void
garbage_is_refused (Fixture *fixture, gconstpointer unused)
{
  fixture->spec.once = TRUE;
  begin (fixture, "garbage");
  g_assert_true (counter_wait (&fixture->ended, 1));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
}

static void
note_turn (LecternTimer *timer)
{
  Counter *turns = (Counter *) (timer + 1);

  counter_add (turns, 1);
  lectern_timer_start (timer, lectern_reactor_get_current (), 1000, note_turn);
}

/* A child that sends without end does not keep its reactor from the others. */
static void
a_flood_leaves_room (Fixture *fixture, gconstpointer unused)
{
  struct
  {
    LecternTimer timer;
    Counter turns;
  } beat = { 0 };

  begin (fixture, "flood");
  g_assert_true (counter_wait (&fixture->packets, 50));
  lectern_reactor_post (fixture->reactor, (LecternPostFunc) note_turn, &beat.timer, NULL);
  g_assert_true (counter_wait (&beat.turns, 20));
  call_on (fixture->reactor, (LecternPostFunc) lectern_timer_stop, &beat.timer);
}

/* ── the queue ── */

typedef struct
{
  Fixture *fixture;
  gboolean results[6];
} Sending;

static void
send_to_the_deaf (gpointer data)
{
  Sending *sending = data;
  LecternWorker *worker = sending->fixture->worker;
  const LecternTrack picture = { .media = LECTERN_MEDIA_VIDEO, .codec = LECTERN_CODEC_H264 };
  const LecternTrack sound = { .media = LECTERN_MEDIA_AUDIO, .codec = LECTERN_CODEC_AAC };
  g_autoptr (LecternTrack) video = lectern_track_new (&picture);
  g_autoptr (LecternTrack) audio = lectern_track_new (&sound);
  g_autoptr (GBytes) large = g_bytes_new_take (g_malloc0 (100000), 100000);
  g_autoptr (GBytes) small = g_bytes_new ("x", 1);
  g_autoptr (LecternPacket) frame = lectern_packet_new (video, 0, 0, 0, 0, large);
  g_autoptr (LecternPacket) little = lectern_packet_new (video, 0, 0, 0, 0, small);
  g_autoptr (LecternPacket) key = lectern_packet_new (video, LECTERN_PACKET_KEY, 0, 0, 0, small);
  g_autoptr (LecternPacket) beep = lectern_packet_new (audio, 0, 0, 0, 0, small);
  guint sent = 0;

  while (sent < 1000 && lectern_worker_send_packet (worker, 0, frame))
    sent++;
  g_assert_cmpuint (sent, <, 1000);
  sending->results[0] = lectern_worker_send_packet (worker, 0, little);
  sending->results[1] = lectern_worker_send_packet (worker, 1, little);
  sending->results[2] = lectern_worker_send_packet (worker, 0, beep);
  sending->results[3] = lectern_worker_send_packet (worker, 0, key);
  sending->results[4] = lectern_worker_send_packet (worker, 0, little);
  sending->results[5] = lectern_worker_send_track (worker, 0, video);
}

static void
a_full_queue_drops_to_the_next_key_frame (Fixture *fixture, gconstpointer unused)
{
  Sending sending = { .fixture = fixture };

  fixture->spec.max_queue = MAX_QUEUE;
  begin (fixture, "deaf");
  g_assert_true (counter_wait (&fixture->ready, 1));
  call_on (fixture->reactor, send_to_the_deaf, &sending);
  g_assert_false (sending.results[0]); /* would fit, but is of no use */
  g_assert_true (sending.results[1]);  /* another lane */
  g_assert_true (sending.results[2]);  /* sound */
  g_assert_true (sending.results[3]);  /* the key frame */
  g_assert_true (sending.results[4]);  /* and what follows it */
  g_assert_true (sending.results[5]);
}

static void
send_too_early (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (JsonObject) object = json_object_new ();

  g_assert_false (lectern_worker_send_message (fixture->worker, object));
}

static void
nothing_is_sent_before_it_is_ready (Fixture *fixture, gconstpointer unused)
{
  begin (fixture, "mute");
  call_on (fixture->reactor, send_too_early, fixture);
}

/* ── the end ── */

static void
the_stubborn_are_killed (Fixture *fixture, gconstpointer unused)
{
  begin (fixture, "stubborn");
  g_assert_true (counter_wait (&fixture->ready, 1));
  call_on (fixture->reactor, free_worker, fixture);
  wait_for_no_child (fixture);
}

static void
a_stopping_server_starts_nothing (Fixture *fixture, gconstpointer unused)
{
  lectern_workers_close (fixture->workers);
  begin (fixture, "echo");
  g_assert_true (counter_wait (&fixture->ended, 1));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_CLOSED);
}

static void
a_stopping_server_kills_what_is_left (Fixture *fixture, gconstpointer unused)
{
  begin (fixture, "stubborn");
  g_assert_true (counter_wait (&fixture->ready, 1));
  lectern_workers_kill (fixture->workers);
  g_assert_true (counter_wait (&fixture->ended, 1));
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_CLOSED);
}

static void
there_is_a_limit (Fixture *fixture, gconstpointer unused)
{
  Fixture second = { .reactor = fixture->reactor, .workers = fixture->workers };

  lectern_workers_set (fixture->workers, 0, 0, 1);
  begin (fixture, "echo");
  g_assert_true (counter_wait (&fixture->ready, 1));
  begin (&second, "echo");
  g_assert_true (counter_wait (&second.ended, 1));
  g_assert_error (second.error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
  g_clear_error (&second.error);
}

static void
a_missing_program_is_told (void)
{
  Fixture fixture = { 0 };

  set_up (&fixture, NULL);
  lectern_workers_unref (fixture.workers);
  fixture.settings.program = "/nowhere/lectern-worker";
  fixture.workers = lectern_workers_new (&fixture.settings);
  fixture.spec.once = TRUE;
  begin (&fixture, "echo");
  g_assert_true (counter_wait (&fixture.ended, 1));
  g_assert_error (fixture.error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND);
  tear_down (&fixture, NULL);
}

static void
jobs_are_listed (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (JsonArray) list = NULL;
  JsonObject *entry;

  begin (fixture, "echo");
  g_assert_true (counter_wait (&fixture->ready, 1));
  list = lectern_workers_describe (fixture->workers);
  g_assert_cmpuint (json_array_get_length (list), ==, 1);
  entry = json_array_get_object_element (list, 0);
  g_assert_cmpstr (json_object_get_string_member (entry, "title"), ==, "echo");
  g_assert_cmpint (json_object_get_int_member (entry, "pid"), >, 0);
}

#define ADD(name, data, func)                                                                      \
  g_test_add ("/supervisor/" name, Fixture, data, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_log_set_writer_func (count_warnings, NULL, NULL);
  ADD ("works-and-finishes", NULL, works_and_finishes);
  ADD ("gets-its-parameters", NULL, gets_its_parameters);
  ADD ("hears-what-it-may", NULL, hears_what_it_may);
  ADD ("parameters-are-bounded", NULL, parameters_are_bounded);
  ADD ("children-inherit-nothing", NULL, children_inherit_nothing);
  ADD ("may-be-freed-in-a-callback", NULL, may_be_freed_in_a_callback);
  ADD ("comes-back-at-once", NULL, comes_back_at_once);
  g_test_add_func ("/supervisor/M-01-fifty-kills-leave-nothing", many_kills);
  ADD ("M-05-crash-loop-is-given-up", "crash", is_given_up);
  ADD ("M-05-crash-loop-once-ready-is-given-up", "crash-once-ready", is_given_up);
  ADD ("M-05-exit-without-a-word-is-a-failure", "exit", is_given_up);
  ADD ("refusal-is-final", NULL, refusal_is_final);
  ADD ("once-is-once", NULL, once_is_once);
  ADD ("the-childs-own-words-are-told", NULL, the_childs_own_words_are_told);
  ADD ("nonsense-is-a-failure", NULL, nonsense_is_a_failure);
  ADD ("ready-comes-first", NULL, ready_comes_first);
  ADD ("M-06-silence-is-death", NULL, silence_is_death);
  ADD ("M-06-a-stopped-child-is-replaced", NULL, a_stopped_child_is_replaced);
  ADD ("patient-jobs-may-be-silent", NULL, patience);
  g_test_add_func ("/supervisor/a-start-takes-no-longer-than-it-may",
                   a_start_takes_no_longer_than_it_may);
  ADD ("garbage-is-refused", NULL, garbage_is_refused);
  ADD ("a-flood-leaves-room", NULL, a_flood_leaves_room);
  ADD ("a-full-queue-drops-to-the-next-key-frame", NULL, a_full_queue_drops_to_the_next_key_frame);
  ADD ("nothing-is-sent-before-it-is-ready", NULL, nothing_is_sent_before_it_is_ready);
  ADD ("the-stubborn-are-killed", NULL, the_stubborn_are_killed);
  ADD ("a-stopping-server-starts-nothing", NULL, a_stopping_server_starts_nothing);
  ADD ("a-stopping-server-kills-what-is-left", NULL, a_stopping_server_kills_what_is_left);
  ADD ("there-is-a-limit", NULL, there_is_a_limit);
  g_test_add_func ("/supervisor/a-missing-program-is-told", a_missing_program_is_told);
  ADD ("jobs-are-listed", NULL, jobs_are_listed);
  return g_test_run () + g_atomic_int_get (&warnings);
}
