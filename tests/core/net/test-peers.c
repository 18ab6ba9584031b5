/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-peers.h"

/* A peer that knows what was done with it, each on its reactor's thread. */
typedef struct
{
  LecternPeers *peers;
  LecternReactor *reactor;
  gint added;   /* 0: not yet, 1: taken, 2: refused */
  gint stopped; /* how often */
} Peer;

static void
stop_peer (gpointer data)
{
  Peer *peer = data;

  g_assert_true (lectern_reactor_is_current (peer->reactor));
  g_atomic_int_inc (&peer->stopped);
  lectern_peers_remove (peer->peers, peer);
}

static void
add_peer (gpointer data)
{
  Peer *peer = data;

  g_atomic_int_set (&peer->added, lectern_peers_add (peer->peers, peer) ? 1 : 2);
}

static void
remove_peer (gpointer data)
{
  Peer *peer = data;

  lectern_peers_remove (peer->peers, peer);
  g_atomic_int_set (&peer->added, 0);
}

static void
run (Peer *peer, LecternPostFunc func, gint expected)
{
  lectern_reactor_post (peer->reactor, func, peer, NULL);
  while (g_atomic_int_get (&peer->added) != expected)
    g_thread_yield ();
}

static void
test_stop (void)
{
  g_autoptr (GError) error = NULL;
  LecternReactorPool *pool = lectern_reactor_pool_new (2, &error);
  LecternPeers *peers = lectern_peers_new (pool, "test", stop_peer);
  Peer here = { peers, lectern_reactor_pool_get (pool, 0), 0, 0 };
  Peer there = { peers, lectern_reactor_pool_get (pool, 1), 0, 0 };
  Peer gone = { peers, lectern_reactor_pool_get (pool, 0), 0, 0 };
  Peer late = { peers, lectern_reactor_pool_get (pool, 1), 0, 0 };

  g_assert_no_error (error);
  run (&here, add_peer, 1);
  run (&there, add_peer, 1);
  run (&gone, add_peer, 1);
  run (&gone, remove_peer, 0);
  lectern_peers_stop (peers);
  while (g_atomic_int_get (&here.stopped) == 0 || g_atomic_int_get (&there.stopped) == 0)
    g_thread_yield ();
  run (&late, add_peer, 2);
  lectern_peers_unref (peers);
  lectern_reactor_pool_stop (pool);
  lectern_reactor_pool_unref (pool);
  g_assert_cmpint (here.stopped, ==, 1);
  g_assert_cmpint (there.stopped, ==, 1);
  g_assert_cmpint (gone.stopped + late.stopped, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/peers/stop-each-on-its-reactor", test_stop);
  return g_test_run ();
}
