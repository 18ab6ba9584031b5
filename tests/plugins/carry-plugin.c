/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Carries one stream as the settings say, as soon as it can, and says in the log how it went. */
#include <lectern.h>

typedef struct
{
  LecternPlugin parent_instance;
} LecternCarryPlugin;

typedef struct
{
  LecternPluginClass parent_class;
} LecternCarryPluginClass;

#define LECTERN_TYPE_CARRY_PLUGIN (lectern_carry_plugin_get_type ())
GType lectern_carry_plugin_get_type (void);
G_DEFINE_FINAL_TYPE (LecternCarryPlugin, lectern_carry_plugin, LECTERN_TYPE_PLUGIN)

static const LecternSetting settings[]
    = { { "way", LECTERN_SETTING_STRING, "pull", NULL, NULL, "pull or push" },
        { "stream", LECTERN_SETTING_STRING, "live/carried", NULL, NULL, "Our stream" },
        { "url", LECTERN_SETTING_STRING, "", NULL, NULL, "Theirs" },
        { "transport", LECTERN_SETTING_STRING, NULL, NULL, NULL, "tcp or udp" },
        { "timeout", LECTERN_SETTING_DURATION, "10s", "0s", "60s", "How long they may be silent" },
        { "loopback", LECTERN_SETTING_BOOLEAN, "true", NULL, NULL, "Loopback addresses will do" },
        { NULL } };

/* One transfer; on its reactor. */
typedef struct
{
  LecternHost *host;
  LecternReactor *reactor;
  char *url;
  char *name;
  char *transport;
  gint64 timeout_us;
  gboolean loopback;
  LecternStream *stream; /* of a push */
  LecternTransfer *transfer;
  LecternPublisher *publisher;
} Load;

static void
load_free (gpointer data)
{
  Load *self = data;

  g_clear_pointer (&self->stream, lectern_stream_unref);
  g_clear_pointer (&self->publisher, lectern_publisher_unref);
  g_object_unref (self->host);
  g_free (self->url);
  g_free (self->name);
  g_free (self->transport);
  g_free (self);
}

static void
on_lost (LecternPublisher *publisher, const GError *reason, gpointer user_data)
{
  Load *self = user_data;

  g_message ("lost '%s': %s", self->name, reason->message);
  g_clear_pointer (&self->transfer, lectern_transfer_stop);
  load_free (self);
}

static LecternPublisher *
publish (gpointer user_data, GError **error)
{
  Load *self = user_data;
  LecternPublisher *publisher = lectern_stream_registry_publish (
      lectern_host_get_streams (self->host), self->name, NULL, on_lost, self, error);

  if (publisher == NULL)
    return NULL;
  g_message ("carrying '%s'", self->name);
  self->publisher = lectern_publisher_ref (publisher);
  return publisher;
}

static void
started (gpointer user_data)
{
  g_message ("carrying '%s'", ((Load *) user_data)->name);
}

static void
ended (const GError *error, gpointer user_data)
{
  Load *self = user_data;

  g_message ("ended '%s' after %s: %s", self->name,
             lectern_transfer_get_bytes (self->transfer) > 0 ? "media" : "nothing",
             error == NULL ? "in order" : error->message);
  if (error != NULL)
    g_message ("code: %s", lectern_error_get_name (error));
  if (self->publisher != NULL)
    lectern_publisher_end (self->publisher, error != NULL);
  g_clear_pointer (&self->transfer, lectern_transfer_stop);
  load_free (self);
}

static const LecternCarrierEvents events = { publish, started, ended };

static gboolean
is_allowed (const LecternAddress *address, gpointer filter_data)
{
  return ((Load *) filter_data)->loopback || !lectern_address_is_loopback (address);
}

static gboolean
follow (const char *url, gpointer filter_data, GError **error)
{
  return TRUE;
}

static void
begin (gpointer data)
{
  Load *self = data;
  LecternCarriers *carriers = lectern_host_get_carriers (self->host);
  const LecternCarrierSpec spec = { .url = self->url,
                                    .reactor = self->reactor,
                                    .via = lectern_host_get_id (self->host),
                                    .transport = self->transport,
                                    .filter = is_allowed,
                                    .follow = follow,
                                    .filter_data = self,
                                    .timeout_us = self->timeout_us };
  g_autoptr (GError) error = NULL;

  self->transfer
      = self->stream != NULL
            ? lectern_carriers_push (carriers, &spec, self->stream, &events, self, &error)
            : lectern_carriers_pull (carriers, &spec, &events, self, &error);
  if (self->transfer != NULL)
    return;
  g_message ("cannot carry: %s", error->message);
  load_free (self);
}

/* @stream: (nullable): of a push. */
static void
carry (LecternPlugin *plugin, LecternStream *stream)
{
  Load *self = g_new0 (Load, 1);

  self->host = g_object_ref (lectern_plugin_get_host (plugin));
  self->reactor = lectern_reactor_pool_pick (lectern_host_get_reactors (self->host));
  self->url = lectern_plugin_dup_string (plugin, "url");
  self->name = lectern_plugin_dup_string (plugin, "stream");
  self->transport = lectern_plugin_dup_string (plugin, "transport");
  self->timeout_us = lectern_plugin_get_duration (plugin, "timeout");
  self->loopback = lectern_plugin_get_boolean (plugin, "loopback");
  self->stream = stream != NULL ? lectern_stream_ref (stream) : NULL;
  lectern_reactor_post (self->reactor, begin, self, load_free);
}

static void
on_live (LecternStreamRegistry *streams, LecternStream *stream, gpointer plugin)
{
  g_autofree char *name = lectern_plugin_dup_string (plugin, "stream");

  if (g_str_equal (name, lectern_stream_get_name (stream)))
    carry (plugin, stream);
}

static gboolean
start (LecternPlugin *plugin, GError **error)
{
  LecternHost *host = lectern_plugin_get_host (plugin);
  g_autofree char *way = lectern_plugin_dup_string (plugin, "way");

  if (g_str_equal (way, "push"))
    lectern_plugin_add_signal (plugin, lectern_host_get_streams (host), "live",
                               G_CALLBACK (on_live), plugin);
  else
    carry (plugin, NULL);
  return TRUE;
}

static void
lectern_carry_plugin_class_init (LecternCarryPluginClass *class)
{
  LECTERN_PLUGIN_CLASS (class)->start = start;
}

static void
lectern_carry_plugin_init (LecternCarryPlugin *self)
{
}

LECTERN_PLUGIN_DEFINE (carry, .summary = "Carries one stream, for tests", .settings = settings,
                       .after = "rtmp http-flv rtsp")
