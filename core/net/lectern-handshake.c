/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-handshake.h"

#include "base/lectern-clock.h"
#include "net/lectern-connection-private.h"

#include <errno.h>

/* CPU time for handshakes before the other sockets have their turn: one signature, or some steps
 * without one. */
#define ROUND_US 1000

static void
fail (LecternConnection *connection, LecternError code, const char *message)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, code, message);

  if (connection->closing)
    return;
  if (!connection->outgoing)
    lectern_metric_add (lectern_metrics_get_counter ("lectern_rejected_total",
                                                     "Connections turned away", "reason", "tls"),
                        1);
  lectern_connection_close (connection, error);
}

void
lectern_handshake_expire (LecternConnection *connection)
{
  fail (connection, LECTERN_ERROR_TIMED_OUT, "no TLS handshake in time");
}

static void
take_step (LecternConnection *connection)
{
  gboolean wants_write;

  if (connection->closing)
    return;
  switch (lectern_tls_session_shake (connection->tls, connection->watch.fd, &wants_write))
    {
    case LECTERN_IO_DONE:
      lectern_connection_begin (connection);
      lectern_tls_session_ready (connection->tls, connection);
      break;
    case LECTERN_IO_AGAIN:
      if (wants_write)
        lectern_watch_set_events (&connection->watch, LECTERN_HANDSHAKE_EVENTS | EPOLLOUT);
      break;
    default:
      fail (connection, LECTERN_ERROR_INVALID_DATA,
            lectern_tls_session_get_problem (connection->tls));
    }
}

static void
run (LecternWake *wake)
{
  LecternReactor *reactor = lectern_reactor_get_current ();
  gint64 until_us = g_get_monotonic_time () + ROUND_US;
  LecternConnection *connection;

  while ((connection = g_queue_pop_head (&reactor->handshakes)) != NULL)
    {
      connection->queued = FALSE;
      take_step (connection);
      lectern_connection_unref (connection);
      if (g_get_monotonic_time () >= until_us)
        break;
    }
  if (!g_queue_is_empty (&reactor->handshakes))
    (void) lectern_reactor_wake (reactor, wake);
}

void
lectern_handshake_on_event (LecternWatch *watch, guint32 events)
{
  LecternConnection *connection = (LecternConnection *) watch;
  LecternReactor *reactor = connection->reactor;

  if (connection->closing || connection->queued)
    return;
  if (events & (EPOLLHUP | EPOLLERR))
    {
      fail (connection, LECTERN_ERROR_CLOSED, "the peer left during the TLS handshake");
      return;
    }
  connection->queued = TRUE;
  g_queue_push_tail (&reactor->handshakes, lectern_connection_ref (connection));
  reactor->handshake_wake.func = run;
  (void) lectern_reactor_wake (reactor, &reactor->handshake_wake);
}
