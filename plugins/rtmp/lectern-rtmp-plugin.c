/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-carrier.h"
#include "lectern-rtmp-connection.h"

struct _LecternRtmpPlugin
{
  LecternPlugin parent_instance;
  LecternRtmpService *service; /* while started */
};

#define LECTERN_TYPE_RTMP_PLUGIN (lectern_rtmp_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternRtmpPlugin, lectern_rtmp_plugin, LECTERN, RTMP_PLUGIN, LecternPlugin)
G_DEFINE_FINAL_TYPE (LecternRtmpPlugin, lectern_rtmp_plugin, LECTERN_TYPE_PLUGIN)

static const LecternSetting settings[]
    = { { "listen", LECTERN_SETTING_ADDRESS, "0.0.0.0:1935", NULL, NULL,
          N_ ("Addresses for RTMP, separated by \";\"") },
        { "listen-tls", LECTERN_SETTING_ADDRESS, "", NULL, NULL,
          N_ ("Addresses for RTMPS, with the server's certificate; empty: none") },
        { "dscp", LECTERN_SETTING_DSCP, "0", NULL, NULL,
          N_ ("Mark of the packets that are sent, for switches that honour DSCP: 0 to 63, or a "
              "name such as af41 or ef") },
        { "handshake-timeout", LECTERN_SETTING_DURATION, "10s", "1s", "60s",
          N_ ("How long a peer may take to connect") },
        { "read-timeout", LECTERN_SETTING_DURATION, "10s", "1s", "300s",
          N_ ("A publisher that sends nothing for so long is lost") },
        { "max-bitrate", LECTERN_SETTING_BITRATE, "0", NULL, NULL,
          N_ ("A publisher that sends more over five seconds is sent away; 0: any rate") },
        { NULL } };

static void
read_limits (LecternRtmpPlugin *self, LecternRtmpLimits *limits)
{
  LecternPlugin *plugin = LECTERN_PLUGIN (self);
  g_autoptr (LecternConfig) config = lectern_host_get_config (lectern_plugin_get_host (plugin));

  limits->handshake_timeout_us = lectern_plugin_get_duration (plugin, "handshake-timeout");
  limits->read_timeout_us = lectern_plugin_get_duration (plugin, "read-timeout");
  limits->max_bitrate
      = lectern_config_get_bitrate (config, lectern_plugin_get_name (plugin), "max-bitrate");
}

static gboolean
add_listeners (LecternRtmpPlugin *self, const char *key, gboolean secure, GError **error)
{
  return lectern_plugin_add_listeners (
      LECTERN_PLUGIN (self), key, secure, lectern_rtmp_connection_accept,
      lectern_rtmp_service_ref (self->service), (GDestroyNotify) lectern_rtmp_service_unref, error);
}

static gboolean
start (LecternPlugin *plugin, GError **error)
{
  LecternRtmpPlugin *self = LECTERN_RTMP_PLUGIN (plugin);
  LecternRtmpLimits limits;

  read_limits (self, &limits);
  self->service = lectern_rtmp_service_new (lectern_plugin_get_host (plugin), &limits);
  lectern_plugin_add_carrier (plugin, &lectern_rtmp_carrier, lectern_plugin_get_host (plugin));
  return add_listeners (self, "listen", FALSE, error)
         && add_listeners (self, "listen-tls", TRUE, error);
}

static void
stop (LecternPlugin *plugin)
{
  LecternRtmpPlugin *self = LECTERN_RTMP_PLUGIN (plugin);

  if (self->service != NULL)
    lectern_peers_stop (lectern_rtmp_service_get_peers (self->service));
  g_clear_pointer (&self->service, lectern_rtmp_service_unref);
}

static gboolean
reload (LecternPlugin *plugin, GError **error)
{
  LecternRtmpPlugin *self = LECTERN_RTMP_PLUGIN (plugin);
  LecternRtmpLimits limits;

  read_limits (self, &limits);
  lectern_rtmp_service_set_limits (self->service, &limits);
  return TRUE;
}

static void
finalize (GObject *object)
{
  LecternRtmpPlugin *self = LECTERN_RTMP_PLUGIN (object);

  g_clear_pointer (&self->service, lectern_rtmp_service_unref);
  G_OBJECT_CLASS (lectern_rtmp_plugin_parent_class)->finalize (object);
}

static void
lectern_rtmp_plugin_class_init (LecternRtmpPluginClass *klass)
{
  LecternPluginClass *plugin_class = LECTERN_PLUGIN_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = finalize;
  plugin_class->start = start;
  plugin_class->stop = stop;
  plugin_class->reload = reload;
}

static void
lectern_rtmp_plugin_init (LecternRtmpPlugin *self)
{
}

LECTERN_PLUGIN_DEFINE (rtmp, .summary = N_ ("Publish and play over RTMP and RTMPS"),
                       .settings = settings, .enabled = TRUE)
