/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each method does, once the access chain has allowed it. */
#include "lectern-rtsp-connection-private.h"

#include "lectern-rtp-format.h"

#include <string.h>

#define PUBLIC                                                                                     \
  "OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, PAUSE, RECORD, TEARDOWN, GET_PARAMETER, "             \
  "SET_PARAMETER"
/* Between two looks at a stream that is not there yet, and at a player that may have gone. */
#define LOOK_US 50000
#define WATCH_US (5 * G_USEC_PER_SEC)

static LecternHost *
get_host (LecternRtspConnection *self)
{
  return lectern_rtsp_service_get_host (self->service);
}

/* Returns: (transfer full): the Session line. */
static char *
make_session_line (LecternRtspConnection *self)
{
  LecternRtspSettings settings;

  lectern_rtsp_service_get (self->service, &settings);
  return g_strdup_printf ("Session: %s;timeout=%d\r\n", self->session,
                          (int) (settings.session_timeout_us / G_USEC_PER_SEC));
}

static void
respond_in_session (LecternRtspConnection *self, const char *more)
{
  g_autofree char *session = make_session_line (self);
  g_autofree char *lines = g_strconcat (session, more, NULL);

  lectern_rtsp_connection_respond (self, 200, lines, NULL);
}

static void
begin_session (LecternRtspConnection *self)
{
  if (self->session[0] == '\0')
    g_snprintf (self->session, sizeof self->session, "%08x%08x", g_random_int (), g_random_int ());
}

/* ── in order? ── */

static gboolean
refuse (LecternRtspConnection *self, guint status, LecternError code, const char *text)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, code, text);

  lectern_rtsp_connection_refuse (self, status, error);
  return FALSE;
}

/* A session belongs to its connection: another's, or a guessed one, is none. */
static gboolean
is_session_right (LecternRtspConnection *self)
{
  const char *named = lectern_rtsp_request_get_header (self->request, "Session");
  gsize length = named != NULL ? strcspn (named, "; \t") : 0;

  if (named == NULL)
    return TRUE;
  return self->session[0] != '\0' && length == strlen (self->session)
         && memcmp (named, self->session, length) == 0;
}

static gboolean
needs_session (LecternRtspMethod method)
{
  return method == LECTERN_RTSP_PLAY || method == LECTERN_RTSP_PAUSE
         || method == LECTERN_RTSP_RECORD || method == LECTERN_RTSP_TEARDOWN;
}

static gboolean
needs_thing (LecternRtspMethod method)
{
  return method == LECTERN_RTSP_DESCRIBE || method == LECTERN_RTSP_ANNOUNCE
         || method == LECTERN_RTSP_SETUP;
}

/* Sets what is played and published apart: a connection does one of them. */
static gboolean
is_state_right (LecternRtspConnection *self)
{
  switch (self->request->method)
    {
    case LECTERN_RTSP_DESCRIBE:
      return self->session[0] == '\0';
    case LECTERN_RTSP_ANNOUNCE:
      return self->playback == NULL && self->publication == NULL;
    case LECTERN_RTSP_RECORD:
      return self->publication != NULL;
    case LECTERN_RTSP_PLAY:
      return self->playback != NULL;
    case LECTERN_RTSP_PAUSE:
      return self->playback != NULL || self->publication != NULL;
    default:
      return TRUE;
    }
}

gboolean
lectern_rtsp_method_is_in_order (LecternRtspConnection *self)
{
  LecternRtspMethod method = self->request->method;

  if (method == LECTERN_RTSP_OTHER)
    return refuse (self, 501, LECTERN_ERROR_NOT_SUPPORTED, "no method of ours");
  if (lectern_rtsp_request_get_header (self->request, "Require") != NULL)
    return refuse (self, 551, LECTERN_ERROR_NOT_SUPPORTED, "it requires what is not offered");
  if (!is_session_right (self) || (needs_session (method) && self->session[0] == '\0'))
    return refuse (self, 454, LECTERN_ERROR_NOT_FOUND, "no such session");
  if (needs_thing (method) && self->target.thing == NULL)
    return refuse (self, 404, LECTERN_ERROR_NOT_FOUND, "the address names no stream");
  if (self->session[0] != '\0' && self->target.thing != NULL
      && !g_str_equal (self->target.thing, self->thing))
    return refuse (self, 459, LECTERN_ERROR_NOT_SUPPORTED, "the session is another stream's");
  return is_state_right (self) || refuse (self, 455, LECTERN_ERROR_CONFLICT, "not in this state");
}

LecternAction
lectern_rtsp_method_get_action (LecternRtspConnection *self)
{
  switch (self->request->method)
    {
    case LECTERN_RTSP_ANNOUNCE:
    case LECTERN_RTSP_RECORD:
      return LECTERN_ACTION_PUBLISH;
    case LECTERN_RTSP_DESCRIBE:
    case LECTERN_RTSP_PLAY:
      return LECTERN_ACTION_PLAY;
    case LECTERN_RTSP_PAUSE:
    case LECTERN_RTSP_SETUP:
      return self->publication != NULL ? LECTERN_ACTION_PUBLISH : LECTERN_ACTION_PLAY;
    default:
      return LECTERN_ACTION_PUBLIC;
    }
}

/* ── DESCRIBE ── */

/* FALSE: the track is none, or of a kind that RTP does not carry. */
static gboolean
init_format (LecternRtpFormat *format, LecternTrack *track)
{
  return track != NULL && lectern_rtp_format_init (format, track, NULL);
}

static void
describe (LecternRtspConnection *self, const LecternStreamInfo *info)
{
  g_auto (LecternRtpFormat) video = { 0 };
  g_auto (LecternRtpFormat) audio = { 0 };
  gboolean has_video = init_format (&video, info->video);
  gboolean has_audio = init_format (&audio, info->audio);
  g_autofree char *address
      = lectern_address_to_ip_string (lectern_connection_get_peer (self->connection));
  LecternSdpOffer offer = { .video = has_video ? &video : NULL,
                            .audio = has_audio ? &audio : NULL,
                            .title = self->target.thing,
                            .address = address,
                            .session = (guint64) info->started_us };
  g_autofree char *lines = NULL;
  g_autofree char *body = NULL;

  if (!has_video && !has_audio)
    {
      refuse (self, 415, LECTERN_ERROR_NOT_SUPPORTED, "its codecs do not go over RTP");
      return;
    }
  body = lectern_sdp_print (&offer);
  lines = g_strdup_printf ("Content-Base: %s/\r\nContent-Type: application/sdp\r\n"
                           "Cache-Control: no-cache\r\n",
                           self->target.base);
  lectern_rtsp_connection_respond (self, 200, lines, body);
}

static void on_look (LecternTimer *timer);

/* Describes the stream if it is on the air, else looks again in a moment. */
static void
look (LecternRtspConnection *self)
{
  LecternStreamRegistry *streams = lectern_host_get_streams (get_host (self));
  g_autoptr (LecternStream) stream = lectern_stream_registry_lookup (streams, self->target.thing);
  g_auto (LecternStreamInfo) info = { 0 };

  if (stream != NULL)
    lectern_stream_get_info (stream, &info);
  if (info.settled && info.state != LECTERN_STREAM_ENDED)
    describe (self, &info);
  else if (lectern_clock_now_us () >= self->wait_until_us)
    refuse (self, 404, LECTERN_ERROR_NOT_FOUND, "nobody publishes it");
  else
    lectern_timer_start (&self->timer, lectern_connection_get_reactor (self->connection), LOOK_US,
                         on_look);
}

static void
on_look (LecternTimer *timer)
{
  LecternRtspConnection *self
      = (LecternRtspConnection *) ((char *) timer - G_STRUCT_OFFSET (LecternRtspConnection, timer));

  look (self);
}

static void
run_describe (LecternRtspConnection *self)
{
  LecternStreamRegistry *streams = lectern_host_get_streams (get_host (self));

  lectern_stream_registry_want (streams, self->target.thing, self->access);
  self->wait_until_us = lectern_clock_now_us () + lectern_stream_registry_get_wait (streams);
  look (self);
}

/* ── ANNOUNCE, SETUP, RECORD ── */

static void
on_publication_over (LecternRtspPublication *publication, const GError *reason, gpointer user_data)
{
  LecternRtspConnection *self = user_data;

  g_message ("%s: publishing '%s' is over: %s", lectern_connection_get_peer_name (self->connection),
             self->thing, reason->message);
  lectern_rtsp_connection_finish (
      self, g_error_matches (reason, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT), reason);
}

/* The status for what SETUP, ANNOUNCE and RECORD refuse. */
static guint
choose_status (const GError *error, guint unsupported)
{
  switch (error->code)
    {
    case LECTERN_ERROR_INVALID_CONFIG:
      return 415;
    case LECTERN_ERROR_NOT_SUPPORTED:
      return unsupported;
    case LECTERN_ERROR_LIMIT:
      return 503;
    default:
      return lectern_error_get_http_status (error);
    }
}

static void
run_announce (LecternRtspConnection *self)
{
  const char *type = lectern_rtsp_request_get_header (self->request, "Content-Type");
  g_autoptr (GError) error = NULL;
  gsize size;
  gconstpointer text;

  if (self->request->body == NULL
      || (type != NULL && g_ascii_strncasecmp (type, "application/sdp", 15) != 0))
    {
      refuse (self, 415, LECTERN_ERROR_INVALID_DATA, "not SDP");
      return;
    }
  text = g_bytes_get_data (self->request->body, &size);
  self->publication = lectern_rtsp_publication_new (self->service, self->connection, text, size,
                                                    on_publication_over, self, &error);
  if (self->publication == NULL)
    {
      lectern_rtsp_connection_refuse (self, choose_status (error, 415), error);
      return;
    }
  begin_session (self);
  respond_in_session (self, NULL);
}

static void
on_playback_over (LecternRtspPlayback *playback, const GError *reason, gpointer user_data)
{
  lectern_rtsp_connection_finish (user_data, FALSE, reason);
}

static LecternMedia
find_offered (const char *control)
{
  if (g_strcmp0 (control, LECTERN_SDP_CONTROL_VIDEO) == 0)
    return LECTERN_MEDIA_VIDEO;
  if (g_strcmp0 (control, LECTERN_SDP_CONTROL_AUDIO) == 0)
    return LECTERN_MEDIA_AUDIO;
  return LECTERN_MEDIA_DATA;
}

static gboolean
set_up_playback (LecternRtspConnection *self, const LecternRtspTransport *transport,
                 GString *answer, GError **error)
{
  LecternMedia media = find_offered (self->target.control);

  if (media == LECTERN_MEDIA_DATA)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "no such track");
      return FALSE;
    }
  if (self->playback == NULL)
    self->playback = lectern_rtsp_playback_new (self->service, self->connection, on_playback_over,
                                                self, error);
  return self->playback != NULL
         && lectern_rtsp_playback_set_up (self->playback, media, transport, answer, error);
}

static void
run_setup (LecternRtspConnection *self)
{
  const char *header = lectern_rtsp_request_get_header (self->request, "Transport");
  g_autoptr (GString) answer = g_string_new ("Transport: ");
  g_autoptr (GError) error = NULL;
  LecternRtspTransport transport;
  LecternRtspSettings settings;

  lectern_rtsp_service_get (self->service, &settings);
  if (!lectern_rtsp_transport_parse (&transport, header != NULL ? header : "", settings.tcp,
                                     settings.udp, &error)
      || !(self->publication != NULL
               ? lectern_rtsp_publication_set_up (self->publication, self->request->url,
                                                  self->target.control, &transport, answer, &error)
               : set_up_playback (self, &transport, answer, &error)))
    {
      /* Without a session nobody could end it. */
      if (self->session[0] == '\0')
        lectern_rtsp_connection_end_session (self, FALSE, error);
      lectern_rtsp_connection_refuse (self, choose_status (error, 461), error);
      return;
    }
  begin_session (self);
  g_string_append (answer, "\r\n");
  respond_in_session (self, answer->str);
}

static void
run_record (LecternRtspConnection *self, LecternIdentity *identity)
{
  g_autoptr (GError) error = NULL;

  if (!lectern_rtsp_publication_record (self->publication, self->access, identity, &error))
    {
      lectern_rtsp_connection_refuse (self, choose_status (error, 501), error);
      return;
    }
  lectern_connection_set_idle_timeout (self->connection, 0);
  respond_in_session (self, NULL);
}

/* ── PLAY, PAUSE, TEARDOWN ── */

static void
on_watch (LecternTimer *timer)
{
  LecternRtspConnection *self
      = (LecternRtspConnection *) ((char *) timer - G_STRUCT_OFFSET (LecternRtspConnection, timer));
  LecternRtspSettings settings;
  g_autoptr (GError) error = NULL;

  lectern_rtsp_service_get (self->service, &settings);
  if (self->playback != NULL
      && lectern_clock_now_us () - settings.session_timeout_us
             > MAX (lectern_rtsp_playback_get_heard (self->playback), self->asked_us))
    {
      error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT,
                                   "the player was not heard of for too long");
      lectern_rtsp_connection_finish (self, FALSE, error);
      return;
    }
  lectern_timer_start (timer, lectern_connection_get_reactor (self->connection), WATCH_US,
                       on_watch);
}

static void
run_play (LecternRtspConnection *self, LecternIdentity *identity)
{
  g_autoptr (LecternAccessRequest) access = lectern_access_request_ref (self->access);
  g_autoptr (GError) error = NULL;

  if (!lectern_rtsp_playback_is_ready (self->playback))
    {
      refuse (self, 455, LECTERN_ERROR_CONFLICT, "nothing was set up");
      return;
    }
  /* The answer goes before the media. */
  respond_in_session (self, "Range: npt=now-\r\n");
  lectern_connection_set_idle_timeout (self->connection, 0);
  lectern_timer_start (&self->timer, lectern_connection_get_reactor (self->connection), WATCH_US,
                       on_watch);
  if (!lectern_rtsp_playback_play (self->playback, access, identity, &error))
    lectern_rtsp_connection_finish (self, FALSE, error);
}

/* A publisher may say that it sends nothing for a while, as GStreamer does before TEARDOWN; how
 * long that may be is the limit of silence. */
static void
run_pause (LecternRtspConnection *self)
{
  if (self->playback != NULL)
    lectern_rtsp_playback_pause (self->playback);
  respond_in_session (self, NULL);
}

static void
run_teardown (LecternRtspConnection *self)
{
  gboolean cut = self->playback != NULL && lectern_rtsp_playback_is_cut (self->playback);

  if (cut)
    {
      lectern_rtsp_connection_finish (self, FALSE, NULL);
      return;
    }
  lectern_rtsp_connection_end_session (self, FALSE, NULL);
  lectern_rtsp_connection_respond (self, 200, NULL, NULL);
}

void
lectern_rtsp_method_run (LecternRtspConnection *self, LecternIdentity *identity)
{
  switch (self->request->method)
    {
    case LECTERN_RTSP_DESCRIBE:
      run_describe (self);
      return;
    case LECTERN_RTSP_ANNOUNCE:
      run_announce (self);
      return;
    case LECTERN_RTSP_SETUP:
      run_setup (self);
      return;
    case LECTERN_RTSP_RECORD:
      run_record (self, identity);
      return;
    case LECTERN_RTSP_PLAY:
      run_play (self, identity);
      return;
    case LECTERN_RTSP_PAUSE:
      run_pause (self);
      return;
    case LECTERN_RTSP_TEARDOWN:
      run_teardown (self);
      return;
    case LECTERN_RTSP_OPTIONS:
      lectern_rtsp_connection_respond (self, 200, "Public: " PUBLIC "\r\n", NULL);
      return;
    default:
      if (self->session[0] != '\0')
        respond_in_session (self, NULL);
      else
        lectern_rtsp_connection_respond (self, 200, NULL, NULL);
    }
}
