/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-mailbox.h"

#define N_THREADS 4
#define N_POSTS 20000

static guint ran;
static gint discarded;
static guint order;

static void
run (gpointer data)
{
  ran++;
}

static void
discard (gpointer data)
{
  g_atomic_int_inc (&discarded);
}

static void
run_in_order (gpointer data)
{
  g_assert_cmpuint (GPOINTER_TO_UINT (data), ==, order);
  order++;
}

static void
reset (void)
{
  ran = 0;
  discarded = 0;
}

static gpointer
post_many (gpointer data)
{
  for (guint i = 0; i < N_POSTS; i++)
    lectern_mailbox_post (data, run, NULL, discard);
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (LecternMailbox) mailbox = lectern_mailbox_new (NULL);
  GThread *threads[N_THREADS];

  reset ();
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("poster", post_many, mailbox);
  while (ran < N_THREADS * N_POSTS)
    g_main_context_iteration (NULL, TRUE);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  lectern_mailbox_close (mailbox);
  g_assert_cmpuint (ran, ==, N_THREADS * N_POSTS);
  g_assert_cmpint (discarded, ==, 0);
}

static void
test_order (void)
{
  g_autoptr (LecternMailbox) mailbox = lectern_mailbox_new (NULL);

  order = 0;
  for (guint i = 0; i < 100; i++)
    lectern_mailbox_post (mailbox, run_in_order, GUINT_TO_POINTER (i), discard);
  g_assert_cmpuint (order, ==, 0);
  while (order < 100)
    g_main_context_iteration (NULL, TRUE);
  lectern_mailbox_close (mailbox);
}

static void
test_close (void)
{
  g_autoptr (LecternMailbox) mailbox = lectern_mailbox_new (NULL);

  reset ();
  lectern_mailbox_post (mailbox, run, NULL, discard);
  lectern_mailbox_close (mailbox);
  g_assert_cmpint (discarded, ==, 1);
  lectern_mailbox_post (mailbox, run, NULL, discard);
  g_assert_cmpint (discarded, ==, 2);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (ran, ==, 0);
}

static void
test_shared (void)
{
  reset ();
  for (guint i = 0; i < 100; i++)
    {
      GMainContext *context = g_main_context_new ();
      LecternMailbox *first = lectern_mailbox_get_shared (context);
      LecternMailbox *second = lectern_mailbox_get_shared (context);

      g_assert_true (first == second);
      lectern_mailbox_unref (second);
      lectern_mailbox_post (first, run, NULL, discard);
      while (g_main_context_iteration (context, FALSE))
        ;
      g_assert_cmpuint (ran, ==, i + 1);
      lectern_mailbox_post (first, run, NULL, discard);
      /* The context ends before the mailbox in every other turn. */
      if (i % 2 == 0)
        lectern_mailbox_unref (first);
      g_main_context_unref (context);
      if (i % 2 == 1)
        {
          lectern_mailbox_post (first, run, NULL, discard);
          lectern_mailbox_unref (first);
        }
    }
  g_assert_cmpuint (ran, ==, 100);
  g_assert_cmpint (discarded, ==, 150);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/mailbox/takes-from-many-threads", test_threads);
  g_test_add_func ("/base/mailbox/keeps-the-order", test_order);
  g_test_add_func ("/base/mailbox/discards-once-closed", test_close);
  g_test_add_func ("/base/mailbox/shared-ends-with-its-context", test_shared);
  return g_test_run ();
}
