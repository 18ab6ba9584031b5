/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-carrier.h"

#include "lectern-rtmp-client.h"
#include "lectern-rtmp-login.h"
#include "lectern-rtmp-push.h"
#include "lectern-rtmp-url.h"

#define INPUT_LIMIT 4096 /* unconsumed: half a handshake at most, or a part of a chunk's header */

/* One stream on its way. */
typedef struct
{
  LecternCarriage carriage; /* first */
  LecternHost *host;
  LecternRtmpUrl url;
  LecternRtmpLogin login;
  char *login_query; /* of the next connect, or NULL */
  char *via;
  LecternRtmpClient *client;
  LecternRtmpPush *push;   /* of a push, once it was accepted */
  LecternFlvIngest ingest; /* of a pull */
} Transfer;

static void
clear (LecternCarriage *carriage)
{
  Transfer *self = (Transfer *) carriage;

  g_object_unref (self->host);
  lectern_rtmp_url_clear (&self->url);
  lectern_rtmp_login_clear (&self->login);
  g_free (self->login_query);
  g_free (self->via);
  g_clear_pointer (&self->client, lectern_rtmp_client_free);
}

static void
flush (Transfer *self)
{
  g_autoptr (GBytes) output = lectern_rtmp_client_take_output (self->client);

  if (output != NULL)
    (void) lectern_connection_write (self->carriage.connection, g_bytes_get_data (output, NULL),
                                     g_bytes_get_size (output));
}

static void
halt (LecternCarriage *carriage)
{
  Transfer *self = (Transfer *) carriage;

  if (self->push != NULL)
    carriage->bytes = lectern_rtmp_push_get_bytes (self->push);
  g_clear_pointer (&self->push, lectern_rtmp_push_free);
  lectern_flv_ingest_clear (&self->ingest);
  if (carriage->connection == NULL)
    return;
  lectern_rtmp_client_end (self->client);
  flush (self);
  lectern_connection_finish (carriage->connection);
}

/* Pull */

static gboolean
take_media (Transfer *self, const LecternRtmpMessage *message, GError **error)
{
  LecternCarriage *carriage = &self->carriage;
  g_autoptr (GError) why = NULL;

  lectern_carriage_heard (carriage);
  if (carriage->publisher == NULL && message->type != LECTERN_RTMP_AUDIO
      && message->type != LECTERN_RTMP_VIDEO)
    return TRUE;
  if (!lectern_carriage_publish (carriage))
    return TRUE;
  self->ingest.publisher = carriage->publisher;
  carriage->bytes += g_bytes_get_size (message->payload);
  return lectern_flv_ingest_take (&self->ingest, message->type, message->timestamp,
                                  message->payload, &why)
         || lectern_flv_ingest_count_bad (&self->ingest, why, lectern_clock_now_us (), error);
}

/* Push */

static void
on_pushed (LecternRtmpPush *push, gpointer user_data)
{
  lectern_carriage_end (user_data, NULL);
}

static void
take_started (Transfer *self)
{
  LecternCarriage *carriage = &self->carriage;

  lectern_carriage_heard (carriage);
  if (carriage->stream == NULL)
    return;
  /* From here on nothing needs to come; a peer that takes nothing is the connection's to notice. */
  lectern_carriage_expect (carriage, NULL);
  flush (self);
  self->push
      = lectern_rtmp_push_new (carriage->stream, carriage->connection,
                               lectern_rtmp_client_get_stream (self->client), on_pushed, self);
  lectern_carriage_started (carriage);
}

/* Another connection */

static void
dial (Transfer *self)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (self->host);
  LecternDialTarget target = { .host = self->url.host,
                               .port = self->url.port,
                               .secure = self->url.secure,
                               .dscp = lectern_config_get_dscp (config, "rtmp", "dscp") };

  lectern_carriage_dial (&self->carriage, lectern_host_get_dialer (self->host), &target);
}

static void
take_login (Transfer *self)
{
  lectern_rtmp_login_clear (&self->login);
  g_clear_pointer (&self->login_query, g_free);
  self->login.user = g_strdup (self->url.user);
  self->login.password = g_strdup (self->url.password);
}

/* @asked: the server's description of what it wants to know. */
static gboolean
answer_login (Transfer *self, const char *asked, GError **error)
{
  g_free (self->login_query);
  self->login_query = lectern_rtmp_login_answer (&self->login, asked, self->url.app, NULL, error);
  if (self->login_query == NULL)
    return FALSE;
  dial (self);
  return TRUE;
}

static gboolean
follow (Transfer *self, const char *redirect, GError **error)
{
  g_auto (LecternRtmpUrl) target = { .host = NULL };
  g_autofree char *url = lectern_rtmp_url_redirect (&self->url, redirect, &target, error);

  if (url == NULL || !lectern_carriage_follow (&self->carriage, url, error))
    return FALSE;
  lectern_rtmp_url_clear (&self->url);
  self->url = target;
  target = (LecternRtmpUrl){ .host = NULL };
  take_login (self);
  dial (self);
  return TRUE;
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
    case LECTERN_RTMP_EVENT_LOGIN:
      return answer_login (self, g_variant_get_string (event->value, NULL), error);
    case LECTERN_RTMP_EVENT_REDIRECT:
      return follow (self, g_variant_get_string (event->value, NULL), error);
    case LECTERN_RTMP_EVENT_MEDIA:
    case LECTERN_RTMP_EVENT_SCRIPT:
      return take_media (self, &event->message, error);
    case LECTERN_RTMP_EVENT_METADATA:
      lectern_carriage_take_metadata (&self->carriage, event->value);
      return TRUE;
    case LECTERN_RTMP_EVENT_STOP:
      if (self->carriage.stream == NULL)
        lectern_carriage_end (&self->carriage, NULL);
      else
        lectern_carriage_end_with (&self->carriage, LECTERN_ERROR_CLOSED,
                                   "the server wants no more of the stream");
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

  lectern_carriage_ref (&self->carriage);
  while (self->carriage.connection == connection && error == NULL)
    {
      g_auto (LecternRtmpEvent) event = { LECTERN_RTMP_EVENT_NONE };

      used += lectern_rtmp_client_input (self->client, data + used, length - used, &event, &error);
      if (error != NULL || event.type == LECTERN_RTMP_EVENT_NONE)
        break;
      handle_event (self, &event, &error);
    }
  if (error != NULL)
    lectern_carriage_end (&self->carriage, error);
  else if (self->carriage.connection == connection)
    flush (self);
  lectern_carriage_unref (&self->carriage);
  return used;
}

static void
writable (LecternConnection *connection, gpointer user_data)
{
  Transfer *self = user_data;

  if (self->push != NULL)
    lectern_rtmp_push_writable (self->push);
}

static const LecternConnectionHandler handler = {
  .input = input,
  .writable = writable,
  .closed = lectern_carriage_closed,
};

static void
connected (LecternCarriage *carriage, LecternConnection *connection)
{
  Transfer *self = (Transfer *) carriage;
  const LecternRtmpClientTarget target = { .publish = carriage->stream != NULL,
                                           .app = self->url.app,
                                           .name = self->url.name,
                                           .tc_url = self->url.tc_url,
                                           .via = self->via,
                                           .login = self->login_query };

  g_clear_pointer (&self->client, lectern_rtmp_client_free);
  self->client = lectern_rtmp_client_new (&target);
  lectern_connection_set_input_limit (connection, INPUT_LIMIT);
  lectern_connection_set_handler (connection, &handler, self);
  flush (self);
}

/* Life */

static const LecternCarriageClass class = { .halt = halt, .clear = clear, .connected = connected };

/* @stream: (nullable): of a push. */
static gpointer
begin (const LecternCarrierSpec *spec, LecternStream *stream, const LecternCarrierEvents *events,
       gpointer events_data, gpointer user_data)
{
  Transfer *self
      = lectern_carriage_new (sizeof (Transfer), &class, spec, stream, events, events_data);
  GError *error = NULL;

  self->host = g_object_ref (LECTERN_HOST (user_data));
  self->via = g_strdup (spec->via);
  if (!lectern_rtmp_url_parse (spec->url, &self->url, &error))
    {
      lectern_carriage_fail (&self->carriage, error);
      return self;
    }
  take_login (self);
  dial (self);
  return self;
}

static gpointer
pull (const LecternCarrierSpec *spec, const LecternCarrierEvents *events, gpointer events_data,
      gpointer user_data)
{
  return begin (spec, NULL, events, events_data, user_data);
}

static guint64
get_bytes (gpointer transfer)
{
  Transfer *self = transfer;

  return self->push != NULL ? lectern_rtmp_push_get_bytes (self->push) : self->carriage.bytes;
}

const LecternCarrier lectern_rtmp_carrier = {
  .schemes = (const char *const[]){ "rtmp", "rtmps", NULL },
  .pull = pull,
  .push = begin,
  .stop = lectern_carriage_stop,
  .get_bytes = get_bytes,
};
