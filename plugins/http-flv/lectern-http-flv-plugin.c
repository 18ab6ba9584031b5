/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-http-flv-carrier.h"

#define LECTERN_TYPE_HTTP_FLV_PLUGIN (lectern_http_flv_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternHttpFlvPlugin, lectern_http_flv_plugin, LECTERN, HTTP_FLV_PLUGIN,
                      LecternPlugin)

struct _LecternHttpFlvPlugin
{
  LecternPlugin parent_instance;
};

G_DEFINE_FINAL_TYPE (LecternHttpFlvPlugin, lectern_http_flv_plugin, LECTERN_TYPE_PLUGIN)

/* One who watches; lives as long as the connection, on its reactor. */
typedef struct
{
  LecternConnection *connection;
  LecternSession *session;
  LecternViewer *viewer; /* NULL once it has ended */
} Watcher;

static gsize
on_input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  return length;
}

static void
on_writable (LecternConnection *connection, gpointer user_data)
{
  Watcher *self = user_data;

  if (self->viewer != NULL)
    lectern_viewer_writable (self->viewer);
}

static void
on_closed (LecternConnection *connection, const GError *error, gpointer user_data)
{
  Watcher *self = user_data;

  lectern_session_end (self->session, error);
  g_clear_pointer (&self->viewer, lectern_viewer_free);
  lectern_session_unref (self->session);
  lectern_connection_unref (self->connection);
  g_free (self);
}

static const LecternConnectionHandler handler = { on_input, on_writable, on_closed };

static void
on_viewer_event (LecternViewer *viewer, LecternViewerEvent event, const GError *reason,
                 gpointer user_data)
{
  Watcher *self = user_data;

  if (event != LECTERN_VIEWER_ENDED)
    return;
  lectern_session_end (self->session, reason);
  if (reason != NULL)
    lectern_connection_close (self->connection, reason);
  else
    lectern_connection_finish (self->connection);
  g_clear_pointer (&self->viewer, lectern_viewer_free);
}

static void
on_kick (LecternSession *session, const GError *reason, gpointer user_data)
{
  Watcher *self = user_data;

  lectern_connection_close (self->connection, reason);
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

/* The head is on its way when we learn that nobody publishes: such a reply ends without a byte of
 * media. */
static void
watch (LecternHost *host, LecternHttpExchange *exchange, LecternConnection *connection,
       const LecternViewerOptions *options)
{
  Watcher *self = g_new0 (Watcher, 1);
  LecternAccessRequest *request = lectern_http_exchange_get_access (exchange);
  g_autoptr (GError) error = NULL;

  self->connection = connection;
  self->session
      = lectern_sessions_start (lectern_host_get_sessions (host), LECTERN_SESSION_PLAY, request,
                                lectern_http_exchange_get_identity (exchange), on_kick, self);
  lectern_connection_set_handler (connection, &handler, self);
  self->viewer = lectern_viewer_new (lectern_host_get_streams (host), request->thing, connection,
                                     &lectern_flv_tape_format, options, self->session,
                                     on_viewer_event, self, &error);
  if (self->viewer == NULL)
    lectern_connection_close (connection, error);
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
  LecternConnection *connection;

  if (!check_request (exchange, &options, &error))
    {
      lectern_http_exchange_respond_error (exchange, error);
      return;
    }
  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-cache, no-store");
  connection = lectern_http_exchange_take_over (exchange, 200, "video/x-flv");
  if (connection != NULL)
    watch (lectern_plugin_get_host (user_data), exchange, connection, &options);
}

static gboolean
lectern_http_flv_plugin_start (LecternPlugin *plugin, GError **error)
{
  lectern_plugin_add_carrier (plugin, &lectern_http_flv_carrier, lectern_plugin_get_host (plugin));
  return lectern_plugin_add_route (plugin, "GET", "/{app}/{name}.flv", LECTERN_ACTION_PLAY,
                                   "{app}/{name}", on_play, plugin, error);
}

static void
lectern_http_flv_plugin_class_init (LecternHttpFlvPluginClass *class)
{
  LECTERN_PLUGIN_CLASS (class)->start = lectern_http_flv_plugin_start;
}

static void
lectern_http_flv_plugin_init (LecternHttpFlvPlugin *self)
{
}

LECTERN_PLUGIN_DEFINE (http_flv, .summary = N_ ("Live streams as FLV over HTTP"), .enabled = TRUE)
