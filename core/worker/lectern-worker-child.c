/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/lectern-worker-child.h"

#include "worker/lectern-worker-log.h"
#include "worker/lectern-worker-spawn.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_SIZE (64 * 1024)
/* A round of one child, so that the reactor's other sockets have their turn. */
#define READS_A_ROUND 4
#define MAX_PIECES 16

struct _LecternWorkerChild
{
  guint refs; /* the owner's, the process's, and a running callback's */
  LecternWorkers *workers;
  char *title;
  LecternReactor *reactor;
  const LecternWorkerChildEvents *events; /* NULL once released */
  gpointer user_data;
  LecternWorkerProcess process; /* link -1 once closed */
  LecternWatch link;
  LecternWatch log_watch;
  LecternWatch end;
  LecternTimer timer; /* while its end is expected */
  guint signals_sent;
  GError *error; /* (nullable): why it was killed */
  LecternLinkReader *reader;
  LecternWorkerLog log;

  GQueue queue;  /* of GBytes, what waits to be sent */
  gsize offset;  /* into the first of them */
  gsize queued;  /* bytes */
  gboolean full; /* the socket: we wait for room */
};

static void
child_unref (LecternWorkerChild *self)
{
  if (--self->refs > 0)
    return;
  g_queue_clear_full (&self->queue, (GDestroyNotify) g_bytes_unref);
  lectern_link_reader_free (self->reader);
  lectern_workers_unref (self->workers);
  g_object_unref (self->reactor);
  g_clear_error (&self->error);
  g_free (self->title);
  g_free (self);
}

static void
close_link (LecternWorkerChild *self)
{
  if (self->process.link < 0)
    return;
  lectern_watch_stop (&self->link);
  close (self->process.link);
  self->process.link = -1;
  g_queue_clear_full (&self->queue, (GDestroyNotify) g_bytes_unref);
  self->queued = self->offset = 0;
}

/* ── sending ── */

static guint
gather (LecternWorkerChild *self, struct iovec *pieces)
{
  guint count = 0;

  for (GList *each = self->queue.head; each != NULL && count < MAX_PIECES; each = each->next)
    {
      gsize size;
      const guint8 *data = g_bytes_get_data (each->data, &size);
      gsize skip = count == 0 ? self->offset : 0;

      pieces[count++]
          = (struct iovec){ .iov_base = (guint8 *) data + skip, .iov_len = size - skip };
    }
  return count;
}

static void
drop_sent (LecternWorkerChild *self, gsize sent)
{
  self->queued -= sent;
  sent += self->offset;
  while (self->queue.head != NULL && sent >= g_bytes_get_size (self->queue.head->data))
    {
      sent -= g_bytes_get_size (self->queue.head->data);
      g_bytes_unref (g_queue_pop_head (&self->queue));
    }
  self->offset = sent;
}

/* A broken link is noticed by reading. */
static void
flush (LecternWorkerChild *self)
{
  while (self->queue.length > 0)
    {
      struct iovec pieces[MAX_PIECES];
      struct msghdr message = { .msg_iov = pieces };
      gssize sent;

      message.msg_iovlen = gather (self, pieces);
      sent = sendmsg (self->process.link, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EINTR)
        continue;
      if (sent < 0)
        break;
      drop_sent (self, sent);
    }
  if (self->full == (self->queue.length > 0))
    return;
  self->full = !self->full;
  lectern_watch_set_events (&self->link, self->full ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void
push (LecternWorkerChild *self, GBytes *bytes)
{
  g_queue_push_tail (&self->queue, g_bytes_ref (bytes));
  self->queued += g_bytes_get_size (bytes);
}

gboolean
lectern_worker_child_send (LecternWorkerChild *self, GBytes *head, GBytes *body, gsize limit)
{
  gsize size = g_bytes_get_size (head) + (body != NULL ? g_bytes_get_size (body) : 0);
  gboolean idle = self->queue.length == 0;

  if (self->process.link < 0 || (!idle && self->queued + size > limit))
    return FALSE;
  push (self, head);
  if (body != NULL && g_bytes_get_size (body) > 0)
    push (self, body);
  if (idle)
    flush (self);
  return TRUE;
}

/* ── receiving ── */

/* FALSE: the peer broke a rule, or the owner has let go. */
static gboolean
give_frames (LecternWorkerChild *self, const guint8 *data, gsize size)
{
  LecternByteReader bytes;

  lectern_byte_reader_init (&bytes, data, size);
  while (self->events != NULL)
    {
      g_auto (LecternLinkFrame) frame = { 0 };
      GError *error = NULL;

      if (lectern_link_reader_read (self->reader, &bytes, &frame, &error))
        self->events->frame (self, &frame, self->user_data);
      else if (error != NULL)
        {
          lectern_worker_child_kill (self, error);
          return FALSE;
        }
      else
        return TRUE;
    }
  return FALSE;
}

/* Returns: whether there may be more. */
static gboolean
read_once (LecternWorkerChild *self)
{
  guint8 data[READ_SIZE];
  gssize size = recv (self->process.link, data, sizeof data, MSG_DONTWAIT);

  if (size > 0)
    return give_frames (self, data, size) && self->process.link >= 0;
  if (size < 0 && (errno == EAGAIN || errno == EINTR))
    return errno == EINTR;
  close_link (self);
  lectern_worker_child_expect_end (self);
  return FALSE;
}

static void
on_link (LecternWatch *watch, guint32 events)
{
  LecternWorkerChild *self
      = (LecternWorkerChild *) ((char *) watch - G_STRUCT_OFFSET (LecternWorkerChild, link));

  self->refs++;
  if (events & EPOLLOUT)
    flush (self);
  for (guint i = 0; i < READS_A_ROUND && read_once (self); i++)
    continue;
  child_unref (self);
}

/* Returns: whether there may be more. */
static gboolean
read_log (LecternWorkerChild *self)
{
  char text[4096];
  gssize size = read (self->process.log, text, sizeof text);

  if (size > 0)
    lectern_worker_log_put (&self->log, self->title, text, size);
  if (size == 0)
    lectern_watch_stop (&self->log_watch);
  return size > 0;
}

static void
on_log (LecternWatch *watch, guint32 events)
{
  read_log (
      (LecternWorkerChild *) ((char *) watch - G_STRUCT_OFFSET (LecternWorkerChild, log_watch)));
}

/* ── the end ── */

static void
send_signal (LecternWorkerChild *self, int number)
{
  /* It was not waited for, so the number is still its own. */
  if (self->process.pid > 0)
    (void) kill (self->process.pid, number);
}

static void
on_time (LecternTimer *timer)
{
  LecternWorkerChild *self
      = (LecternWorkerChild *) ((char *) timer - G_STRUCT_OFFSET (LecternWorkerChild, timer));
  LecternWorkersSettings settings;

  lectern_workers_get_settings (self->workers, &settings);
  send_signal (self, self->signals_sent++ == 0 ? SIGTERM : SIGKILL);
  lectern_timer_start (timer, self->reactor, settings.stop_us, on_time);
}

void
lectern_worker_child_expect_end (LecternWorkerChild *self)
{
  LecternWorkersSettings settings;

  if (self->timer.reactor != NULL || self->process.pid == 0)
    return;
  lectern_workers_get_settings (self->workers, &settings);
  lectern_timer_start (&self->timer, self->reactor, settings.stop_us, on_time);
}

void
lectern_worker_child_kill (LecternWorkerChild *self, GError *error)
{
  if (self->error == NULL)
    self->error = error;
  else
    g_error_free (error);
  send_signal (self, SIGKILL);
}

static GError *
describe_end (LecternWorkerChild *self, int status)
{
  if (self->error != NULL)
    return g_steal_pointer (&self->error);
  if (WIFSIGNALED (status))
    return g_error_new (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "it was ended by signal %d (%s)",
                        WTERMSIG (status), g_strsignal (WTERMSIG (status)));
  return g_error_new (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "it exited with code %d",
                      WEXITSTATUS (status));
}

/* What it sent before its end counts. */
static void
read_rest (LecternWorkerChild *self)
{
  while (self->process.link >= 0 && self->error == NULL && read_once (self))
    continue;
  while (self->log_watch.reactor != NULL && read_log (self))
    continue;
  lectern_worker_log_end (&self->log, self->title);
}

static void
on_end (LecternWatch *watch, guint32 events)
{
  LecternWorkerChild *self
      = (LecternWorkerChild *) ((char *) watch - G_STRUCT_OFFSET (LecternWorkerChild, end));
  g_autoptr (GError) error = NULL;
  int status = 0;

  if (!lectern_workers_reap (self->workers, self->process.pid, &status))
    return;
  self->refs++;
  self->process.pid = 0;
  read_rest (self);
  lectern_timer_stop (&self->timer);
  lectern_watch_stop (&self->end);
  lectern_watch_stop (&self->log_watch);
  close_link (self);
  close (self->process.log);
  close (self->process.pid_fd);
  error = describe_end (self, status);
  if (self->events != NULL)
    self->events->gone (self, error, self->user_data);
  child_unref (self); /* the process's */
  child_unref (self);
}

static gboolean
watch (LecternWorkerChild *self, GError **error)
{
  return lectern_watch_start (&self->link, self->reactor, self->process.link, EPOLLIN, on_link,
                              error)
         && lectern_watch_start (&self->log_watch, self->reactor, self->process.log, EPOLLIN,
                                 on_log, error)
         && lectern_watch_start (&self->end, self->reactor, self->process.pid_fd, EPOLLIN, on_end,
                                 error);
}

/* Without watches nobody would hear of its end. */
static void
abandon (LecternWorkerChild *self)
{
  int status;

  lectern_watch_stop (&self->link);
  lectern_watch_stop (&self->log_watch);
  close (self->process.link);
  close (self->process.log);
  close (self->process.pid_fd);
  (void) kill (self->process.pid, SIGKILL);
  (void) waitid (P_PID, self->process.pid, NULL, WEXITED | WNOWAIT);
  (void) lectern_workers_reap (self->workers, self->process.pid, &status);
}

LecternWorkerChild *
lectern_worker_child_new (LecternWorkers *workers, const char *job, const char *title,
                          LecternReactor *reactor, const LecternWorkerChildEvents *events,
                          gpointer user_data, GError **error)
{
  LecternWorkersSettings settings;
  LecternWorkerProcess process;
  LecternWorkerChild *self;

  lectern_workers_get_settings (workers, &settings);
  if (!lectern_workers_reserve (workers, error))
    return NULL;
  if (!lectern_worker_spawn (settings.program, job, settings.registry, &process, error))
    {
      lectern_workers_release (workers);
      return NULL;
    }
  lectern_workers_add_child (workers, process.pid);
  self = g_new0 (LecternWorkerChild, 1);
  self->refs = 2;
  self->workers = lectern_workers_ref (workers);
  self->title = g_strdup (title);
  self->reactor = g_object_ref (reactor);
  self->events = events;
  self->user_data = user_data;
  self->process = process;
  self->reader = lectern_link_reader_new ();
  g_queue_init (&self->queue);
  if (watch (self, error))
    return self;
  abandon (self);
  self->refs = 1;
  child_unref (self);
  return NULL;
}

void
lectern_worker_child_release (LecternWorkerChild *self)
{
  self->events = NULL;
  close_link (self);
  lectern_worker_child_expect_end (self);
  child_unref (self);
}

int
lectern_worker_child_get_pid (LecternWorkerChild *self)
{
  return self->process.pid;
}
