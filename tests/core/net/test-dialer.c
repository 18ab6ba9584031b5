/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls to servers on the loopback, under names that this program resolves itself. */
#include "tls-fixture.h"

#include "net/lectern-dialer.h"

#include <netdb.h>

/* The name server */

static Counter slow_names;
static Counter released;

static const struct
{
  const char *name;
  const char *addresses[4];
} names[] = {
  { "one.test", { "127.0.0.1" } },
  { "three.test", { "127.0.0.2", "127.0.0.3", "127.0.0.1" } },
  { "slow.test", { "127.0.0.1" } },
};

static struct addrinfo *
make_info (const char *ip)
{
  struct
  {
    struct addrinfo info;
    struct sockaddr_in name;
  } *made = g_malloc0 (sizeof *made);

  made->name.sin_family = AF_INET;
  g_assert_cmpint (inet_pton (AF_INET, ip, &made->name.sin_addr), ==, 1);
  made->info.ai_family = AF_INET;
  made->info.ai_addr = (struct sockaddr *) &made->name;
  made->info.ai_addrlen = sizeof made->name;
  return &made->info;
}

void
freeaddrinfo (struct addrinfo *first)
{
  while (first != NULL)
    {
      struct addrinfo *next = first->ai_next;

      g_free (first);
      first = next;
    }
}

int
getaddrinfo (const char *node, const char *service, const struct addrinfo *hints,
             struct addrinfo **found)
{
  struct in_addr ip;

  if (inet_pton (AF_INET, node, &ip) == 1)
    {
      *found = make_info (node);
      return 0;
    }
  if (hints->ai_flags & AI_NUMERICHOST)
    return EAI_NONAME;
  if (g_str_equal (node, "slow.test"))
    {
      counter_add (&slow_names, 1);
      g_assert_true (counter_wait (&released, 1));
    }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (node, names[i].name))
      {
        struct addrinfo **end = found;

        for (guint n = 0; names[i].addresses[n] != NULL; n++, end = &(*end)->ai_next)
          *end = make_info (names[i].addresses[n]);
        return 0;
      }
  return EAI_NONAME;
}

/* A call */

typedef struct
{
  LecternReactor *reactor;
  LecternDialer *dialer;
  LecternDialTarget target;
  LecternDial *dial;
  Counter answered;
  GError *error;
  GString *got;
  Counter received;
  Counter closed;
  GString *asked;      /* addresses the filter was asked for */
  const char *refused; /* what it refuses */
} Caller;

static gsize
take_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  Caller *self = user_data;

  g_string_append_len (self->got, (const char *) data, (gssize) length);
  counter_add (&self->received, (gint64) length);
  return length;
}

static void
take_closed (LecternConnection *connection, const GError *error, gpointer user_data)
{
  counter_add (&((Caller *) user_data)->closed, 1);
}

static const LecternConnectionHandler handler = { .input = take_input, .closed = take_closed };

static void
take_answer (LecternConnection *connection, const GError *error, gpointer user_data)
{
  Caller *self = user_data;

  g_assert_true (lectern_reactor_is_current (self->reactor));
  g_assert_true ((connection == NULL) == (error != NULL));
  self->dial = NULL;
  if (connection != NULL)
    {
      lectern_connection_set_handler (connection, &handler, self);
      g_assert_true (lectern_connection_write (connection, "hello", 5));
    }
  else
    self->error = g_error_copy (error);
  counter_add (&self->answered, 1);
}

static gboolean
allow (const LecternAddress *address, gpointer filter_data)
{
  Caller *self = filter_data;
  g_autofree char *ip = lectern_address_to_ip_string (address);

  g_string_append_printf (self->asked, "%s ", ip);
  return self->refused == NULL || strstr (self->refused, ip) == NULL;
}

static void
caller_init (Caller *self, const char *host, guint16 port, const char *ca_file)
{
  g_autoptr (GError) error = NULL;

  *self = (Caller){ .reactor = new_reactor () };
  self->dialer = lectern_dialer_new (ca_file, &error);
  g_assert_no_error (error);
  self->got = g_string_new (NULL);
  self->asked = g_string_new (NULL);
  self->target = (LecternDialTarget){ .host = host,
                                      .port = port,
                                      .secure = ca_file != NULL,
                                      .filter = allow,
                                      .filter_data = self,
                                      .timeout_us = PATIENCE_US };
}

static void
begin (gpointer data)
{
  Caller *self = data;

  self->dial = lectern_dialer_dial (self->dialer, self->reactor, &self->target, take_answer, self);
  g_assert_cmpint (counter_get (&self->answered), ==, 0);
}

static void
cancel (gpointer data)
{
  lectern_dial_cancel (g_steal_pointer (&((Caller *) data)->dial));
}

static void
caller_call (Caller *self)
{
  call_on (self->reactor, begin, self);
  g_assert_true (counter_wait (&self->answered, 1));
}

static void
caller_clear (Caller *self)
{
  lectern_reactor_stop (self->reactor);
  g_assert_cmpuint (lectern_reactor_get_connections (self->reactor), ==, 0);
  g_object_unref (self->reactor);
  g_clear_pointer (&self->dialer, lectern_dialer_unref);
  g_clear_error (&self->error);
  g_string_free (self->got, TRUE);
  g_string_free (self->asked, TRUE);
}

static guint16
get_port (Server *server)
{
  return lectern_listener_get_address (server->listener)->port;
}

static void
check_hello (Caller *self)
{
  g_assert_no_error (self->error);
  g_assert_true (counter_wait (&self->received, 5));
  g_assert_cmpstr (self->got->str, ==, "hello");
  g_assert_cmpuint (lectern_reactor_get_connections (self->reactor), ==, 1);
  lectern_reactor_close_connections (self->reactor, NULL);
  g_assert_true (counter_wait (&self->closed, 1));
}

/* Addresses */

static void
test_connects_by_name (void)
{
  Server server = { .pool = NULL };
  Caller caller;

  server_start (&server, 1, NULL, serve_echo);
  caller_init (&caller, "one.test", get_port (&server), NULL);
  caller_call (&caller);
  check_hello (&caller);
  g_assert_cmpstr (caller.asked->str, ==, "127.0.0.1 ");
  caller_clear (&caller);
  server_stop (&server);
}

/* The first address refuses the connection, the second is not allowed. */
static void
test_tries_all_addresses_that_are_allowed (void)
{
  Server server = { .pool = NULL };
  Caller caller;

  server_start (&server, 1, NULL, serve_echo);
  caller_init (&caller, "three.test", get_port (&server), NULL);
  caller.refused = "127.0.0.3";
  caller_call (&caller);
  check_hello (&caller);
  g_assert_cmpstr (caller.asked->str, ==, "127.0.0.2 127.0.0.3 127.0.0.1 ");
  caller_clear (&caller);
  server_stop (&server);
}

static void
check_fails (const char *host, guint16 port, const char *refused, LecternError code,
             const char *pattern)
{
  Caller caller;

  caller_init (&caller, host, port, NULL);
  caller.refused = refused;
  caller_call (&caller);
  g_assert_error (caller.error, LECTERN_ERROR, (int) code);
  if (!g_pattern_match_simple (pattern, caller.error->message))
    g_test_fail_printf ("'%s' is not '%s'", caller.error->message, pattern);
  caller_clear (&caller);
}

static void
test_fails_with_a_reason (void)
{
  Server server = { .pool = NULL };
  guint16 port;
  g_autofree char *long_name = g_strnfill (300, 'a');

  server_start (&server, 1, NULL, serve_echo);
  port = get_port (&server);
  check_fails ("three.test", port, "127.0.0.1 127.0.0.2 127.0.0.3", LECTERN_ERROR_DENIED,
               "cannot connect to 'three.test': *not allowed");
  check_fails ("127.0.0.1", port, "127.0.0.1", LECTERN_ERROR_DENIED, "*not allowed");
  check_fails ("none.test", port, NULL, LECTERN_ERROR_NOT_FOUND, "*resolve 'none.test'*");
  check_fails ("", port, NULL, LECTERN_ERROR_INVALID_DATA, "*name of a host");
  check_fails ("a b", port, NULL, LECTERN_ERROR_INVALID_DATA, "*name of a host");
  check_fails (long_name, port, NULL, LECTERN_ERROR_INVALID_DATA, "*name of a host");
  server_stop (&server);
  check_fails ("one.test", port, NULL, LECTERN_ERROR_FAILED, "*127.0.0.1:*: Connection refused");
}

/* Time */

/* A port whose queue is full, so that a connection is neither made nor refused. */
typedef struct
{
  int fd;
  int peers[4];
  guint16 port;
} Silent;

static void
silent_open (Silent *self)
{
  struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof name;

  self->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (self->fd, (struct sockaddr *) &name, size), ==, 0);
  g_assert_cmpint (listen (self->fd, 0), ==, 0);
  g_assert_cmpint (getsockname (self->fd, (struct sockaddr *) &name, &size), ==, 0);
  self->port = ntohs (name.sin_port);
  for (guint i = 0; i < G_N_ELEMENTS (self->peers); i++)
    {
      self->peers[i] = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      (void) connect (self->peers[i], (struct sockaddr *) &name, size);
    }
}

static void
silent_close (Silent *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->peers); i++)
    close (self->peers[i]);
  close (self->fd);
}

static void
test_connecting_has_a_limit (void)
{
  Silent silent;
  Caller caller;

  silent_open (&silent);
  caller_init (&caller, "three.test", silent.port, NULL);
  caller.refused = "127.0.0.2 127.0.0.3";
  caller.target.timeout_us = 100 * 1000;
  caller_call (&caller);
  g_assert_error (caller.error, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT);
  caller_clear (&caller);
  silent_close (&silent);
}

static void
test_a_slow_name_has_a_limit (void)
{
  Caller caller;

  caller_init (&caller, "slow.test", 1, NULL);
  caller.target.timeout_us = 50 * 1000;
  caller_call (&caller);
  g_assert_error (caller.error, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT);
  counter_add (&released, 1);
  caller_clear (&caller);
  counter_add (&released, -1);
}

static void
wait_until_gone (LecternReactor *reactor)
{
  gint64 until_us = g_get_monotonic_time () + PATIENCE_US;

  while (lectern_reactor_get_connections (reactor) > 0 && g_get_monotonic_time () < until_us)
    call_on (reactor, do_nothing, NULL);
  g_assert_cmpuint (lectern_reactor_get_connections (reactor), ==, 0);
}

static void
test_a_cancelled_call_is_silent (void)
{
  Silent silent;
  Caller caller;
  gint64 before = counter_get (&slow_names);

  silent_open (&silent);
  caller_init (&caller, "slow.test", silent.port, NULL);
  call_on (caller.reactor, begin, &caller);
  g_assert_true (counter_wait (&slow_names, before + 1));
  call_on (caller.reactor, cancel, &caller);
  counter_add (&released, 1);

  caller.target.host = "127.0.0.1";
  call_on (caller.reactor, begin, &caller);
  while (lectern_reactor_get_connections (caller.reactor) == 0)
    call_on (caller.reactor, do_nothing, NULL);
  call_on (caller.reactor, cancel, &caller);
  wait_until_gone (caller.reactor);
  g_assert_cmpint (counter_get (&caller.answered), ==, 0);
  caller_clear (&caller);
  counter_add (&released, -1);
  silent_close (&silent);
}

static void
test_a_stopping_server_ends_calls (void)
{
  Silent silent;
  Caller caller;

  silent_open (&silent);
  caller_init (&caller, "127.0.0.1", silent.port, NULL);
  call_on (caller.reactor, begin, &caller);
  while (lectern_reactor_get_connections (caller.reactor) == 0)
    call_on (caller.reactor, do_nothing, NULL);
  lectern_reactor_stop (caller.reactor);
  g_assert_cmpint (counter_get (&caller.answered), ==, 1);
  g_assert_error (caller.error, LECTERN_ERROR, LECTERN_ERROR_CLOSED);
  caller_clear (&caller);
  silent_close (&silent);
}

/* Names alone */

static void
take_addresses (const LecternAddress *addresses, guint n_addresses, const GError *error,
                gpointer user_data)
{
  Caller *self = user_data;

  for (guint i = 0; i < n_addresses; i++)
    {
      g_autofree char *text = lectern_address_to_string (&addresses[i]);

      g_string_append_printf (self->got, "%s ", text);
    }
  if (error != NULL)
    g_string_append_printf (self->got, "%s ", lectern_error_get_name (error));
  counter_add (&self->answered, 1);
}

static void
resolve (gpointer data)
{
  Caller *self = data;

  lectern_dialer_resolve (self->dialer, self->reactor, self->target.host, self->target.port,
                          take_addresses, self);
}

#define TOO_MANY 80

static void
resolve_many (gpointer data)
{
  for (guint i = 0; i < TOO_MANY; i++)
    resolve (data);
}

static void
test_resolves (void)
{
  Caller caller;

  caller_init (&caller, "three.test", 1935, NULL);
  call_on (caller.reactor, resolve, &caller);
  g_assert_true (counter_wait (&caller.answered, 1));
  g_assert_cmpstr (caller.got->str, ==, "127.0.0.2:1935 127.0.0.3:1935 127.0.0.1:1935 ");
  caller_clear (&caller);
}

/* A name server that is silent is asked for few names at a time. */
static void
test_waiting_names_are_bounded (void)
{
  Caller caller;

  caller_init (&caller, "slow.test", 1, NULL);
  call_on (caller.reactor, resolve_many, &caller);
  g_assert_true (counter_wait (&caller.answered, TOO_MANY - 64 - 4));
  g_assert_true (g_str_has_prefix (caller.got->str, "limit limit "));
  counter_add (&released, 1);
  g_assert_true (counter_wait (&caller.answered, TOO_MANY));
  caller_clear (&caller);
  counter_add (&released, -1);
}

#define WAITING 10

static void
resolve_some (gpointer data)
{
  for (guint i = 0; i < WAITING; i++)
    resolve (data);
}

/* Names that wait end with the dialer, those under way later. */
static void
test_ends_while_names_wait (void)
{
  gint64 before = counter_get (&slow_names);
  Caller caller;

  caller_init (&caller, "slow.test", 1, NULL);
  call_on (caller.reactor, resolve_some, &caller);
  g_assert_true (counter_wait (&slow_names, before + 4));
  lectern_dialer_unref (g_steal_pointer (&caller.dialer));
  g_assert_true (counter_wait (&caller.answered, WAITING - 4));
  g_assert_true (g_str_has_prefix (caller.got->str, "closed closed "));
  counter_add (&released, 1);
  g_assert_true (counter_wait (&caller.answered, WAITING));
  g_assert_nonnull (strstr (caller.got->str, "127.0.0.1:1"));
  caller_clear (&caller);
  counter_add (&released, -1);
}

/* TLS */

static void
test_checks_the_certificate (void)
{
  Server server = { .pool = NULL };
  Files files, others;
  g_autoptr (LecternTls) tls = new_tls (&files, "one.test");
  g_autoptr (LecternTls) other_tls = new_tls (&others, "one.test");
  Caller caller;

  server_start (&server, 1, tls, serve_echo);
  caller_init (&caller, "one.test", get_port (&server), files.certificate);
  caller_call (&caller);
  check_hello (&caller);
  caller_clear (&caller);

  /* For another name, and for an address. */
  caller_init (&caller, "slow.test", get_port (&server), files.certificate);
  counter_add (&released, 1);
  caller_call (&caller);
  g_assert_error (caller.error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
  g_assert_nonnull (strstr (caller.error->message, "ostname mismatch"));
  caller_clear (&caller);
  counter_add (&released, -1);
  caller_init (&caller, "127.0.0.1", get_port (&server), files.certificate);
  caller_call (&caller);
  g_assert_error (caller.error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
  caller_clear (&caller);

  /* From nobody who is trusted. */
  caller_init (&caller, "one.test", get_port (&server), others.certificate);
  caller_call (&caller);
  g_assert_error (caller.error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
  caller_clear (&caller);
  server_stop (&server);
  files_clear (&files);
  files_clear (&others);
}

/* A peer that gives back what it gets. */
static void
test_a_peer_that_speaks_no_tls (void)
{
  Server server = { .pool = NULL };
  Files files;
  g_autoptr (LecternTls) tls = new_tls (&files, "one.test");
  Caller caller;

  server_start (&server, 1, NULL, serve_copy);
  caller_init (&caller, "one.test", get_port (&server), files.certificate);
  caller_call (&caller);
  g_assert_error (caller.error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
  caller_clear (&caller);
  server_stop (&server);
  files_clear (&files);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/dialer/connects-by-name", test_connects_by_name);
  g_test_add_func ("/net/dialer/tries-all-addresses-that-are-allowed",
                   test_tries_all_addresses_that_are_allowed);
  g_test_add_func ("/net/dialer/fails-with-a-reason", test_fails_with_a_reason);
  g_test_add_func ("/net/dialer/connecting-has-a-limit", test_connecting_has_a_limit);
  g_test_add_func ("/net/dialer/a-slow-name-has-a-limit", test_a_slow_name_has_a_limit);
  g_test_add_func ("/net/dialer/a-cancelled-call-is-silent", test_a_cancelled_call_is_silent);
  g_test_add_func ("/net/dialer/a-stopping-server-ends-calls", test_a_stopping_server_ends_calls);
  g_test_add_func ("/net/dialer/resolves", test_resolves);
  g_test_add_func ("/net/dialer/waiting-names-are-bounded", test_waiting_names_are_bounded);
  g_test_add_func ("/net/dialer/ends-while-names-wait", test_ends_while_names_wait);
  g_test_add_func ("/net/dialer/checks-the-certificate", test_checks_the_certificate);
  g_test_add_func ("/net/dialer/a-peer-that-speaks-no-tls", test_a_peer_that_speaks_no_tls);
  return g_test_run ();
}
