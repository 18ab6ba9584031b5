/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-carrier.h"

#include "lectern-rtmp-client.h"
#include "lectern-rtmp-push.h"
#include "lectern-rtmp-url.h"

#define INPUT_LIMIT 4096 /* unconsumed: half a handshake at most, or a part of a chunk's header */
#define TIMEOUT_US (10 * G_USEC_PER_SEC)

/* One stream on its way. */
typedef struct
{
  guint refs;
  LecternReactor *reactor;
  LecternRtmpUrl url;
  char *via;
  const LecternCarrierEvents *events;
  gpointer events_data;
  gint64 timeout_us;
  LecternTimer timer; /* looks whether it is silent */
  gint64 heard_us;    /* when something of use last came */
  GError *error;      /* found before it began */

  LecternDial *dial;
  LecternConnection *connection;
  LecternRtmpClient *client;
  gboolean over; /* no more events */

  LecternStream *stream; /* of a push, else NULL */
  LecternRtmpPush *push;

  LecternPublisher *publisher; /* of a pull, once there is media */
  LecternFlvIngest ingest;
  GVariant *metadata; /* that came before */
  guint64 bytes;
} Transfer;

static void
transfer_unref (Transfer *self)
{
  if (--self->refs > 0)
    return;
  g_object_unref (self->reactor);
  lectern_rtmp_url_clear (&self->url);
  g_free (self->via);
  g_clear_error (&self->error);
  g_clear_pointer (&self->stream, lectern_stream_unref);
  g_clear_pointer (&self->client, lectern_rtmp_client_free);
  g_clear_pointer (&self->metadata, g_variant_unref);
  g_free (self);
}

static void
flush (Transfer *self)
{
  g_autoptr (GBytes) output = lectern_rtmp_client_take_output (self->client);

  if (output != NULL)
    (void) lectern_connection_write (self->connection, g_bytes_get_data (output, NULL),
                                     g_bytes_get_size (output));
}

/* Ends all but telling. */
static void
tear_down (Transfer *self)
{
  self->over = TRUE;
  lectern_timer_stop (&self->timer);
  g_clear_pointer (&self->dial, lectern_dial_cancel);
  if (self->push != NULL)
    self->bytes = lectern_rtmp_push_get_bytes (self->push);
  g_clear_pointer (&self->push, lectern_rtmp_push_free);
  lectern_flv_ingest_clear (&self->ingest);
  g_clear_pointer (&self->publisher, lectern_publisher_unref);
  if (self->connection == NULL)
    return;
  lectern_connection_set_handler (self->connection, NULL, NULL);
  lectern_rtmp_client_end (self->client);
  flush (self);
  lectern_connection_finish (self->connection);
  g_clear_pointer (&self->connection, lectern_connection_unref);
}

/* @error: (nullable). */
static void
end (Transfer *self, const GError *error)
{
  if (self->over)
    return;
  self->refs++;
  tear_down (self);
  self->events->ended (error, self->events_data);
  transfer_unref (self);
}

static void
end_with (Transfer *self, LecternError code, const char *text)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, (int) code, text);

  end (self, error);
}

/* Pull */

static gboolean
begin_publish (Transfer *self, GError **error)
{
  LecternPublisher *publisher = self->events->publish (self->events_data, error);

  if (self->over)
    {
      g_clear_pointer (&publisher, lectern_publisher_unref);
      return TRUE;
    }
  if (publisher == NULL)
    return FALSE;
  self->ingest.publisher = self->publisher = publisher;
  if (self->metadata != NULL)
    lectern_publisher_set_metadata (publisher, self->metadata);
  return TRUE;
}

static gboolean
take_media (Transfer *self, const LecternRtmpMessage *message, GError **error)
{
  g_autoptr (GError) why = NULL;

  self->heard_us = lectern_clock_now_us ();
  if (self->publisher == NULL && message->type != LECTERN_RTMP_AUDIO
      && message->type != LECTERN_RTMP_VIDEO)
    return TRUE;
  if (self->publisher == NULL && !begin_publish (self, error))
    return FALSE;
  if (self->over)
    return TRUE;
  self->bytes += g_bytes_get_size (message->payload);
  return lectern_flv_ingest_take (&self->ingest, message->type, message->timestamp,
                                  message->payload, &why)
         || lectern_flv_ingest_count_bad (&self->ingest, why, self->heard_us, error);
}

static void
take_metadata (Transfer *self, GVariant *metadata)
{
  if (self->publisher != NULL)
    {
      lectern_publisher_set_metadata (self->publisher, metadata);
      return;
    }
  g_clear_pointer (&self->metadata, g_variant_unref);
  self->metadata = g_variant_ref (metadata);
}

/* Push */

static void
on_pushed (LecternRtmpPush *push, gpointer user_data)
{
  end (user_data, NULL);
}

static void
take_started (Transfer *self)
{
  self->heard_us = lectern_clock_now_us ();
  if (self->stream == NULL)
    return;
  /* From here on nothing needs to come; a peer that takes nothing is the connection's to notice. */
  lectern_timer_stop (&self->timer);
  flush (self);
  self->push
      = lectern_rtmp_push_new (self->stream, self->connection,
                               lectern_rtmp_client_get_stream (self->client), on_pushed, self);
  if (self->events->started != NULL)
    self->events->started (self->events_data);
}

/* The connection */

static gboolean
handle_event (Transfer *self, LecternRtmpEvent *event, GError **error)
{
  switch (event->type)
    {
    case LECTERN_RTMP_EVENT_STARTED:
      take_started (self);
      return TRUE;
    case LECTERN_RTMP_EVENT_MEDIA:
    case LECTERN_RTMP_EVENT_SCRIPT:
      return take_media (self, &event->message, error);
    case LECTERN_RTMP_EVENT_METADATA:
      take_metadata (self, event->value);
      return TRUE;
    case LECTERN_RTMP_EVENT_STOP:
      if (self->stream == NULL)
        end (self, NULL);
      else
        end_with (self, LECTERN_ERROR_CLOSED, "the server wants no more of the stream");
      return TRUE;
    default:
      return lectern_flv_ingest_count_bad (&self->ingest, NULL, lectern_clock_now_us (), error);
    }
}

static gsize
input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  Transfer *self = user_data;
  g_autoptr (GError) error = NULL;
  gsize used = 0;

  self->refs++;
  while (!self->over && error == NULL)
    {
      g_auto (LecternRtmpEvent) event = { LECTERN_RTMP_EVENT_NONE };

      used += lectern_rtmp_client_input (self->client, data + used, length - used, &event, &error);
      if (error != NULL || event.type == LECTERN_RTMP_EVENT_NONE)
        break;
      handle_event (self, &event, &error);
    }
  if (error != NULL)
    end (self, error);
  else if (!self->over)
    flush (self);
  transfer_unref (self);
  return used;
}

static void
writable (LecternConnection *connection, gpointer user_data)
{
  Transfer *self = user_data;

  if (self->push != NULL)
    lectern_rtmp_push_writable (self->push);
}

/* One that crashed closes in order too, so this alone is no end of the stream. */
static void
closed (LecternConnection *connection, const GError *error, gpointer user_data)
{
  Transfer *self = user_data;

  g_clear_pointer (&self->connection, lectern_connection_unref);
  if (error != NULL)
    end (self, error);
  else
    end_with (self, LECTERN_ERROR_CLOSED, "the server closed the connection");
}

static const LecternConnectionHandler handler = {
  .input = input,
  .writable = writable,
  .closed = closed,
};

static void
on_dialled (LecternConnection *connection, const GError *error, gpointer user_data)
{
  Transfer *self = user_data;
  const LecternRtmpClientTarget target = { .publish = self->stream != NULL,
                                           .app = self->url.app,
                                           .name = self->url.name,
                                           .tc_url = self->url.tc_url,
                                           .via = self->via };

  self->dial = NULL;
  if (connection == NULL)
    {
      end (self, error);
      return;
    }
  self->heard_us = lectern_clock_now_us ();
  self->connection = lectern_connection_ref (connection);
  self->client = lectern_rtmp_client_new (&target);
  lectern_connection_set_input_limit (connection, INPUT_LIMIT);
  lectern_connection_set_handler (connection, &handler, self);
  flush (self);
}

/* Life */

static void
on_time (LecternTimer *timer)
{
  Transfer *self = (Transfer *) ((char *) timer - G_STRUCT_OFFSET (Transfer, timer));
  gint64 left_us = self->heard_us + self->timeout_us - lectern_clock_now_us ();

  if (self->error != NULL)
    end (self, self->error);
  else if (left_us <= 0 && self->dial == NULL)
    end_with (self, LECTERN_ERROR_TIMED_OUT,
              self->publisher != NULL ? "the server sends nothing" : "the server sends no stream");
  else
    lectern_timer_start (timer, self->reactor, left_us > 0 ? left_us : self->timeout_us, on_time);
}

/* @stream: (nullable): of a push. */
static gpointer
begin (const LecternCarrierSpec *spec, LecternStream *stream, const LecternCarrierEvents *events,
       gpointer events_data, gpointer user_data)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (user_data);
  Transfer *self = g_new0 (Transfer, 1);
  LecternDialTarget target;

  self->refs = 1;
  self->reactor = g_object_ref (spec->reactor);
  self->via = g_strdup (spec->via);
  self->events = events;
  self->events_data = events_data;
  self->timeout_us = spec->timeout_us > 0 ? spec->timeout_us : TIMEOUT_US;
  self->heard_us = lectern_clock_now_us ();
  self->stream = stream != NULL ? lectern_stream_ref (stream) : NULL;
  if (!lectern_rtmp_url_parse (spec->url, &self->url, &self->error))
    {
      lectern_timer_start (&self->timer, self->reactor, 0, on_time);
      return self;
    }
  target = (LecternDialTarget){ .host = self->url.host,
                                .port = self->url.port,
                                .secure = self->url.secure,
                                .filter = spec->filter,
                                .filter_data = spec->filter_data,
                                .timeout_us = self->timeout_us,
                                .dscp = lectern_config_get_dscp (config, "rtmp", "dscp") };
  self->dial = lectern_dialer_dial (lectern_host_get_dialer (user_data), self->reactor, &target,
                                    on_dialled, self);
  lectern_timer_start (&self->timer, self->reactor, self->timeout_us, on_time);
  return self;
}

static gpointer
pull (const LecternCarrierSpec *spec, const LecternCarrierEvents *events, gpointer events_data,
      gpointer user_data)
{
  return begin (spec, NULL, events, events_data, user_data);
}

static void
stop (gpointer transfer)
{
  Transfer *self = transfer;

  if (!self->over)
    tear_down (self);
  transfer_unref (self);
}

static guint64
get_bytes (gpointer transfer)
{
  Transfer *self = transfer;

  return self->push != NULL ? lectern_rtmp_push_get_bytes (self->push) : self->bytes;
}

const LecternCarrier lectern_rtmp_carrier = {
  .schemes = (const char *const[]){ "rtmp", "rtmps", NULL },
  .pull = pull,
  .push = begin,
  .stop = stop,
  .get_bytes = get_bytes,
};
