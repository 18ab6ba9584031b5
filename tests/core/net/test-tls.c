/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tls-fixture.h"

#include "base/lectern-clock.h"
#include "base/lectern-metrics.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

/* Client */

typedef struct
{
  SSL_CTX *context;
  SSL *ssl;
  int fd;
} Client;

static void
client_prepare (Client *self, int fd, int version, SSL_SESSION *session)
{
  self->context = SSL_CTX_new (TLS_client_method ());
  if (version != 0)
    {
      SSL_CTX_set_min_proto_version (self->context, version);
      SSL_CTX_set_max_proto_version (self->context, version);
    }
  SSL_CTX_set_mode (self->context,
                    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  self->ssl = SSL_new (self->context);
  self->fd = fd;
  SSL_set_fd (self->ssl, fd);
  if (session != NULL)
    SSL_set_session (self->ssl, session);
}

static void
client_connect (Client *self, Server *server, int version)
{
  gint64 begin_us = g_get_monotonic_time ();
  int result;

  client_prepare (self, server_connect (server, 0), version, NULL);
  result = SSL_connect (self->ssl);
  if (result != 1)
    g_printerr ("no handshake: error %d, errno %d, after %" G_GINT64_FORMAT " us\n",
                SSL_get_error (self->ssl, result), errno, g_get_monotonic_time () - begin_us);
  g_assert_cmpint (result, ==, 1);
}

static void
client_close (Client *self)
{
  SSL_free (self->ssl);
  SSL_CTX_free (self->context);
  close (self->fd);
}

static char *
client_get_peer (Client *self)
{
  X509 *certificate = SSL_get1_peer_certificate (self->ssl);
  char name[64] = "";

  X509_NAME_get_text_by_NID (X509_get_subject_name (certificate), NID_commonName, name,
                             sizeof name);
  X509_free (certificate);
  return g_strdup (name);
}

static char *
get_offered (Server *server)
{
  Client client;
  char *name;

  client_connect (&client, server, 0);
  name = client_get_peer (&client);
  client_close (&client);
  return name;
}

static void
check_alive (Client *client)
{
  char answer[5] = "";

  g_assert_cmpint (SSL_write (client->ssl, "ping", 4), ==, 4);
  g_assert_cmpint (SSL_read (client->ssl, answer, 4), ==, 4);
  g_assert_cmpstr (answer, ==, "ping");
}

/* Writes and reads as the socket allows, so that neither side waits for the other for ever. */
static void
client_exchange (Client *self, const guint8 *out, guint8 *in, gsize size)
{
  gsize written = 0;
  gsize read = 0;

  BIO_socket_nbio (self->fd, 1);
  while (read < size)
    {
      struct pollfd poll_fd = { .fd = self->fd, .events = POLLIN };
      gsize n;

      if (written < size && SSL_write_ex (self->ssl, out + written, size - written, &n) == 1)
        written += n;
      else if (written < size)
        poll_fd.events |= POLLOUT;
      if (SSL_read_ex (self->ssl, in + read, size - read, &n) == 1)
        {
          read += n;
          continue;
        }
      g_assert_cmpint (SSL_get_error (self->ssl, 0), ==, SSL_ERROR_WANT_READ);
      g_assert_cmpint (poll (&poll_fd, 1, PATIENCE_US / 1000), >, 0);
    }
}

/* Echo */

#define ECHO_SIZE (3 * 1000 * 1000)

static void
check_echo (int version, LecternListenerFunc serve)
{
  Server server = { .pool = NULL };
  Files files;
  g_autoptr (LecternTls) tls = new_tls (&files, "echo");
  g_autofree guint8 *sent = make_noise (ECHO_SIZE);
  g_autofree guint8 *received = g_malloc (ECHO_SIZE);
  Client client;

  server_start (&server, 1, tls, serve);
  client_prepare (&client, server_connect (&server, 8 * 1024), version, NULL);
  g_assert_cmpint (SSL_connect (client.ssl), ==, 1);
  g_assert_cmpint (SSL_version (client.ssl), ==, version);
  client_exchange (&client, sent, received, ECHO_SIZE);
  g_assert_true (memcmp (sent, received, ECHO_SIZE) == 0);
  SSL_shutdown (client.ssl);
  client_close (&client);
  g_assert_true (counter_wait (&server.closed, 1));
  g_assert_no_error (server.error);
  server_stop (&server);
  files_clear (&files);
}

static void
test_echoes_1_2 (void)
{
  check_echo (TLS1_2_VERSION, serve_echo);
}

static void
test_echoes_1_3 (void)
{
  check_echo (TLS1_3_VERSION, serve_echo);
}

static void
test_echoes_what_was_kept (void)
{
  check_echo (TLS1_3_VERSION, serve_copy);
}

/* The server sends without being asked, through a socket that is often full. */

#define PUSH_SIZE (4 * 1000 * 1000)

typedef struct
{
  Server server; /* first */
  guint8 *bytes;
  gsize position;
} Push;

static void
push (LecternConnection *connection, gpointer user_data)
{
  Push *self = user_data;

  while (self->position < PUSH_SIZE)
    {
      /* Copied, so that the sanitizer sees when a record is sent again from the caller's memory. */
      gsize length = MIN (50000, PUSH_SIZE - self->position);
      g_autofree guint8 *copy = g_memdup2 (self->bytes + self->position, length);
      gsize sent = lectern_connection_send (connection, copy, length);

      self->position += sent;
      g_assert_cmpuint (lectern_connection_get_pending (connection), <=, 16384);
      if (sent < length)
        return;
    }
  lectern_connection_finish (connection);
}

static const LecternConnectionHandler push_handler = { .writable = push, .closed = note_closed };

static void
serve_push (LecternConnection *connection, gpointer user_data)
{
  g_assert_true (lectern_connection_is_secure (connection));
  lectern_connection_set_handler (connection, &push_handler, user_data);
  push (connection, user_data);
}

static void
test_sends_whole_and_ends_in_order (void)
{
  Push pushed = { .bytes = make_noise (PUSH_SIZE) };
  Files files;
  g_autoptr (LecternTls) tls = new_tls (&files, "push");
  g_autofree guint8 *received = g_malloc (PUSH_SIZE);
  Client client;
  gsize size = 0;
  gsize n;

  server_start (&pushed.server, 1, tls, serve_push);
  client_prepare (&client, server_connect (&pushed.server, 8 * 1024), 0, NULL);
  g_assert_cmpint (SSL_connect (client.ssl), ==, 1);
  while (size < PUSH_SIZE && SSL_read_ex (client.ssl, received + size, PUSH_SIZE - size, &n) == 1)
    size += n;
  g_assert_cmpuint (size, ==, PUSH_SIZE);
  g_assert_true (memcmp (received, pushed.bytes, PUSH_SIZE) == 0);
  g_assert_cmpint (SSL_read_ex (client.ssl, received, 1, &n), ==, 0);
  g_assert_cmpint (SSL_get_error (client.ssl, 0), ==, SSL_ERROR_ZERO_RETURN);
  client_close (&client);
  g_assert_true (counter_wait (&pushed.server.closed, 1));
  g_assert_no_error (pushed.server.error);
  server_stop (&pushed.server);
  files_clear (&files);
  g_free (pushed.bytes);
}

/* Unkind peers */

#define SILENT 300
#define HALF 150
#define SHAKING 50

static GBytes *
make_hello (void)
{
  Client client;
  BIO *out = BIO_new (BIO_s_mem ());
  char *data;
  long size;
  GBytes *hello;

  client.context = SSL_CTX_new (TLS_client_method ());
  client.ssl = SSL_new (client.context);
  SSL_set_bio (client.ssl, BIO_new (BIO_s_mem ()), out);
  g_assert_cmpint (SSL_connect (client.ssl), ==, -1);
  size = BIO_get_mem_data (out, &data);
  hello = g_bytes_new (data, (gsize) size);
  SSL_free (client.ssl);
  SSL_CTX_free (client.context);
  return hello;
}

static void
allow_descriptors (void)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit.rlim_cur = MIN (limit.rlim_max, 4096);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
}

static void
test_unkind_peers_delay_nobody (void)
{
  Server server = { .pool = NULL };
  Files files;
  g_autoptr (LecternTls) tls = new_tls (&files, "honest");
  g_autoptr (GBytes) hello = make_hello ();
  int fds[SILENT + HALF + SHAKING];
  gint64 begin_us;
  Client client;

  allow_descriptors ();
  server_start (&server, 1, tls, serve_echo);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      fds[i] = server_connect (&server, 0);
      if (i >= SILENT)
        send_all (fds[i], g_bytes_get_data (hello, NULL),
                  i < SILENT + HALF ? 100 : g_bytes_get_size (hello));
    }
  begin_us = g_get_monotonic_time ();
  client_connect (&client, &server, 0);
  check_alive (&client);
  begin_us = g_get_monotonic_time () - begin_us;
  g_test_message ("honest handshake: %" G_GINT64_FORMAT " us", begin_us);
  g_assert_cmpint (begin_us, <, 2 * G_USEC_PER_SEC);
  client_close (&client);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  server_stop (&server);
  files_clear (&files);
}

static gint64
count_rejected (void)
{
  return lectern_metric_get (lectern_metrics_get_counter (
      "lectern_rejected_total", "Connections turned away", "reason", "tls"));
}

static void
test_garbage_is_turned_away (void)
{
  Server server = { .pool = NULL };
  Files files;
  g_autoptr (LecternTls) tls = new_tls (&files, "strict");
  g_autofree char *garbage = g_strnfill (1000, 'x');
  gint64 before = count_rejected ();
  char answer[100];
  int fd;

  server_start (&server, 1, tls, serve_echo);
  fd = server_connect (&server, 0);
  send_all (fd, garbage, 1000);
  /* An alert at most. */
  g_assert_cmpuint (receive_all (fd, answer, sizeof answer), <, 20);
  close (fd);
  server_stop (&server);
  g_assert_cmpint (count_rejected (), ==, before + 1);
  files_clear (&files);
}

static gint jump_s; /* atomic */

static gint64
get_jumped_time (void)
{
  return g_get_monotonic_time () + g_atomic_int_get (&jump_s) * G_USEC_PER_SEC;
}

static void
test_handshake_has_five_seconds (void)
{
  Server server = { .pool = NULL };
  Files files;
  g_autoptr (LecternTls) tls = new_tls (&files, "patient");
  gint64 before = count_rejected ();
  Client client;
  int fd;

  lectern_clock_set_for_test (get_jumped_time, NULL);
  server_start (&server, 1, tls, serve_echo);
  fd = server_connect (&server, 0);
  client_connect (&client, &server, 0);
  g_atomic_int_set (&jump_s, 4);
  check_alive (&client);
  g_assert_cmpint (count_rejected (), ==, before);
  g_atomic_int_set (&jump_s, 6);
  lectern_reactor_post (lectern_reactor_pool_get (server.pool, 0), do_nothing, NULL, NULL);
  g_assert_true (receive_end (fd));
  g_assert_cmpint (count_rejected (), ==, before + 1);
  check_alive (&client);
  client_close (&client);
  close (fd);
  server_stop (&server);
  lectern_clock_set_for_test (NULL, NULL);
  files_clear (&files);
}

/* Reloading */

static void
test_reload_serves_the_new_and_keeps_the_old (void)
{
  Server server = { .pool = NULL };
  Files files;
  g_autoptr (LecternTls) tls = new_tls (&files, "first");
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL;
  Client old;

  server_start (&server, 1, tls, serve_echo);
  client_connect (&old, &server, 0);
  write_pair (&files, "second", -DAY, DAY);
  g_assert_true (lectern_tls_reload (tls, &error));
  g_assert_no_error (error);
  name = get_offered (&server);
  g_assert_cmpstr (name, ==, "second");
  check_alive (&old);
  name = (g_free (name), client_get_peer (&old));
  g_assert_cmpstr (name, ==, "first");
  client_close (&old);
  server_stop (&server);
  files_clear (&files);
}

static void
check_refused (LecternTls *tls, Files *files, const char *text)
{
  g_autoptr (GError) error = NULL;
  LecternTls *fresh;

  g_assert_false (lectern_tls_reload (tls, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG);
  g_assert_nonnull (strstr (error->message, text));
  g_clear_error (&error);
  fresh = lectern_tls_new (files->certificate, files->key, &error);
  g_assert_null (fresh);
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG);
}

static void
test_wrong_pairs_are_refused_and_the_old_stays (void)
{
  Server server = { .pool = NULL };
  Files files;
  g_autoptr (LecternTls) tls = new_tls (&files, "good");
  g_autofree char *name = NULL;
  EVP_PKEY *other = EVP_EC_gen ("P-256");

  server_start (&server, 1, tls, serve_echo);
  write_key (files.key, other, 0600);
  check_refused (tls, &files, "key");
  write_pair (&files, "expired", -2 * DAY, -DAY);
  check_refused (tls, &files, "expired");
  write_pair (&files, "open", -DAY, DAY);
  g_assert_cmpint (g_chmod (files.key, 0644), ==, 0);
  check_refused (tls, &files, "open to everybody");
  g_assert_cmpint (g_chmod (files.key, 0600), ==, 0);
  g_assert_true (g_file_set_contents (files.certificate, "nonsense", -1, NULL));
  check_refused (tls, &files, "certificate");
  g_assert_cmpint (g_unlink (files.certificate), ==, 0);
  check_refused (tls, &files, "certificate");
  g_assert_cmpint (g_unlink (files.key), ==, 0);
  check_refused (tls, &files, "key");
  name = get_offered (&server);
  g_assert_cmpstr (name, ==, "good");
  EVP_PKEY_free (other);
  server_stop (&server);
  files_clear (&files);
}

/* Warnings are expected here and counted; elsewhere they end the test. */
static gint warnings_expected; /* atomic */
static Counter warnings;
static Counter messages;

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  if ((level & G_LOG_LEVEL_MESSAGE) && g_atomic_int_get (&warnings_expected))
    counter_add (&messages, 1);
  if (!(level & G_LOG_LEVEL_WARNING) || !g_atomic_int_get (&warnings_expected))
    return g_log_writer_default (level, fields, n_fields, user_data);
  counter_add (&warnings, 1);
  return G_LOG_WRITER_HANDLED;
}

static void
run_until (Counter *counter, gint64 value)
{
  gint64 until_us = g_get_monotonic_time () + PATIENCE_US;

  while (counter_get (counter) < value && g_get_monotonic_time () < until_us)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (counter_get (counter), ==, value);
}

static void
test_watch_takes_up_changes (void)
{
  Server server = { .pool = NULL };
  Files files;
  g_autoptr (LecternTls) tls = new_tls (&files, "before");
  g_autofree char *name = NULL;
  gint64 begin_us;
  Client old;

  g_atomic_int_set (&warnings_expected, 1);
  server_start (&server, 1, tls, serve_echo);
  client_connect (&old, &server, 0);
  lectern_tls_watch (tls);
  lectern_tls_watch (tls);

  write_pair (&files, "after", -DAY, DAY);
  begin_us = g_get_monotonic_time ();
  run_until (&messages, 1);
  g_assert_cmpint (g_get_monotonic_time () - begin_us, <, 2 * G_USEC_PER_SEC);
  name = get_offered (&server);
  g_assert_cmpstr (name, ==, "after");
  check_alive (&old);

  write_pair (&files, "late", -2 * DAY, -DAY);
  run_until (&warnings, 1);
  name = (g_free (name), get_offered (&server));
  g_assert_cmpstr (name, ==, "after");
  check_alive (&old);

  client_close (&old);
  server_stop (&server);
  g_atomic_int_set (&warnings_expected, 0);
  files_clear (&files);
}

/* Sessions and protocols */

static SSL_SESSION *latest_session;

static int
keep_session (SSL *ssl, SSL_SESSION *session)
{
  SSL_SESSION_free (latest_session);
  latest_session = session;
  return 1;
}

static gboolean
connect_again (Server *server, int version)
{
  SSL_SESSION *session = g_steal_pointer (&latest_session);
  gboolean reused;
  Client client;

  client_prepare (&client, server_connect (server, 0), version, session);
  SSL_CTX_set_session_cache_mode (client.context,
                                  SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb (client.context, keep_session);
  g_assert_cmpint (SSL_connect (client.ssl), ==, 1);
  check_alive (&client);
  reused = SSL_session_reused (client.ssl);
  SSL_shutdown (client.ssl);
  client_close (&client);
  /* TLS 1.2 gives no new ticket to one that is still good. */
  if (latest_session == NULL)
    latest_session = session;
  else
    SSL_SESSION_free (session);
  return reused;
}

static void
check_tickets (int version)
{
  Server server = { .pool = NULL };
  Files files;
  g_autoptr (LecternTls) tls = new_tls (&files, "ticket");
  g_autoptr (GError) error = NULL;

  server_start (&server, 1, tls, serve_echo);
  g_assert_false (connect_again (&server, version));
  g_assert_true (connect_again (&server, version));
  write_pair (&files, "renewed", -DAY, DAY);
  g_assert_true (lectern_tls_reload (tls, &error));
  g_assert_true (connect_again (&server, version));
  g_clear_pointer (&latest_session, SSL_SESSION_free);
  server_stop (&server);
  files_clear (&files);
}

static void
test_tickets_outlive_a_reload (void)
{
  check_tickets (TLS1_2_VERSION);
  check_tickets (TLS1_3_VERSION);
}

static char *
get_chosen_protocol (Server *server, const char *offered)
{
  const unsigned char *chosen;
  unsigned length;
  Client client;
  char *copy;

  client_prepare (&client, server_connect (server, 0), 0, NULL);
  SSL_set_alpn_protos (client.ssl, (const guint8 *) offered, (unsigned) strlen (offered));
  g_assert_cmpint (SSL_connect (client.ssl), ==, 1);
  SSL_get0_alpn_selected (client.ssl, &chosen, &length);
  copy = chosen != NULL ? g_strndup ((const char *) chosen, length) : NULL;
  check_alive (&client);
  client_close (&client);
  return copy;
}

static void
test_chooses_http_1_1 (void)
{
  Server server = { .pool = NULL };
  Files files;
  g_autoptr (LecternTls) tls = new_tls (&files, "protocol");
  g_autofree char *both = NULL;
  g_autofree char *other = NULL;

  server_start (&server, 1, tls, serve_echo);
  both = get_chosen_protocol (&server, "\x02h2\x08http/1.1");
  g_assert_cmpstr (both, ==, "http/1.1");
  other = get_chosen_protocol (&server, "\x02h2");
  g_assert_null (other);
  server_stop (&server);
  files_clear (&files);
}

static void
test_refuses_tls_1_1 (void)
{
  Server server = { .pool = NULL };
  Files files;
  g_autoptr (LecternTls) tls = new_tls (&files, "modern");
  Client client;

  server_start (&server, 1, tls, serve_echo);
  client_prepare (&client, server_connect (&server, 0), TLS1_1_VERSION, NULL);
  SSL_set_security_level (client.ssl, 0);
  g_assert_cmpint (SSL_connect (client.ssl), !=, 1);
  client_close (&client);
  server_stop (&server);
  files_clear (&files);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_writer_func (write_log, NULL, NULL);
  /* The client's own writes, not the server's. */
  signal (SIGPIPE, SIG_IGN);
  g_test_add_func ("/net/tls/echoes-1.2", test_echoes_1_2);
  g_test_add_func ("/net/tls/echoes-1.3", test_echoes_1_3);
  g_test_add_func ("/net/tls/echoes-what-was-kept", test_echoes_what_was_kept);
  g_test_add_func ("/net/tls/sends-whole-and-ends-in-order", test_sends_whole_and_ends_in_order);
  g_test_add_func ("/net/tls/unkind-peers-delay-nobody", test_unkind_peers_delay_nobody);
  g_test_add_func ("/net/tls/garbage-is-turned-away", test_garbage_is_turned_away);
  g_test_add_func ("/net/tls/handshake-has-five-seconds", test_handshake_has_five_seconds);
  g_test_add_func ("/net/tls/reload-serves-the-new-and-keeps-the-old",
                   test_reload_serves_the_new_and_keeps_the_old);
  g_test_add_func ("/net/tls/wrong-pairs-are-refused-and-the-old-stays",
                   test_wrong_pairs_are_refused_and_the_old_stays);
  g_test_add_func ("/net/tls/watch-takes-up-changes", test_watch_takes_up_changes);
  g_test_add_func ("/net/tls/tickets-outlive-a-reload", test_tickets_outlive_a_reload);
  g_test_add_func ("/net/tls/chooses-http-1.1", test_chooses_http_1_1);
  g_test_add_func ("/net/tls/refuses-1.1", test_refuses_tls_1_1);
  return g_test_run ();
}
