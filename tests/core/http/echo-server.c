/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A WebSocket server for clients that are not ours: prints its port, and echoes until its input
 * ends. "close" makes it close with 4000. */
#include "access/lectern-open-guard.h"
#include "http/lectern-http-server.h"
#include "http/lectern-websocket.h"

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>

#define MAX_MESSAGE (1024 * 1024)

static void
echo (LecternWebsocket *websocket, gboolean text, const guint8 *data, gsize length,
      gpointer user_data)
{
  if (text && length == 5 && memcmp (data, "close", 5) == 0)
    lectern_websocket_close (websocket, 4000, "as you said");
  else
    lectern_websocket_send (websocket, text, data, length);
}

static const LecternWebsocketHandler echo_handler = { .message = echo };

static void
accept_websocket (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternWebsocket *websocket
      = lectern_websocket_accept (exchange, NULL, MAX_MESSAGE, &echo_handler, NULL);

  if (websocket == NULL)
    return;
  lectern_connection_set_output_limit (lectern_websocket_get_connection (websocket),
                                       2 * MAX_MESSAGE);
  lectern_websocket_unref (websocket);
}

static gboolean
input_ended (gint fd, GIOCondition condition, gpointer user_data)
{
  g_main_loop_quit (user_data);
  return G_SOURCE_REMOVE;
}

int
main (void)
{
  static const LecternHttpLimits limits = { 16 * 1024,           100,
                                            64 * 1024,           10 * G_USEC_PER_SEC,
                                            30 * G_USEC_PER_SEC, 10 * G_USEC_PER_SEC };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (LecternReactorPool) reactors = lectern_reactor_pool_new (1, NULL);
  g_autoptr (LecternGate) gate = lectern_gate_new (0, 0, 0);
  g_autoptr (LecternAccessChain) access = lectern_access_chain_new (G_USEC_PER_SEC);
  g_autoptr (LecternOpenGuard) guard = lectern_open_guard_new (TRUE, FALSE);
  g_autoptr (LecternHttpServer) server = lectern_http_server_new (access, &limits);
  g_autoptr (LecternListener) listener = NULL;
  LecternAddress address;

  lectern_access_chain_add_guard (access, LECTERN_GUARD (guard), 1000);
  lectern_http_server_add_route (server, "WEBSOCKET", "/echo", LECTERN_ACTION_PLAY, NULL,
                                 accept_websocket, NULL, NULL, NULL);
  lectern_address_parse ("127.0.0.1:0", &address, NULL);
  listener = lectern_listener_new (&address, reactors, gate, NULL, lectern_http_server_accept,
                                   g_object_ref (server), g_object_unref, NULL);
  if (listener == NULL)
    return 1;
  printf ("%u\n", lectern_listener_get_address (listener)->port);
  fflush (stdout);
  g_unix_fd_add (0, G_IO_IN | G_IO_HUP, input_ended, loop);
  g_main_loop_run (loop);
  lectern_listener_stop (listener);
  lectern_reactor_pool_stop (reactors);
  return 0;
}
