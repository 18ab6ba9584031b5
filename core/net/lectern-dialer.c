/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-dialer.h"

#include "base/lectern-clock.h"
#include "net/lectern-connection-private.h"
#include "net/lectern-dscp.h"
#include "net/lectern-handshake.h"
#include "net/lectern-resolver.h"
#include "net/lectern-tls-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define TIMEOUT_US (10 * G_USEC_PER_SEC)

struct _LecternDialer
{
  LecternResolver *resolver;
  SSL_CTX *context;
};

struct _LecternDial
{
  LecternDialer *dialer;
  LecternReactor *reactor;
  LecternDialFunc func;
  gpointer user_data;
  char *host;
  gboolean secure;
  LecternDialFilter filter;
  gpointer filter_data;
  guint dscp;
  LecternTimer timer; /* of the name; a connection has its own */
  gint64 deadline_us;
  LecternResolve *resolve; /* NULL: the name is resolved */
  LecternAddress addresses[LECTERN_RESOLVER_MAX_ADDRESSES];
  guint n_addresses;
  guint next;
  LecternConnection *connection; /* the attempt under way; the reference is the reactor's */
  GError *error;                 /* of the latest attempt */
};

LecternDialer *
lectern_dialer_new (const char *ca_file, GError **error)
{
  SSL_CTX *context = lectern_tls_new_client_context (ca_file, error);
  LecternDialer *self;

  if (context == NULL)
    return NULL;
  self = g_atomic_rc_box_new0 (LecternDialer);
  self->context = context;
  self->resolver = lectern_resolver_new ();
  return self;
}

LecternDialer *
lectern_dialer_ref (LecternDialer *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear (gpointer data)
{
  LecternDialer *self = data;

  lectern_resolver_free (self->resolver);
  SSL_CTX_free (self->context);
}

void
lectern_dialer_unref (LecternDialer *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

LecternResolve *
lectern_dialer_resolve (LecternDialer *self, LecternReactor *reactor, const char *host,
                        guint16 port, LecternResolveFunc func, gpointer user_data)
{
  return lectern_resolver_resolve (self->resolver, reactor, host, port, func, user_data);
}

static void
dial_free (LecternDial *self)
{
  lectern_timer_stop (&self->timer);
  lectern_dialer_unref (self->dialer);
  g_object_unref (self->reactor);
  g_clear_error (&self->error);
  g_free (self->host);
  g_free (self);
}

/* @connection: (nullable). */
static void
settle (LecternDial *self, LecternConnection *connection)
{
  if (connection != NULL)
    {
      lectern_connection_set_handler (connection, NULL, NULL);
      self->func (connection, NULL, self->user_data);
      if (connection->handler == NULL)
        lectern_connection_close (connection, NULL);
    }
  else
    {
      g_prefix_error (&self->error, "cannot connect to '%s': ", self->host);
      self->func (NULL, self->error, self->user_data);
    }
  dial_free (self);
}

/* One address */

static void try_next (LecternDial *self);

static void
on_ready (LecternConnection *connection, gpointer user_data)
{
  settle (user_data, connection);
}

static void
on_attempt_closed (LecternConnection *connection, const GError *error, gpointer user_data)
{
  LecternDial *self = user_data;

  self->connection = NULL;
  g_clear_error (&self->error);
  if (error != NULL)
    self->error = g_error_copy (error);
  else
    g_set_error_literal (&self->error, LECTERN_ERROR, LECTERN_ERROR_CLOSED,
                         "the peer closed the connection");
  try_next (self);
}

static const LecternConnectionHandler attempt_handler = { .closed = on_attempt_closed };

static void
on_connecting (LecternWatch *watch, guint32 events)
{
  LecternConnection *connection = (LecternConnection *) watch;
  LecternDial *self = connection->user_data;
  int number = 0;
  socklen_t size = sizeof number;

  if (connection->closing)
    return;
  if (getsockopt (watch->fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0)
    number = errno;
  if (number != 0)
    {
      g_autoptr (GError) error = NULL;

      lectern_error_set_errno (&error, number, "%s", lectern_connection_get_peer_name (connection));
      lectern_connection_close (connection, error);
      return;
    }
  connection->connecting = FALSE;
  if (!connection->shaking)
    {
      lectern_connection_begin (connection);
      on_ready (connection, self);
      return;
    }
  watch->func = lectern_handshake_on_event;
  lectern_watch_set_events (watch, LECTERN_HANDSHAKE_EVENTS);
  /* A client speaks first. */
  lectern_handshake_on_event (watch, EPOLLOUT);
}

/* Returns: a descriptor that is connecting, or -1 with @self's error. */
static int
begin_connect (LecternDial *self, const LecternAddress *address)
{
  struct sockaddr_storage name;
  socklen_t size = lectern_address_to_socket (address, &name);
  int fd = socket (name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int one = 1;
  int number;

  if (fd >= 0)
    {
      (void) setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      if (self->dscp > 0)
        lectern_dscp_apply (fd, self->dscp);
      if (connect (fd, (struct sockaddr *) &name, size) == 0 || errno == EINPROGRESS)
        return fd;
    }
  number = errno;
  if (fd >= 0)
    close (fd);
  g_clear_error (&self->error);
  {
    g_autofree char *text = lectern_address_to_string (address);

    lectern_error_set_errno (&self->error, number, "%s", text);
  }
  return -1;
}

/* The rest of the time is shared by the addresses that are left, so that one which is silent leaves
 * some to the others. */
static gint64
get_attempt_deadline (LecternDial *self, gint64 now_us)
{
  guint left = self->n_addresses - self->next + 1;

  return now_us + MAX (self->deadline_us - now_us, 0) / left;
}

/* FALSE: this address leads nowhere. */
static gboolean
attempt (LecternDial *self, const LecternAddress *address)
{
  gint64 now_us = lectern_clock_now_us ();
  int fd = begin_connect (self, address);
  LecternTlsSession *tls = NULL;
  LecternConnection *connection;

  if (fd < 0)
    return FALSE;
  if (self->secure)
    tls = lectern_tls_session_new_client (self->dialer->context, self->host, on_ready, self);
  lectern_reactor_count_connection (self->reactor, 1);
  connection = lectern_connection_new (self->reactor, fd, address, NULL, now_us, tls);
  if (connection == NULL)
    {
      g_clear_error (&self->error);
      g_set_error_literal (&self->error, LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the server stops");
      return FALSE;
    }
  self->connection = connection;
  connection->outgoing = connection->connecting = TRUE;
  connection->handler = &attempt_handler;
  connection->user_data = self;
  connection->deadline_us = get_attempt_deadline (self, now_us);
  connection->watch.func = on_connecting;
  connection->events = EPOLLOUT;
  lectern_watch_set_events (&connection->watch, EPOLLOUT);
  lectern_connection_watch_time (connection);
  return TRUE;
}

static void
try_next (LecternDial *self)
{
  while (self->next < self->n_addresses && !self->reactor->ending
         && lectern_clock_now_us () < self->deadline_us)
    {
      const LecternAddress *address = &self->addresses[self->next++];

      if (self->filter != NULL && !self->filter (address, self->filter_data))
        continue;
      if (attempt (self, address))
        return;
    }
  if (self->error == NULL && self->next == self->n_addresses)
    g_set_error_literal (&self->error, LECTERN_ERROR, LECTERN_ERROR_DENIED,
                         "its address is not allowed");
  else if (self->error == NULL)
    g_set_error_literal (&self->error, LECTERN_ERROR,
                         self->reactor->ending ? LECTERN_ERROR_CLOSED : LECTERN_ERROR_TIMED_OUT,
                         self->reactor->ending ? "the server stops" : "no time was left for it");
  settle (self, NULL);
}

/* The name */

static void
on_resolved (const LecternAddress *addresses, guint n_addresses, const GError *error,
             gpointer user_data)
{
  LecternDial *self = user_data;

  self->resolve = NULL;
  lectern_timer_stop (&self->timer);
  if (error != NULL)
    {
      self->error = g_error_copy (error);
      settle (self, NULL);
      return;
    }
  self->n_addresses = MIN (n_addresses, G_N_ELEMENTS (self->addresses));
  for (guint i = 0; i < self->n_addresses; i++)
    self->addresses[i] = addresses[i];
  try_next (self);
}

static void
on_time (LecternTimer *timer)
{
  LecternDial *self = (LecternDial *) ((char *) timer - G_STRUCT_OFFSET (LecternDial, timer));

  lectern_resolve_cancel (g_steal_pointer (&self->resolve));
  g_set_error_literal (&self->error, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT,
                       "the name was not resolved in time");
  settle (self, NULL);
}

LecternDial *
lectern_dialer_dial (LecternDialer *dialer, LecternReactor *reactor,
                     const LecternDialTarget *target, LecternDialFunc func, gpointer user_data)
{
  LecternDial *self = g_new0 (LecternDial, 1);
  gint64 timeout_us = target->timeout_us > 0 ? target->timeout_us : TIMEOUT_US;

  self->dialer = lectern_dialer_ref (dialer);
  self->reactor = g_object_ref (reactor);
  self->func = func;
  self->user_data = user_data;
  self->host = g_strdup (target->host);
  self->secure = target->secure;
  self->filter = target->filter;
  self->filter_data = target->filter_data;
  self->dscp = target->dscp;
  self->deadline_us = lectern_clock_now_us () + timeout_us;
  lectern_timer_start (&self->timer, reactor, timeout_us, on_time);
  self->resolve = lectern_resolver_resolve (dialer->resolver, reactor, self->host, target->port,
                                            on_resolved, self);
  return self;
}

void
lectern_dial_cancel (LecternDial *self)
{
  if (self->resolve != NULL)
    lectern_resolve_cancel (self->resolve);
  if (self->connection != NULL)
    {
      lectern_connection_set_handler (self->connection, NULL, NULL);
      lectern_connection_close (self->connection, NULL);
    }
  dial_free (self);
}
