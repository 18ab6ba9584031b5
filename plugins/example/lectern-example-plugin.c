/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <lectern.h>

#include <string.h>

#define LECTERN_TYPE_EXAMPLE_PLUGIN (lectern_example_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternExamplePlugin, lectern_example_plugin, LECTERN, EXAMPLE_PLUGIN,
                      LecternPlugin)

struct _LecternExamplePlugin
{
  LecternPlugin parent_instance;
};

G_DEFINE_FINAL_TYPE (LecternExamplePlugin, lectern_example_plugin, LECTERN_TYPE_PLUGIN)

static const LecternSetting settings[] = {
  { "greeting", LECTERN_SETTING_STRING, "Hello from Lectern", NULL, NULL,
    N_ ("What it says to whoever asks") },
  { NULL },
};

static void
say_hello (LecternHttpExchange *exchange, gpointer user_data)
{
  char *greeting = lectern_plugin_dup_string (user_data, "greeting");
  g_autoptr (GBytes) body = g_bytes_new_take (greeting, strlen (greeting));

  lectern_http_exchange_respond (exchange, 200, "text/plain; charset=utf-8", body);
}

static gboolean
lectern_example_plugin_start (LecternPlugin *plugin, GError **error)
{
  return lectern_plugin_add_route (plugin, "GET", "/example/hello", LECTERN_ACTION_PUBLIC, NULL,
                                   say_hello, plugin, error);
}

static void
lectern_example_plugin_class_init (LecternExamplePluginClass *class)
{
  LECTERN_PLUGIN_CLASS (class)->start = lectern_example_plugin_start;
}

static void
lectern_example_plugin_init (LecternExamplePlugin *self)
{
}

LECTERN_PLUGIN_DEFINE (example, .summary = N_ ("Answers with a greeting: the smallest good plugin"),
                       .settings = settings)
