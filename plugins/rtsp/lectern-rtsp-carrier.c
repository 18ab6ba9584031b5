/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-carrier.h"

#define MAX_BEHIND (16 * 1024 * 1024)
#define AGENT "Lectern"

/* One stream on its way. */
typedef struct
{
  LecternCarriage carriage; /* first */
  LecternHost *host;
  LecternDialFilter filter;
  gpointer filter_data;
  JsonObject *parameters; /* of the job */
  char *title;            /* for the log */
  char *ca_file;          /* or NULL */
  LecternResolve *resolve;
  LecternWorker *worker;

  LecternFeed *feed;       /* of a push */
  LecternTrack *tracks[3]; /* by media: what the job knows */
  gboolean begun;
} Transfer;

static void
clear (LecternCarriage *carriage)
{
  Transfer *self = (Transfer *) carriage;

  g_clear_pointer (&self->parameters, json_object_unref);
  for (gsize i = 0; i < G_N_ELEMENTS (self->tracks); i++)
    g_clear_pointer (&self->tracks[i], lectern_track_unref);
  g_object_unref (self->host);
  g_free (self->title);
  g_free (self->ca_file);
}

static void
halt (LecternCarriage *carriage)
{
  Transfer *self = (Transfer *) carriage;

  g_clear_pointer (&self->resolve, lectern_resolve_cancel);
  g_clear_pointer (&self->worker, lectern_worker_free);
  g_clear_pointer (&self->feed, lectern_feed_free);
}

/* ── pull ── */

static void
on_track (LecternWorker *worker, guint lane, LecternTrack *track, gpointer user_data)
{
  LecternCarriage *self = user_data;

  if (self->stream == NULL)
    lectern_carriage_take_track (self, track);
}

static void
on_packet (LecternWorker *worker, guint lane, LecternPacket *packet, gpointer user_data)
{
  lectern_carriage_take_packet (user_data, packet);
}

static void
take_statistics (Transfer *self, JsonObject *message)
{
  LecternReception reception = {
    .packets = (guint64) MAX (json_object_get_int_member_with_default (message, "received", 0), 0),
    .lost = (guint64) MAX (json_object_get_int_member_with_default (message, "lost", 0), 0),
    .jitter_us
    = (gint64) (json_object_get_double_member_with_default (message, "jitter_ms", 0) * 1000),
  };

  if (self->carriage.publisher != NULL)
    lectern_publisher_set_reception (self->carriage.publisher, &reception);
}

/* ── push ── */

static void
tell_track (Transfer *self, LecternTrack *track)
{
  LecternTrack **slot;

  if (track == NULL || track->media >= G_N_ELEMENTS (self->tracks))
    return;
  slot = &self->tracks[track->media];
  if (lectern_track_equal (*slot, track))
    return;
  g_clear_pointer (slot, lectern_track_unref);
  *slot = lectern_track_ref (track);
  lectern_worker_send_track (self->worker, 0, track);
}

/* The job takes the tracks for all there will be once it has a packet. */
static void
give_packet (Transfer *self, LecternPacket *packet)
{
  g_auto (LecternStreamInfo) info = { 0 };

  if (packet->track == NULL || packet->track->media >= G_N_ELEMENTS (self->tracks))
    return;
  tell_track (self, packet->track);
  if (!self->begun)
    {
      self->begun = TRUE;
      lectern_stream_get_info (self->carriage.stream, &info);
      tell_track (self, packet->track->media == LECTERN_MEDIA_VIDEO ? info.audio : info.video);
    }
  if (lectern_worker_send_packet (self->worker, 0, packet))
    self->carriage.bytes += lectern_packet_get_size (packet);
}

static void
on_feed (LecternFeed *feed, gpointer user_data)
{
  Transfer *self = user_data;

  for (;;)
    {
      g_autoptr (LecternPacket) packet = lectern_feed_pop (feed);

      if (packet == NULL)
        break;
      give_packet (self, packet);
    }
  if (lectern_feed_get_state (feed) == LECTERN_STREAM_ENDED)
    lectern_worker_finish (self->worker);
}

static void
on_ready (LecternWorker *worker, gpointer user_data)
{
  Transfer *self = user_data;

  if (self->carriage.stream != NULL)
    self->feed = lectern_feed_new (self->carriage.stream, self->carriage.reactor, MAX_BEHIND,
                                   on_feed, self);
}

/* ── the job ── */

static void
on_message (LecternWorker *worker, JsonObject *message, gpointer user_data)
{
  Transfer *self = user_data;
  const char *event = json_object_get_string_member_with_default (message, "event", "");

  if (self->carriage.stream == NULL && g_strcmp0 (event, "statistics") == 0)
    take_statistics (self, message);
  if (self->carriage.stream != NULL && g_strcmp0 (event, "started") == 0)
    lectern_carriage_started (&self->carriage);
}

static void
on_ended (LecternWorker *worker, const GError *error, gpointer user_data)
{
  lectern_carriage_end (user_data, error);
}

static void
start_worker (Transfer *self)
{
  static const LecternWorkerEvents events = { .ready = on_ready,
                                              .track = on_track,
                                              .packet = on_packet,
                                              .message = on_message,
                                              .ended = on_ended };
  const LecternWorkerSpec spec = {
    .job = self->carriage.stream != NULL ? "push" : "pull",
    .title = self->title,
    .parameters = self->parameters,
    .read_path = self->ca_file,
    .network = TRUE,
    .once = TRUE,
  };

  self->worker = lectern_worker_new (lectern_host_get_workers (self->host), &spec,
                                     self->carriage.reactor, &events, self);
}

static void
on_resolved (const LecternAddress *addresses, guint n_addresses, const GError *error,
             gpointer user_data)
{
  Transfer *self = user_data;
  JsonArray *allowed = json_array_new ();

  self->resolve = NULL;
  lectern_carriage_expect (&self->carriage, NULL);
  for (guint i = 0; i < n_addresses; i++)
    if (self->filter == NULL || self->filter (&addresses[i], self->filter_data))
      {
        g_autofree char *text = lectern_address_to_ip_string (&addresses[i]);

        json_array_add_string_element (allowed, text);
      }
  json_object_set_array_member (self->parameters, "addresses", allowed);
  if (error != NULL)
    lectern_carriage_end (&self->carriage, error);
  else if (json_array_get_length (allowed) == 0)
    lectern_carriage_end_with (&self->carriage, LECTERN_ERROR_DENIED,
                               "the host's addresses are not allowed");
  else
    start_worker (self);
}

/* ── life ── */

static void
set_string (JsonObject *object, const char *name, const char *value)
{
  if (value != NULL && *value != '\0')
    json_object_set_string_member (object, name, value);
}

/* Splits @url into what the job is told: login and address apart. Returns: (transfer full)
 * (nullable): the host. */
static char *
read_url (Transfer *self, const char *url, int *port)
{
  g_autofree char *scheme = NULL;
  g_autofree char *user = NULL;
  g_autofree char *password = NULL;
  g_autofree char *host = NULL;
  g_autofree char *path = NULL;
  g_autofree char *query = NULL;
  g_autofree char *clean = NULL;

  if (!g_uri_split_with_user (
          url, G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_ENCODED_PATH | G_URI_FLAGS_ENCODED_QUERY,
          &scheme, &user, &password, NULL, &host, port, &path, &query, NULL, NULL)
      || host == NULL || *host == '\0')
    return NULL;
  clean = g_uri_join (G_URI_FLAGS_ENCODED_PATH | G_URI_FLAGS_ENCODED_QUERY, scheme, NULL, host,
                      *port, path, query, NULL);
  if (*port <= 0)
    *port = g_strcmp0 (scheme, "rtsps") == 0 ? 322 : 554;
  json_object_set_string_member (self->parameters, "url", clean);
  set_string (self->parameters, "user", user);
  set_string (self->parameters, "password", password);
  return g_steal_pointer (&host);
}

/* Returns: (transfer full): what the log calls it. Of where it pushes to just the server: the path
 * is often a key. */
static char *
make_title (const LecternCarrierSpec *spec, LecternStream *stream)
{
  g_autofree char *masked = lectern_carrier_mask_url (spec->url);
  const char *host = strstr (masked, "://");
  gsize length = host != NULL ? (gsize) (host - masked) + 3 + strcspn (host + 3, "/?#") : 0;

  if (stream == NULL)
    return g_strdup_printf ("pull from %s", masked);
  return g_strdup_printf ("push of '%s' to %.*s", lectern_stream_get_name (stream), (int) length,
                          masked);
}

static void
read_spec (Transfer *self, const LecternCarrierSpec *spec)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (self->host);

  self->filter = spec->filter;
  self->filter_data = spec->filter_data;
  self->title = make_title (spec, self->carriage.stream);
  self->ca_file = g_strdup (lectern_config_get_string (config, "server", "ca-file"));
  if (self->ca_file != NULL && *self->ca_file == '\0')
    g_clear_pointer (&self->ca_file, g_free);
  /* Between servers what arrives late is better than what is lost. */
  set_string (self->parameters, "transport", spec->transport != NULL ? spec->transport : "tcp");
  set_string (self->parameters, "ca_file", self->ca_file);
  set_string (self->parameters, "user_agent", AGENT);
  set_string (self->parameters, "via", spec->via);
  json_object_set_int_member (self->parameters, "dscp",
                              lectern_config_get_dscp (config, "rtsp", "dscp"));
  json_object_set_int_member (self->parameters, "timeout_ms",
                              CLAMP (self->carriage.timeout_us / 1000, 1000, 600000));
}

static const LecternCarriageClass class = { .halt = halt, .clear = clear };

/* @stream: (nullable): of a push. */
static gpointer
begin (const LecternCarrierSpec *spec, LecternStream *stream, const LecternCarrierEvents *events,
       gpointer events_data, gpointer user_data)
{
  Transfer *self
      = lectern_carriage_new (sizeof (Transfer), &class, spec, stream, events, events_data);
  g_autofree char *host = NULL;
  int port = -1;

  self->host = g_object_ref (LECTERN_HOST (user_data));
  self->parameters = json_object_new ();
  read_spec (self, spec);
  host = read_url (self, spec->url, &port);
  if (host == NULL)
    {
      lectern_carriage_fail (&self->carriage,
                             g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                                                  "not an address like rtsp://host/path"));
      return self;
    }
  lectern_carriage_expect (&self->carriage, "the host's name is not resolved in time");
  self->resolve
      = lectern_dialer_resolve (lectern_host_get_dialer (self->host), self->carriage.reactor, host,
                                (guint16) port, on_resolved, self);
  return self;
}

static gpointer
pull (const LecternCarrierSpec *spec, const LecternCarrierEvents *events, gpointer events_data,
      gpointer user_data)
{
  return begin (spec, NULL, events, events_data, user_data);
}

void
lectern_rtsp_carrier_register (LecternPlugin *plugin)
{
  static const char *const schemes[] = { "rtsp", "rtsps", NULL };
  static const LecternCarrier carrier = { .schemes = schemes,
                                          .pull = pull,
                                          .push = begin,
                                          .stop = lectern_carriage_stop,
                                          .get_bytes = lectern_carriage_get_bytes };

  lectern_plugin_add_carrier (plugin, &carrier, lectern_plugin_get_host (plugin));
}
