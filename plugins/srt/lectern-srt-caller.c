/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-srt-caller.h"

#include "lectern-srt-stream-id.h"

struct _LecternSrtCaller
{
  guint refs; /* the owner's, and a question's to the access chain */
  LecternHost *host;
  const LecternSrtCallerOwner *owner; /* NULL: freed */
  gpointer user_data;

  gint64 id;
  char *stream_id;
  char *name;
  LecternAddress peer;
  gboolean admitted; /* by the gate */
  gboolean closing;  /* the worker was told */
  LecternAccessRequest *request;
  LecternPublisher *publisher;
  LecternSession *session;

  gint64 lost; /* as last told, like what follows */
  gint64 dropped;
  gint64 bytes;
  gint64 told_us;
};

static void
caller_unref (LecternSrtCaller *self)
{
  if (--self->refs > 0)
    return;
  g_clear_pointer (&self->request, lectern_access_request_unref);
  g_object_unref (self->host);
  g_free (self->stream_id);
  g_free (self->name);
  g_free (self);
}

static void
tell_worker (LecternSrtCaller *self, const char *event, int lane)
{
  g_autoptr (JsonObject) message = json_object_new ();

  json_object_set_string_member (message, "event", event);
  json_object_set_int_member (message, "caller", self->id);
  if (lane >= 0)
    json_object_set_int_member (message, "lane", lane);
  self->owner->send (self, message, self->user_data);
}

/* @reason: (nullable). */
static void
end (LecternSrtCaller *self, gboolean lost, const GError *reason)
{
  if (self->publisher != NULL)
    lectern_publisher_end (self->publisher, lost);
  g_clear_pointer (&self->publisher, lectern_publisher_unref);
  if (self->session != NULL)
    lectern_session_end (self->session, reason);
  g_clear_pointer (&self->session, lectern_session_unref);
}

/* The worker answers with "gone". */
static void
close_caller (LecternSrtCaller *self, gboolean lost, const GError *reason)
{
  end (self, lost, reason);
  if (self->closing)
    return;
  self->closing = TRUE;
  tell_worker (self, "close", -1);
}

static void
refuse (LecternSrtCaller *self, const GError *error)
{
  self->owner->report (self, error, self->user_data);
  close_caller (self, TRUE, error);
}

static void
on_kicked (LecternSession *session, const GError *reason, gpointer user_data)
{
  close_caller (user_data, FALSE, reason);
}

static void
on_lost_right (LecternPublisher *publisher, const GError *reason, gpointer user_data)
{
  LecternSrtCaller *self = user_data;

  g_message ("%s: publishing '%s' is over: %s", self->name, self->request->thing, reason->message);
  close_caller (self, FALSE, reason);
}

static gboolean
publish (LecternSrtCaller *self, LecternIdentity *identity, GError **error)
{
  int lane = self->owner->take_lane (self, self->request->thing, error, self->user_data);

  if (lane < 0)
    return FALSE;
  self->publisher = lectern_stream_registry_publish (lectern_host_get_streams (self->host),
                                                     self->request->thing, identity, on_lost_right,
                                                     self, error);
  if (self->publisher == NULL)
    return FALSE;
  self->session
      = lectern_sessions_start (lectern_host_get_sessions (self->host), LECTERN_SESSION_PUBLISH,
                                self->request, identity, on_kicked, self);
  tell_worker (self, "allow", lane);
  return TRUE;
}

static void
on_answer (LecternIdentity *identity, const GError *refusal, gpointer user_data)
{
  LecternSrtCaller *self = user_data;
  g_autoptr (GError) error = NULL;

  if (self->owner != NULL && !self->closing)
    {
      if (refusal != NULL)
        error = g_error_copy (refusal);
      else
        (void) publish (self, identity, &error);
      if (error != NULL)
        refuse (self, error);
    }
  caller_unref (self);
}

static gboolean
make_request (LecternSrtCaller *self, GError **error)
{
  g_autofree char *thing = NULL;
  g_autofree char *query = NULL;
  const char *reason = NULL;

  if (!lectern_srt_stream_id_parse (self->stream_id, &thing, &query, error))
    return FALSE;
  self->request = lectern_access_request_new (LECTERN_ACTION_PUBLISH, thing, "srt", &self->peer);
  self->request->query = g_steal_pointer (&query);
  self->admitted = lectern_gate_enter (lectern_host_get_gate (self->host), &self->peer, &reason);
  if (!self->admitted)
    g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                 "too many connections: the limit by %s is reached", reason);
  return self->admitted;
}

LecternSrtCaller *
lectern_srt_caller_new (LecternHost *host, gint64 id, const char *stream_id,
                        const LecternAddress *peer, const LecternSrtCallerOwner *owner,
                        gpointer user_data)
{
  LecternSrtCaller *self = g_new0 (LecternSrtCaller, 1);

  self->refs = 1;
  self->host = g_object_ref (host);
  self->owner = owner;
  self->user_data = user_data;
  self->id = id;
  self->stream_id = g_strdup (stream_id);
  self->peer = *peer;
  self->name = lectern_address_to_string (peer);
  return self;
}

void
lectern_srt_caller_ask (LecternSrtCaller *self)
{
  LecternAccessChain *access = lectern_host_get_access (self->host);
  g_autoptr (LecternIdentity) identity = NULL;
  g_autoptr (GError) error = NULL;

  if (!make_request (self, &error))
    {
      refuse (self, error);
      return;
    }
  self->refs++;
  if (lectern_access_chain_check_now (access, self->request, &identity))
    on_answer (identity, NULL, self);
  else
    lectern_access_chain_check (access, self->request, on_answer, self);
}

const gint64 *
lectern_srt_caller_get_key (LecternSrtCaller *self)
{
  return &self->id;
}

const char *
lectern_srt_caller_get_name (LecternSrtCaller *self)
{
  return self->name;
}

const char *
lectern_srt_caller_get_thing (LecternSrtCaller *self)
{
  return self->request != NULL ? self->request->thing : NULL;
}

gboolean
lectern_srt_caller_is_publishing (LecternSrtCaller *self)
{
  return self->publisher != NULL;
}

void
lectern_srt_caller_set_track (LecternSrtCaller *self, LecternTrack *track)
{
  if (self->publisher != NULL)
    lectern_publisher_set_track (self->publisher, track);
}

void
lectern_srt_caller_push (LecternSrtCaller *self, LecternPacket *packet)
{
  if (self->publisher == NULL)
    return;
  lectern_session_add_bytes (self->session, g_bytes_get_size (packet->payload));
  lectern_publisher_push (self->publisher, packet->track->media, packet->flags, packet->dts,
                          packet->pts, packet->payload);
}

/* Adds what @total has grown by since *@before. */
static void
count (const char *name, const char *help, gint64 total, gint64 *before)
{
  lectern_metric_add (lectern_metrics_get_counter (name, help, NULL, NULL),
                      MAX (total - *before, 0));
  *before = total;
}

void
lectern_srt_caller_take_statistics (LecternSrtCaller *self, JsonObject *message, gint64 max_bitrate)
{
  gint64 bytes = json_object_get_int_member_with_default (message, "bytes", 0);
  gint64 dropped = json_object_get_int_member_with_default (message, "dropped", 0);
  /* Those that came are given on at the intervals at which they were sent: no jitter is left. */
  const LecternReception reception
      = { .packets = json_object_get_int_member_with_default (message, "packets", 0),
          .lost = dropped };
  gint64 now_us = lectern_clock_now_us ();
  double bits = 8.0 * (double) (bytes - self->bytes);
  g_autoptr (GError) error = NULL;

  count ("lectern_srt_lost_packets_total", "Packets of SRT publishers that had to be sent again",
         json_object_get_int_member_with_default (message, "lost", 0), &self->lost);
  count ("lectern_srt_dropped_packets_total", "Packets of SRT publishers that came too late",
         dropped, &self->dropped);
  if (self->publisher != NULL)
    lectern_publisher_set_reception (self->publisher, &reception);
  if (self->publisher != NULL && self->told_us != 0 && max_bitrate > 0
      && bits * G_USEC_PER_SEC > (double) max_bitrate * (double) (now_us - self->told_us))
    {
      g_set_error (&error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                   "more than %" G_GINT64_FORMAT " bits a second", max_bitrate);
      refuse (self, error);
    }
  self->bytes = bytes;
  self->told_us = now_us;
}

void
lectern_srt_caller_free (LecternSrtCaller *self, gboolean lost, const char *reason)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, reason);

  if (self->publisher != NULL && lost)
    g_message ("%s: the publisher of '%s' is lost: %s", self->name, self->request->thing, reason);
  end (self, lost, error);
  if (self->admitted)
    lectern_gate_leave (lectern_host_get_gate (self->host), &self->peer);
  self->owner = NULL;
  caller_unref (self);
}
