/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net-fixture.h"

#include "base/lectern-metrics.h"
#include "net/lectern-buffer.h"
#include "net/lectern-connection-private.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <time.h>

static gint warnings_expected; /* atomic */
static Counter warnings;

/* Warnings are counted where they are expected; elsewhere they end the test. */
static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  if (!(level & G_LOG_LEVEL_WARNING) || !g_atomic_int_get (&warnings_expected))
    return g_log_writer_default (level, fields, n_fields, user_data);
  counter_add (&warnings, 1);
  return G_LOG_WRITER_HANDLED;
}

static void
serve_counted (LecternConnection *connection, gpointer user_data)
{
  serve_echo (connection, user_data);
  counter_add (&((Server *) user_data)->served, 1);
}

static gint64
count_rejected (const char *reason)
{
  return lectern_metric_get (lectern_metrics_get_counter (
      "lectern_rejected_total", "Connections turned away", "reason", reason));
}

static void
check_echo (int fd)
{
  char answer[5] = "";

  send_all (fd, "ping", 4);
  g_assert_cmpuint (receive_all (fd, answer, 4), ==, 4);
  g_assert_cmpstr (answer, ==, "ping");
}

static void
test_names_the_port_and_its_holder (void)
{
  Server server = { .pool = NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *port = NULL;
  g_autofree char *pid = g_strdup_printf ("pid %d", (int) getpid ());
  LecternListener *second;
  Counter freed = { .value = 0 };

  server_start (&server, 1, NULL, serve_counted);
  port = g_strdup_printf ("port %u ", lectern_listener_get_address (server.listener)->port);
  second = lectern_listener_new (lectern_listener_get_address (server.listener), server.pool, NULL,
                                 NULL, serve_counted, &freed, NULL, &error);
  g_assert_null (second);
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT);
  g_assert_nonnull (strstr (error->message, "127.0.0.1:"));
  g_assert_nonnull (strstr (error->message, port));
  g_assert_nonnull (strstr (error->message, pid));
  server_stop (&server);
}

static void
test_refuses_a_foreign_address (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LecternReactorPool) pool = lectern_reactor_pool_new (1, NULL);
  LecternAddress address;

  g_assert_true (lectern_address_parse ("192.0.2.1:0", &address, NULL));
  g_assert_null (
      lectern_listener_new (&address, pool, NULL, NULL, serve_counted, NULL, NULL, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_FAILED);
}

static void
test_spreads_evenly (void)
{
  Server server = { .pool = NULL };
  int fds[40];

  server_start (&server, 2, NULL, serve_counted);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = server_connect (&server, 0);
  g_assert_true (counter_wait (&server.served, G_N_ELEMENTS (fds)));
  for (guint i = 0; i < 2; i++)
    g_assert_cmpuint (lectern_reactor_get_connections (lectern_reactor_pool_get (server.pool, i)),
                      ==, 20);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  g_assert_true (counter_wait (&server.closed, G_N_ELEMENTS (fds)));
  server_stop (&server);
}

static void
count_freed (gpointer data)
{
  g_assert_null (lectern_reactor_get_current ());
  counter_add (data, 1);
}

static void
serve_without_data (LecternConnection *connection, gpointer user_data)
{
}

static void
test_stop_frees_the_port_at_once (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LecternReactorPool) pool = lectern_reactor_pool_new (1, &error);
  Counter freed = { .value = 0 };
  LecternAddress address;

  g_assert_true (lectern_address_parse ("127.0.0.1:0", &address, NULL));
  for (guint i = 0; i < 20; i++)
    {
      LecternListener *listener = lectern_listener_new (
          &address, pool, NULL, NULL, serve_without_data, &freed, count_freed, &error);

      g_assert_no_error (error);
      address = *lectern_listener_get_address (listener);
      close (connect_to (&address, 0));
      lectern_listener_stop (listener);
      lectern_listener_stop (listener);
      g_object_unref (listener);
    }
  lectern_reactor_pool_stop (pool);
  while (counter_get (&freed) < 20)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_any_address_serves_both_families (void)
{
  Server server = { .pool = NULL };
  LecternAddress address;
  guint16 port;
  int fd;

  server.pool = lectern_reactor_pool_new (1, NULL);
  g_assert_true (lectern_address_parse ("*:0", &address, NULL));
  server.listener = lectern_listener_new (&address, server.pool, NULL, NULL, serve_counted, &server,
                                          NULL, NULL);
  g_assert_nonnull (server.listener);
  port = lectern_listener_get_address (server.listener)->port;
  g_assert_cmpuint (port, !=, 0);
  g_assert_true (lectern_address_parse ("127.0.0.1:0", &address, NULL));
  address.port = port;
  fd = connect_to (&address, 0);
  check_echo (fd);
  close (fd);
  g_assert_true (counter_wait (&server.closed, 1));
  server_stop (&server);
}

static int
get_option (int fd, int level, int option)
{
  int value = -1;
  socklen_t size = sizeof value;

  g_assert_cmpint (getsockopt (fd, level, option, &value, &size), ==, 0);
  return value;
}

static void
serve_checked (LecternConnection *connection, gpointer user_data)
{
  int fd = connection->watch.fd;

  g_assert_cmpint (get_option (fd, IPPROTO_TCP, TCP_NODELAY), !=, 0);
  g_assert_cmpint (get_option (fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), ==, 128 * 1024);
  g_assert_cmpint (fcntl (fd, F_GETFL) & O_NONBLOCK, !=, 0);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, !=, 0);
  serve_counted (connection, user_data);
}

static void
test_accepted_sockets_are_set_up (void)
{
  Server server = { .pool = NULL };
  int fd;

  server_start (&server, 1, NULL, serve_checked);
  fd = server_connect (&server, 0);
  check_echo (fd);
  close (fd);
  server_stop (&server);
}

static void
test_gate_turns_away_before_serving (void)
{
  Server server = { .gate = lectern_gate_new (2, 0, 0) };
  gint64 before = count_rejected ("address");
  int fds[3];

  server_start (&server, 1, NULL, serve_counted);
  fds[0] = server_connect (&server, 0);
  fds[1] = server_connect (&server, 0);
  g_assert_true (counter_wait (&server.served, 2));
  fds[2] = server_connect (&server, 0);
  receive_end (fds[2]);
  g_assert_cmpint (count_rejected ("address"), ==, before + 1);
  close (fds[2]);
  close (fds[1]);
  g_assert_true (counter_wait (&server.closed, 1));
  /* The place is given back right after `closed`. */
  call_on (lectern_reactor_pool_get (server.pool, 0), do_nothing, NULL);
  fds[1] = server_connect (&server, 0);
  check_echo (fds[1]);
  check_echo (fds[0]);
  close (fds[0]);
  close (fds[1]);
  server_stop (&server);
}

/* Descriptors run out (O-01) */

#define CLIENTS 30

static void
measure_cpu (gpointer data)
{
  struct timespec spent;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &spent);
  *(gint64 *) data = spent.tv_sec * G_USEC_PER_SEC + spent.tv_nsec / 1000;
}

static gint64
get_cpu_us (LecternReactor *reactor)
{
  gint64 cpu_us;

  call_on (reactor, measure_cpu, &cpu_us);
  return cpu_us;
}

static void
start_connecting (int fd, const LecternAddress *address)
{
  struct sockaddr_storage name;
  socklen_t size = lectern_address_to_socket (address, &name);

  g_assert_cmpint (connect (fd, (struct sockaddr *) &name, size), ==, 0);
}

static void
limit_descriptors (rlim_t limit)
{
  struct rlimit now;

  getrlimit (RLIMIT_NOFILE, &now);
  now.rlim_cur = MIN (limit, now.rlim_max);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &now), ==, 0);
}

static void
test_outlives_running_out_of_descriptors (void)
{
  Server server = { .pool = NULL };
  gint64 before = count_rejected ("descriptors");
  gint64 cpu_us, begin_us, shed;
  LecternReactor *reactor;
  struct rlimit limit;
  int fds[CLIENTS];
  int first;

  g_atomic_int_set (&warnings_expected, 1);
  getrlimit (RLIMIT_NOFILE, &limit);
  server_start (&server, 1, NULL, serve_counted);
  reactor = lectern_reactor_pool_get (server.pool, 0);
  first = server_connect (&server, 0);
  check_echo (first);
  for (guint i = 0; i < CLIENTS; i++)
    fds[i] = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  limit_descriptors ((rlim_t) fds[CLIENTS - 1] + 6);
  for (guint i = 0; i < CLIENTS; i++)
    start_connecting (fds[i], lectern_listener_get_address (server.listener));
  g_assert_true (counter_wait (&warnings, 1));

  cpu_us = get_cpu_us (reactor);
  begin_us = g_get_monotonic_time ();
  while (g_get_monotonic_time () - begin_us < 700000)
    g_usleep (50000);
  g_assert_cmpint (get_cpu_us (reactor) - cpu_us, <, 35000);
  check_echo (first);
  g_assert_cmpint (counter_get (&warnings), ==, 1);
  g_assert_cmpint (counter_get (&server.served), <, CLIENTS / 2);
  shed = count_rejected ("descriptors") - before;
  g_assert_cmpint (shed, >=, 1);

  limit_descriptors (limit.rlim_cur);
  begin_us = g_get_monotonic_time ();
  /* The first, and all that were not shed; one more may have been in the meantime. */
  g_assert_true (counter_wait (&server.served, CLIENTS - shed));
  /* 200 ms; the rest is for a busy machine. */
  g_assert_cmpint (g_get_monotonic_time () - begin_us, <, 2 * G_USEC_PER_SEC);
  check_echo (first);
  for (guint i = 0; i < CLIENTS; i++)
    close (fds[i]);
  close (first);
  server_stop (&server);
  g_atomic_int_set (&warnings_expected, 0);
}

/* The buffer behind connections */

static void
test_buffer_keeps_order (void)
{
  LecternBuffer buffer = { .data = NULL };
  guint8 bytes[1000];
  guint8 in = 0;
  guint8 out = 0;

  for (guint round = 0; round < 500; round++)
    {
      gsize length = (round * 37) % sizeof bytes;
      gsize take;

      for (gsize i = 0; i < length; i++)
        bytes[i] = in++;
      lectern_buffer_append (&buffer, bytes, length);
      take = (round * 31) % 900;
      take = MIN (take, buffer.size);
      for (gsize i = 0; i < take; i++)
        g_assert_cmpuint (lectern_buffer_peek (&buffer)[i], ==, out++);
      lectern_buffer_consume (&buffer, take);
      g_assert_cmpuint (buffer.allocated, <=, MAX (4 * buffer.size, 64 * 1024));
    }
  lectern_buffer_consume (&buffer, buffer.size);
  g_assert_null (buffer.data);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_writer_func (write_log, NULL, NULL);
  g_test_add_func ("/net/listener/names-the-port-and-its-holder",
                   test_names_the_port_and_its_holder);
  g_test_add_func ("/net/listener/refuses-a-foreign-address", test_refuses_a_foreign_address);
  g_test_add_func ("/net/listener/spreads-evenly", test_spreads_evenly);
  g_test_add_func ("/net/listener/stop-frees-the-port-at-once", test_stop_frees_the_port_at_once);
  g_test_add_func ("/net/listener/any-address-serves-both-families",
                   test_any_address_serves_both_families);
  g_test_add_func ("/net/listener/accepted-sockets-are-set-up", test_accepted_sockets_are_set_up);
  g_test_add_func ("/net/listener/gate-turns-away-before-serving",
                   test_gate_turns_away_before_serving);
  g_test_add_func ("/net/listener/outlives-running-out-of-descriptors",
                   test_outlives_running_out_of_descriptors);
  g_test_add_func ("/net/buffer/keeps-order", test_buffer_keeps_order);
  return g_test_run ();
}
