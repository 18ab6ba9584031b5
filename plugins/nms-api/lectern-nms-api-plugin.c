/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-nms-api-guard.h"
#include "lectern-nms-api-relays.h"
#include "lectern-nms-api-server.h"
#include "lectern-nms-api-streams.h"

/* Before the operator's token, as it answers only for its own routes. */
#define PRIORITY 90
#define SAMPLE_US G_USEC_PER_SEC

#define LECTERN_TYPE_NMS_API_PLUGIN (lectern_nms_api_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternNmsApiPlugin, lectern_nms_api_plugin, LECTERN, NMS_API_PLUGIN,
                      LecternPlugin)

struct _LecternNmsApiPlugin
{
  LecternPlugin parent_instance;

  LecternNmsApiGuard *guard;
  LecternNmsApiServer server;
};

G_DEFINE_FINAL_TYPE (LecternNmsApiPlugin, lectern_nms_api_plugin, LECTERN_TYPE_PLUGIN)

static const LecternSetting settings[] = {
  { "user", LECTERN_SETTING_STRING, "admin", NULL, NULL,
    N_ ("Name that dashboards log in with, by HTTP Basic") },
  { "password", LECTERN_SETTING_SECRET, NULL, NULL, NULL,
    N_ ("File with the password for it; without one the plugin does not start") },
  { NULL },
};

static gboolean
take_password (LecternNmsApiPlugin *self, GError **error)
{
  LecternPlugin *plugin = LECTERN_PLUGIN (self);
  g_autofree char *user = lectern_plugin_dup_string (plugin, "user");
  g_autofree char *password = lectern_plugin_dup_string (plugin, "password");

  if (password == NULL || password[0] == '\0')
    {
      g_set_error_literal (
          error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
          "[nms-api] password is not set, and without one it would be open to all");
      return FALSE;
    }
  lectern_nms_api_guard_set (self->guard, user, password);
  return TRUE;
}

static gboolean
sample (gpointer user_data)
{
  lectern_nms_api_machine_sample (user_data);
  return G_SOURCE_CONTINUE;
}

static gboolean
start (LecternPlugin *plugin, GError **error)
{
  LecternNmsApiPlugin *self = LECTERN_NMS_API_PLUGIN (plugin);

  if (!take_password (self, error))
    return FALSE;
  self->server.host = lectern_plugin_get_host (plugin);
  self->server.started_us = lectern_clock_now_us ();
  lectern_plugin_add_guard (plugin, LECTERN_GUARD (self->guard), PRIORITY);
  lectern_plugin_add_timer (plugin, SAMPLE_US, sample, &self->server.machine);
  return lectern_nms_api_server_add_routes (plugin, &self->server, error)
         && lectern_nms_api_streams_add_routes (plugin, error)
         && lectern_nms_api_relays_add_routes (plugin, error);
}

static gboolean
reload (LecternPlugin *plugin, GError **error)
{
  return take_password (LECTERN_NMS_API_PLUGIN (plugin), error);
}

static void
finalize (GObject *object)
{
  LecternNmsApiPlugin *self = LECTERN_NMS_API_PLUGIN (object);

  lectern_nms_api_machine_clear (&self->server.machine);
  g_clear_object (&self->guard);
  G_OBJECT_CLASS (lectern_nms_api_plugin_parent_class)->finalize (object);
}

static void
lectern_nms_api_plugin_class_init (LecternNmsApiPluginClass *class)
{
  LecternPluginClass *plugin_class = LECTERN_PLUGIN_CLASS (class);

  G_OBJECT_CLASS (class)->finalize = finalize;
  plugin_class->start = start;
  plugin_class->reload = reload;
}

static void
lectern_nms_api_plugin_init (LecternNmsApiPlugin *self)
{
  self->guard = lectern_nms_api_guard_new ();
  lectern_nms_api_machine_init (&self->server.machine);
}

LECTERN_PLUGIN_DEFINE (nms_api, .summary = N_ ("The API of Node-Media-Server, for its dashboards"),
                       .settings = settings)
