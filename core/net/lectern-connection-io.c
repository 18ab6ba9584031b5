/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-connection-private.h"

#include "base/lectern-clock.h"
#include "net/lectern-handshake.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

/* Reads for one event: a fast sender leaves time to the others. */
#define MAX_READS 4
/* How often a blocked peer is looked at within the stall time. */
#define STALL_CHECKS 4
#define FINISH_US (2 * G_USEC_PER_SEC)

LecternIo
lectern_connection_receive (LecternConnection *self, guint8 *to, gsize size, gsize *received)
{
  gssize n;

  /* After our end nobody wants what comes, so it need not be understood. */
  if (self->tls != NULL && !self->shut)
    return lectern_tls_session_receive (self->tls, to, size, received);
  do
    n = recv (self->watch.fd, to, size, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return errno == EAGAIN ? LECTERN_IO_AGAIN : LECTERN_IO_BROKEN;
  *received = (gsize) n;
  return n == 0 ? LECTERN_IO_END : LECTERN_IO_DONE;
}

LecternIo
lectern_connection_transmit (LecternConnection *self, const void *from, gsize length, gboolean more,
                             gsize *sent, gsize *kept)
{
  int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
  gssize n;

  *sent = *kept = 0;
  if (self->tls != NULL && !lectern_tls_session_kernel_sends (self->tls))
    return lectern_tls_session_transmit (self->tls, from, length, sent, kept);
  do
    n = send (self->watch.fd, from, length, flags);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return errno == EAGAIN ? LECTERN_IO_AGAIN : LECTERN_IO_BROKEN;
  *sent = (gsize) n;
  return LECTERN_IO_DONE;
}

void
lectern_connection_update_events (LecternConnection *self)
{
  guint32 events = 0;

  if (self->in_event || self->closing)
    return;
  if ((self->reading || self->finishing) && !self->peer_ended)
    events |= EPOLLIN;
  if (self->blocked)
    events |= EPOLLOUT;
  if (events == self->events)
    return;
  self->events = events;
  lectern_watch_set_events (&self->watch, events);
}

/* Time */

static gint64
get_due (LecternConnection *self)
{
  gint64 due_us = G_MAXINT64;

  if (self->shut || self->shaking || self->connecting)
    return self->deadline_us;
  if (self->idle_us > 0 && !self->finishing)
    due_us = self->read_us + self->idle_us;
  if (self->blocked && self->stall_us > 0)
    {
      due_us = MIN (due_us, self->checked_us + self->stall_us / STALL_CHECKS);
      due_us = MIN (due_us, self->progress_us + self->stall_us);
    }
  return due_us;
}

static void
time_out (LecternConnection *self, const char *message)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT, message);

  lectern_connection_close (self, error);
}

static guint32
count_unacknowledged (LecternConnection *self)
{
  int bytes = 0;

  return ioctl (self->watch.fd, SIOCOUTQ, &bytes) == 0 ? (guint32) bytes : 0;
}

/* EPOLLOUT comes only when a third of the socket's memory is free, so a slow but honest peer is
 * told from a stuck one by what it has acknowledged. */
static gint64
measure_stall (LecternConnection *self, gint64 now_us)
{
  guint32 unacknowledged = count_unacknowledged (self);

  if (unacknowledged < self->unacknowledged)
    self->progress_us = now_us;
  self->unacknowledged = unacknowledged;
  self->checked_us = now_us;
  return now_us - self->progress_us;
}

gint64
lectern_connection_get_stalled (LecternConnection *self)
{
  return self->blocked ? measure_stall (self, lectern_clock_now_us ()) : 0;
}

static void
check_stall (LecternConnection *self, gint64 now_us)
{
  if (measure_stall (self, now_us) >= self->stall_us)
    time_out (self, "the peer takes nothing");
}

static void
on_time (LecternTimer *timer)
{
  LecternConnection *self
      = (LecternConnection *) ((char *) timer - G_STRUCT_OFFSET (LecternConnection, timer));
  gint64 now_us = lectern_clock_now_us ();

  if (self->closing)
    return;
  if (now_us >= get_due (self))
    {
      if (self->connecting)
        time_out (self, "no connection in time");
      else if (self->shaking)
        lectern_handshake_expire (self);
      else if (self->shut)
        lectern_connection_close (self, NULL);
      else if (self->idle_us > 0 && !self->finishing && now_us - self->read_us >= self->idle_us)
        time_out (self, "the peer sends nothing");
      else
        check_stall (self, now_us);
    }
  lectern_connection_watch_time (self);
}

void
lectern_connection_watch_time (LecternConnection *self)
{
  gint64 due_us = get_due (self);

  if (self->closing || due_us == G_MAXINT64)
    return;
  /* One that fires too early finds nothing due, and is set anew: dearer only for the idle. */
  if (self->timer.reactor == NULL || self->timer.due_us > due_us)
    lectern_timer_start (&self->timer, self->reactor, due_us - lectern_clock_now_us (), on_time);
}

/* Output */

void
lectern_connection_set_blocked (LecternConnection *self)
{
  self->blocked = TRUE;
  self->progress_us = self->checked_us = lectern_clock_now_us ();
  self->unacknowledged = count_unacknowledged (self);
  lectern_connection_watch_time (self);
  lectern_connection_update_events (self);
}

static void
count_sent (LecternConnection *self, gsize bytes)
{
  __atomic_store_n (&self->sent, self->sent + bytes, __ATOMIC_RELAXED);
}

static gsize
send_now (LecternConnection *self, const void *data, gsize length, gboolean more)
{
  LecternIo io;
  gsize sent, kept;

  if (self->closing || self->finishing)
    return length;
  /* No system call for a peer that is known to take nothing: stalled viewers cost nothing. */
  if (self->blocked)
    {
      self->want_writable = TRUE;
      return 0;
    }
  io = lectern_connection_transmit (self, data, length, more, &sent, &kept);
  if (io == LECTERN_IO_BROKEN)
    {
      lectern_connection_break (self, errno);
      return length;
    }
  count_sent (self, sent);
  if (kept > 0)
    lectern_buffer_append (&self->output, (const guint8 *) data + sent, kept);
  if (sent == length)
    return length;
  if (sent + kept < length)
    self->want_writable = TRUE;
  lectern_connection_set_blocked (self);
  return sent + kept;
}

gsize
lectern_connection_send (LecternConnection *self, const void *data, gsize length)
{
  return send_now (self, data, length, FALSE);
}

gsize
lectern_connection_send_more (LecternConnection *self, const void *data, gsize length)
{
  return send_now (self, data, length, TRUE);
}

gssize
lectern_connection_send_file (LecternConnection *self, int fd, guint64 offset, gsize length)
{
  off_t at = (off_t) offset;
  gssize sent;

  if (self->tls != NULL)
    return -1;
  if (self->closing || self->finishing)
    return (gssize) length;
  if (self->blocked)
    {
      self->want_writable = TRUE;
      return 0;
    }
  do
    sent = sendfile (self->watch.fd, fd, &at, length);
  while (sent < 0 && errno == EINTR);
  if (sent == 0 || (sent < 0 && (errno == EINVAL || errno == ENOSYS || errno == EIO)))
    return -1;
  if (sent < 0 && errno != EAGAIN)
    {
      lectern_connection_break (self, errno);
      return (gssize) length;
    }
  sent = MAX (sent, 0);
  count_sent (self, (gsize) sent);
  if ((gsize) sent == length)
    return sent;
  self->want_writable = TRUE;
  lectern_connection_set_blocked (self);
  return sent;
}

static gboolean
keep (LecternConnection *self, const guint8 *data, gsize length)
{
  g_autoptr (GError) error = NULL;

  if (length <= self->output_limit && self->output.size <= self->output_limit - length)
    {
      lectern_buffer_append (&self->output, data, length);
      return TRUE;
    }
  error = g_error_new (LECTERN_ERROR, LECTERN_ERROR_LIMIT, "more than %u bytes wait for the peer",
                       self->output_limit);
  lectern_connection_close (self, error);
  return FALSE;
}

static gboolean
write_all (LecternConnection *self, const void *data, gsize length, gboolean more)
{
  LecternIo io;
  gsize sent, kept;

  if (self->closing || self->finishing)
    return FALSE;
  if (length == 0)
    return TRUE;
  if (self->blocked)
    {
      self->want_writable = TRUE;
      return keep (self, data, length);
    }
  io = lectern_connection_transmit (self, data, length, more, &sent, &kept);
  if (io == LECTERN_IO_BROKEN)
    {
      lectern_connection_break (self, errno);
      return FALSE;
    }
  count_sent (self, sent);
  if (sent == length)
    return TRUE;
  if (!keep (self, (const guint8 *) data + sent, length - sent))
    return FALSE;
  self->want_writable = TRUE;
  lectern_connection_set_blocked (self);
  return TRUE;
}

gboolean
lectern_connection_write (LecternConnection *self, const void *data, gsize length)
{
  return write_all (self, data, length, FALSE);
}

gboolean
lectern_connection_write_more (LecternConnection *self, const void *data, gsize length)
{
  return write_all (self, data, length, TRUE);
}

static void
drained (LecternConnection *self)
{
  self->blocked = FALSE;
  if (self->finishing && !self->shut)
    lectern_connection_shut (self);
  else if (self->want_writable)
    {
      self->want_writable = FALSE;
      if (self->handler != NULL && self->handler->writable != NULL)
        self->handler->writable (self, self->user_data);
    }
}

static void
flush (LecternConnection *self)
{
  while (self->output.size > 0)
    {
      gsize sent, kept;
      gsize size = self->output.size;
      LecternIo io = lectern_connection_transmit (self, lectern_buffer_peek (&self->output), size,
                                                  FALSE, &sent, &kept);

      if (io == LECTERN_IO_BROKEN)
        {
          lectern_connection_break (self, errno);
          return;
        }
      count_sent (self, sent);
      lectern_buffer_consume (&self->output, sent);
      if (sent < size)
        {
          lectern_connection_set_blocked (self);
          return;
        }
    }
  drained (self);
}

void
lectern_connection_shut (LecternConnection *self)
{
  if (self->peer_ended)
    {
      lectern_connection_close (self, NULL);
      return;
    }
  if (self->tls != NULL && lectern_tls_session_shut (self->tls) == LECTERN_IO_AGAIN)
    {
      lectern_connection_set_blocked (self);
      return;
    }
  self->shut = TRUE;
  self->deadline_us = lectern_clock_now_us () + FINISH_US;
  (void) shutdown (self->watch.fd, SHUT_WR);
  lectern_connection_watch_time (self);
}

/* Input */

static gboolean
may_offer (LecternConnection *self)
{
  return self->handler != NULL && self->handler->input != NULL && self->reading && !self->closing
         && !self->finishing;
}

/* Offers until the handler in charge has had its say. Returns: how much was consumed. */
static gsize
offer (LecternConnection *self, const guint8 *data, gsize length)
{
  gsize consumed = 0;

  self->in_input = TRUE;
  do
    {
      gsize taken;

      self->handler_changed = FALSE;
      if (!may_offer (self))
        break;
      taken = self->handler->input (self, data + consumed, length - consumed, self->user_data);
      consumed += MIN (taken, length - consumed);
    }
  while (self->handler_changed && consumed < length);
  self->in_input = FALSE;
  return consumed;
}

/* Only what the handler was offered and did not want counts: while reading is held it could not. */
static void
check_input_limit (LecternConnection *self)
{
  g_autoptr (GError) error = NULL;

  if (self->input.size <= self->input_limit || !self->reading)
    return;
  error = g_error_new (LECTERN_ERROR, LECTERN_ERROR_LIMIT, "more than %u bytes without an end",
                       self->input_limit);
  lectern_connection_close (self, error);
}

static void
offer_input (LecternConnection *self)
{
  gsize consumed = offer (self, lectern_buffer_peek (&self->input), self->input.size);

  lectern_buffer_consume (&self->input, consumed);
  check_input_limit (self);
}

static void
deliver (LecternConnection *self, const guint8 *data, gsize length)
{
  if (self->input.size == 0)
    {
      gsize consumed = offer (self, data, length);

      lectern_buffer_append (&self->input, data + consumed, length - consumed);
      check_input_limit (self);
    }
  else
    {
      lectern_buffer_append (&self->input, data, length);
      offer_input (self);
    }
}

void
lectern_connection_offer_kept (LecternConnection *self)
{
  if (!self->offer_again || self->in_input)
    return;
  self->offer_again = FALSE;
  if (self->input.size > 0 && may_offer (self))
    offer_input (self);
}

static void
peer_ended (LecternConnection *self)
{
  self->peer_ended = TRUE;
  if (self->output.size == 0 || self->shut)
    lectern_connection_close (self, NULL);
  else
    /* It may have closed its direction only, and still want what was written. */
    lectern_connection_finish (self);
}

static void
read_input (LecternConnection *self)
{
  guint8 *scratch = self->reactor->scratch;
  gsize room = LECTERN_REACTOR_SCRATCH;

  for (guint i = 0; i < MAX_READS && !self->closing; i++)
    {
      gsize n = 0;
      LecternIo io = lectern_connection_receive (self, scratch, room, &n);

      if (io == LECTERN_IO_AGAIN)
        return;
      if (io == LECTERN_IO_END)
        {
          peer_ended (self);
          return;
        }
      if (io == LECTERN_IO_BROKEN)
        {
          if (self->shut)
            lectern_connection_close (self, NULL);
          else
            lectern_connection_break (self, errno);
          return;
        }
      self->read_us = self->reactor->now_us;
      __atomic_store_n (&self->received, self->received + n, __ATOMIC_RELAXED);
      if (!self->finishing)
        deliver (self, scratch, n);
      if ((n < room && self->tls == NULL) || (!self->reading && !self->finishing))
        return;
    }
}

static void
take_error (LecternConnection *self)
{
  int number = 0;
  socklen_t size = sizeof number;

  (void) getsockopt (self->watch.fd, SOL_SOCKET, SO_ERROR, &number, &size);
  lectern_connection_break (self, number != 0 ? number : ECONNRESET);
}

void
lectern_connection_on_event (LecternWatch *watch, guint32 events)
{
  LecternConnection *self = (LecternConnection *) watch;
  gboolean reads = (self->events & EPOLLIN) != 0;

  if (self->closing)
    return;
  lectern_connection_ref (self);
  self->in_event = TRUE;
  if (events & EPOLLOUT)
    flush (self);
  if (self->closing)
    ;
  else if (reads && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
    read_input (self);
  else if (events & (EPOLLHUP | EPOLLERR))
    take_error (self);
  self->in_event = FALSE;
  lectern_connection_update_events (self);
  lectern_connection_unref (self);
}
