/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net-fixture.h"

#include "net/lectern-connection-private.h"

/* Everything the peer sends, in one place. */
typedef struct
{
  Server server; /* first */
  GByteArray *got;
  Counter received;
} Sink;

static gsize
sink_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  Sink *sink = user_data;

  g_byte_array_append (sink->got, data, (guint) length);
  counter_add (&sink->received, (gint64) length);
  return length;
}

static const LecternConnectionHandler sink_handler = { .input = sink_input, .closed = note_closed };

static void
serve_sink (LecternConnection *connection, gpointer user_data)
{
  lectern_connection_set_handler (connection, &sink_handler, user_data);
  counter_add (&((Server *) user_data)->served, 1);
}

static void
test_closes_in_order_when_the_peer_does (void)
{
  Sink sink = { .got = g_byte_array_new () };
  int fd;

  server_start (&sink.server, 1, NULL, serve_sink);
  fd = server_connect (&sink.server, 0);
  send_all (fd, "hello", 5);
  g_assert_true (counter_wait (&sink.received, 5));
  close (fd);
  g_assert_true (counter_wait (&sink.server.closed, 1));
  g_assert_no_error (sink.server.error);
  server_stop (&sink.server);
  g_assert_cmpmem (sink.got->data, sink.got->len, "hello", 5);
  g_byte_array_unref (sink.got);
}

static void
test_reports_a_reset (void)
{
  Sink sink = { .got = g_byte_array_new () };
  int fd;

  server_start (&sink.server, 1, NULL, serve_sink);
  fd = server_connect (&sink.server, 0);
  g_assert_true (counter_wait (&sink.server.served, 1));
  reset (fd);
  g_assert_true (counter_wait (&sink.server.closed, 1));
  g_assert_error (sink.server.error, LECTERN_ERROR, LECTERN_ERROR_CLOSED);
  server_stop (&sink.server);
  g_byte_array_unref (sink.got);
}

#define ECHO_SIZE (10 * 1000 * 1000)

typedef struct
{
  int fd;
  const guint8 *data;
} Sender;

static gpointer
run_sender (gpointer data)
{
  Sender *sender = data;

  send_all (sender->fd, sender->data, ECHO_SIZE);
  return NULL;
}

static void
check_echo (LecternListenerFunc serve)
{
  Server server = { .pool = NULL };
  g_autofree guint8 *sent = make_noise (ECHO_SIZE);
  g_autofree guint8 *received = g_malloc (ECHO_SIZE);
  Sender sender = { .data = sent };
  GThread *thread;

  server_start (&server, 1, NULL, serve);
  sender.fd = server_connect (&server, 8 * 1024);
  thread = g_thread_new ("sender", run_sender, &sender);
  g_assert_cmpuint (receive_all (sender.fd, received, ECHO_SIZE), ==, ECHO_SIZE);
  g_thread_join (thread);
  g_assert_true (memcmp (sent, received, ECHO_SIZE) == 0);
  close (sender.fd);
  g_assert_true (counter_wait (&server.closed, 1));
  g_assert_no_error (server.error);
  server_stop (&server);
}

static void
test_echoes_through_small_sockets_by_send (void)
{
  check_echo (serve_echo);
}

static void
test_echoes_through_small_sockets_by_write (void)
{
  check_echo (serve_copy);
}

/* Lines: a part of a line is left unconsumed. */

typedef struct
{
  Server server; /* first */
  GPtrArray *lines;
  guint offers;
  Counter count;
} Lines;

static gsize
lines_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  Lines *self = user_data;
  const guint8 *end = memchr (data, '\n', length);

  self->offers++;
  if (end == NULL)
    return 0;
  g_ptr_array_add (self->lines, g_strndup ((const char *) data, (gsize) (end - data)));
  counter_add (&self->count, 1);
  return (gsize) (end - data) + 1
         + lines_input (connection, end + 1, length - (gsize) (end - data) - 1, user_data);
}

static const LecternConnectionHandler lines_handler
    = { .input = lines_input, .closed = note_closed };

static void
serve_lines (LecternConnection *connection, gpointer user_data)
{
  lectern_connection_set_input_limit (connection, 1000);
  lectern_connection_set_handler (connection, &lines_handler, user_data);
}

static void
test_offers_the_unconsumed_again_with_more (void)
{
  Lines lines = { .lines = g_ptr_array_new_with_free_func (g_free) };
  const char *text = "one\ntwo\nthree\nfour five six\n";
  int fd;

  server_start (&lines.server, 1, NULL, serve_lines);
  fd = server_connect (&lines.server, 0);
  for (const char *at = text; *at != '\0'; at++)
    send_all (fd, at, 1);
  g_assert_true (counter_wait (&lines.count, 4));
  close (fd);
  g_assert_true (counter_wait (&lines.server.closed, 1));
  server_stop (&lines.server);
  g_assert_cmpstr (g_ptr_array_index (lines.lines, 2), ==, "three");
  g_assert_cmpstr (g_ptr_array_index (lines.lines, 3), ==, "four five six");
  g_ptr_array_unref (lines.lines);
}

static void
test_input_limit_closes (void)
{
  Lines lines = { .lines = g_ptr_array_new_with_free_func (g_free) };
  g_autofree char *text = g_strnfill (1001, 'x');
  int fd;

  server_start (&lines.server, 1, NULL, serve_lines);
  fd = server_connect (&lines.server, 0);
  send_all (fd, text, 1001);
  g_assert_true (counter_wait (&lines.server.closed, 1));
  g_assert_error (lines.server.error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
  close (fd);
  server_stop (&lines.server);
  g_ptr_array_unref (lines.lines);
}

/* Handing on */

typedef struct
{
  Server server; /* first */
  GString *first;
  GString *second;
  Counter count;
  gboolean later;
  LecternConnection *connection;
} Relay;

static gsize
second_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  Relay *self = user_data;

  g_string_append_len (self->second, (const char *) data, (gssize) length);
  counter_add (&self->count, (gint64) length);
  return length;
}

static const LecternConnectionHandler second_handler
    = { .input = second_input, .closed = note_closed };

static void
hand_on (gpointer data)
{
  Relay *self = data;

  lectern_connection_set_handler (self->connection, &second_handler, self);
}

static gsize
first_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  Relay *self = user_data;

  if (length < 4)
    return 0;
  if (self->connection == NULL)
    {
      g_string_append_len (self->first, (const char *) data, 4);
      self->connection = connection;
      if (self->later)
        lectern_reactor_post (lectern_connection_get_reactor (connection), hand_on, self, NULL);
      else
        hand_on (self);
      return 4;
    }
  return 0;
}

static const LecternConnectionHandler first_handler
    = { .input = first_input, .closed = note_closed };

static void
serve_relay (LecternConnection *connection, gpointer user_data)
{
  lectern_connection_set_handler (connection, &first_handler, user_data);
}

static void
check_hand_on (gboolean later)
{
  Relay relay = { .first = g_string_new (NULL), .second = g_string_new (NULL), .later = later };
  int fd;

  server_start (&relay.server, 1, NULL, serve_relay);
  fd = server_connect (&relay.server, 0);
  send_all (fd, "HEADrest", 8);
  g_assert_true (counter_wait (&relay.count, 4));
  send_all (fd, " more", 5);
  g_assert_true (counter_wait (&relay.count, 9));
  close (fd);
  g_assert_true (counter_wait (&relay.server.closed, 1));
  server_stop (&relay.server);
  g_assert_cmpstr (relay.first->str, ==, "HEAD");
  g_assert_cmpstr (relay.second->str, ==, "rest more");
  g_string_free (relay.first, TRUE);
  g_string_free (relay.second, TRUE);
}

static void
test_hands_on_with_leftover_bytes (void)
{
  check_hand_on (FALSE);
}

static void
test_hands_on_later_with_leftover_bytes (void)
{
  check_hand_on (TRUE);
}

/* Closing */

static gsize
close_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  Server *server = user_data;
  g_autoptr (GError) error
      = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "not wanted");

  g_assert_false (lectern_connection_is_closed (connection));
  lectern_connection_close (connection, error);
  lectern_connection_close (connection, NULL);
  lectern_connection_finish (connection);
  g_assert_true (lectern_connection_is_closed (connection));
  g_assert_cmpuint (lectern_connection_send (connection, "x", 1), ==, 1);
  g_assert_false (lectern_connection_write (connection, "x", 1));
  g_assert_cmpint (counter_get (&server->closed), ==, 0);
  return 0;
}

static const LecternConnectionHandler close_handler
    = { .input = close_input, .closed = note_closed };

static void
serve_close (LecternConnection *connection, gpointer user_data)
{
  lectern_connection_set_handler (connection, &close_handler, user_data);
}

static void
test_may_be_closed_inside_input (void)
{
  Server server = { .pool = NULL };
  int fd;

  server_start (&server, 1, NULL, serve_close);
  fd = server_connect (&server, 0);
  send_all (fd, "hello", 5);
  g_assert_true (counter_wait (&server.closed, 1));
  g_assert_error (server.error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
  receive_end (fd);
  close (fd);
  server_stop (&server);
  g_assert_cmpint (counter_get (&server.closed), ==, 1);
}

static void
serve_nothing (LecternConnection *connection, gpointer user_data)
{
  counter_add (&((Server *) user_data)->served, 1);
}

static void
test_without_a_handler_is_closed (void)
{
  Server server = { .pool = NULL };
  int fd;

  server_start (&server, 1, NULL, serve_nothing);
  fd = server_connect (&server, 0);
  g_assert_true (receive_end (fd));
  close (fd);
  server_stop (&server);
}

static void
test_reactor_closes_its_connections (void)
{
  Sink sink = { .got = g_byte_array_new () };
  g_autoptr (GError) reason
      = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "maintenance");
  LecternReactor *reactor;
  int fds[3];

  server_start (&sink.server, 1, NULL, serve_sink);
  reactor = lectern_reactor_pool_get (sink.server.pool, 0);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = server_connect (&sink.server, 0);
  g_assert_true (counter_wait (&sink.server.served, 3));
  g_assert_cmpuint (lectern_reactor_get_connections (reactor), ==, 3);
  lectern_reactor_close_connections (reactor, reason);
  g_assert_true (counter_wait (&sink.server.closed, 3));
  g_assert_error (sink.server.error, LECTERN_ERROR, LECTERN_ERROR_CLOSED);
  g_assert_cmpstr (sink.server.error->message, ==, "maintenance");
  call_on (reactor, do_nothing, NULL);
  g_assert_cmpuint (lectern_reactor_get_connections (reactor), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  server_stop (&sink.server);
  g_byte_array_unref (sink.got);
}

static void
test_stopping_the_reactor_closes (void)
{
  Sink sink = { .got = g_byte_array_new () };
  int fd;

  server_start (&sink.server, 2, NULL, serve_sink);
  fd = server_connect (&sink.server, 0);
  g_assert_true (counter_wait (&sink.server.served, 1));
  lectern_reactor_pool_stop (sink.server.pool);
  g_assert_cmpint (counter_get (&sink.server.closed), ==, 1);
  g_assert_true (receive_end (fd));
  close (fd);
  server_stop (&sink.server);
  g_byte_array_unref (sink.got);
}

/* Finishing */

#define ANSWER_SIZE (200 * 1000)

static gsize
answer_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  g_autofree guint8 *answer = make_noise (ANSWER_SIZE);

  g_assert_true (lectern_connection_write (connection, answer, ANSWER_SIZE));
  lectern_connection_finish (connection);
  g_assert_false (lectern_connection_write (connection, answer, 1));
  /* The rest of the request stays unread: a plain close would reset the connection. */
  return 1;
}

static const LecternConnectionHandler answer_handler
    = { .input = answer_input, .closed = note_closed };

static void
serve_answer (LecternConnection *connection, gpointer user_data)
{
  const int small = 8 * 1024;

  /* Most of the answer has to wait. */
  setsockopt (connection->watch.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  lectern_connection_set_handler (connection, &answer_handler, user_data);
}

static void
test_finish_delivers_every_byte (void)
{
  Server server = { .pool = NULL };
  g_autofree guint8 *request = make_noise (50000);
  g_autofree guint8 *expected = make_noise (ANSWER_SIZE);
  g_autofree guint8 *answer = g_malloc (ANSWER_SIZE + 1);
  int fd;

  server_start (&server, 1, NULL, serve_answer);
  fd = server_connect (&server, 0);
  send_all (fd, request, 50000);
  g_assert_cmpuint (receive_all (fd, answer, ANSWER_SIZE + 1), ==, ANSWER_SIZE);
  g_assert_true (memcmp (answer, expected, ANSWER_SIZE) == 0);
  g_assert_true (receive_end (fd));
  close (fd);
  g_assert_true (counter_wait (&server.closed, 1));
  g_assert_no_error (server.error);
  server_stop (&server);
}

static void
test_finish_waits_at_most_two_seconds (void)
{
  Server server = { .pool = NULL };
  g_autofree guint8 *answer = g_malloc (ANSWER_SIZE);
  gint64 ended_us;
  int fd;

  server_start (&server, 1, NULL, serve_answer);
  fd = server_connect (&server, 0);
  send_all (fd, "xyz", 3);
  g_assert_cmpuint (receive_all (fd, answer, ANSWER_SIZE), ==, ANSWER_SIZE);
  g_assert_true (receive_end (fd));
  ended_us = g_get_monotonic_time ();
  g_assert_true (counter_wait (&server.closed, 1));
  g_assert_no_error (server.error);
  g_assert_cmpint (g_get_monotonic_time () - ended_us, <, 3 * G_USEC_PER_SEC);
  close (fd);
  server_stop (&server);
}

static void
test_half_closed_peer_gets_its_answer (void)
{
  Server server = { .pool = NULL };
  g_autofree guint8 *answer = g_malloc (ANSWER_SIZE + 1);
  int fd;

  server_start (&server, 1, NULL, serve_answer);
  fd = server_connect (&server, 0);
  send_all (fd, "xyz", 3);
  shutdown (fd, SHUT_WR);
  g_assert_cmpuint (receive_all (fd, answer, ANSWER_SIZE + 1), ==, ANSWER_SIZE);
  g_assert_true (counter_wait (&server.closed, 1));
  g_assert_no_error (server.error);
  close (fd);
  server_stop (&server);
}

/* Time and limits */

static const LecternConnectionHandler idle_handler = { .input = sink_input, .closed = note_closed };

static void
serve_idle (LecternConnection *connection, gpointer user_data)
{
  lectern_connection_set_handler (connection, &idle_handler, user_data);
  lectern_connection_set_idle_timeout (connection, 50000);
  counter_add (&((Server *) user_data)->served, 1);
}

static void
test_idle_time_out_closes (void)
{
  Sink sink = { .got = g_byte_array_new () };
  int fd;

  server_start (&sink.server, 1, NULL, serve_idle);
  fd = server_connect (&sink.server, 0);
  send_all (fd, "x", 1);
  g_assert_true (counter_wait (&sink.server.closed, 1));
  g_assert_error (sink.server.error, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT);
  close (fd);
  server_stop (&sink.server);
  g_byte_array_unref (sink.got);
}

typedef struct
{
  Server server; /* first */
  guint8 block[64 * 1024];
  gsize accepted;
} Flood;

static void
flood (LecternConnection *connection, gpointer user_data)
{
  Flood *self = user_data;

  for (;;)
    {
      gsize sent = lectern_connection_send (connection, self->block, sizeof self->block);

      self->accepted += sent;
      if (sent < sizeof self->block)
        break;
      if (lectern_connection_is_closed (connection))
        return;
    }
  g_assert_cmpuint (lectern_connection_send (connection, self->block, 1), ==, 0);
  g_assert_cmpuint (lectern_connection_get_pending (connection), <=, 16 * 1024);
}

static const LecternConnectionHandler flood_handler = { .writable = flood, .closed = note_closed };

static void
serve_flood (LecternConnection *connection, gpointer user_data)
{
  lectern_connection_set_handler (connection, &flood_handler, user_data);
  lectern_connection_set_stall_timeout (connection, 100000);
  flood (connection, user_data);
}

static void
test_stalled_peer_is_closed (void)
{
  g_autofree Flood *flooded = g_new0 (Flood, 1);
  int fd;

  server_start (&flooded->server, 1, NULL, serve_flood);
  fd = server_connect (&flooded->server, 0);
  g_assert_true (counter_wait (&flooded->server.closed, 1));
  g_assert_error (flooded->server.error, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT);
  close (fd);
  server_stop (&flooded->server);
}

static void
test_slow_peer_is_not_stalled (void)
{
  g_autofree Flood *flooded = g_new0 (Flood, 1);
  g_autofree guint8 *bytes = g_malloc (sizeof flooded->block);
  gint64 until_us;
  int fd;

  server_start (&flooded->server, 1, NULL, serve_flood);
  fd = server_connect (&flooded->server, 4096);
  /* Several stall times, a little at a time. */
  until_us = g_get_monotonic_time () + 500000;
  while (g_get_monotonic_time () < until_us)
    {
      g_assert_cmpuint (receive_all (fd, bytes, 4096), ==, 4096);
      g_usleep (5000);
    }
  g_assert_cmpint (counter_get (&flooded->server.closed), ==, 0);
  close (fd);
  g_assert_true (counter_wait (&flooded->server.closed, 1));
  server_stop (&flooded->server);
}

static void
serve_too_much (LecternConnection *connection, gpointer user_data)
{
  Flood *self = user_data;

  lectern_connection_set_handler (connection, &flood_handler, user_data);
  lectern_connection_set_output_limit (connection, 128 * 1024);
  while (lectern_connection_write (connection, self->block, sizeof self->block))
    g_assert_cmpuint (lectern_connection_get_pending (connection), <=, 128 * 1024);
  g_assert_true (lectern_connection_is_closed (connection));
}

static void
test_output_limit_closes (void)
{
  g_autofree Flood *flooded = g_new0 (Flood, 1);
  int fd;

  server_start (&flooded->server, 1, NULL, serve_too_much);
  fd = server_connect (&flooded->server, 0);
  g_assert_true (counter_wait (&flooded->server.closed, 1));
  g_assert_error (flooded->server.error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
  close (fd);
  server_stop (&flooded->server);
}

static void
test_reset_while_sending_is_no_signal (void)
{
  g_autofree Flood *flooded = g_new0 (Flood, 1);
  int fd;

  server_start (&flooded->server, 1, NULL, serve_flood);
  fd = server_connect (&flooded->server, 0);
  reset (fd);
  g_assert_true (counter_wait (&flooded->server.closed, 1));
  g_assert_error (flooded->server.error, LECTERN_ERROR, LECTERN_ERROR_CLOSED);
  server_stop (&flooded->server);
}

/* Size and counts */

static void
test_is_small (void)
{
  g_assert_cmpuint (sizeof (LecternConnection), <=, 400);
}

static gsize
name_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  const char *name = lectern_connection_get_peer_name (connection);

  g_assert_true (g_str_has_prefix (name, "127.0.0.1:"));
  g_assert_true (lectern_connection_get_peer_name (connection) == name);
  g_assert_false (lectern_connection_is_secure (connection));
  g_assert_cmpuint (lectern_connection_get_bytes_received (connection), ==, length);
  g_assert_true (lectern_connection_write (connection, "abc", 3));
  g_assert_cmpuint (lectern_connection_get_bytes_sent (connection), ==, 3);
  g_assert_cmpint (lectern_connection_get_accepted_us (connection), >, 0);
  lectern_connection_close (connection, NULL);
  return length;
}

static const LecternConnectionHandler name_handler = { .input = name_input, .closed = note_closed };

static void
serve_name (LecternConnection *connection, gpointer user_data)
{
  lectern_connection_set_handler (connection, &name_handler, user_data);
}

static void
test_knows_its_peer_and_counts (void)
{
  Server server = { .pool = NULL };
  char answer[4];
  int fd;

  server_start (&server, 1, NULL, serve_name);
  fd = server_connect (&server, 0);
  send_all (fd, "hello", 5);
  g_assert_cmpuint (receive_all (fd, answer, sizeof answer), ==, 3);
  close (fd);
  g_assert_true (counter_wait (&server.closed, 1));
  g_assert_no_error (server.error);
  server_stop (&server);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/connection/closes-in-order-when-the-peer-does",
                   test_closes_in_order_when_the_peer_does);
  g_test_add_func ("/net/connection/reports-a-reset", test_reports_a_reset);
  g_test_add_func ("/net/connection/echoes-through-small-sockets-by-send",
                   test_echoes_through_small_sockets_by_send);
  g_test_add_func ("/net/connection/echoes-through-small-sockets-by-write",
                   test_echoes_through_small_sockets_by_write);
  g_test_add_func ("/net/connection/offers-the-unconsumed-again-with-more",
                   test_offers_the_unconsumed_again_with_more);
  g_test_add_func ("/net/connection/input-limit-closes", test_input_limit_closes);
  g_test_add_func ("/net/connection/hands-on-with-leftover-bytes",
                   test_hands_on_with_leftover_bytes);
  g_test_add_func ("/net/connection/hands-on-later-with-leftover-bytes",
                   test_hands_on_later_with_leftover_bytes);
  g_test_add_func ("/net/connection/may-be-closed-inside-input", test_may_be_closed_inside_input);
  g_test_add_func ("/net/connection/without-a-handler-is-closed", test_without_a_handler_is_closed);
  g_test_add_func ("/net/connection/reactor-closes-its-connections",
                   test_reactor_closes_its_connections);
  g_test_add_func ("/net/connection/stopping-the-reactor-closes", test_stopping_the_reactor_closes);
  g_test_add_func ("/net/connection/finish-delivers-every-byte", test_finish_delivers_every_byte);
  g_test_add_func ("/net/connection/finish-waits-at-most-two-seconds",
                   test_finish_waits_at_most_two_seconds);
  g_test_add_func ("/net/connection/half-closed-peer-gets-its-answer",
                   test_half_closed_peer_gets_its_answer);
  g_test_add_func ("/net/connection/idle-time-out-closes", test_idle_time_out_closes);
  g_test_add_func ("/net/connection/stalled-peer-is-closed", test_stalled_peer_is_closed);
  g_test_add_func ("/net/connection/slow-peer-is-not-stalled", test_slow_peer_is_not_stalled);
  g_test_add_func ("/net/connection/output-limit-closes", test_output_limit_closes);
  g_test_add_func ("/net/connection/reset-while-sending-is-no-signal",
                   test_reset_while_sending_is_no_signal);
  g_test_add_func ("/net/connection/is-small", test_is_small);
  g_test_add_func ("/net/connection/knows-its-peer-and-counts", test_knows_its_peer_and_counts);
  return g_test_run ();
}
