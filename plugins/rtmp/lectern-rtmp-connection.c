/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-connection.h"

#include "lectern-rtmp-server.h"
#include "lectern-rtmp-tape-format.h"

/* Unconsumed bytes: half a handshake at most, or a part of a chunk's header. */
#define INPUT_LIMIT 4096
#define OUTPUT_LIMIT (128 * 1024)
/* From connect, or from the end of a request, to the next publish or play. */
#define IDLE_US (30 * G_USEC_PER_SEC)
#define PING_US (30 * G_USEC_PER_SEC)

struct _LecternRtmpConnection
{
  LecternRtmpService *service;
  LecternConnection *connection;
  LecternRtmpServer *server;
  LecternAccessRequest *request;   /* the running or waiting one, or NULL */
  LecternIdentity *identity;       /* from connect */
  LecternSession *connect_session; /* NULL before connect */
  LecternSession *session;         /* of publishing or playing, or NULL */
  LecternPublisher *publisher;
  LecternFlvIngest ingest;
  LecternViewer *viewer;
  LecternTimer timer; /* the next step is due; pings while playing */
  gboolean seen;      /* the viewer got media */
  gboolean over;      /* no more events */
  guint refs;
};

static LecternRtmpConnection *
connection_ref (LecternRtmpConnection *self)
{
  self->refs++;
  return self;
}

static void
connection_unref (LecternRtmpConnection *self)
{
  if (--self->refs > 0)
    return;
  lectern_rtmp_server_free (self->server);
  lectern_connection_unref (self->connection);
  lectern_rtmp_service_unref (self->service);
  g_free (self);
}

static LecternRtmpConnection *
from_timer (LecternTimer *timer)
{
  return (LecternRtmpConnection *) ((char *) timer
                                    - G_STRUCT_OFFSET (LecternRtmpConnection, timer));
}

/* Sends what the protocol has to say, in one write. */
static void
flush (LecternRtmpConnection *self)
{
  g_autoptr (GBytes) output = lectern_rtmp_server_take_output (self->server);
  gsize size;
  gconstpointer data;

  if (output == NULL || self->over)
    return;
  data = g_bytes_get_data (output, &size);
  if (self->viewer == NULL)
    {
      lectern_connection_write (self->connection, data, size);
    }
  else if (!lectern_viewer_write (self->viewer, data, size))
    {
      g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                                                      "the player asks more than it reads answers");

      lectern_connection_close (self->connection, error);
    }
}

/* Ends publishing or playing. @lost: the connection broke. @reason: (nullable). */
static void
end_request (LecternRtmpConnection *self, gboolean lost, const GError *reason)
{
  if (self->publisher != NULL)
    lectern_publisher_end (self->publisher, lost);
  g_clear_pointer (&self->publisher, lectern_publisher_unref);
  lectern_flv_ingest_clear (&self->ingest);
  g_clear_pointer (&self->viewer, lectern_viewer_free);
  if (self->session != NULL)
    lectern_session_end (self->session, reason);
  g_clear_pointer (&self->session, lectern_session_unref);
  g_clear_pointer (&self->request, lectern_access_request_unref);
  lectern_timer_stop (&self->timer);
}

/* Whether the last bytes sent end within a message, so that no other can follow. */
static gboolean
is_cut (LecternRtmpConnection *self)
{
  return self->viewer != NULL && lectern_viewer_is_cut (self->viewer);
}

/* Ends everything and closes: with what the protocol has left to say, or at once. @lost: a
 * publisher may come back. */
static void
finish (LecternRtmpConnection *self, gboolean at_once, gboolean lost, const GError *reason)
{
  if (self->over)
    return;
  end_request (self, lost, reason);
  if (!at_once)
    flush (self);
  self->over = TRUE;
  if (at_once)
    lectern_connection_close (self->connection, reason);
  else
    lectern_connection_finish (self->connection);
}

/* The peer broke a rule, or was refused. A publisher may come back. */
static void
fail (LecternRtmpConnection *self, const GError *error)
{
  lectern_peers_report (lectern_rtmp_service_get_peers (self->service), self->connection,
                        self->request != NULL ? self->request->thing : NULL, error);
  finish (self, is_cut (self), TRUE, error);
}

static void
on_idle (LecternTimer *timer)
{
  LecternRtmpConnection *self = from_timer (timer);
  g_autoptr (GError) error = NULL;

  /* The access chain has a time limit of its own. */
  if (lectern_rtmp_server_is_waiting (self->server))
    return;
  error
      = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT,
                             self->connect_session != NULL ? "the peer neither publishes nor plays"
                                                           : "the peer does not connect in time");
  lectern_peers_report (lectern_rtmp_service_get_peers (self->service), self->connection, NULL,
                        error);
  finish (self, TRUE, FALSE, error);
}

static void
on_ping (LecternTimer *timer)
{
  LecternRtmpConnection *self = from_timer (timer);

  lectern_rtmp_server_ping (self->server, (guint32) (lectern_clock_now_us () / 1000));
  flush (self);
  lectern_timer_start (&self->timer, lectern_connection_get_reactor (self->connection), PING_US,
                       on_ping);
}

static void
wait_for_request (LecternRtmpConnection *self)
{
  lectern_connection_set_idle_timeout (self->connection, 0);
  lectern_timer_start (&self->timer, lectern_connection_get_reactor (self->connection), IDLE_US,
                       on_idle);
}

/* Events from our side of the house */

static void
on_kicked (LecternSession *session, const GError *reason, gpointer user_data)
{
  LecternRtmpConnection *self = user_data;

  lectern_rtmp_server_end (self->server, reason);
  finish (self, is_cut (self), FALSE, reason);
}

static void
on_publisher_lost (LecternPublisher *publisher, const GError *reason, gpointer user_data)
{
  LecternRtmpConnection *self = user_data;

  g_message ("%s: publishing '%s' is over: %s", lectern_connection_get_peer_name (self->connection),
             self->request->thing, reason->message);
  lectern_rtmp_server_end (self->server, reason);
  finish (self, FALSE, FALSE, reason);
}

static void
on_viewer_ended (LecternRtmpConnection *self, const GError *reason)
{
  gboolean stuck = self->seen && reason != NULL;

  if (stuck || is_cut (self))
    {
      finish (self, TRUE, FALSE, reason);
      return;
    }
  lectern_rtmp_server_end (self->server, reason);
  if (reason != NULL)
    {
      finish (self, FALSE, FALSE, reason);
      return;
    }
  /* The player may play something else on the same connection. */
  end_request (self, FALSE, NULL);
  flush (self);
  wait_for_request (self);
}

static void
on_viewer_event (LecternViewer *viewer, LecternViewerEvent event, const GError *reason,
                 gpointer user_data)
{
  LecternRtmpConnection *self = user_data;

  if (event == LECTERN_VIEWER_STARTED)
    self->seen = TRUE;
  else if (event == LECTERN_VIEWER_ENDED)
    on_viewer_ended (self, reason);
}

/* Requests */

static LecternSession *
start_session (LecternRtmpConnection *self, LecternSessionRole role, LecternIdentity *identity)
{
  LecternHost *host = lectern_rtmp_service_get_host (self->service);

  return lectern_sessions_start (lectern_host_get_sessions (host), role, self->request, identity,
                                 on_kicked, self);
}

static gboolean
begin_publish (LecternRtmpConnection *self, LecternIdentity *identity, GError **error)
{
  LecternHost *host = lectern_rtmp_service_get_host (self->service);
  LecternRtmpLimits limits;

  self->publisher
      = lectern_stream_registry_publish (lectern_host_get_streams (host), self->request->thing,
                                         identity, on_publisher_lost, self, error);
  if (self->publisher == NULL)
    return FALSE;
  lectern_rtmp_service_get_limits (self->service, &limits);
  self->ingest.publisher = self->publisher;
  self->ingest.max_bitrate = limits.max_bitrate;
  self->session = start_session (self, LECTERN_SESSION_PUBLISH, identity);
  lectern_connection_set_idle_timeout (self->connection, limits.read_timeout_us);
  lectern_timer_stop (&self->timer);
  return TRUE;
}

static gboolean
is_off (LecternAccessRequest *request, const char *parameter)
{
  g_autofree char *value = lectern_access_request_get_parameter (request, parameter);

  return g_strcmp0 (value, "0") == 0;
}

static gboolean
begin_play (LecternRtmpConnection *self, LecternIdentity *identity, GError **error)
{
  LecternHost *host = lectern_rtmp_service_get_host (self->service);
  LecternViewerOptions options = {
    .skip_backlog = is_off (self->request, "gop"),
    .no_video = is_off (self->request, "video")
                || !lectern_rtmp_server_wants (self->server, LECTERN_MEDIA_VIDEO),
    .no_audio = is_off (self->request, "audio")
                || !lectern_rtmp_server_wants (self->server, LECTERN_MEDIA_AUDIO),
  };

  self->seen = FALSE;
  self->session = start_session (self, LECTERN_SESSION_PLAY, identity);
  self->viewer = lectern_viewer_new (lectern_host_get_streams (host), self->request->thing,
                                     self->connection, &lectern_rtmp_tape_format, &options,
                                     self->session, on_viewer_event, self, error);
  if (self->viewer == NULL)
    return FALSE;
  lectern_connection_set_idle_timeout (self->connection, 0);
  lectern_timer_start (&self->timer, lectern_connection_get_reactor (self->connection), PING_US,
                       on_ping);
  return TRUE;
}

static void
begin_connect (LecternRtmpConnection *self, LecternIdentity *identity)
{
  self->connect_session = start_session (self, LECTERN_SESSION_CONNECT, identity);
  if (identity != NULL)
    self->identity = lectern_identity_ref (identity);
  g_clear_pointer (&self->request, lectern_access_request_unref);
  wait_for_request (self);
}

/* The answers of one step go out in one write, and before the first media. */
static void
take_answer (LecternRtmpConnection *self, LecternIdentity *identity, GError **error)
{
  LecternAction action = self->request->action;

  if (action == LECTERN_ACTION_PUBLISH && !begin_publish (self, identity, error))
    return;
  lectern_rtmp_server_answer (self->server, NULL);
  if (action == LECTERN_ACTION_PUBLIC)
    begin_connect (self, identity);
  flush (self);
  if (action == LECTERN_ACTION_PLAY)
    begin_play (self, identity, error);
}

/* @refusal: (nullable). */
static void
settle (LecternRtmpConnection *self, LecternIdentity *identity, const GError *refusal)
{
  g_autoptr (GError) error = NULL;

  if (refusal != NULL)
    error = g_error_copy (refusal);
  else
    take_answer (self, identity, &error);
  if (error == NULL)
    return;
  if (lectern_rtmp_server_is_waiting (self->server))
    lectern_rtmp_server_answer (self->server, error);
  else
    lectern_rtmp_server_end (self->server, error);
  fail (self, error);
}

static void
on_answer (LecternIdentity *identity, const GError *refusal, gpointer user_data)
{
  LecternRtmpConnection *self = user_data;

  if (!self->over)
    settle (self, identity, refusal);
  if (!self->over)
    lectern_connection_set_reading (self->connection, TRUE);
  connection_unref (self);
}

/* Asks the access chain; until its answer no input is taken. */
static void
ask (LecternRtmpConnection *self, LecternAction action)
{
  LecternAccessChain *access
      = lectern_host_get_access (lectern_rtmp_service_get_host (self->service));
  g_autoptr (LecternIdentity) identity = NULL;
  gboolean secure = lectern_connection_is_secure (self->connection);
  const char *thing
      = action == LECTERN_ACTION_PUBLIC ? NULL : lectern_rtmp_server_get_thing (self->server);
  LecternAccessRequest *request = lectern_access_request_new (
      action, thing, secure ? "rtmps" : "rtmp", lectern_connection_get_peer (self->connection));

  request->secure = secure;
  request->query = g_strdup (lectern_rtmp_server_get_query (self->server));
  request->referer = g_strdup (lectern_rtmp_server_get_page_url (self->server));
  request->via = g_strdup (lectern_rtmp_server_get_via (self->server));
  if (self->identity != NULL)
    request->identity = lectern_identity_ref (self->identity);
  g_clear_pointer (&self->request, lectern_access_request_unref);
  self->request = request;
  if (lectern_access_chain_check_now (access, request, &identity))
    {
      settle (self, identity, NULL);
      return;
    }
  lectern_connection_set_reading (self->connection, FALSE);
  lectern_access_chain_check (access, request, on_answer, connection_ref (self));
}

/* Input */

/* A tag is dropped. @why: (nullable). */
static gboolean
count_bad_tag (LecternRtmpConnection *self, const GError *why, GError **error)
{
  lectern_metric_add (lectern_metrics_get_counter ("lectern_rtmp_bad_tags_total",
                                                   "Tags of publishers that were dropped", NULL,
                                                   NULL),
                      1);
  return lectern_flv_ingest_count_bad (&self->ingest, why, lectern_clock_now_us (), error);
}

static gboolean
take_media (LecternRtmpConnection *self, const LecternRtmpMessage *message, GError **error)
{
  gsize size = g_bytes_get_size (message->payload);
  g_autoptr (GError) why = NULL;

  if (!lectern_flv_ingest_take (&self->ingest, message->type, message->timestamp, message->payload,
                                &why))
    return count_bad_tag (self, why, error);
  lectern_session_add_bytes (self->session, size);
  return lectern_flv_ingest_count_bytes (&self->ingest, size, lectern_clock_now_us (), error);
}

/* The peer wants no more. A player that leaves within a message can play nothing else. */
static void
stop_request (LecternRtmpConnection *self)
{
  if (is_cut (self))
    {
      finish (self, TRUE, FALSE, NULL);
      return;
    }
  end_request (self, FALSE, NULL);
  wait_for_request (self);
}

static gboolean
handle_event (LecternRtmpConnection *self, LecternRtmpEvent *event, GError **error)
{
  switch (event->type)
    {
    case LECTERN_RTMP_EVENT_CONNECT:
      ask (self, LECTERN_ACTION_PUBLIC);
      return TRUE;
    case LECTERN_RTMP_EVENT_PUBLISH:
      ask (self, LECTERN_ACTION_PUBLISH);
      return TRUE;
    case LECTERN_RTMP_EVENT_PLAY:
      ask (self, LECTERN_ACTION_PLAY);
      return TRUE;
    case LECTERN_RTMP_EVENT_MEDIA:
    case LECTERN_RTMP_EVENT_SCRIPT:
      return take_media (self, &event->message, error);
    case LECTERN_RTMP_EVENT_METADATA:
      lectern_publisher_set_metadata (self->publisher, event->value);
      return TRUE;
    case LECTERN_RTMP_EVENT_STRAY:
      return count_bad_tag (self, NULL, error);
    case LECTERN_RTMP_EVENT_STOP:
      stop_request (self);
      return TRUE;
    default:
      flush (self); /* the answer goes before the media */
      lectern_viewer_set_paused (self->viewer, event->type == LECTERN_RTMP_EVENT_PAUSE);
      return TRUE;
    }
}

static gsize
input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  LecternRtmpConnection *self = connection_ref (user_data);
  g_autoptr (GError) error = NULL;
  gsize used = 0;

  while (!self->over && error == NULL)
    {
      g_auto (LecternRtmpEvent) event = { LECTERN_RTMP_EVENT_NONE };

      used += lectern_rtmp_server_input (self->server, data + used, length - used, &event, &error);
      if (error != NULL || event.type == LECTERN_RTMP_EVENT_NONE)
        break;
      handle_event (self, &event, &error);
    }
  if (error != NULL)
    fail (self, error);
  else
    flush (self);
  connection_unref (self);
  return used;
}

static void
writable (LecternConnection *connection, gpointer user_data)
{
  LecternRtmpConnection *self = user_data;

  if (self->viewer != NULL)
    lectern_viewer_writable (self->viewer);
}

static void
closed (LecternConnection *connection, const GError *error, gpointer user_data)
{
  LecternRtmpConnection *self = user_data;

  if (self->publisher != NULL)
    g_message ("%s: the publisher of '%s' is lost: %s",
               lectern_connection_get_peer_name (connection), self->request->thing,
               error != NULL ? error->message : "it closed the connection");
  self->over = TRUE;
  end_request (self, TRUE, error);
  if (self->connect_session != NULL)
    lectern_session_end (self->connect_session, error);
  g_clear_pointer (&self->connect_session, lectern_session_unref);
  g_clear_pointer (&self->identity, lectern_identity_unref);
  lectern_peers_remove (lectern_rtmp_service_get_peers (self->service), self);
  connection_unref (self);
}

static const LecternConnectionHandler handler = {
  .input = input,
  .writable = writable,
  .closed = closed,
};

void
lectern_rtmp_connection_accept (LecternConnection *connection, gpointer user_data)
{
  LecternRtmpService *service = user_data;
  LecternRtmpConnection *self = g_new0 (LecternRtmpConnection, 1);
  LecternRtmpLimits limits;

  self->refs = 1;
  self->service = lectern_rtmp_service_ref (service);
  self->connection = lectern_connection_ref (connection);
  self->server = lectern_rtmp_server_new ();
  if (!lectern_peers_add (lectern_rtmp_service_get_peers (service), self))
    {
      connection_unref (self);
      return;
    }
  lectern_rtmp_service_get_limits (service, &limits);
  lectern_connection_set_input_limit (connection, INPUT_LIMIT);
  lectern_connection_set_output_limit (connection, OUTPUT_LIMIT);
  lectern_connection_set_handler (connection, &handler, self);
  lectern_timer_start (&self->timer, lectern_connection_get_reactor (connection),
                       limits.handshake_timeout_us, on_idle);
}

void
lectern_rtmp_connection_stop (gpointer connection)
{
  LecternRtmpConnection *self = connection;
  g_autoptr (GError) reason
      = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the server stops");

  lectern_rtmp_server_end (self->server, reason);
  finish (self, is_cut (self), FALSE, reason);
}
