/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Echoes WebSocket messages at /bench/echo, for the idle mode of the bench. Never installed. */
#include <lectern.h>

enum
{
  MESSAGE_LIMIT = 4096,
};

#define LECTERN_TYPE_ECHO_PLUGIN (lectern_echo_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternEchoPlugin, lectern_echo_plugin, LECTERN, ECHO_PLUGIN, LecternPlugin)

struct _LecternEchoPlugin
{
  LecternPlugin parent_instance;
};

G_DEFINE_FINAL_TYPE (LecternEchoPlugin, lectern_echo_plugin, LECTERN_TYPE_PLUGIN)

static void
on_message (LecternWebsocket *websocket, gboolean text, const guint8 *data, gsize length,
            gpointer user_data)
{
  lectern_websocket_send (websocket, text, data, length);
}

/* The socket's own reference, which the handler of the route left it, goes with it. */
static void
on_closed (LecternWebsocket *websocket, guint16 code, gpointer user_data)
{
  lectern_websocket_unref (websocket);
}

static const LecternWebsocketHandler handler = { .message = on_message, .closed = on_closed };

static void
accept_socket (LecternHttpExchange *exchange, gpointer user_data)
{
  lectern_websocket_accept (exchange, NULL, MESSAGE_LIMIT, &handler, NULL);
}

static gboolean
start (LecternPlugin *plugin, GError **error)
{
  return lectern_plugin_add_route (plugin, "WEBSOCKET", "/bench/echo", LECTERN_ACTION_PUBLIC, NULL,
                                   accept_socket, plugin, error);
}

static void
lectern_echo_plugin_class_init (LecternEchoPluginClass *klass)
{
  LECTERN_PLUGIN_CLASS (klass)->start = start;
}

static void
lectern_echo_plugin_init (LecternEchoPlugin *self)
{
}

LECTERN_PLUGIN_DEFINE (echo, .summary = "Echoes WebSocket messages, for the bench", .enabled = TRUE)
