/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net-fixture.h"

#include "base/lectern-clock.h"

#include <glib-unix.h>
#include <sys/eventfd.h>

/* Posts */

typedef struct
{
  GArray *order;
  gint value;
} Note;

static void
take_note (gpointer data)
{
  Note *note = data;

  g_array_append_val (note->order, note->value);
  g_free (note);
}

static void
test_posts_run_in_order (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  g_autoptr (GArray) order = g_array_new (FALSE, FALSE, sizeof (gint));

  for (gint i = 0; i < 1000; i++)
    {
      Note *note = g_new (Note, 1);

      *note = (Note){ order, i };
      lectern_reactor_post (reactor, take_note, note, g_free);
    }
  lectern_reactor_stop (reactor);
  g_assert_cmpuint (order->len, ==, 1000);
  for (gint i = 0; i < 1000; i++)
    g_assert_cmpint (g_array_index (order, gint, i), ==, i);
}

static void
post_again (gpointer data)
{
  Counter *counter = data;

  g_assert_nonnull (lectern_reactor_get_current ());
  counter_add (counter, 1);
  if (counter_get (counter) < 100)
    lectern_reactor_post (lectern_reactor_get_current (), post_again, counter, NULL);
}

static void
test_post_from_a_post_runs (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Counter counter = { .value = 0 };

  lectern_reactor_post (reactor, post_again, &counter, NULL);
  g_assert_true (counter_wait (&counter, 100));
  lectern_reactor_stop (reactor);
}

static gboolean
post_from_source (gpointer data)
{
  lectern_reactor_post (lectern_reactor_get_current (), post_again, data, NULL);
  return G_SOURCE_REMOVE;
}

static void
attach_source (gpointer data)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_callback (source, post_from_source, data, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
}

static void
test_post_from_a_plain_source_runs (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Counter counter = { .value = 99 };

  call_on (reactor, attach_source, &counter);
  g_assert_true (counter_wait (&counter, 100));
  lectern_reactor_stop (reactor);
}

static void
never (gpointer data)
{
  g_assert_not_reached ();
}

static void
count_free (gpointer data)
{
  counter_add (data, 1);
}

static void
test_post_after_stop_frees (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Counter freed = { .value = 0 };

  lectern_reactor_stop (reactor);
  lectern_reactor_stop (reactor);
  lectern_reactor_post (reactor, never, &freed, count_free);
  g_assert_cmpint (counter_get (&freed), ==, 1);
}

static void
test_stop_runs_what_is_posted (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Counter counter = { .value = 90 };

  lectern_reactor_post (reactor, post_again, &counter, NULL);
  lectern_reactor_stop (reactor);
  g_assert_cmpint (counter_get (&counter), ==, 100);
}

static void
check_current (gpointer data)
{
  LecternReactor *reactor = data;

  g_assert_true (lectern_reactor_is_current (reactor));
  g_assert_true (lectern_reactor_get_current () == reactor);
  g_assert_true (g_main_context_get_thread_default () == lectern_reactor_get_context (reactor));
}

static void
test_knows_its_thread (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();

  g_assert_false (lectern_reactor_is_current (reactor));
  g_assert_null (lectern_reactor_get_current ());
  call_on (reactor, check_current, reactor);
  lectern_reactor_stop (reactor);
}

/* Wakes */

#define WAKERS 4
#define WAKES 20000

typedef struct
{
  LecternWake wake; /* first */
  LecternReactor *reactor;
  gint sent; /* atomic */
  gint seen;
  gint runs;
  gint accepted; /* atomic */
} Woken;

static void
see (LecternWake *wake)
{
  Woken *woken = (Woken *) wake;

  woken->seen = g_atomic_int_get (&woken->sent);
  woken->runs++;
}

static gpointer
send_wakes (gpointer data)
{
  Woken *woken = data;

  for (guint i = 0; i < WAKES; i++)
    {
      g_atomic_int_inc (&woken->sent);
      if (lectern_reactor_wake (woken->reactor, &woken->wake))
        g_atomic_int_inc (&woken->accepted);
    }
  return NULL;
}

static void
test_wakes_are_coalesced_and_none_is_lost (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Woken woken = { .wake = { .func = see }, .reactor = reactor };
  GThread *threads[WAKERS];

  for (guint i = 0; i < WAKERS; i++)
    threads[i] = g_thread_new ("waker", send_wakes, &woken);
  for (guint i = 0; i < WAKERS; i++)
    g_thread_join (threads[i]);
  call_on (reactor, do_nothing, NULL);
  g_assert_cmpint (woken.seen, ==, WAKERS * WAKES);
  g_assert_cmpint (woken.runs, ==, woken.accepted);
  g_assert_cmpint (woken.runs, <=, WAKERS * WAKES);
  lectern_reactor_stop (reactor);
  g_assert_false (lectern_reactor_wake (reactor, &woken.wake));
}

static void
wake_twice (gpointer data)
{
  Woken *woken = data;

  g_assert_true (lectern_reactor_wake (woken->reactor, &woken->wake));
  g_assert_false (lectern_reactor_wake (woken->reactor, &woken->wake));
  g_assert_cmpint (woken->runs, ==, 0);
}

static void
test_wake_while_pending_is_one_run (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Woken woken = { .wake = { .func = see }, .reactor = reactor };

  call_on (reactor, wake_twice, &woken);
  call_on (reactor, do_nothing, NULL);
  g_assert_cmpint (woken.runs, ==, 1);
  lectern_reactor_stop (reactor);
}

/* Timers */

#define TIMERS 64

typedef struct
{
  LecternReactor *reactor;
  GArray *order;
  Counter fired;
} Timed;

typedef struct
{
  LecternTimer timer; /* first */
  Timed *owner;
  guint index;
} IndexedTimer;

typedef struct
{
  Timed timed;
  IndexedTimer timers[TIMERS];
} ManyTimers;

static void
fire (LecternTimer *timer)
{
  IndexedTimer *self = (IndexedTimer *) timer;

  g_assert_null (timer->reactor);
  g_array_append_val (self->owner->order, self->index);
  counter_add (&self->owner->fired, 1);
}

static void
start_many (gpointer data)
{
  ManyTimers *many = data;

  for (guint i = 0; i < TIMERS; i++)
    {
      guint place = (i * 37) % TIMERS;
      IndexedTimer *each = &many->timers[place];

      each->owner = &many->timed;
      each->index = place;
      lectern_timer_start (&each->timer, many->timed.reactor, 5000 + place * 200, fire);
    }
  /* Stopped, restarted earlier, restarted later. */
  lectern_timer_stop (&many->timers[10].timer);
  lectern_timer_start (&many->timers[63].timer, many->timed.reactor, 1000, fire);
  lectern_timer_start (&many->timers[0].timer, many->timed.reactor, 40000, fire);
}

static void
test_timers_fire_in_order (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  g_autoptr (GArray) order = g_array_new (FALSE, FALSE, sizeof (guint));
  ManyTimers many = { .timed = { .reactor = reactor, .order = order } };

  call_on (reactor, start_many, &many);
  g_assert_true (counter_wait (&many.timed.fired, TIMERS - 1));
  lectern_reactor_stop (reactor);
  g_assert_cmpuint (order->len, ==, TIMERS - 1);
  g_assert_cmpuint (g_array_index (order, guint, 0), ==, 63);
  g_assert_cmpuint (g_array_index (order, guint, 1), ==, 1);
  g_assert_cmpuint (g_array_index (order, guint, TIMERS - 2), ==, 0);
  for (guint i = 2; i < TIMERS - 2; i++)
    g_assert_cmpuint (g_array_index (order, guint, i), >, g_array_index (order, guint, i - 1));
}

typedef struct
{
  LecternTimer timer; /* first */
  LecternTimer other;
  LecternReactor *reactor;
  Counter fired;
} Pair;

static void
fire_again (LecternTimer *timer)
{
  Pair *pair = (Pair *) timer;

  counter_add (&pair->fired, 1);
  lectern_timer_stop (&pair->other);
  lectern_timer_stop (timer);
  if (counter_get (&pair->fired) < 5)
    lectern_timer_start (timer, pair->reactor, 0, fire_again);
}

static void
not_this_one (LecternTimer *timer)
{
  g_assert_not_reached ();
}

static void
start_pair (gpointer data)
{
  Pair *pair = data;

  lectern_timer_start (&pair->timer, pair->reactor, 1000, fire_again);
  lectern_timer_start (&pair->other, pair->reactor, 1001, not_this_one);
}

static void
test_timer_may_restart_itself_and_stop_others (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Pair pair = { .reactor = reactor };

  call_on (reactor, start_pair, &pair);
  g_assert_true (counter_wait (&pair.fired, 5));
  call_on (reactor, do_nothing, NULL);
  g_assert_cmpint (counter_get (&pair.fired), ==, 5);
  lectern_reactor_stop (reactor);
}

static void
start_far (gpointer data)
{
  Pair *pair = data;

  lectern_timer_start (&pair->timer, pair->reactor, 3600 * (gint64) G_USEC_PER_SEC, not_this_one);
}

static void
test_stop_forgets_timers (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  Pair pair = { .reactor = reactor };

  call_on (reactor, start_far, &pair);
  lectern_reactor_stop (reactor);
  lectern_timer_stop (&pair.timer);
  g_assert_null (pair.timer.reactor);
}

static gint fake_us; /* atomic */

static gint64
get_fake_time (void)
{
  return g_atomic_int_get (&fake_us);
}

static void
test_timers_follow_the_test_clock (void)
{
  g_autoptr (LecternReactor) reactor = NULL;
  Pair pair = { .fired = { .value = 4 } };

  g_atomic_int_set (&fake_us, 1);
  lectern_clock_set_for_test (get_fake_time, NULL);
  pair.reactor = reactor = new_reactor ();
  call_on (reactor, start_pair, &pair);
  call_on (reactor, do_nothing, NULL);
  g_assert_cmpint (counter_get (&pair.fired), ==, 4);
  g_atomic_int_set (&fake_us, 60 * G_USEC_PER_SEC);
  call_on (reactor, do_nothing, NULL);
  g_assert_true (counter_wait (&pair.fired, 5));
  lectern_reactor_stop (reactor);
  lectern_clock_set_for_test (NULL, NULL);
}

/* Measures and pool */

static void
burn (gpointer data)
{
  gint64 until_us = g_get_monotonic_time () + G_USEC_PER_SEC / 4;

  counter_add (data, 1);
  while (g_get_monotonic_time () < until_us)
    ;
}

static void
test_measures_load_and_lag (void)
{
  g_autoptr (LecternReactor) reactor = new_reactor ();
  gint64 until_us = g_get_monotonic_time () + PATIENCE_US;
  Counter burning = { .value = 0 };

  g_assert_cmpfloat (lectern_reactor_get_load (reactor), ==, 0);
  lectern_reactor_post (reactor, burn, &burning, NULL);
  g_assert_true (counter_wait (&burning, 1));
  call_on (reactor, do_nothing, NULL);
  while (lectern_reactor_get_load (reactor) == 0 && g_get_monotonic_time () < until_us)
    g_thread_yield ();
  g_assert_cmpfloat (lectern_reactor_get_load (reactor), >, 0.02);
  g_assert_cmpfloat (lectern_reactor_get_load (reactor), <=, 1);
  g_assert_cmpint (lectern_reactor_get_lag (reactor), >, 100000);
  lectern_reactor_stop (reactor);
}

static void
test_pool_picks_the_emptiest (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LecternReactorPool) pool = lectern_reactor_pool_new (3, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (lectern_reactor_pool_get_size (pool), ==, 3);
  lectern_reactor_count_connection (lectern_reactor_pool_get (pool, 0), 2);
  lectern_reactor_count_connection (lectern_reactor_pool_get (pool, 1), 1);
  lectern_reactor_count_connection (lectern_reactor_pool_get (pool, 2), 2);
  g_assert_true (lectern_reactor_pool_pick (pool) == lectern_reactor_pool_get (pool, 1));
  g_assert_cmpuint (lectern_reactor_get_connections (lectern_reactor_pool_get (pool, 2)), ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/reactor/posts-run-in-order", test_posts_run_in_order);
  g_test_add_func ("/net/reactor/post-from-a-post-runs", test_post_from_a_post_runs);
  g_test_add_func ("/net/reactor/post-from-a-plain-source-runs",
                   test_post_from_a_plain_source_runs);
  g_test_add_func ("/net/reactor/post-after-stop-frees", test_post_after_stop_frees);
  g_test_add_func ("/net/reactor/stop-runs-what-is-posted", test_stop_runs_what_is_posted);
  g_test_add_func ("/net/reactor/knows-its-thread", test_knows_its_thread);
  g_test_add_func ("/net/reactor/wakes-are-coalesced-and-none-is-lost",
                   test_wakes_are_coalesced_and_none_is_lost);
  g_test_add_func ("/net/reactor/wake-while-pending-is-one-run",
                   test_wake_while_pending_is_one_run);
  g_test_add_func ("/net/timer/fires-in-order", test_timers_fire_in_order);
  g_test_add_func ("/net/timer/may-restart-itself-and-stop-others",
                   test_timer_may_restart_itself_and_stop_others);
  g_test_add_func ("/net/timer/forgotten-at-stop", test_stop_forgets_timers);
  g_test_add_func ("/net/timer/follows-the-test-clock", test_timers_follow_the_test_clock);
  g_test_add_func ("/net/reactor/measures-load-and-lag", test_measures_load_and_lag);
  g_test_add_func ("/net/pool/picks-the-emptiest", test_pool_picks_the_emptiest);
  return g_test_run ();
}
