/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media-fixture.h"
#include "media/lectern-viewer.h"
#include "net/lectern-listener.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* A server of one stream: each connection becomes a viewer of it, over real sockets. */
typedef struct
{
  LecternReactorPool *reactors;
  LecternGate *gate;
  LecternListener *listener;
  LecternSessions *sessions;
  LecternStreamRegistry *registry;
  LecternPublisher *publisher;
  LecternTrack *video;
  LecternTrack *audio;
  LecternViewerOptions options;
  const LecternTapeFormat *format;
  gint64 dts_ms;
  gint ended;       /* atomic */
  gint ended_codes; /* atomic: the sum of 1 << code, of those with a reason */
  gint events[4];   /* atomic, by LecternViewerEvent */
} Fixture;

typedef struct
{
  Fixture *fixture;
  LecternViewer *viewer;
} Peer;

static gsize
peer_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  Peer *peer = user_data;

  /* 'p' and 'r' pause and resume; anything else is answered between two messages. */
  for (gsize i = 0; i < length; i++)
    if (data[i] == 'p' || data[i] == 'r')
      lectern_viewer_set_paused (peer->viewer, data[i] == 'p');
    else
      g_assert_true (lectern_viewer_write (peer->viewer, "PONG", 4));
  return length;
}

static void
peer_writable (LecternConnection *connection, gpointer user_data)
{
  Peer *peer = user_data;

  if (peer->viewer != NULL)
    lectern_viewer_writable (peer->viewer);
}

static void
peer_closed (LecternConnection *connection, const GError *error, gpointer user_data)
{
  Peer *peer = user_data;

  g_clear_pointer (&peer->viewer, lectern_viewer_free);
  g_free (peer);
  lectern_connection_unref (connection);
}

static const LecternConnectionHandler peer_handler = { peer_input, peer_writable, peer_closed };

static void
on_event (LecternViewer *viewer, LecternViewerEvent event, const GError *reason, gpointer user_data)
{
  Peer *peer = user_data;

  g_atomic_int_inc (&peer->fixture->events[event]);
  if (event != LECTERN_VIEWER_ENDED)
    return;
  if (reason != NULL)
    g_atomic_int_or ((guint *) &peer->fixture->ended_codes, 1 << reason->code);
  g_atomic_int_inc (&peer->fixture->ended);
}

static void
on_ended_close (LecternViewer *viewer, LecternViewerEvent event, const GError *reason,
                gpointer user_data)
{
  Peer *peer = user_data;

  on_event (viewer, event, reason, user_data);
  if (event != LECTERN_VIEWER_ENDED)
    return;
  lectern_connection_finish (lectern_viewer_get_connection (viewer));
  g_clear_pointer (&peer->viewer, lectern_viewer_free);
}

static void
on_accept (LecternConnection *connection, gpointer user_data)
{
  Fixture *fixture = user_data;
  Peer *peer = g_new0 (Peer, 1);
  g_autoptr (GError) error = NULL;

  peer->fixture = fixture;
  lectern_connection_set_handler (lectern_connection_ref (connection), &peer_handler, peer);
  peer->viewer = lectern_viewer_new (fixture->registry, "live/a", connection, fixture->format,
                                     &fixture->options, NULL, on_ended_close, peer, &error);
  g_assert_no_error (error);
}

static LecternMediaLimits
default_limits (void)
{
  return (LecternMediaLimits){
    .grace_us = 200000,
    .wait_us = 200000,
    .max_streams = 4,
    .max_waiting = 10000,
    .gop_size = 8 << 20,
    .tape_size = 4 << 20,
    .late_us = 300000,
    .stuck_us = 600000,
  };
}

static void
start (Fixture *fixture, const LecternMediaLimits *limits, guint threads)
{
  LecternAddress address;
  g_autoptr (GError) error = NULL;

  fixture->format = &plain_format;
  fixture->reactors = lectern_reactor_pool_new (threads, &error);
  g_assert_no_error (error);
  fixture->gate = lectern_gate_new (0, 0, 0);
  fixture->sessions = lectern_sessions_new ();
  fixture->registry = lectern_stream_registry_new (fixture->sessions, limits);
  fixture->video = fixture_track (LECTERN_CODEC_H264, "v");
  fixture->audio = fixture_track (LECTERN_CODEC_AAC, "a");
  lectern_address_parse ("127.0.0.1:0", &address, NULL);
  fixture->listener = lectern_listener_new (&address, fixture->reactors, fixture->gate, NULL,
                                            on_accept, fixture, NULL, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  LecternMediaLimits limits = default_limits ();

  start (fixture, &limits, 2);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  LecternStreamRegistry *registry = fixture->registry;

  if (fixture->publisher != NULL)
    lectern_publisher_end (fixture->publisher, FALSE);
  g_clear_pointer (&fixture->publisher, lectern_publisher_unref);
  lectern_stream_registry_end_all (fixture->registry);
  lectern_listener_stop (fixture->listener);
  g_object_unref (fixture->listener);
  lectern_reactor_pool_stop (fixture->reactors);
  lectern_reactor_pool_unref (fixture->reactors);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_object_add_weak_pointer (G_OBJECT (registry), (gpointer *) &fixture->registry);
  g_object_unref (registry);
  g_assert_null (fixture->registry);
  g_object_unref (fixture->sessions);
  lectern_gate_unref (fixture->gate);
  lectern_track_unref (fixture->video);
  lectern_track_unref (fixture->audio);
}

static void
publish (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;

  fixture->publisher
      = lectern_stream_registry_publish (fixture->registry, "live/a", NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  lectern_publisher_set_track (fixture->publisher, fixture->video);
  lectern_publisher_set_track (fixture->publisher, fixture->audio);
}

/* A frame whose payload repeats its number, so that readers can tell order and loss. */
static void
push (Fixture *fixture, gboolean key, guint32 number, gsize size)
{
  guint32 *words = g_malloc (size);
  g_autoptr (GBytes) payload = NULL;

  for (gsize i = 0; i < size / 4; i++)
    words[i] = number;
  payload = g_bytes_new_take (words, size);
  lectern_publisher_push (fixture->publisher, LECTERN_MEDIA_VIDEO, key ? LECTERN_PACKET_KEY : 0,
                          fixture->dts_ms * MS, fixture->dts_ms * MS, payload);
  fixture->dts_ms += 40;
}

static int
connect_client (Fixture *fixture, int receive_buffer)
{
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_storage to;
  socklen_t length
      = lectern_address_to_socket (lectern_listener_get_address (fixture->listener), &to);

  if (receive_buffer > 0)
    setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &to, length), ==, 0);
  return fd;
}

static void
read_exactly (int fd, void *to, gsize size)
{
  guint8 *at = to;

  while (size > 0)
    {
      struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
      gssize got;

      g_assert_cmpint (poll (&poll_fd, 1, 10000), ==, 1);
      got = recv (fd, at, size, 0);
      g_assert_cmpint (got, >, 0);
      at += got;
      size -= got;
    }
}

static void
expect (int fd, const char *text)
{
  char got[5] = { 0 };

  read_exactly (fd, got, 4);
  g_assert_cmpstr (got, ==, text);
}

/* Reads one message; returns its number. */
static guint32
read_message_body (int fd, guint32 size)
{
  g_autofree guint32 *words = g_malloc (size);

  g_assert_cmpuint (size, <=, 1 << 20);
  read_exactly (fd, words, size);
  for (gsize i = 1; i < size / 4; i++)
    g_assert_cmpuint (words[i], ==, words[0]);
  return words[0];
}

static guint32
read_message (int fd)
{
  guint32 size;

  read_exactly (fd, &size, 4);
  return read_message_body (fd, GUINT32_FROM_BE (size));
}

static gboolean
is_at_end (int fd)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
  char byte;

  g_assert_cmpint (poll (&poll_fd, 1, 10000), ==, 1);
  return recv (fd, &byte, 1, 0) <= 0;
}

static void
wait_for (gint *value, gint at_least)
{
  gint64 until = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  while (g_atomic_int_get (value) < at_least)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, until);
      g_main_context_iteration (NULL, FALSE);
      g_thread_yield ();
    }
}

static guint
count_viewers (Fixture *fixture)
{
  g_autoptr (LecternStream) stream = lectern_stream_registry_lookup (fixture->registry, "live/a");
  g_auto (LecternStreamInfo) info = { 0 };

  if (stream == NULL)
    return 0;
  lectern_stream_get_info (stream, &info);
  return info.viewers;
}

static void
wait_for_viewers (Fixture *fixture, guint number)
{
  gint64 until = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  while (count_viewers (fixture) != number)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, until);
      g_thread_yield ();
    }
}

static void
wait_for_no_stream (Fixture *fixture)
{
  gint64 until = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;
  LecternStream *stream;

  while ((stream = lectern_stream_registry_lookup (fixture->registry, "live/a")) != NULL)
    {
      lectern_stream_unref (stream);
      g_assert_cmpint (g_get_monotonic_time (), <, until);
      g_thread_yield ();
    }
}

static void
begins_at_the_key_frame (Fixture *fixture, gconstpointer data)
{
  int fd;

  publish (fixture);
  for (guint i = 0; i < 25; i++)
    push (fixture, i % 10 == 0, i, 1000);
  fd = connect_client (fixture, 0);
  expect (fd, "JOIN");
  for (guint i = 20; i < 25; i++)
    g_assert_cmpuint (read_message (fd), ==, i);
  push (fixture, FALSE, 25, 1000);
  g_assert_cmpuint (read_message (fd), ==, 25);
  close (fd);
  wait_for_viewers (fixture, 0);
}

static void
skip_backlog_waits_for_the_next (Fixture *fixture, gconstpointer data)
{
  int fd;

  fixture->options.skip_backlog = TRUE;
  publish (fixture);
  for (guint i = 0; i < 15; i++)
    push (fixture, i % 10 == 0, i, 1000);
  fd = connect_client (fixture, 0);
  wait_for_viewers (fixture, 1);
  for (guint i = 15; i < 22; i++)
    push (fixture, i % 10 == 0, i, 1000);
  expect (fd, "JOIN");
  g_assert_cmpuint (read_message (fd), ==, 20);
  g_assert_cmpuint (read_message (fd), ==, 21);
  close (fd);
}

static void
waits_for_the_publisher (Fixture *fixture, gconstpointer data)
{
  int fd = connect_client (fixture, 0);

  wait_for_viewers (fixture, 1);
  publish (fixture);
  push (fixture, TRUE, 0, 1000);
  expect (fd, "JOIN");
  g_assert_cmpuint (read_message (fd), ==, 0);
  close (fd);
}

static void
waits_no_longer_than_allowed (Fixture *fixture, gconstpointer data)
{
  int fd = connect_client (fixture, 0);

  g_assert_true (is_at_end (fd));
  close (fd);
  g_assert_cmpint (g_atomic_int_get (&fixture->ended_codes), ==, 1 << LECTERN_ERROR_TIMED_OUT);
  wait_for_no_stream (fixture);
}

/* S-02: the publisher is lost and returns: the viewer stays, and time goes on. */
static void
stays_over_a_lost_publisher (Fixture *fixture, gconstpointer data)
{
  int fd;

  publish (fixture);
  push (fixture, TRUE, 0, 1000);
  fd = connect_client (fixture, 0);
  expect (fd, "JOIN");
  g_assert_cmpuint (read_message (fd), ==, 0);
  lectern_publisher_end (fixture->publisher, TRUE);
  wait_for (&fixture->events[LECTERN_VIEWER_AWAY], 1);
  lectern_publisher_unref (fixture->publisher);
  publish (fixture);
  wait_for (&fixture->events[LECTERN_VIEWER_BACK], 1);
  push (fixture, TRUE, 1, 1000);
  g_assert_cmpuint (read_message (fd), ==, 1);
  close (fd);
}

static void
gets_everything_before_the_end (Fixture *fixture, gconstpointer data)
{
  int fd;

  publish (fixture);
  push (fixture, TRUE, 0, 1000);
  fd = connect_client (fixture, 0);
  expect (fd, "JOIN");
  for (guint i = 1; i < 50; i++)
    push (fixture, FALSE, i, 60000);
  lectern_publisher_end (fixture->publisher, FALSE);
  for (guint i = 0; i < 50; i++)
    g_assert_cmpuint (read_message (fd), ==, i);
  g_assert_true (is_at_end (fd));
  g_assert_cmpint (g_atomic_int_get (&fixture->ended_codes), ==, 0);
  close (fd);
}

static void
other_codecs_end_those_who_cannot_follow (Fixture *fixture, gconstpointer data)
{
  LecternTapeFormat fixed = plain_format;
  g_autoptr (LecternTrack) other = fixture_track (LECTERN_CODEC_OPUS, "o");
  g_autoptr (LecternTrack) same = fixture_track (LECTERN_CODEC_H264, "wwww");
  int follows;
  int stays;
  int comes;

  fixed.fixed_codecs = TRUE;
  publish (fixture);
  push (fixture, TRUE, 0, 1000);
  follows = connect_client (fixture, 0);
  expect (follows, "JOIN");
  fixture->format = &fixed;
  stays = connect_client (fixture, 0);
  expect (stays, "JOIN");
  lectern_publisher_set_track (fixture->publisher, same);
  push (fixture, TRUE, 1, 1000);
  lectern_publisher_set_track (fixture->publisher, other);
  g_assert_cmpuint (read_message (stays), ==, 0);
  read_message (stays); /* the other configuration of the same codec */
  g_assert_cmpuint (read_message (stays), ==, 1);
  g_assert_true (is_at_end (stays));
  g_assert_cmpint (g_atomic_int_get (&fixture->ended_codes), ==, 0);
  comes = connect_client (fixture, 0);
  wait_for_viewers (fixture, 2);
  push (fixture, TRUE, 2, 1000);
  expect (comes, "JOIN");
  g_assert_cmpuint (read_message (comes), ==, 2);
  g_assert_cmpint (g_atomic_int_get (&fixture->ended), ==, 1);
  close (follows);
  close (stays);
  close (comes);
}

/* S-06: a viewer that reads too slowly loses whole messages only, gets the header again, and goes
 * on at a key frame. */
static void
late_viewer_jumps (Fixture *fixture, gconstpointer data)
{
  guint32 number = 0;
  guint32 last = 0;
  guint jumps = 0;
  gint64 until;
  int fd;

  publish (fixture);
  push (fixture, TRUE, number++, 60000);
  fd = connect_client (fixture, 16384);
  wait_for_viewers (fixture, 1);
  until = g_get_monotonic_time () + 450000;
  while (g_get_monotonic_time () < until || number < 200)
    {
      push (fixture, number % 10 == 0, number, 60000);
      number++;
      if (number % 20 == 0)
        poll (NULL, 0, 5);
    }
  expect (fd, "JOIN");
  while (last < number - 1)
    {
      guint32 word;

      read_exactly (fd, &word, 4);
      if (memcmp (&word, "JUMP", 4) == 0)
        {
          jumps++;
          last = read_message (fd);
          g_assert_cmpuint (last % 10, ==, 0);
          continue;
        }
      word = read_message_body (fd, GUINT32_FROM_BE (word));
      g_assert_true (word == last + 1 || last == 0);
      last = word;
    }
  g_assert_cmpuint (jumps, >=, 1);
  close (fd);
}

static void
stuck_viewer_is_closed (Fixture *fixture, gconstpointer data)
{
  gint64 until = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;
  int fd;

  publish (fixture);
  push (fixture, TRUE, 0, 60000);
  fd = connect_client (fixture, 4096);
  wait_for_viewers (fixture, 1);
  for (guint i = 1; g_atomic_int_get (&fixture->ended) == 0; i++)
    {
      push (fixture, i % 10 == 0, i, 60000);
      poll (NULL, 0, 2);
      g_assert_cmpint (g_get_monotonic_time (), <, until);
    }
  g_assert_cmpint (g_atomic_int_get (&fixture->ended_codes), ==, 1 << LECTERN_ERROR_TIMED_OUT);
  wait_for_viewers (fixture, 0);
  close (fd);
}

static void
control_bytes_go_between_messages (Fixture *fixture, gconstpointer data)
{
  guint pongs = 0;
  guint32 next = 0;
  int fd;

  publish (fixture);
  push (fixture, TRUE, 0, 60000);
  fd = connect_client (fixture, 8192);
  expect (fd, "JOIN");
  for (guint i = 1; i < 40; i++)
    {
      push (fixture, FALSE, i, 60000);
      g_assert_cmpint (send (fd, "x", 1, 0), ==, 1);
    }
  while (next < 40 || pongs < 39)
    {
      guint32 word;

      read_exactly (fd, &word, 4);
      if (memcmp (&word, "PONG", 4) == 0)
        pongs++;
      else
        g_assert_cmpuint (read_message_body (fd, GUINT32_FROM_BE (word)), ==, next++);
    }
  close (fd);
}

static void
pause_and_resume (Fixture *fixture, gconstpointer data)
{
  guint8 byte;
  int fd;

  publish (fixture);
  push (fixture, TRUE, 0, 1000);
  fd = connect_client (fixture, 0);
  expect (fd, "JOIN");
  g_assert_cmpuint (read_message (fd), ==, 0);
  /* The answer to 'x' tells that the 'p' before it was seen. */
  g_assert_cmpint (send (fd, "px", 2, 0), ==, 2);
  expect (fd, "PONG");
  for (guint i = 1; i < 30; i++)
    push (fixture, i % 10 == 0, i, 1000);
  g_assert_cmpint (recv (fd, &byte, 1, MSG_DONTWAIT), <, 0);
  g_assert_cmpint (send (fd, "r", 1, 0), ==, 1);
  expect (fd, "JUMP");
  for (guint i = 20; i < 30; i++)
    g_assert_cmpuint (read_message (fd), ==, i);
  close (fd);
}

static void
interval_flush_delivers_all (Fixture *fixture, gconstpointer data)
{
  LecternMediaLimits limits = default_limits ();
  int fds[20];

  limits.flush_interval_us = 20000;
  start (fixture, &limits, 1);
  publish (fixture);
  push (fixture, TRUE, 0, 1000);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      fds[i] = connect_client (fixture, 0);
      expect (fds[i], "JOIN");
    }
  for (guint i = 1; i < 100; i++)
    {
      push (fixture, FALSE, i, 1000);
      if (i % 10 == 0)
        poll (NULL, 0, 3);
    }
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      for (guint k = 0; k < 100; k++)
        g_assert_cmpuint (read_message (fds[i]), ==, k);
      close (fds[i]);
    }
}

/* S-08: many join at once, and each begins at a key frame with nothing missing. */
static void
many_join_at_once (Fixture *fixture, gconstpointer data)
{
  int fds[200];

  publish (fixture);
  for (guint i = 0; i < 5; i++)
    push (fixture, i == 0, i, 10000);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = connect_client (fixture, 0);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      expect (fds[i], "JOIN");
      for (guint k = 0; k < 5; k++)
        g_assert_cmpuint (read_message (fds[i]), ==, k);
    }
  g_assert_cmpuint (count_viewers (fixture), ==, G_N_ELEMENTS (fds));
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  wait_for_viewers (fixture, 0);
}

/* S-05: viewers come and go while streams begin and end under them. */
typedef struct
{
  Fixture *fixture;
  gint *stop;
} Churner;

static gpointer
churn (gpointer data)
{
  Churner *churner = data;

  while (!g_atomic_int_get (churner->stop))
    {
      int fd = connect_client (churner->fixture, 0);
      struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
      char buffer[4096];

      if (poll (&poll_fd, 1, g_random_int_range (0, 4)) > 0)
        (void) !recv (fd, buffer, sizeof buffer, 0);
      close (fd);
    }
  return NULL;
}

static void
streams_end_under_viewers (Fixture *fixture, gconstpointer data)
{
  gint stop = 0;
  Churner churner = { fixture, &stop };
  GThread *threads[3];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("churn", churn, &churner);
  for (guint round = 0; round < 150; round++)
    {
      publish (fixture);
      for (guint i = 0; i < 20; i++)
        push (fixture, i % 5 == 0, i, 4000);
      if (round % 3 == 0)
        lectern_stream_registry_end (fixture->registry, "live/a", NULL);
      lectern_publisher_end (fixture->publisher, round % 3 == 1);
      g_clear_pointer (&fixture->publisher, lectern_publisher_unref);
      while (g_main_context_iteration (NULL, FALSE))
        continue;
    }
  g_atomic_int_set (&stop, 1);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  lectern_stream_registry_end_all (fixture->registry);
  wait_for_viewers (fixture, 0);
}

int
main (int argc, char **argv)
{
#define ADD(name, func) g_test_add ("/viewer/" name, Fixture, NULL, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("begins-at-the-key-frame", begins_at_the_key_frame);
  ADD ("skip-backlog-waits-for-the-next", skip_backlog_waits_for_the_next);
  ADD ("waits-for-the-publisher", waits_for_the_publisher);
  ADD ("waits-no-longer-than-allowed", waits_no_longer_than_allowed);
  ADD ("S-02-stays-over-a-lost-publisher", stays_over_a_lost_publisher);
  ADD ("gets-everything-before-the-end", gets_everything_before_the_end);
  ADD ("other-codecs-end-those-who-cannot-follow", other_codecs_end_those_who_cannot_follow);
  ADD ("S-06-late-viewer-jumps", late_viewer_jumps);
  ADD ("S-06-stuck-viewer-is-closed", stuck_viewer_is_closed);
  ADD ("control-bytes-go-between-messages", control_bytes_go_between_messages);
  ADD ("pause-and-resume", pause_and_resume);
  g_test_add ("/viewer/interval-flush-delivers-all", Fixture, NULL, NULL,
              interval_flush_delivers_all, tear_down);
  ADD ("S-08-many-join-at-once", many_join_at_once);
  ADD ("S-05-streams-end-under-viewers", streams_end_under_viewers);
  return g_test_run ();
}
