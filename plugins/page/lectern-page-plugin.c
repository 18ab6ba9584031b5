/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <lectern.h>

#include <string.h>

#define LECTERN_TYPE_PAGE_PLUGIN (lectern_page_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternPagePlugin, lectern_page_plugin, LECTERN, PAGE_PLUGIN, LecternPlugin)

struct _LecternPagePlugin
{
  LecternPlugin parent_instance;
  char *folder;
};

G_DEFINE_FINAL_TYPE (LecternPagePlugin, lectern_page_plugin, LECTERN_TYPE_PLUGIN)

/* Put together by the build from www/, the npm packages and po/. */
#define FOLDER "page/site"
#define PLAYER "vendor/mpegts.js"
#define HOST_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:-[]"

static const LecternSetting settings[] = {
  { "push-url", LECTERN_SETTING_STRING, NULL, NULL, NULL,
    N_ ("Address to push to that the page shows; unset: rtmp:// and the page's own host") },
  { NULL },
};

/* Scripts and styles from us alone, media through blobs (Media Source Extensions), connections to
 * us alone: older browsers do not count WebSockets of the same host as 'self', so it is named. */
static char *
make_policy (const char *host)
{
  g_autofree char *sockets = NULL;

  if (host != NULL && *host != '\0' && host[strspn (host, HOST_CHARACTERS)] == '\0')
    sockets = g_strdup_printf (" ws://%s wss://%s", host, host);
  return g_strconcat ("default-src 'none'; script-src 'self'; style-src 'self'; "
                      "img-src 'self' data:; connect-src 'self'",
                      sockets != NULL ? sockets : "",
                      "; media-src 'self' blob:; worker-src 'self' blob:; base-uri 'none'; "
                      "form-action 'self'; frame-ancestors 'none'",
                      NULL);
}

static void
serve (LecternPagePlugin *self, LecternHttpExchange *exchange, const char *path)
{
  g_autofree char *policy = make_policy (lectern_http_exchange_get_header (exchange, "Host"));

  lectern_http_exchange_set_header (exchange, "Content-Security-Policy", policy);
  lectern_http_exchange_set_header (exchange, "Cross-Origin-Opener-Policy", "same-origin");
  lectern_http_exchange_set_header (exchange, "Cross-Origin-Resource-Policy", "same-origin");
  lectern_http_exchange_set_header (exchange, "X-Content-Type-Options", "nosniff");
  lectern_http_exchange_set_header (exchange, "Referrer-Policy", "no-referrer");
  lectern_http_exchange_set_header (exchange, "Cache-Control", "no-cache");
  lectern_http_files_serve (exchange, self->folder, path);
}

static void
on_index (LecternHttpExchange *exchange, gpointer user_data)
{
  serve (user_data, exchange, "index.html");
}

static void
on_demo (LecternHttpExchange *exchange, gpointer user_data)
{
  serve (user_data, exchange, "demo/index.html");
}

static void
on_file (LecternHttpExchange *exchange, gpointer user_data)
{
  serve (user_data, exchange, lectern_http_exchange_get_parameter (exchange, "path"));
}

static void
on_settings (LecternHttpExchange *exchange, gpointer user_data)
{
  g_autofree char *push_url = lectern_plugin_dup_string (user_data, "push-url");
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  if (push_url != NULL)
    json_object_set_string_member (object, "push-url", push_url);
  json_node_take_object (root, object);
  lectern_http_exchange_respond_json (exchange, 200, root);
}

static gboolean
lectern_page_plugin_start (LecternPlugin *plugin, GError **error)
{
  LecternPagePlugin *self = LECTERN_PAGE_PLUGIN (plugin);
  g_autofree char *player = NULL;

  g_free (self->folder);
  self->folder = lectern_host_find_data (lectern_plugin_get_host (plugin), FOLDER);
  if (self->folder == NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND,
                           "the page's files are not installed");
      return FALSE;
    }
  player = g_build_filename (self->folder, PLAYER, NULL);
  if (!g_file_test (player, G_FILE_TEST_EXISTS))
    g_message ("the page was built without its player: run ./dev build");
  return lectern_plugin_add_route (plugin, "GET", "/", LECTERN_ACTION_PUBLIC, NULL, on_index, self,
                                   error)
         && lectern_plugin_add_route (plugin, "GET", "/demo/", LECTERN_ACTION_PUBLIC, NULL, on_demo,
                                      self, error)
         && lectern_plugin_add_route (plugin, "GET", "/page/settings.json", LECTERN_ACTION_PUBLIC,
                                      NULL, on_settings, self, error)
         && lectern_plugin_add_route (plugin, "GET", "/page/{path*}", LECTERN_ACTION_PUBLIC, NULL,
                                      on_file, self, error);
}

static void
lectern_page_plugin_finalize (GObject *object)
{
  g_free (LECTERN_PAGE_PLUGIN (object)->folder);
  G_OBJECT_CLASS (lectern_page_plugin_parent_class)->finalize (object);
}

static void
lectern_page_plugin_class_init (LecternPagePluginClass *class)
{
  G_OBJECT_CLASS (class)->finalize = lectern_page_plugin_finalize;
  LECTERN_PLUGIN_CLASS (class)->start = lectern_page_plugin_start;
}

static void
lectern_page_plugin_init (LecternPagePlugin *self)
{
}

LECTERN_PLUGIN_DEFINE (page, .summary = N_ ("A web page that lists what is live and plays it"),
                       .settings = settings, .enabled = TRUE)
