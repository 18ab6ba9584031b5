/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-connection-private.h"

#include "base/lectern-clock.h"
#include "net/lectern-handshake.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_LIMIT (64 * 1024)
#define OUTPUT_LIMIT (256 * 1024)
#define STALL_US (10 * G_USEC_PER_SEC)

static LecternMetric *
open_metric (void)
{
  static LecternMetric *metric;

  if (g_once_init_enter (&metric))
    g_once_init_leave (&metric, lectern_metrics_get_gauge ("lectern_connections",
                                                           "Connections open now", NULL, NULL));
  return metric;
}

static LecternConnection *
from_wake (LecternWake *wake)
{
  return (LecternConnection *) ((char *) wake - G_STRUCT_OFFSET (LecternConnection, wake));
}

static void
enlist (LecternConnection *self)
{
  LecternReactor *reactor = self->reactor;

  self->next = reactor->first_connection;
  if (self->next != NULL)
    self->next->previous = self;
  reactor->first_connection = self;
  lectern_metric_add (open_metric (), 1);
}

static void
delist (LecternConnection *self)
{
  if (self->previous != NULL)
    self->previous->next = self->next;
  else
    self->reactor->first_connection = self->next;
  if (self->next != NULL)
    self->next->previous = self->previous;
  self->next = self->previous = NULL;
  lectern_reactor_count_connection (self->reactor, -1);
  lectern_metric_add (open_metric (), -1);
}

static void
finish_life (LecternConnection *self)
{
  const LecternConnectionHandler *handler;

  self->over = TRUE;
  lectern_watch_stop (&self->watch);
  lectern_timer_stop (&self->timer);
  handler = g_steal_pointer (&self->handler);
  if (handler != NULL && handler->closed != NULL)
    handler->closed (self, self->error, self->user_data);

  /* A close without an error tells a TLS peer that nothing was cut off. */
  if (self->tls != NULL && self->error == NULL && !self->shut && self->output.size == 0)
    (void) lectern_tls_session_shut (self->tls);
  g_clear_pointer (&self->tls, lectern_tls_session_free);
  lectern_buffer_clear (&self->input);
  lectern_buffer_clear (&self->output);
  close (self->watch.fd);
  if (self->gate != NULL)
    lectern_gate_leave (self->gate, &self->peer);
  g_clear_pointer (&self->gate, lectern_gate_unref);
  delist (self);
  lectern_connection_unref (self);
}

static void
run_wake (LecternWake *wake)
{
  LecternConnection *self = from_wake (wake);

  if (self->closing && !self->over)
    finish_life (self);
  else if (!self->over)
    lectern_connection_offer_kept (self);
  lectern_connection_unref (self);
}

void
lectern_connection_wake (LecternConnection *self)
{
  self->wake.func = run_wake;
  lectern_connection_ref (self);
  if (!lectern_reactor_wake (self->reactor, &self->wake))
    lectern_connection_unref (self);
}

static void
free_connection (LecternConnection *self)
{
  g_clear_error (&self->error);
  g_free (self->peer_name);
  g_object_unref (self->reactor);
  g_free (self);
}

LecternConnection *
lectern_connection_new (LecternReactor *reactor, int fd, const LecternAddress *peer,
                        LecternGate *gate, gint64 accepted_us, LecternTlsSession *tls)
{
  LecternConnection *self = g_new0 (LecternConnection, 1);
  LecternWatchFunc func = tls != NULL ? lectern_handshake_on_event : lectern_connection_on_event;

  self->refs = 1;
  self->reactor = g_object_ref (reactor);
  self->peer = *peer;
  self->gate = gate != NULL ? lectern_gate_ref (gate) : NULL;
  self->accepted_us = accepted_us;
  self->tls = tls;
  self->secure = self->shaking = tls != NULL;
  self->deadline_us = accepted_us + LECTERN_HANDSHAKE_LIMIT_US;
  self->reading = TRUE;
  self->input_limit = INPUT_LIMIT;
  self->output_limit = OUTPUT_LIMIT;
  self->stall_us = STALL_US;
  self->read_us = accepted_us;
  self->events = tls != NULL ? LECTERN_HANDSHAKE_EVENTS : EPOLLIN;
  self->watch.fd = fd;
  enlist (self);
  if (!reactor->ending && lectern_watch_start (&self->watch, reactor, fd, self->events, func, NULL))
    {
      lectern_connection_watch_time (self);
      return self;
    }
  finish_life (self);
  return NULL;
}

void
lectern_connection_begin (LecternConnection *self)
{
  self->shaking = FALSE;
  self->read_us = lectern_clock_now_us ();
  self->watch.func = lectern_connection_on_event;
  self->events = 0;
  lectern_connection_update_events (self);
}

LecternConnection *
lectern_connection_ref (LecternConnection *self)
{
  self->refs++;
  return self;
}

void
lectern_connection_unref (LecternConnection *self)
{
  if (--self->refs == 0)
    free_connection (self);
}

void
lectern_connection_set_handler (LecternConnection *self, const LecternConnectionHandler *handler,
                                gpointer user_data)
{
  if (self->over)
    return;
  self->handler = handler;
  self->user_data = user_data;
  self->handler_changed = TRUE;
  if (self->in_input || self->input.size == 0)
    return;
  self->offer_again = TRUE;
  lectern_connection_wake (self);
}

void
lectern_connection_set_input_limit (LecternConnection *self, gsize bytes)
{
  self->input_limit = (guint32) MIN (bytes, LECTERN_BUFFER_MAX / 2);
}

void
lectern_connection_set_output_limit (LecternConnection *self, gsize bytes)
{
  self->output_limit = (guint32) MIN (bytes, LECTERN_BUFFER_MAX / 2);
}

void
lectern_connection_set_idle_timeout (LecternConnection *self, gint64 microseconds)
{
  self->idle_us = microseconds;
  self->read_us = lectern_clock_now_us ();
  lectern_connection_watch_time (self);
}

void
lectern_connection_set_stall_timeout (LecternConnection *self, gint64 microseconds)
{
  self->stall_us = microseconds;
  lectern_connection_watch_time (self);
}

void
lectern_connection_set_reading (LecternConnection *self, gboolean reading)
{
  if (self->closing || self->finishing || self->reading == (guint) !!reading)
    return;
  self->reading = !!reading;
  lectern_connection_update_events (self);
  if (!reading || self->in_input || self->input.size == 0)
    return;
  self->offer_again = TRUE;
  lectern_connection_wake (self);
}

gsize
lectern_connection_get_pending (LecternConnection *self)
{
  return self->output.size;
}

void
lectern_connection_close (LecternConnection *self, const GError *error)
{
  if (self->closing)
    return;
  self->closing = TRUE;
  if (error != NULL)
    self->error = g_error_copy (error);
  lectern_connection_wake (self);
}

void
lectern_connection_break (LecternConnection *self, int number)
{
  g_autoptr (GError) error = NULL;

  lectern_error_set_errno (&error, number, "the connection broke");
  lectern_connection_close (self, error);
}

void
lectern_connection_finish (LecternConnection *self)
{
  if (self->closing || self->finishing)
    return;
  self->finishing = TRUE;
  self->want_writable = FALSE;
  if (self->output.size == 0)
    lectern_connection_shut (self);
  lectern_connection_update_events (self);
}

gboolean
lectern_connection_is_closed (LecternConnection *self)
{
  return self->closing;
}

LecternReactor *
lectern_connection_get_reactor (LecternConnection *self)
{
  return self->reactor;
}

const LecternAddress *
lectern_connection_get_peer (LecternConnection *self)
{
  return &self->peer;
}

const char *
lectern_connection_get_peer_name (LecternConnection *self)
{
  char *name = g_atomic_pointer_get (&self->peer_name);
  char *made;

  if (name != NULL)
    return name;
  made = lectern_address_to_string (&self->peer);
  if (g_atomic_pointer_compare_and_exchange (&self->peer_name, NULL, made))
    return made;
  g_free (made);
  return g_atomic_pointer_get (&self->peer_name);
}

gboolean
lectern_connection_is_secure (LecternConnection *self)
{
  return self->secure;
}

guint64
lectern_connection_get_bytes_sent (LecternConnection *self)
{
  return __atomic_load_n (&self->sent, __ATOMIC_RELAXED);
}

guint64
lectern_connection_get_bytes_received (LecternConnection *self)
{
  return __atomic_load_n (&self->received, __ATOMIC_RELAXED);
}

gint64
lectern_connection_get_accepted_us (LecternConnection *self)
{
  return self->accepted_us;
}

void
lectern_connection_close_all (LecternReactor *reactor, const GError *error)
{
  for (LecternConnection *each = reactor->first_connection; each != NULL; each = each->next)
    lectern_connection_close (each, error);
}

typedef struct
{
  LecternReactor *reactor;
  GError *error;
} CloseAll;

static void
free_close_all (gpointer data)
{
  CloseAll *all = data;

  g_clear_error (&all->error);
  g_object_unref (all->reactor);
  g_free (all);
}

static void
run_close_all (gpointer data)
{
  CloseAll *all = data;

  lectern_connection_close_all (all->reactor, all->error);
  free_close_all (all);
}

void
lectern_reactor_close_connections (LecternReactor *self, const GError *reason)
{
  CloseAll *all = g_new0 (CloseAll, 1);

  all->reactor = g_object_ref (self);
  all->error = reason != NULL ? g_error_copy (reason) : NULL;
  lectern_reactor_post (self, run_close_all, all, free_close_all);
}
