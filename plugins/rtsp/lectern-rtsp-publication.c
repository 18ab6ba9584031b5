/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-publication.h"

#include "lectern-rtp-intake.h"
#include "lectern-rtp-packer.h"
#include "lectern-rtsp-inlet.h"

#include <string.h>

#define N_MEDIA (LECTERN_MEDIA_AUDIO + 1)
#define REPORT_US (3 * G_USEC_PER_SEC)
#define RATE_SPAN_US (5 * G_USEC_PER_SEC)

struct _LecternRtspPublication
{
  LecternRtspService *service;
  LecternConnection *connection;
  LecternRtspPublicationFunc over;
  gpointer user_data;
  LecternSdp sdp;
  LecternRtpIntake *intake;
  LecternRtspInlet inlets[N_MEDIA];
  LecternPublisher *publisher; /* NULL before it records */
  LecternSession *session;
  LecternTimer timer;        /* the intake's next turn; the end */
  LecternTimer report_timer; /* reports, and whether it is silent */
  gint64 heard_us;           /* the newest packet */
  gint64 read_timeout_us;
  gint64 max_bitrate;
  gint64 rate_began_us;
  guint64 rate_bytes;
  guint64 bad;     /* packets, as far as they are in the metrics */
  guint64 damaged; /* frames */
  gboolean ended;  /* nothing is taken any more */
  GError *reason;
};

static void
on_end (LecternTimer *timer)
{
  LecternRtspPublication *self
      = (LecternRtspPublication *) ((char *) timer
                                    - G_STRUCT_OFFSET (LecternRtspPublication, timer));

  self->over (self, self->reason, self->user_data);
}

/* From a run of its own, as the owner frees it. */
static void
end_with (LecternRtspPublication *self, const GError *reason)
{
  if (self->ended)
    return;
  self->ended = TRUE;
  self->reason = g_error_copy (reason);
  lectern_timer_stop (&self->report_timer);
  lectern_timer_start (&self->timer, lectern_connection_get_reactor (self->connection), 0, on_end);
}

/* ── frames ── */

static void
on_track (LecternTrack *track, gpointer user_data)
{
  LecternRtspPublication *self = user_data;

  if (self->publisher != NULL)
    lectern_publisher_set_track (self->publisher, track);
}

static void
on_frame (LecternMedia media, LecternPacketFlags flags, gint64 dts_ns, gint64 pts_ns,
          GBytes *payload, gpointer user_data)
{
  LecternRtspPublication *self = user_data;

  if (self->publisher != NULL)
    lectern_publisher_push (self->publisher, media, flags, dts_ns, pts_ns, payload);
}

static const LecternRtpIntakeEvents intake_events = { on_track, on_frame };

static void on_turn (LecternTimer *timer);

/* Gives up what was waited for too long, and comes back when there is more to give up. */
static void
take_turn (LecternRtspPublication *self, gint64 now_us)
{
  gint64 next_us = lectern_rtp_intake_tick (self->intake, now_us);

  if (next_us > 0)
    lectern_timer_start (&self->timer, lectern_connection_get_reactor (self->connection),
                         MAX (next_us - now_us, 1000), on_turn);
  else
    lectern_timer_stop (&self->timer);
}

static void
on_turn (LecternTimer *timer)
{
  LecternRtspPublication *self
      = (LecternRtspPublication *) ((char *) timer
                                    - G_STRUCT_OFFSET (LecternRtspPublication, timer));

  take_turn (self, lectern_clock_now_us ());
}

/* FALSE: it sends more than it may. */
static gboolean
count_bytes (LecternRtspPublication *self, gsize size, gint64 now_us)
{
  gint64 passed_us = now_us - self->rate_began_us;
  gboolean good = TRUE;

  lectern_session_add_bytes (self->session, size);
  self->rate_bytes += size;
  if (passed_us < RATE_SPAN_US)
    return TRUE;
  if (self->max_bitrate > 0 && self->rate_began_us > 0)
    good = (gint64) (self->rate_bytes * 8 * G_USEC_PER_SEC) / passed_us <= self->max_bitrate;
  self->rate_began_us = now_us;
  self->rate_bytes = 0;
  return good;
}

static void
take_packet (LecternRtspPublication *self, LecternMedia media, gboolean control, const guint8 *data,
             gsize size)
{
  gint64 now_us = lectern_clock_now_us ();

  if (self->session == NULL || self->ended)
    return;
  if (control)
    lectern_rtp_intake_take_rtcp (self->intake, media, data, size, now_us);
  else
    {
      self->heard_us = now_us;
      lectern_rtp_intake_take_rtp (self->intake, media, data, size, now_us);
    }
  if (self->ended)
    return;
  take_turn (self, now_us);
  if (!count_bytes (self, size, now_us))
    {
      g_autoptr (GError) error = g_error_new_literal (
          LECTERN_ERROR, LECTERN_ERROR_LIMIT, "the publisher sends more than [rtsp] max-bitrate");

      end_with (self, error);
    }
}

static void
on_packet (LecternRtspInlet *inlet, gboolean control, const guint8 *data, gsize size,
           gpointer user_data)
{
  take_packet (user_data, inlet->media, control, data, size);
}

void
lectern_rtsp_publication_take (LecternRtspPublication *self, guint8 channel, const guint8 *data,
                               gsize size)
{
  gboolean control;

  for (guint i = LECTERN_MEDIA_VIDEO; i < N_MEDIA; i++)
    if (lectern_rtsp_inlet_has_channel (&self->inlets[i], channel, &control))
      {
        take_packet (self, self->inlets[i].media, control, data, size);
        return;
      }
}

/* ── reports ── */

static void
send_report (LecternRtspPublication *self, LecternRtspInlet *inlet, gint64 now_us)
{
  guint8 data[LECTERN_RTP_REPORT_SIZE];
  gsize size = lectern_rtp_intake_write_report (self->intake, inlet->media, now_us,
                                                data + LECTERN_RTP_FRAME_SIZE);

  if (size > 0)
    lectern_rtsp_inlet_send_report (inlet, data, size);
}

static void
count (const char *name, const char *help, guint64 now, guint64 *counted)
{
  lectern_metric_add (lectern_metrics_get_counter (name, help, NULL, NULL), now - *counted);
  *counted = now;
}

static void
tell_reception (LecternRtspPublication *self)
{
  LecternReception reception = { 0 };
  guint64 bad = 0;
  guint64 damaged = 0;

  for (guint i = LECTERN_MEDIA_VIDEO; i < N_MEDIA; i++)
    {
      LecternRtpQuality quality;

      if (!lectern_rtp_intake_get_quality (self->intake, (LecternMedia) i, &quality))
        continue;
      reception.packets += quality.received;
      reception.lost += quality.lost;
      reception.jitter_us = MAX (reception.jitter_us, quality.jitter_us);
      bad += quality.bad;
      damaged += quality.damaged;
    }
  count ("lectern_rtsp_bad_packets_total", "RTP packets of publishers that were broken", bad,
         &self->bad);
  count ("lectern_rtsp_damaged_frames_total", "Frames left out, as packets of them were missing",
         damaged, &self->damaged);
  lectern_publisher_set_reception (self->publisher, &reception);
  lectern_session_set_reception (self->session, &reception);
}

static void
on_report_due (LecternTimer *timer)
{
  LecternRtspPublication *self
      = (LecternRtspPublication *) ((char *) timer
                                    - G_STRUCT_OFFSET (LecternRtspPublication, report_timer));
  gint64 now_us = lectern_clock_now_us ();

  if (now_us - self->heard_us > self->read_timeout_us)
    {
      g_autoptr (GError) error = g_error_new (LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT,
                                              "the publisher has sent nothing for %d s",
                                              (int) ((now_us - self->heard_us) / G_USEC_PER_SEC));

      end_with (self, error);
      return;
    }
  for (guint i = LECTERN_MEDIA_VIDEO; i < N_MEDIA; i++)
    if (self->inlets[i].open)
      send_report (self, &self->inlets[i], now_us);
  tell_reception (self);
  lectern_timer_start (&self->report_timer, lectern_connection_get_reactor (self->connection),
                       MIN (REPORT_US, self->read_timeout_us), on_report_due);
}

/* ── the steps ── */

LecternRtspPublication *
lectern_rtsp_publication_new (LecternRtspService *service, LecternConnection *connection,
                              const char *text, gsize size, LecternRtspPublicationFunc over,
                              gpointer user_data, GError **error)
{
  g_auto (LecternSdp) sdp = { NULL };
  LecternRtspPublication *self;

  if (!lectern_sdp_parse (&sdp, text, size, error)
      || !lectern_rtsp_service_begin_session (service, error))
    return NULL;
  self = g_new0 (LecternRtspPublication, 1);
  self->service = lectern_rtsp_service_ref (service);
  self->connection = lectern_connection_ref (connection);
  self->over = over;
  self->user_data = user_data;
  self->sdp = sdp;
  sdp = (LecternSdp){ NULL };
  for (guint i = LECTERN_MEDIA_VIDEO; i < N_MEDIA; i++)
    lectern_rtsp_inlet_init (&self->inlets[i], (LecternMedia) i, connection, on_packet, self);
  return self;
}

/* Whether the address of a request names the track with @control: by its end, or whole. */
static gboolean
names (const char *url, const char *control, const char *wanted)
{
  if (wanted == NULL || g_str_equal (wanted, "*"))
    return control == NULL;
  if (wanted[0] == '/')
    wanted++;
  return g_strcmp0 (control, wanted) == 0 || g_str_equal (url, wanted)
         || (g_str_has_suffix (url, wanted) && strlen (url) > strlen (wanted)
             && url[strlen (url) - strlen (wanted) - 1] == '/');
}

/* Returns: (nullable): the announced media that @url names. */
static const LecternSdpMedia *
find_media (LecternRtspPublication *self, const char *url, const char *control)
{
  for (guint i = 0; i < self->sdp.n_media; i++)
    if (names (url, control, self->sdp.media[i].control))
      return &self->sdp.media[i];
  return NULL;
}

static gboolean
is_channel_taken (LecternRtspPublication *self, int channel)
{
  gboolean control;

  for (guint i = LECTERN_MEDIA_VIDEO; i < N_MEDIA; i++)
    if (lectern_rtsp_inlet_has_channel (&self->inlets[i], channel, &control)
        || lectern_rtsp_inlet_has_channel (&self->inlets[i], channel + 1, &control))
      return TRUE;
  return FALSE;
}

/* The channel it wishes, or the first that is free. */
static int
choose_channel (LecternRtspPublication *self, int wished)
{
  int channel = wished;

  if (channel < 0 || is_channel_taken (self, channel))
    for (channel = 0; is_channel_taken (self, channel); channel += 2)
      continue;
  return channel;
}

static gboolean
open_inlet (LecternRtspPublication *self, LecternRtspInlet *inlet,
            const LecternRtspTransport *transport, GString *answer, GError **error)
{
  LecternRtspSettings settings;

  if (transport->tcp)
    {
      lectern_rtsp_inlet_open_tcp (inlet, choose_channel (self, transport->channel), answer);
      return TRUE;
    }
  lectern_rtsp_service_get (self->service, &settings);
  return lectern_rtsp_inlet_open_udp (inlet, transport, &settings, answer, error);
}

/* A missing datagram is waited for; over TCP none is missing. */
static gboolean
add_to_intake (LecternRtspPublication *self, const LecternSdpMedia *media, gboolean tcp,
               GError **error)
{
  LecternRtspSettings settings;

  lectern_rtsp_service_get (self->service, &settings);
  if (self->intake == NULL)
    self->intake = lectern_rtp_intake_new (tcp ? 0 : settings.latency_us, &intake_events, self);
  return lectern_rtp_intake_add (self->intake, &media->format, error);
}

gboolean
lectern_rtsp_publication_set_up (LecternRtspPublication *self, const char *url, const char *control,
                                 const LecternRtspTransport *transport, GString *answer,
                                 GError **error)
{
  const LecternSdpMedia *media = find_media (self, url, control);
  LecternRtspInlet *inlet
      = media != NULL && media->used ? &self->inlets[media->format.media] : NULL;

  if (inlet == NULL || inlet->open || self->publisher != NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR,
                           media == NULL   ? LECTERN_ERROR_NOT_FOUND
                           : inlet == NULL ? LECTERN_ERROR_INVALID_CONFIG
                                           : LECTERN_ERROR_CONFLICT,
                           media == NULL   ? "no such track was announced"
                           : inlet == NULL ? "a track that is not taken here"
                                           : "the track is set up already");
      return FALSE;
    }
  if (!open_inlet (self, inlet, transport, answer, error))
    return FALSE;
  if (!add_to_intake (self, media, transport->tcp, error))
    {
      lectern_rtsp_inlet_close (inlet);
      return FALSE;
    }
  g_string_append (answer, ";mode=\"RECORD\"");
  return TRUE;
}

static void
on_publisher_lost (LecternPublisher *publisher, const GError *reason, gpointer user_data)
{
  end_with (user_data, reason);
}

static void
on_kicked (LecternSession *session, const GError *reason, gpointer user_data)
{
  g_autoptr (GError) closed = NULL;

  if (reason == NULL)
    closed = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the session was ended");
  end_with (user_data, reason != NULL ? reason : closed);
}

gboolean
lectern_rtsp_publication_record (LecternRtspPublication *self, LecternAccessRequest *request,
                                 LecternIdentity *identity, GError **error)
{
  LecternHost *host = lectern_rtsp_service_get_host (self->service);
  LecternRtspSettings settings;

  if (self->intake == NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT, "nothing was set up");
      return FALSE;
    }
  if (self->publisher != NULL)
    return TRUE;
  self->publisher = lectern_stream_registry_publish (
      lectern_host_get_streams (host), request->thing, identity, on_publisher_lost, self, error);
  if (self->publisher == NULL)
    return FALSE;
  self->session = lectern_sessions_start (lectern_host_get_sessions (host), LECTERN_SESSION_PUBLISH,
                                          request, identity, on_kicked, self);
  lectern_rtsp_service_get (self->service, &settings);
  self->read_timeout_us = settings.read_timeout_us;
  self->max_bitrate = settings.max_bitrate;
  self->heard_us = lectern_clock_now_us ();
  lectern_timer_start (&self->report_timer, lectern_connection_get_reactor (self->connection),
                       MIN (REPORT_US, self->read_timeout_us), on_report_due);
  return TRUE;
}

gboolean
lectern_rtsp_publication_has_ended (LecternRtspPublication *self)
{
  return self->intake != NULL && lectern_rtp_intake_has_ended (self->intake);
}

void
lectern_rtsp_publication_free (LecternRtspPublication *self, gboolean lost, const GError *reason)
{
  self->ended = TRUE;
  lectern_timer_stop (&self->timer);
  lectern_timer_stop (&self->report_timer);
  for (guint i = LECTERN_MEDIA_VIDEO; i < N_MEDIA; i++)
    lectern_rtsp_inlet_close (&self->inlets[i]);
  if (self->intake != NULL)
    lectern_rtp_intake_flush (self->intake);
  if (self->session != NULL)
    tell_reception (self);
  if (self->publisher != NULL)
    lectern_publisher_end (self->publisher, lost);
  g_clear_pointer (&self->publisher, lectern_publisher_unref);
  if (self->session != NULL)
    lectern_session_end (self->session, reason);
  g_clear_pointer (&self->session, lectern_session_unref);
  g_clear_pointer (&self->intake, lectern_rtp_intake_free);
  lectern_sdp_clear (&self->sdp);
  g_clear_error (&self->reason);
  lectern_rtsp_service_end_session (self->service);
  lectern_connection_unref (self->connection);
  lectern_rtsp_service_unref (self->service);
  g_free (self);
}
