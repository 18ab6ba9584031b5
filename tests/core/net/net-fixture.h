/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-connection.h"
#include "net/lectern-listener.h"
#include "net/lectern-reactor-private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Long enough for a sanitizer build on a busy machine; no test waits for it when all is well. */
#define PATIENCE_US (20 * G_USEC_PER_SEC)

/* A number that threads change and the test waits for. */
typedef struct
{
  GMutex lock;
  GCond cond;
  gint64 value;
} Counter;

G_GNUC_UNUSED static void
counter_add (Counter *self, gint64 amount)
{
  g_mutex_lock (&self->lock);
  self->value += amount;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

G_GNUC_UNUSED static gint64
counter_get (Counter *self)
{
  gint64 value;

  g_mutex_lock (&self->lock);
  value = self->value;
  g_mutex_unlock (&self->lock);
  return value;
}

/* Waits until the counter is at least @value. */
G_GNUC_UNUSED static gboolean
counter_wait (Counter *self, gint64 value)
{
  gint64 until_us = g_get_monotonic_time () + PATIENCE_US;
  gboolean reached = TRUE;

  g_mutex_lock (&self->lock);
  while (self->value < value && reached)
    reached = g_cond_wait_until (&self->cond, &self->lock, until_us);
  reached = self->value >= value;
  g_mutex_unlock (&self->lock);
  return reached;
}

typedef struct
{
  LecternPostFunc func;
  gpointer data;
  Counter done;
} Call;

G_GNUC_UNUSED static void
run_call (gpointer data)
{
  Call *call = data;

  call->func (call->data);
  counter_add (&call->done, 1);
}

/* Runs @func on the reactor and waits for it. */
G_GNUC_UNUSED static void
call_on (LecternReactor *reactor, LecternPostFunc func, gpointer data)
{
  Call call = { .func = func, .data = data };

  lectern_reactor_post (reactor, run_call, &call, NULL);
  g_assert_true (counter_wait (&call.done, 1));
}

G_GNUC_UNUSED static void
do_nothing (gpointer data)
{
}

G_GNUC_UNUSED static LecternReactor *
new_reactor (void)
{
  g_autoptr (GError) error = NULL;
  LecternReactor *reactor = lectern_reactor_new ("test", &error);

  g_assert_no_error (error);
  return reactor;
}

/* A blocking client socket; reads and writes give up after a while instead of hanging the test. */
G_GNUC_UNUSED static int
connect_to (const LecternAddress *address, int buffer_size)
{
  struct sockaddr_storage name;
  socklen_t size = lectern_address_to_socket (address, &name);
  const struct timeval patience = { .tv_sec = PATIENCE_US / G_USEC_PER_SEC };
  int fd = socket (name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  if (buffer_size > 0)
    {
      setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof buffer_size);
      setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &buffer_size, sizeof buffer_size);
    }
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &name, size), ==, 0);
  return fd;
}

G_GNUC_UNUSED static void
send_all (int fd, const void *data, gsize length)
{
  const guint8 *at = data;

  while (length > 0)
    {
      gssize n = send (fd, at, length, MSG_NOSIGNAL);

      g_assert_cmpint (n, >, 0);
      at += n;
      length -= (gsize) n;
    }
}

/* Returns: how much came before the end, at most @length. */
G_GNUC_UNUSED static gsize
receive_all (int fd, void *data, gsize length)
{
  guint8 *at = data;
  gsize left = length;

  while (left > 0)
    {
      gssize n = recv (fd, at, left, 0);

      if (n <= 0)
        break;
      at += n;
      left -= (gsize) n;
    }
  return length - left;
}

/* Waits for the end. Returns: TRUE when it came in order, FALSE for a reset. */
G_GNUC_UNUSED static gboolean
receive_end (int fd)
{
  guint8 byte;
  gssize n = recv (fd, &byte, 1, 0);

  g_assert_cmpint (n, <=, 0);
  g_assert_false (n < 0 && errno == EAGAIN);
  return n == 0;
}

G_GNUC_UNUSED static void
reset (int fd)
{
  const struct linger at_once = { .l_onoff = 1 };

  setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close (fd);
}

/* A listener on a free loopback port, its reactors, and what happened to its connections. */
typedef struct
{
  LecternReactorPool *pool;
  LecternGate *gate;
  LecternListener *listener;
  Counter served;
  Counter closed;
  GError *error; /* the latest connection's; read after `closed` was waited for */
  gpointer data; /* the test's own */
} Server;

G_GNUC_UNUSED static void
server_start (Server *self, guint reactors, LecternTls *tls, LecternListenerFunc func)
{
  g_autoptr (GError) error = NULL;
  LecternAddress address;

  g_assert_true (lectern_address_parse ("127.0.0.1:0", &address, &error));
  self->pool = lectern_reactor_pool_new (reactors, &error);
  g_assert_no_error (error);
  self->listener
      = lectern_listener_new (&address, self->pool, self->gate, tls, func, self, NULL, &error);
  g_assert_no_error (error);
}

G_GNUC_UNUSED static int
server_connect (Server *self, int buffer_size)
{
  return connect_to (lectern_listener_get_address (self->listener), buffer_size);
}

G_GNUC_UNUSED static void
server_note_closed (Server *self, const GError *error)
{
  g_clear_error (&self->error);
  if (error != NULL)
    self->error = g_error_copy (error);
  counter_add (&self->closed, 1);
}

G_GNUC_UNUSED static void
server_stop (Server *self)
{
  lectern_listener_stop (self->listener);
  lectern_reactor_pool_stop (self->pool);
  g_clear_object (&self->listener);
  g_clear_pointer (&self->pool, lectern_reactor_pool_unref);
  g_clear_pointer (&self->gate, lectern_gate_unref);
  g_clear_error (&self->error);
}

G_GNUC_UNUSED static void
note_closed (LecternConnection *connection, const GError *error, gpointer user_data)
{
  server_note_closed (user_data, error);
}

/* Echo: what cannot be sent is left unconsumed, and reading stops until there is room. */

G_GNUC_UNUSED static gsize
echo_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  gsize sent = lectern_connection_send (connection, data, length);

  if (sent < length)
    lectern_connection_set_reading (connection, FALSE);
  return sent;
}

G_GNUC_UNUSED static void
echo_writable (LecternConnection *connection, gpointer user_data)
{
  lectern_connection_set_reading (connection, TRUE);
}

G_GNUC_UNUSED static const LecternConnectionHandler echo_handler
    = { .input = echo_input, .writable = echo_writable, .closed = note_closed };

G_GNUC_UNUSED static void
serve_echo (LecternConnection *connection, gpointer user_data)
{
  lectern_connection_set_handler (connection, &echo_handler, user_data);
}

/* Echo by lectern_connection_write, with a limit that the client's reading keeps from being met. */

G_GNUC_UNUSED static gsize
copy_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  g_assert_true (lectern_connection_write (connection, data, length));
  if (lectern_connection_get_pending (connection) > 0)
    lectern_connection_set_reading (connection, FALSE);
  return length;
}

G_GNUC_UNUSED static const LecternConnectionHandler copy_handler
    = { .input = copy_input, .writable = echo_writable, .closed = note_closed };

G_GNUC_UNUSED static void
serve_copy (LecternConnection *connection, gpointer user_data)
{
  lectern_connection_set_handler (connection, &copy_handler, user_data);
}

G_GNUC_UNUSED static guint8 *
make_noise (gsize size)
{
  guint8 *noise = g_malloc (size);
  guint32 state = 1;

  for (gsize i = 0; i < size; i++)
    {
      state = state * 1664525u + 1013904223u;
      noise[i] = (guint8) (state >> 24);
    }
  return noise;
}
