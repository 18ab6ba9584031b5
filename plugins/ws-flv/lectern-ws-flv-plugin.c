/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <lectern.h>

#define LECTERN_TYPE_WS_FLV_PLUGIN (lectern_ws_flv_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternWsFlvPlugin, lectern_ws_flv_plugin, LECTERN, WS_FLV_PLUGIN,
                      LecternPlugin)

struct _LecternWsFlvPlugin
{
  LecternPlugin parent_instance;
};

G_DEFINE_FINAL_TYPE (LecternWsFlvPlugin, lectern_ws_flv_plugin, LECTERN_TYPE_PLUGIN)

/* Players have nothing to say; what they do say is read and forgotten. */
#define MAX_MESSAGE 1024
#define CLOSE_NORMAL 1000
#define CLOSE_TRY_LATER 1013

/* One who watches; lives as long as the socket, on its reactor. */
typedef struct
{
  LecternWebsocket *websocket;
  LecternSession *session;
  LecternViewer *viewer; /* NULL once it has ended */
  gboolean started;
} Watcher;

static void
on_message (LecternWebsocket *websocket, gboolean text, const guint8 *data, gsize length,
            gpointer user_data)
{
}

static void
on_writable (LecternWebsocket *websocket, gpointer user_data)
{
  Watcher *self = user_data;

  if (self->viewer != NULL)
    lectern_viewer_writable (self->viewer);
}

static void
on_closed (LecternWebsocket *websocket, guint16 code, gpointer user_data)
{
  Watcher *self = user_data;

  lectern_websocket_set_control_func (websocket, NULL, NULL);
  lectern_session_end (self->session, NULL);
  g_clear_pointer (&self->viewer, lectern_viewer_free);
  lectern_session_unref (self->session);
  lectern_websocket_unref (self->websocket);
  g_free (self);
}

static const LecternWebsocketHandler handler = { on_message, on_writable, on_closed };

static void
close_connection (Watcher *self, const GError *reason)
{
  lectern_connection_close (lectern_websocket_get_connection (self->websocket), reason);
}

/* The socket's own frames go between two tags. */
static void
on_control (const guint8 *frame, gsize length, gpointer user_data)
{
  Watcher *self = user_data;
  g_autoptr (GError) error = NULL;

  if (lectern_viewer_write (self->viewer, frame, length))
    return;
  error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                               "the peer asks for more than it takes");
  close_connection (self, error);
}

/* A stuck peer would take no close frame either. */
static void
on_viewer_event (LecternViewer *viewer, LecternViewerEvent event, const GError *reason,
                 gpointer user_data)
{
  Watcher *self = user_data;

  if (event == LECTERN_VIEWER_STARTED)
    self->started = TRUE;
  if (event != LECTERN_VIEWER_ENDED)
    return;
  lectern_session_end (self->session, reason);
  lectern_websocket_set_control_func (self->websocket, NULL, NULL);
  if (reason == NULL)
    lectern_websocket_close (self->websocket, CLOSE_NORMAL, "the stream has ended");
  else if (!self->started)
    lectern_websocket_close (self->websocket, CLOSE_TRY_LATER, "nobody publishes this stream");
  else
    close_connection (self, reason);
  g_clear_pointer (&self->viewer, lectern_viewer_free);
}

static void
on_kick (LecternSession *session, const GError *reason, gpointer user_data)
{
  close_connection (user_data, reason);
}

static gboolean
is_off (LecternHttpExchange *exchange, const char *name)
{
  return g_strcmp0 (lectern_http_exchange_get_query_value (exchange, name), "0") == 0;
}

static gboolean
check_request (LecternHttpExchange *exchange, const LecternViewerOptions *options, GError **error)
{
  const char *name = lectern_http_exchange_get_access (exchange)->thing;

  if (!lectern_stream_name_is_valid (name))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "not a stream's name");
      return FALSE;
    }
  if (options->no_video && options->no_audio)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "neither video nor audio is wanted");
      return FALSE;
    }
  return TRUE;
}

static void
watch (LecternHost *host, LecternHttpExchange *exchange, const LecternViewerOptions *options)
{
  Watcher *self = g_new0 (Watcher, 1);
  LecternAccessRequest *request = lectern_http_exchange_get_access (exchange);
  g_autoptr (GError) error = NULL;

  self->websocket = lectern_websocket_accept (exchange, NULL, MAX_MESSAGE, &handler, self);
  if (self->websocket == NULL)
    {
      g_free (self);
      return;
    }
  self->session
      = lectern_sessions_start (lectern_host_get_sessions (host), LECTERN_SESSION_PLAY, request,
                                lectern_http_exchange_get_identity (exchange), on_kick, self);
  self->viewer = lectern_viewer_new (lectern_host_get_streams (host), request->thing,
                                     lectern_websocket_get_connection (self->websocket),
                                     &lectern_websocket_flv_tape_format, options, self->session,
                                     on_viewer_event, self, &error);
  if (self->viewer != NULL)
    lectern_websocket_set_control_func (self->websocket, on_control, self);
  else
    lectern_websocket_close (self->websocket, CLOSE_TRY_LATER,
                             lectern_error_get_public_text (error));
}

static void
on_play (LecternHttpExchange *exchange, gpointer user_data)
{
  LecternViewerOptions options = {
    .skip_backlog = is_off (exchange, "gop"),
    .no_video = is_off (exchange, "video"),
    .no_audio = is_off (exchange, "audio"),
  };
  g_autoptr (GError) error = NULL;

  if (check_request (exchange, &options, &error))
    watch (lectern_plugin_get_host (user_data), exchange, &options);
  else
    lectern_http_exchange_respond_error (exchange, error);
}

static gboolean
lectern_ws_flv_plugin_start (LecternPlugin *plugin, GError **error)
{
  return lectern_plugin_add_route (plugin, "WEBSOCKET", "/{app}/{name}.flv", LECTERN_ACTION_PLAY,
                                   "{app}/{name}", on_play, plugin, error);
}

static void
lectern_ws_flv_plugin_class_init (LecternWsFlvPluginClass *class)
{
  LECTERN_PLUGIN_CLASS (class)->start = lectern_ws_flv_plugin_start;
}

static void
lectern_ws_flv_plugin_init (LecternWsFlvPlugin *self)
{
}

LECTERN_PLUGIN_DEFINE (ws_flv, .summary = N_ ("Live streams as FLV over WebSocket"),
                       .enabled = TRUE)
