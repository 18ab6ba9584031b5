/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-acceptor.h"

#include "base/lectern-clock.h"
#include "net/lectern-connection-private.h"
#include "net/lectern-dscp.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connections taken for one event. */
#define BUDGET 64
#define PAUSE_US (200 * 1000)
#define WARN_EACH_US (10 * G_USEC_PER_SEC)

struct _LecternAcceptor
{
  LecternWatch watch; /* first: the watch is the acceptor */
  LecternTimer pause;
  LecternReactor *reactor;
  LecternReactorPool *pool; /* not owned */
  LecternGate *gate;
  LecternTls *tls;
  LecternListenerFunc func;
  gpointer user_data;
  GDestroyNotify free_user_data;
  GMainContext *control; /* where it is freed */
  int fd;
  int reserve;  /* given up for a moment to shed a connection when there are no descriptors left */
  gint stopped; /* atomic */
  gint64 warned_us;
};

/* A connection on its way to its reactor. */
typedef struct
{
  LecternAcceptor *acceptor;
  LecternReactor *reactor;
  int fd;
  LecternAddress peer;
  gint64 accepted_us;
} Handover;

static LecternMetric *
accepted_metric (void)
{
  static LecternMetric *metric;

  if (g_once_init_enter (&metric))
    g_once_init_leave (&metric, lectern_metrics_get_counter ("lectern_accepted_total",
                                                             "Connections accepted", NULL, NULL));
  return metric;
}

static void
count_rejected (const char *reason)
{
  lectern_metric_add (lectern_metrics_get_counter ("lectern_rejected_total",
                                                   "Connections turned away", "reason", reason),
                      1);
}

static LecternAcceptor *
ref (LecternAcceptor *self)
{
  return g_atomic_rc_box_acquire (self);
}

static int
open_reserve (void)
{
  return open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

static gboolean
do_nothing (gpointer data)
{
  return G_SOURCE_REMOVE;
}

/* The last reference may go on a reactor, where plugins are not prepared to be freed. */
static void
release_user_data (LecternAcceptor *self)
{
  g_autoptr (GSource) source = NULL;

  if (self->free_user_data == NULL)
    return;
  if (lectern_reactor_get_current () == NULL)
    {
      self->free_user_data (self->user_data);
      return;
    }
  source = g_idle_source_new ();
  g_source_set_callback (source, do_nothing, self->user_data, self->free_user_data);
  g_source_attach (source, self->control);
}

static void
clear (gpointer data)
{
  LecternAcceptor *self = data;

  release_user_data (self);
  g_main_context_unref (self->control);
  close (self->fd);
  if (self->reserve >= 0)
    close (self->reserve);
  g_clear_pointer (&self->gate, lectern_gate_unref);
  g_clear_pointer (&self->tls, lectern_tls_unref);
  g_object_unref (self->reactor);
}

void
lectern_acceptor_unref (LecternAcceptor *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

LecternAcceptor *
lectern_acceptor_new (int fd, LecternReactorPool *reactors, LecternGate *gate, LecternTls *tls,
                      LecternListenerFunc func, gpointer user_data, GDestroyNotify free_user_data)
{
  static guint turn;
  LecternAcceptor *self = g_atomic_rc_box_new0 (LecternAcceptor);
  guint index = turn++ % lectern_reactor_pool_get_size (reactors);

  self->fd = fd;
  self->pool = reactors;
  self->reactor = g_object_ref (lectern_reactor_pool_get (reactors, index));
  self->gate = gate != NULL ? lectern_gate_ref (gate) : NULL;
  self->tls = tls != NULL ? lectern_tls_ref (tls) : NULL;
  self->func = func;
  self->user_data = user_data;
  self->free_user_data = free_user_data;
  self->control = g_main_context_ref_thread_default ();
  self->reserve = open_reserve ();
  return self;
}

/* Handing over */

static void
free_handover (Handover *self)
{
  lectern_acceptor_unref (self->acceptor);
  g_object_unref (self->reactor);
  g_free (self);
}

/* The reactor has ended. */
static void
drop_handover (gpointer data)
{
  Handover *self = data;

  close (self->fd);
  lectern_reactor_count_connection (self->reactor, -1);
  if (self->acceptor->gate != NULL)
    lectern_gate_leave (self->acceptor->gate, &self->peer);
  free_handover (self);
}

static void
serve (LecternConnection *connection, gpointer user_data)
{
  LecternAcceptor *self = user_data;

  if (g_atomic_int_get (&self->stopped) == 0)
    self->func (connection, self->user_data);
  if (connection->handler == NULL)
    lectern_connection_close (connection, NULL);
}

static void
run_handover (gpointer data)
{
  Handover *self = data;
  LecternAcceptor *acceptor = self->acceptor;
  LecternTlsSession *tls = NULL;
  LecternConnection *connection;

  if (acceptor->tls != NULL)
    tls = lectern_tls_session_new (acceptor->tls, serve, ref (acceptor),
                                   (GDestroyNotify) lectern_acceptor_unref);
  connection = lectern_connection_new (self->reactor, self->fd, &self->peer, acceptor->gate,
                                       self->accepted_us, tls);
  if (connection != NULL && tls == NULL)
    serve (connection, acceptor);
  free_handover (self);
}

static void
hand_over (LecternAcceptor *self, int fd, const LecternAddress *peer)
{
  Handover *handover = g_new0 (Handover, 1);

  handover->acceptor = ref (self);
  handover->reactor = g_object_ref (lectern_reactor_pool_pick (self->pool));
  handover->fd = fd;
  handover->peer = *peer;
  handover->accepted_us = lectern_clock_now_us ();
  /* Counted now, so that a burst is spread evenly. */
  lectern_reactor_count_connection (handover->reactor, 1);
  lectern_metric_add (accepted_metric (), 1);
  if (handover->reactor == self->reactor)
    run_handover (handover);
  else
    lectern_reactor_post (handover->reactor, run_handover, handover, drop_handover);
}

/* Accepting */

static void
reject (int fd, const char *reason)
{
  const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

  count_rejected (reason);
  (void) setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close (fd);
}

static int
accept_one (LecternAcceptor *self, LecternAddress *peer)
{
  struct sockaddr_storage from;
  socklen_t size = sizeof from;
  int fd = accept4 (self->fd, (struct sockaddr *) &from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

  if (fd >= 0 && !lectern_address_from_socket ((struct sockaddr *) &from, peer))
    *peer = (LecternAddress){ .port = 0 };
  return fd;
}

static void
resume (LecternTimer *timer)
{
  LecternAcceptor *self
      = (LecternAcceptor *) ((char *) timer - G_STRUCT_OFFSET (LecternAcceptor, pause));

  if (self->reserve < 0)
    self->reserve = open_reserve ();
  lectern_watch_set_events (&self->watch, EPOLLIN);
}

/* Without descriptors the waiting connections would report themselves for ever: one is shed with
 * the reserve, so that its peer knows, and the others wait for better times. */
static void
run_short (LecternAcceptor *self, int number)
{
  gint64 now_us = lectern_clock_now_us ();

  if (self->reserve >= 0)
    {
      LecternAddress peer;
      int fd;

      close (self->reserve);
      fd = accept_one (self, &peer);
      if (fd >= 0)
        reject (fd, "descriptors");
      self->reserve = open_reserve ();
    }
  lectern_watch_set_events (&self->watch, 0);
  lectern_timer_start (&self->pause, self->reactor, PAUSE_US, resume);
  if (self->warned_us != 0 && now_us - self->warned_us < WARN_EACH_US)
    return;
  self->warned_us = now_us;
  g_warning ("cannot accept connections: %s; trying again each 200 ms", g_strerror (number));
}

static gboolean
is_shortage (int number)
{
  return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

static void
on_event (LecternWatch *watch, guint32 events)
{
  LecternAcceptor *self = (LecternAcceptor *) watch;

  for (guint i = 0; i < BUDGET && g_atomic_int_get (&self->stopped) == 0; i++)
    {
      LecternAddress peer;
      const char *reason;
      int fd = accept_one (self, &peer);

      if (fd < 0 && errno == EAGAIN)
        return;
      if (fd < 0 && is_shortage (errno))
        {
          run_short (self, errno);
          return;
        }
      if (fd < 0)
        continue; /* that one connection broke before it was taken */
      if (self->gate != NULL && !lectern_gate_enter (self->gate, &peer, &reason))
        reject (fd, reason);
      else
        hand_over (self, fd, &peer);
    }
}

/* Life */

static void
begin (gpointer data)
{
  LecternAcceptor *self = data;
  g_autoptr (GError) error = NULL;

  if (!lectern_watch_start (&self->watch, self->reactor, self->fd, EPOLLIN, on_event, &error))
    g_warning ("cannot accept connections: %s", error->message);
}

static void
end (gpointer data)
{
  LecternAcceptor *self = data;

  lectern_watch_stop (&self->watch);
  lectern_timer_stop (&self->pause);
  lectern_acceptor_unref (self);
}

void
lectern_acceptor_start (LecternAcceptor *self)
{
  /* The reactor's reference; lectern_acceptor_stop takes it back. */
  lectern_reactor_post (self->reactor, begin, ref (self), NULL);
}

void
lectern_acceptor_set_dscp (LecternAcceptor *self, guint dscp)
{
  lectern_dscp_apply (self->fd, dscp);
}

void
lectern_acceptor_stop (LecternAcceptor *self)
{
  if (g_atomic_int_exchange (&self->stopped, 1) != 0)
    return;
  /* Ends listening at once, so that the port can be taken again. */
  (void) shutdown (self->fd, SHUT_RDWR);
  lectern_reactor_post (self->reactor, end, self, (GDestroyNotify) lectern_acceptor_unref);
}
