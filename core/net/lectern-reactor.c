/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-reactor-private.h"

#include "base/lectern-clock.h"

#include <errno.h>
#include <glib-unix.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define METER_US G_USEC_PER_SEC
/* Functions that post again for ever do not keep a reactor from ending. */
#define LAST_ROUNDS 64

typedef struct
{
  GSource source;
  LecternReactor *reactor;
} ReactorSource;

G_DEFINE_FINAL_TYPE (LecternReactor, lectern_reactor, G_TYPE_OBJECT)

static _Thread_local LecternReactor *current;

static gint64
thread_cpu_us (void)
{
  struct timespec spent;

  if (clock_gettime (CLOCK_THREAD_CPUTIME_ID, &spent) != 0)
    return 0;
  return (gint64) spent.tv_sec * G_USEC_PER_SEC + spent.tv_nsec / 1000;
}

static void
take_measure (LecternTimer *timer)
{
  LecternReactor *self = current;
  gint64 now_us = lectern_clock_now_us ();
  gint64 cpu_us = thread_cpu_us ();
  gint64 passed_us = MAX (now_us - self->metered_us, 1);
  gint64 permille = CLAMP ((cpu_us - self->metered_cpu_us) * 1000 / passed_us, 0, 1000);
  gint64 lag_us = MIN (self->worst_lag_us, G_MAXINT);

  g_atomic_int_set (&self->load_permille, (gint) permille);
  g_atomic_int_set (&self->lag_us, (gint) lag_us);
  lectern_metric_set (self->load_metric, permille);
  lectern_metric_set (self->lag_metric, lag_us);
  self->metered_us = now_us;
  self->metered_cpu_us = cpu_us;
  self->worst_lag_us = 0;
  lectern_timer_start (timer, self, METER_US, take_measure);
}

void
lectern_reactor_note_lag (LecternReactor *self, gint64 lag_us)
{
  self->worst_lag_us = MAX (self->worst_lag_us, lag_us);
}

/* How long the loop may wait, -1 for ever. GLib waits by the system's clock, which a test may have
 * replaced for us. */
static gint
get_wait_ms (LecternReactor *self)
{
  const LecternTimer *first;
  gint64 left_us;

  if (self->batch_size > 0 || !lectern_wake_queue_is_empty (&self->mailbox))
    return 0;
  if (self->timers->len == 0)
    return -1;
  first = g_ptr_array_index (self->timers, 0);
  left_us = first->due_us - lectern_clock_now_us ();
  return left_us > 0 ? (gint) MIN ((left_us + 999) / 1000, G_MAXINT) : 0;
}

static gboolean
prepare (GSource *source, gint *timeout)
{
  LecternReactor *self = ((ReactorSource *) source)->reactor;

  *timeout = self->dispatching ? -1 : get_wait_ms (self);
  return *timeout == 0;
}

static gboolean
check (GSource *source)
{
  LecternReactor *self = ((ReactorSource *) source)->reactor;

  return !self->dispatching
         && (g_source_query_unix_fd (source, self->epoll_tag) != 0 || get_wait_ms (self) == 0);
}

/* Takes GLib's own wake-up out of the batch. Returns: whether it was there. */
static gboolean
take_loop_wake (LecternReactor *self)
{
  for (int i = 0; i < self->batch_size; i++)
    if (self->batch[i].data.ptr == &self->loop_fd)
      {
        self->batch[i] = self->batch[--self->batch_size];
        return TRUE;
      }
  return FALSE;
}

/* Returns: whether GLib's wake-up is in the epoll set. */
static gboolean
watch_loop (LecternReactor *self, int fd)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = &self->loop_fd };

  if (fd == self->loop_fd)
    return TRUE;
  if (self->loop_fd >= 0 || epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
    return FALSE;
  self->loop_fd = fd;
  return TRUE;
}

/* The context's poll function. As a rule its descriptors are the epoll set and GLib's wake-up: with
 * the latter in the set too, one call waits for both and brings the events along. */
static gint
wait_for_events (GPollFD *fds, guint n_fds, gint timeout)
{
  LecternReactor *self = current;
  GPollFD *set = n_fds == 2 && self != NULL && fds[0].fd == self->epoll_fd ? &fds[0] : &fds[1];
  GPollFD *loop = set == &fds[0] ? &fds[1] : &fds[0];

  /* A batch that another source's priority has kept from being run holds edges that are reported
   * only once. */
  if (n_fds != 2 || self == NULL || self->dispatching || self->batch_size > 0
      || set->fd != self->epoll_fd || !watch_loop (self, loop->fd))
    return g_poll (fds, n_fds, timeout);
  set->revents = loop->revents = 0;
  self->batch_next = 0;
  self->batch_size = epoll_wait (self->epoll_fd, self->batch, LECTERN_REACTOR_BATCH, timeout);
  if (self->batch_size < 0)
    {
      self->batch_size = 0;
      return -1;
    }
  if (take_loop_wake (self))
    loop->revents = G_IO_IN;
  if (self->batch_size > 0)
    set->revents = G_IO_IN;
  self->fetched = TRUE;
  return (set->revents != 0) + (loop->revents != 0);
}

static void
run_mailbox (LecternReactor *self)
{
  gint64 since_us;
  LecternWake *first = lectern_wake_queue_take (&self->mailbox, &since_us);

  if (first == NULL)
    return;
  lectern_reactor_note_lag (self, lectern_clock_now_us () - since_us);
  lectern_wake_queue_run (first);
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  LecternReactor *self = ((ReactorSource *) source)->reactor;

  self->dispatching = TRUE;
  self->now_us = lectern_clock_now_us ();
  lectern_reactor_run_watches (self);
  lectern_reactor_run_timers (self);
  run_mailbox (self);
  self->dispatching = FALSE;
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .prepare = prepare, .check = check, .dispatch = dispatch };

static void
mail_came (LecternWatch *watch, guint32 events)
{
  /* Edge-triggered: each write is reported once and nobody has to read it. The mailbox is run at
   * the end of every dispatch. */
}

static void
tell (LecternReactor *self)
{
  guint64 one = 1;

  if (current == self)
    return;
  while (write (self->mail.fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

void
lectern_reactor_post (LecternReactor *self, LecternPostFunc func, gpointer data,
                      GDestroyNotify free_data)
{
  LecternWake *post = lectern_wake_queue_new_post (func, data);
  gboolean was_empty;

  if (lectern_wake_queue_push (&self->mailbox, post, &was_empty))
    {
      if (was_empty)
        tell (self);
      return;
    }
  lectern_wake_queue_free_post (post);
  if (free_data != NULL)
    free_data (data);
}

gboolean
lectern_reactor_wake (LecternReactor *self, LecternWake *wake)
{
  gboolean was_empty;

  if (g_atomic_int_exchange (&wake->pending, 1) != 0)
    return FALSE;
  if (!lectern_wake_queue_push (&self->mailbox, wake, &was_empty))
    {
      g_atomic_int_set (&wake->pending, 0);
      return FALSE;
    }
  if (was_empty)
    tell (self);
  return TRUE;
}

static void
end (gpointer data)
{
  LecternReactor *self = data;
  g_autoptr (GError) error
      = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the server stops");

  self->ending = TRUE;
  lectern_connection_close_all (self, error);
  g_main_loop_quit (self->loop);
}

static void
block_signals (void)
{
  sigset_t set;

  /* Signals belong to the control thread, and a broken pipe is an error code; faults stay ours. */
  sigfillset (&set);
  sigdelset (&set, SIGSEGV);
  sigdelset (&set, SIGBUS);
  sigdelset (&set, SIGFPE);
  sigdelset (&set, SIGILL);
  sigdelset (&set, SIGABRT);
  sigdelset (&set, SIGTRAP);
  pthread_sigmask (SIG_BLOCK, &set, NULL);
}

static gpointer
run (gpointer data)
{
  g_autoptr (LecternReactor) self = data;

  block_signals ();
  current = self;
  g_main_context_push_thread_default (self->context);
  self->now_us = self->metered_us = lectern_clock_now_us ();
  self->metered_cpu_us = thread_cpu_us ();
  lectern_timer_start (&self->meter, self, METER_US, take_measure);
  g_main_loop_run (self->loop);

  self->dispatching = TRUE;
  for (guint i = 0; i < LAST_ROUNDS && !lectern_wake_queue_is_empty (&self->mailbox); i++)
    run_mailbox (self);
  lectern_wake_queue_run (lectern_wake_queue_close (&self->mailbox));
  lectern_reactor_drop_timers (self);
  g_main_context_pop_thread_default (self->context);
  current = NULL;
  return NULL;
}

static gboolean
open_descriptors (LecternReactor *self, GError **error)
{
  int mail_fd;

  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  mail_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->epoll_fd < 0 || mail_fd < 0)
    {
      lectern_error_set_errno (error, errno, "cannot start reactor '%s'", self->name);
      if (mail_fd >= 0)
        close (mail_fd);
      return FALSE;
    }
  if (lectern_watch_start (&self->mail, self, mail_fd, EPOLLIN | EPOLLET, mail_came, error))
    return TRUE;
  close (mail_fd);
  return FALSE;
}

LecternReactor *
lectern_reactor_new (const char *name, GError **error)
{
  g_autoptr (LecternReactor) self = g_object_new (LECTERN_TYPE_REACTOR, NULL);

  self->name = g_strdup (name);
  if (!open_descriptors (self, error))
    return NULL;
  self->load_metric = lectern_metrics_get_gauge (
      "lectern_reactor_load_permille", "Share of a core the reactor used in the last second",
      "reactor", name);
  self->lag_metric = lectern_metrics_get_gauge (
      "lectern_reactor_lag_microseconds", "How late the last second's latest timer or wake-up ran",
      "reactor", name);
  self->epoll_tag = g_source_add_unix_fd (self->source, self->epoll_fd, G_IO_IN);
  g_source_attach (self->source, self->context);

  self->thread = g_thread_try_new (name, run, g_object_ref (self), error);
  if (self->thread == NULL)
    {
      g_object_unref (self);
      lectern_error_convert (error);
      return NULL;
    }
  return g_steal_pointer (&self);
}

void
lectern_reactor_stop (LecternReactor *self)
{
  if (self->thread == NULL)
    return;
  g_return_if_fail (current != self);
  lectern_reactor_post (self, end, self, NULL);
  g_thread_join (g_steal_pointer (&self->thread));
}

static void
lectern_reactor_finalize (GObject *object)
{
  LecternReactor *self = LECTERN_REACTOR (object);

  if (self->mail.reactor != NULL)
    close (self->mail.fd);
  if (self->epoll_fd >= 0)
    close (self->epoll_fd);
  g_source_destroy (self->source);
  g_source_unref (self->source);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  g_ptr_array_unref (self->timers);
  lectern_wake_queue_clear (&self->mailbox);
  g_free (self->scratch);
  g_free (self->name);
  G_OBJECT_CLASS (lectern_reactor_parent_class)->finalize (object);
}

static void
lectern_reactor_class_init (LecternReactorClass *class)
{
  G_OBJECT_CLASS (class)->finalize = lectern_reactor_finalize;
}

static void
lectern_reactor_init (LecternReactor *self)
{
  self->epoll_fd = self->loop_fd = -1;
  self->context = g_main_context_new ();
  g_main_context_set_poll_func (self->context, wait_for_events);
  self->loop = g_main_loop_new (self->context, FALSE);
  self->source = g_source_new (&source_funcs, sizeof (ReactorSource));
  ((ReactorSource *) self->source)->reactor = self;
  /* Else GLib takes the descriptor out of its set and back at every dispatch, and wakes itself up
   * each time. */
  g_source_set_can_recurse (self->source, TRUE);
  self->timers = g_ptr_array_new ();
  lectern_wake_queue_init (&self->mailbox);
  self->scratch = g_malloc (LECTERN_REACTOR_SCRATCH);
}

gboolean
lectern_reactor_is_current (LecternReactor *self)
{
  return current == self;
}

LecternReactor *
lectern_reactor_get_current (void)
{
  return current;
}

GMainContext *
lectern_reactor_get_context (LecternReactor *self)
{
  return self->context;
}

double
lectern_reactor_get_load (LecternReactor *self)
{
  return g_atomic_int_get (&self->load_permille) / 1000.0;
}

gint64
lectern_reactor_get_lag (LecternReactor *self)
{
  return g_atomic_int_get (&self->lag_us);
}

guint
lectern_reactor_get_connections (LecternReactor *self)
{
  return (guint) MAX (g_atomic_int_get (&self->connections), 0);
}

void
lectern_reactor_count_connection (LecternReactor *self, gint change)
{
  g_atomic_int_add (&self->connections, change);
}
