/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-connection-private.h"

#include <string.h>

#define INPUT_LIMIT (LECTERN_RTSP_MAX_HEAD + LECTERN_RTSP_MAX_BODY)
#define OUTPUT_LIMIT (256 * 1024)
/* Without a session, and with one that does not play or record. */
#define IDLE_US (30 * G_USEC_PER_SEC)
/* Wrong credentials before the connection is closed. */
#define MAX_REFUSED 3
/* Saved up by one who has not asked for a while: a client begins with a handful. */
#define BURST_SECONDS 2

static LecternRtspConnection *
connection_ref (LecternRtspConnection *self)
{
  self->refs++;
  return self;
}

static void
clear_request (LecternRtspConnection *self)
{
  g_clear_pointer (&self->request, lectern_rtsp_request_free);
  g_clear_pointer (&self->access, lectern_access_request_unref);
  lectern_rtsp_target_clear (&self->target);
}

static void
connection_unref (LecternRtspConnection *self)
{
  if (--self->refs > 0)
    return;
  clear_request (self);
  g_free (self->thing);
  g_free (self->query);
  lectern_connection_unref (self->connection);
  lectern_rtsp_service_unref (self->service);
  g_free (self);
}

/* ── the end ── */

void
lectern_rtsp_connection_end_session (LecternRtspConnection *self, gboolean lost,
                                     const GError *reason)
{
  lectern_timer_stop (&self->timer);
  if (self->playback != NULL)
    lectern_rtsp_playback_free (g_steal_pointer (&self->playback), reason);
  if (self->publication != NULL)
    lectern_rtsp_publication_free (g_steal_pointer (&self->publication), lost, reason);
  self->session[0] = '\0';
  if (!self->over)
    lectern_connection_set_idle_timeout (self->connection, IDLE_US);
}

void
lectern_rtsp_connection_finish (LecternRtspConnection *self, gboolean lost, const GError *reason)
{
  gboolean cut = self->playback != NULL && lectern_rtsp_playback_is_cut (self->playback);

  if (self->over)
    return;
  lectern_rtsp_connection_end_session (self, lost, reason);
  self->over = TRUE;
  if (cut)
    lectern_connection_close (self->connection, reason);
  else
    lectern_connection_finish (self->connection);
}

/* ── answers ── */

static void
send_answer (LecternRtspConnection *self, const GString *answer)
{
  g_autoptr (GError) error = NULL;

  if (self->playback == NULL)
    {
      lectern_connection_write (self->connection, answer->str, answer->len);
      return;
    }
  if (lectern_rtsp_playback_write (self->playback, answer->str, answer->len))
    return;
  error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                               "the player asks more than it reads answers");
  lectern_connection_close (self->connection, error);
}

void
lectern_rtsp_connection_respond (LecternRtspConnection *self, guint status, const char *lines,
                                 const char *body)
{
  g_autoptr (GString) answer = NULL;

  if (self->over)
    return;
  answer = lectern_rtsp_begin_response (status, self->request);
  if (lines != NULL)
    g_string_append (answer, lines);
  if (body != NULL)
    g_string_append_printf (answer, "Content-Length: %u\r\n", (guint) strlen (body));
  g_string_append (answer, "\r\n");
  if (body != NULL)
    g_string_append (answer, body);
  send_answer (self, answer);
  clear_request (self);
  lectern_connection_set_reading (self->connection, TRUE);
}

void
lectern_rtsp_connection_refuse (LecternRtspConnection *self, guint status, const GError *error)
{
  lectern_peers_report (lectern_rtsp_service_get_peers (self->service), self->connection,
                        self->target.thing, error);
  lectern_rtsp_connection_respond (self, status, NULL, NULL);
}

/* The peer broke a rule: it gets an answer, if that can be understood, and nothing more. */
static void
fail (LecternRtspConnection *self, guint status, const GError *error)
{
  lectern_rtsp_connection_refuse (self, status, error);
  lectern_rtsp_connection_finish (self, TRUE, error);
}

/* ── who is it? ── */

static void
challenge (LecternRtspConnection *self, const GError *error)
{
  g_autofree char *lines
      = g_strdup_printf ("WWW-Authenticate: Digest realm=\"%s\", nonce=\"%s\", algorithm=MD5\r\n"
                         "WWW-Authenticate: Basic realm=\"%s\"\r\n",
                         LECTERN_CREDENTIAL_REALM, self->nonce, LECTERN_CREDENTIAL_REALM);

  if (self->access != NULL && self->access->credential != NULL)
    {
      self->refused++;
      lectern_peers_report (lectern_rtsp_service_get_peers (self->service), self->connection,
                            self->target.thing, error);
    }
  lectern_rtsp_connection_respond (self, 401, lines, NULL);
  if (self->refused >= MAX_REFUSED)
    lectern_rtsp_connection_finish (self, FALSE, error);
}

/* Whether a Digest was made for this request and on this connection. */
static gboolean
is_digest_right (LecternRtspConnection *self, const char *text)
{
  g_auto (LecternCredential) credential = { NULL };

  if (!lectern_credential_parse (text, &credential, NULL) || credential.response == NULL)
    return TRUE;
  return g_str_equal (credential.realm, LECTERN_CREDENTIAL_REALM)
         && g_str_equal (credential.nonce, self->nonce)
         && g_str_equal (credential.uri, self->request->url);
}

/* Whether the address brought a key, which is then not asked for again. */
static gboolean
has_key (LecternRtspConnection *self)
{
  g_autofree char *key = lectern_access_request_get_parameter (self->access, "key");

  return key != NULL;
}

/* @refusal: (nullable). */
static void
settle (LecternRtspConnection *self, LecternIdentity *identity, const GError *refusal)
{
  if (refusal == NULL)
    {
      lectern_rtsp_method_run (self, identity);
      return;
    }
  if (g_error_matches (refusal, LECTERN_ERROR, LECTERN_ERROR_DENIED)
      && (self->access->credential != NULL || !has_key (self)))
    challenge (self, refusal);
  else
    fail (self, lectern_error_get_http_status (refusal), refusal);
}

static void
on_answer (LecternIdentity *identity, const GError *refusal, gpointer user_data)
{
  LecternRtspConnection *self = user_data;

  if (!self->over)
    settle (self, identity, refusal);
  connection_unref (self);
}

/* Later requests for the same thing need not bring its key again: clients leave the query out. */
static void
remember (LecternRtspConnection *self)
{
  if (self->target.thing == NULL)
    return;
  if (g_strcmp0 (self->thing, self->target.thing) != 0)
    {
      g_free (self->thing);
      self->thing = g_strdup (self->target.thing);
      g_clear_pointer (&self->query, g_free);
    }
  if (self->target.query != NULL && self->target.query[0] != '\0')
    {
      g_free (self->query);
      self->query = g_strdup (self->target.query);
    }
}

static LecternAccessRequest *
make_access (LecternRtspConnection *self)
{
  LecternAction action = lectern_rtsp_method_get_action (self);
  gboolean secure = lectern_connection_is_secure (self->connection);
  LecternAccessRequest *access = lectern_access_request_new (
      action, action == LECTERN_ACTION_PUBLIC ? NULL : self->thing, secure ? "rtsps" : "rtsp",
      lectern_connection_get_peer (self->connection));

  access->secure = secure;
  access->query = g_strdup (self->query);
  access->credential = g_strdup (lectern_rtsp_request_get_header (self->request, "Authorization"));
  access->via = g_strdup (lectern_rtsp_request_get_header (self->request, "Lectern-Via"));
  access->method = g_strdup (self->request->word);
  return access;
}

/* Asks the access chain about each request; until its answer no input is taken. */
static void
ask (LecternRtspConnection *self)
{
  LecternAccessChain *chain
      = lectern_host_get_access (lectern_rtsp_service_get_host (self->service));
  g_autoptr (LecternIdentity) identity = NULL;
  g_autoptr (GError) error = NULL;

  remember (self);
  self->access = make_access (self);
  if (self->access->credential != NULL && !is_digest_right (self, self->access->credential))
    {
      error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_DENIED,
                                   "the Digest is for something else");
      challenge (self, error);
      return;
    }
  lectern_connection_set_reading (self->connection, FALSE);
  if (lectern_access_chain_check_now (chain, self->access, &identity))
    settle (self, identity, NULL);
  else
    lectern_access_chain_check (chain, self->access, on_answer, connection_ref (self));
}

/* ── input ── */

static guint
choose_status (const GError *error)
{
  switch (error->code)
    {
    case LECTERN_ERROR_LIMIT:
      return 413;
    case LECTERN_ERROR_NOT_SUPPORTED:
      return 505;
    default:
      return lectern_error_get_http_status (error);
    }
}

static void
take_request (LecternRtspConnection *self, LecternRtspRequest *request)
{
  g_autoptr (GError) error = NULL;

  self->request = request;
  self->asked_us = lectern_clock_now_us ();
  if (!lectern_rtsp_service_take_request (
          self->service, self->connection,
          lectern_rate_limiter_take (&self->limiter, self->asked_us), self->asked_us))
    {
      error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_LIMIT, "too many requests");
      fail (self, 503, error);
      return;
    }
  if (!lectern_rtsp_target_parse (&self->target, request->url, &error))
    {
      lectern_rtsp_connection_refuse (self, lectern_error_get_http_status (error), error);
      return;
    }
  if (lectern_rtsp_method_is_in_order (self))
    ask (self);
}

static void
take_frame (LecternRtspConnection *self, const LecternRtspInput *input)
{
  if (self->publication != NULL)
    lectern_rtsp_publication_take (self->publication, input->channel, input->data, input->size);
  else if (self->playback != NULL)
    lectern_rtsp_playback_take (self->playback, input->channel, input->data, input->size);
}

static gsize
input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  LecternRtspConnection *self = connection_ref (user_data);
  g_autoptr (GError) error = NULL;
  gsize used = 0;

  while (!self->over && self->request == NULL)
    {
      LecternRtspInput one;
      gsize taken = lectern_rtsp_read (data + used, length - used, &one, &error);

      if (error != NULL)
        {
          self->request = one.request;
          fail (self, choose_status (error), error);
          break;
        }
      if (taken == 0)
        break;
      used += taken;
      if (one.kind == LECTERN_RTSP_REQUEST)
        take_request (self, one.request);
      else if (one.kind == LECTERN_RTSP_FRAME)
        take_frame (self, &one);
    }
  connection_unref (self);
  return used;
}

static void
writable (LecternConnection *connection, gpointer user_data)
{
  LecternRtspConnection *self = user_data;

  if (self->playback != NULL)
    lectern_rtsp_playback_writable (self->playback);
}

static void
closed (LecternConnection *connection, const GError *error, gpointer user_data)
{
  LecternRtspConnection *self = user_data;
  /* GStreamer's TEARDOWN does not always come out; its BYE does. */
  gboolean lost
      = self->publication == NULL || !lectern_rtsp_publication_has_ended (self->publication);

  if (self->publication != NULL && lost)
    g_message ("%s: the publisher of '%s' is lost: %s",
               lectern_connection_get_peer_name (connection), self->thing,
               error != NULL ? error->message : "it closed the connection");
  self->over = TRUE;
  lectern_rtsp_connection_end_session (self, lost, error);
  lectern_peers_remove (lectern_rtsp_service_get_peers (self->service), self);
  connection_unref (self);
}

static const LecternConnectionHandler handler = {
  .input = input,
  .writable = writable,
  .closed = closed,
};

static void
make_nonce (char nonce[33])
{
  for (guint i = 0; i < 4; i++)
    g_snprintf (nonce + 8 * i, 9, "%08x", g_random_int ());
}

void
lectern_rtsp_connection_accept (LecternConnection *connection, gpointer service)
{
  LecternRtspConnection *self = g_new0 (LecternRtspConnection, 1);
  LecternRtspSettings settings;

  self->refs = 1;
  self->service = lectern_rtsp_service_ref (service);
  self->connection = lectern_connection_ref (connection);
  if (!lectern_peers_add (lectern_rtsp_service_get_peers (service), self))
    {
      connection_unref (self);
      return;
    }
  lectern_rtsp_service_get (service, &settings);
  lectern_rate_limiter_init (&self->limiter, settings.requests,
                             (double) BURST_SECONDS * settings.requests, lectern_clock_now_us ());
  make_nonce (self->nonce);
  lectern_connection_set_input_limit (connection, INPUT_LIMIT);
  lectern_connection_set_output_limit (connection, OUTPUT_LIMIT);
  lectern_connection_set_idle_timeout (connection, IDLE_US);
  lectern_connection_set_handler (connection, &handler, self);
}

void
lectern_rtsp_connection_stop (gpointer connection)
{
  LecternRtspConnection *self = connection;
  g_autoptr (GError) reason
      = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the server stops");

  lectern_rtsp_connection_finish (self, FALSE, reason);
}
