/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-srt-service.h"

#include <string.h>

/* What SRT allows. */
#define MIN_PASSPHRASE 10
#define MAX_PASSPHRASE 79
#define MAX_ADDRESSES 8

struct _LecternSrtPlugin
{
  LecternPlugin parent_instance;
  LecternSrtService *service; /* while started */
};

#define LECTERN_TYPE_SRT_PLUGIN (lectern_srt_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternSrtPlugin, lectern_srt_plugin, LECTERN, SRT_PLUGIN, LecternPlugin)
G_DEFINE_FINAL_TYPE (LecternSrtPlugin, lectern_srt_plugin, LECTERN_TYPE_PLUGIN)

static const LecternSetting settings[]
    = { { "listen", LECTERN_SETTING_ADDRESS, "0.0.0.0:8890", NULL, NULL,
          N_ ("UDP addresses for SRT callers, separated by \";\"") },
        { "dscp", LECTERN_SETTING_DSCP, "0", NULL, NULL,
          N_ ("Mark of the packets that are sent, for switches that honour DSCP: 0 to 63, or a "
              "name such as af41 or ef") },
        { "latency", LECTERN_SETTING_DURATION, "120ms", "20ms", "10s",
          N_ ("How long packets that were lost may be waited for; a caller may ask for more") },
        { "passphrase", LECTERN_SETTING_SECRET, NULL, NULL, NULL,
          N_ ("Callers must encrypt with it, 10 to 79 bytes; unset: none, and they must not") },
        { "pbkeylen", LECTERN_SETTING_CHOICE, "auto", "auto|16|24|32", NULL,
          N_ ("Bytes of the key that encrypts; auto: as the caller says") },
        { "max-publishers", LECTERN_SETTING_INTEGER, "16", "1", "30",
          N_ ("How many may publish by SRT at a time") },
        { "read-timeout", LECTERN_SETTING_DURATION, "10s", "1s", "300s",
          N_ ("A publisher from whom no picture and no sound has come for so long is lost") },
        { "max-bitrate", LECTERN_SETTING_BITRATE, "0", NULL, NULL,
          N_ ("A publisher that sends more over two seconds is sent away; 0: any rate") },
        { NULL } };

static gboolean
check_passphrase (const char *passphrase, GError **error)
{
  gsize length = strlen (passphrase);

  if (length == 0 || (length >= MIN_PASSPHRASE && length <= MAX_PASSPHRASE))
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
               "[srt] passphrase has %" G_GSIZE_FORMAT " bytes: must be %d to %d", length,
               MIN_PASSPHRASE, MAX_PASSPHRASE);
  return FALSE;
}

/* The passphrase in @read is to be freed. */
static gboolean
read_settings (LecternSrtPlugin *self, LecternSrtSettings *read, GError **error)
{
  LecternPlugin *plugin = LECTERN_PLUGIN (self);
  g_autofree char *key_length = lectern_plugin_dup_string (plugin, "pbkeylen");
  g_autofree char *passphrase = lectern_plugin_dup_string (plugin, "passphrase");

  if (!check_passphrase (passphrase != NULL ? passphrase : "", error))
    return FALSE;
  *read = (LecternSrtSettings){
    .latency_us = lectern_plugin_get_duration (plugin, "latency"),
    .passphrase = passphrase != NULL ? g_steal_pointer (&passphrase) : g_strdup (""),
    .max_publishers = (guint) lectern_plugin_get_integer (plugin, "max-publishers"),
    .read_timeout_us = lectern_plugin_get_duration (plugin, "read-timeout"),
    .max_bitrate = lectern_plugin_get_bitrate (plugin, "max-bitrate"),
  };
  (void) lectern_units_parse_integer (key_length, &read->pbkeylen, NULL);
  return TRUE;
}

static gboolean
start (LecternPlugin *plugin, GError **error)
{
  LecternSrtPlugin *self = LECTERN_SRT_PLUGIN (plugin);
  g_autoptr (GArray) addresses = g_array_new (FALSE, FALSE, sizeof (LecternAddress));
  LecternSrtSettings read = { 0 };

  if (!read_settings (self, &read, error)
      || !lectern_plugin_add_udp_doors (plugin, "listen", addresses, error))
    {
      g_free (read.passphrase);
      return FALSE;
    }
  if (addresses->len > 0 && addresses->len <= MAX_ADDRESSES)
    self->service = lectern_srt_service_new (lectern_plugin_get_host (plugin), addresses,
                                             lectern_plugin_get_dscp (plugin, "dscp"), &read);
  else
    g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                 "[srt] listen has %u addresses: must be 1 to %d", addresses->len, MAX_ADDRESSES);
  g_free (read.passphrase);
  return self->service != NULL;
}

static gboolean
reload (LecternPlugin *plugin, GError **error)
{
  LecternSrtPlugin *self = LECTERN_SRT_PLUGIN (plugin);
  LecternSrtSettings read;

  if (!read_settings (self, &read, error))
    return FALSE;
  lectern_srt_service_set (self->service, &read);
  g_free (read.passphrase);
  return TRUE;
}

static void
stop (LecternPlugin *plugin)
{
  g_clear_pointer (&LECTERN_SRT_PLUGIN (plugin)->service, lectern_srt_service_free);
}

static void
lectern_srt_plugin_class_init (LecternSrtPluginClass *klass)
{
  LecternPluginClass *plugin_class = LECTERN_PLUGIN_CLASS (klass);

  plugin_class->start = start;
  plugin_class->stop = stop;
  plugin_class->reload = reload;
}

static void
lectern_srt_plugin_init (LecternSrtPlugin *self)
{
}

LECTERN_PLUGIN_DEFINE (srt, .summary = N_ ("Publish over SRT"), .settings = settings)
