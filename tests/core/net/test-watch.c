/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net-fixture.h"

#include "base/lectern-clock.h"

#include <glib-unix.h>
#include <sys/eventfd.h>

/* Watches */

typedef struct _Watched Watched;
struct _Watched
{
  LecternWatch watch; /* first */
  Watched *others;
  guint n_others;
  guint calls;
  Counter *done;
};

static void
stop_all (LecternWatch *watch, guint32 events)
{
  Watched *self = (Watched *) watch;

  self->calls++;
  for (guint i = 0; i < self->n_others; i++)
    lectern_watch_stop (&self->others[i].watch);
  counter_add (self->done, 1);
}

typedef struct
{
  LecternReactor *reactor;
  Watched watched[16];
  Counter done;
} Batch;

static void
start_watches (gpointer data)
{
  Batch *batch = data;

  for (guint i = 0; i < G_N_ELEMENTS (batch->watched); i++)
    {
      Watched *each = &batch->watched[i];

      each->others = batch->watched;
      each->n_others = G_N_ELEMENTS (batch->watched);
      each->done = &batch->done;
      /* Ready from the start, so that one batch holds them all. */
      g_assert_true (lectern_watch_start (&each->watch, batch->reactor,
                                          eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK), EPOLLIN,
                                          stop_all, NULL));
    }
}

static void
test_stopped_watch_gets_nothing_of_the_batch (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Batch batch = { .reactor = reactor };
  guint calls = 0;

  call_on (reactor, start_watches, &batch);
  g_assert_true (counter_wait (&batch.done, 1));
  call_on (reactor, do_nothing, NULL);
  lectern_reactor_stop (reactor);
  for (guint i = 0; i < G_N_ELEMENTS (batch.watched); i++)
    {
      calls += batch.watched[i].calls;
      g_assert_null (batch.watched[i].watch.reactor);
      close (batch.watched[i].watch.fd);
    }
  g_assert_cmpuint (calls, ==, 1);
}

/* A plain GLib source with a descriptor of its own, beside a watch and a timer. */
typedef struct
{
  LecternReactor *reactor;
  LecternWatch watch;
  LecternTimer timer;
  Counter from_source;
  Counter from_watch;
  Counter from_timer;
} Mixed;

static gboolean
count_source (gint fd, GIOCondition condition, gpointer user_data)
{
  Mixed *mixed = user_data;

  counter_add (&mixed->from_source, 1);
  return counter_get (&mixed->from_source) < 3 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
count_watch (LecternWatch *watch, guint32 events)
{
  Mixed *mixed = (Mixed *) ((char *) watch - G_STRUCT_OFFSET (Mixed, watch));

  counter_add (&mixed->from_watch, 1);
  if (counter_get (&mixed->from_watch) == 3)
    lectern_watch_stop (watch);
}

static void
count_timer (LecternTimer *timer)
{
  Mixed *mixed = (Mixed *) ((char *) timer - G_STRUCT_OFFSET (Mixed, timer));

  counter_add (&mixed->from_timer, 1);
  if (counter_get (&mixed->from_timer) < 3)
    lectern_timer_start (timer, mixed->reactor, 1000, count_timer);
}

static void
start_mixed (gpointer data)
{
  Mixed *mixed = data;

  g_assert_true (lectern_watch_start (&mixed->watch, mixed->reactor, mixed->watch.fd, EPOLLIN,
                                      count_watch, NULL));
  lectern_timer_start (&mixed->timer, mixed->reactor, 1000, count_timer);
}

static void
test_sources_with_descriptors_work_beside_watches (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Mixed mixed = { .reactor = reactor, .watch.fd = eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK) };
  int fd = eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK);
  g_autoptr (GSource) source = g_unix_fd_source_new (fd, G_IO_IN);

  /* The source is attached while the reactor already waits. */
  call_on (reactor, do_nothing, NULL);
  g_source_set_callback (source, G_SOURCE_FUNC (count_source), &mixed, NULL);
  g_source_attach (source, lectern_reactor_get_context (reactor));
  g_assert_true (counter_wait (&mixed.from_source, 1));
  call_on (reactor, start_mixed, &mixed);
  g_assert_true (counter_wait (&mixed.from_source, 3));
  g_assert_true (counter_wait (&mixed.from_watch, 3));
  g_assert_true (counter_wait (&mixed.from_timer, 3));
  lectern_reactor_stop (reactor);
  close (fd);
  close (mixed.watch.fd);
}

static void
free_self (LecternWatch *watch, guint32 events)
{
  Watched *self = (Watched *) watch;
  Counter *done = self->done;

  lectern_watch_stop (watch);
  close (watch->fd);
  g_free (self);
  counter_add (done, 1);
}

static void
start_own (gpointer data)
{
  Batch *batch = data;
  Watched *self = g_new0 (Watched, 1);

  self->done = &batch->done;
  g_assert_true (lectern_watch_start (&self->watch, batch->reactor,
                                      eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK), EPOLLIN, free_self,
                                      NULL));
}

static void
test_watch_may_free_itself (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Batch batch = { .reactor = reactor };

  call_on (reactor, start_own, &batch);
  g_assert_true (counter_wait (&batch.done, 1));
  lectern_reactor_stop (reactor);
}

static void
start_wrong (gpointer data)
{
  LecternWatch watch = { .func = NULL };
  g_autoptr (GError) error = NULL;

  g_assert_false (lectern_watch_start (&watch, data, -1, EPOLLIN, free_self, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_FAILED);
  g_assert_null (watch.reactor);
}

static void
test_watch_refuses_a_bad_descriptor (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();

  call_on (reactor, start_wrong, reactor);
  lectern_reactor_stop (reactor);
}

/* A source that goes first keeps the reactor's own from running for some rounds. */

typedef struct
{
  LecternReactor *reactor;
  LecternWatch watch;
  guint rounds;
  Counter seen;
} Hurried;

static void
see_edge (LecternWatch *watch, guint32 events)
{
  Hurried *self = (Hurried *) ((char *) watch - G_STRUCT_OFFSET (Hurried, watch));

  counter_add (&self->seen, 1);
}

/* Ready only once the descriptors have been looked at, each time. */
static gboolean
prepare_first (GSource *source, gint *timeout)
{
  *timeout = 0;
  return FALSE;
}

static gboolean
check_first (GSource *source)
{
  return TRUE;
}

static gboolean
go_first (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs first_funcs
    = { .prepare = prepare_first, .check = check_first, .dispatch = go_first };

static gboolean
make_edge (gpointer data)
{
  Hurried *self = data;
  guint64 one = 1;

  if (self->rounds == 10)
    g_assert_cmpint (write (self->watch.fd, &one, sizeof one), ==, sizeof one);
  return self->rounds++ < 20 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
start_hurried (gpointer data)
{
  Hurried *self = data;
  g_autoptr (GSource) source = g_source_new (&first_funcs, sizeof (GSource));

  g_assert_true (lectern_watch_start (&self->watch, self->reactor, self->watch.fd,
                                      EPOLLIN | EPOLLET, see_edge, NULL));
  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_set_callback (source, make_edge, self, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
}

static void
stop_hurried (gpointer data)
{
  lectern_watch_stop (&((Hurried *) data)->watch);
}

static void
test_edges_survive_sources_that_go_first (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Hurried hurried = { .reactor = reactor, .watch.fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK) };

  call_on (reactor, start_hurried, &hurried);
  g_assert_true (counter_wait (&hurried.seen, 1));
  call_on (reactor, stop_hurried, &hurried);
  lectern_reactor_stop (reactor);
  close (hurried.watch.fd);
}

static gpointer
wake_context (gpointer data)
{
  Mixed *mixed = data;
  GMainContext *context = lectern_reactor_get_context (mixed->reactor);

  while (counter_get (&mixed->from_timer) < 300)
    g_main_context_wakeup (context);
  return NULL;
}

static void
count_many (LecternTimer *timer)
{
  Mixed *mixed = (Mixed *) ((char *) timer - G_STRUCT_OFFSET (Mixed, timer));

  counter_add (&mixed->from_timer, 1);
  if (counter_get (&mixed->from_timer) < 300)
    lectern_timer_start (timer, mixed->reactor, 100, count_many);
}

static void
start_many_timers (gpointer data)
{
  Mixed *mixed = data;

  lectern_timer_start (&mixed->timer, mixed->reactor, 100, count_many);
}

static void
test_wakeups_of_the_context_are_not_watches (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Mixed mixed = { .reactor = reactor };
  int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_autoptr (GSource) source = g_unix_fd_source_new (fd, G_IO_IN);
  GThread *waker;

  /* With a source that has a descriptor GLib waits by itself. */
  call_on (reactor, do_nothing, NULL);
  g_source_attach (source, lectern_reactor_get_context (reactor));
  call_on (reactor, start_many_timers, &mixed);
  waker = g_thread_new ("waker", wake_context, &mixed);
  g_assert_true (counter_wait (&mixed.from_timer, 300));
  g_thread_join (waker);
  lectern_reactor_stop (reactor);
  close (fd);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/watch/stopped-gets-nothing-of-the-batch",
                   test_stopped_watch_gets_nothing_of_the_batch);
  g_test_add_func ("/net/watch/works-beside-sources-with-descriptors",
                   test_sources_with_descriptors_work_beside_watches);
  g_test_add_func ("/net/watch/may-free-itself", test_watch_may_free_itself);
  g_test_add_func ("/net/watch/refuses-a-bad-descriptor", test_watch_refuses_a_bad_descriptor);
  g_test_add_func ("/net/watch/edges-survive-sources-that-go-first",
                   test_edges_survive_sources_that_go_first);
  g_test_add_func ("/net/reactor/wakeups-of-the-context-are-not-watches",
                   test_wakeups_of_the_context_are_not_watches);
  return g_test_run ();
}
