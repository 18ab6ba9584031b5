/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-carrier.h"
#include "lectern-rtsp-connection.h"

struct _LecternRtspPlugin
{
  LecternPlugin parent_instance;
  LecternRtspService *service; /* while started */
};

#define LECTERN_TYPE_RTSP_PLUGIN (lectern_rtsp_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternRtspPlugin, lectern_rtsp_plugin, LECTERN, RTSP_PLUGIN, LecternPlugin)
G_DEFINE_FINAL_TYPE (LecternRtspPlugin, lectern_rtsp_plugin, LECTERN_TYPE_PLUGIN)

static const LecternSetting settings[]
    = { { "listen", LECTERN_SETTING_ADDRESS, "0.0.0.0:8554", NULL, NULL,
          N_ ("Addresses for RTSP, separated by \";\"") },
        { "listen-tls", LECTERN_SETTING_ADDRESS, "", NULL, NULL,
          N_ ("Addresses for RTSPS, with the server's certificate; empty: none") },
        { "transports", LECTERN_SETTING_LIST, "tcp;udp", NULL, NULL,
          N_ ("How packets may come and go: over the RTSP connection (tcp), as datagrams (udp)") },
        { "udp-ports", LECTERN_SETTING_STRING, "", NULL, NULL,
          N_ ("Ports for datagrams, like 50000-50999; empty: any that is free") },
        { "dscp", LECTERN_SETTING_DSCP, "0", NULL, NULL,
          N_ ("Mark of the packets that are sent, for switches that honour DSCP: 0 to 63, or a "
              "name such as af41 or ef") },
        { "latency", LECTERN_SETTING_DURATION, "200ms", "0s", "2s",
          N_ ("How long a missing datagram of a publisher is waited for") },
        { "read-timeout", LECTERN_SETTING_DURATION, "10s", "1s", "300s",
          N_ ("A publisher that sends nothing for so long is lost") },
        { "session-timeout", LECTERN_SETTING_DURATION, "60s", "10s", "1h",
          N_ ("A player by datagrams that says nothing for so long has gone") },
        { "max-sessions", LECTERN_SETTING_INTEGER, "5000", "1", "100000",
          N_ ("Publishers and players at a time; more are refused") },
        { "requests", LECTERN_SETTING_INTEGER, "10", "1", "1000",
          N_ ("Requests a second that one connection may make") },
        { "max-bitrate", LECTERN_SETTING_BITRATE, "0", NULL, NULL,
          N_ ("A publisher that sends more over five seconds is sent away; 0: any rate") },
        { NULL } };

static gboolean
read_transports (LecternPlugin *plugin, LecternRtspSettings *to, GError **error)
{
  g_auto (GStrv) words = lectern_plugin_dup_list (plugin, "transports");

  to->tcp = to->udp = FALSE;
  for (guint i = 0; words[i] != NULL; i++)
    if (g_str_equal (words[i], "tcp"))
      to->tcp = TRUE;
    else if (g_str_equal (words[i], "udp"))
      to->udp = TRUE;
    else
      {
        g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                     "[rtsp] transports has '%s': must be tcp or udp", words[i]);
        return FALSE;
      }
  if (to->tcp || to->udp)
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                       "[rtsp] transports is empty");
  return FALSE;
}

static gboolean
read_settings (LecternPlugin *plugin, LecternRtspSettings *to, GError **error)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (lectern_plugin_get_host (plugin));
  g_autofree char *ports = lectern_plugin_dup_string (plugin, "udp-ports");

  if (!read_transports (plugin, to, error)
      || !lectern_rtsp_port_range_parse (&to->ports, ports != NULL ? ports : "", error))
    return FALSE;
  to->dscp = lectern_plugin_get_dscp (plugin, "dscp");
  to->latency_us = lectern_plugin_get_duration (plugin, "latency");
  to->read_timeout_us = lectern_plugin_get_duration (plugin, "read-timeout");
  to->session_timeout_us = lectern_plugin_get_duration (plugin, "session-timeout");
  to->max_sessions = (guint) lectern_plugin_get_integer (plugin, "max-sessions");
  to->requests = (guint) lectern_plugin_get_integer (plugin, "requests");
  to->max_bitrate
      = lectern_config_get_bitrate (config, lectern_plugin_get_name (plugin), "max-bitrate");
  return TRUE;
}

static gboolean
add_listeners (LecternRtspPlugin *self, const char *key, gboolean secure, GError **error)
{
  return lectern_plugin_add_listeners (
      LECTERN_PLUGIN (self), key, secure, lectern_rtsp_connection_accept,
      lectern_rtsp_service_ref (self->service), (GDestroyNotify) lectern_rtsp_service_unref, error);
}

static gboolean
start (LecternPlugin *plugin, GError **error)
{
  LecternRtspPlugin *self = LECTERN_RTSP_PLUGIN (plugin);
  LecternRtspSettings now;

  if (!read_settings (plugin, &now, error))
    return FALSE;
  lectern_rtsp_carrier_register (plugin);
  self->service = lectern_rtsp_service_new (lectern_plugin_get_host (plugin), &now);
  return add_listeners (self, "listen", FALSE, error)
         && add_listeners (self, "listen-tls", TRUE, error);
}

static void
stop (LecternPlugin *plugin)
{
  LecternRtspPlugin *self = LECTERN_RTSP_PLUGIN (plugin);

  if (self->service != NULL)
    lectern_peers_stop (lectern_rtsp_service_get_peers (self->service));
  g_clear_pointer (&self->service, lectern_rtsp_service_unref);
}

static gboolean
reload (LecternPlugin *plugin, GError **error)
{
  LecternRtspPlugin *self = LECTERN_RTSP_PLUGIN (plugin);
  LecternRtspSettings now;

  if (!read_settings (plugin, &now, error))
    return FALSE;
  lectern_rtsp_service_set (self->service, &now);
  return TRUE;
}

static void
finalize (GObject *object)
{
  LecternRtspPlugin *self = LECTERN_RTSP_PLUGIN (object);

  g_clear_pointer (&self->service, lectern_rtsp_service_unref);
  G_OBJECT_CLASS (lectern_rtsp_plugin_parent_class)->finalize (object);
}

static void
lectern_rtsp_plugin_class_init (LecternRtspPluginClass *klass)
{
  LecternPluginClass *plugin_class = LECTERN_PLUGIN_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = finalize;
  plugin_class->start = start;
  plugin_class->stop = stop;
  plugin_class->reload = reload;
}

static void
lectern_rtsp_plugin_init (LecternRtspPlugin *self)
{
}

LECTERN_PLUGIN_DEFINE (rtsp, .summary = N_ ("Publish and play over RTSP and RTSPS"),
                       .settings = settings, .enabled = TRUE)
