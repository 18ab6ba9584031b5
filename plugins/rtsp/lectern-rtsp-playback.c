/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-playback.h"

#include "lectern-rtp-packer.h"
#include "lectern-rtsp-datagrams.h"
#include "lectern-rtsp-tape-format.h"

struct _LecternRtspPlayback
{
  LecternRtspService *service;
  LecternConnection *connection;
  LecternRtspPlaybackFunc over;
  gpointer user_data;
  gboolean set_up[LECTERN_MEDIA_AUDIO + 1];
  gboolean tcp; /* of what is set up */
  gboolean paused;
  LecternRtspHearer hearer;
  LecternSession *session; /* NULL before it plays */
  LecternViewer *viewer;   /* NULL before it plays, and once it has ended */
  LecternReception reception;
  gint64 heard_us;
};

LecternRtspPlayback *
lectern_rtsp_playback_new (LecternRtspService *service, LecternConnection *connection,
                           LecternRtspPlaybackFunc over, gpointer user_data, GError **error)
{
  LecternRtspPlayback *self;

  if (!lectern_rtsp_service_begin_session (service, error))
    return NULL;
  self = g_new0 (LecternRtspPlayback, 1);
  self->service = lectern_rtsp_service_ref (service);
  self->connection = lectern_connection_ref (connection);
  self->over = over;
  self->user_data = user_data;
  self->heard_us = lectern_clock_now_us ();
  return self;
}

gboolean
lectern_rtsp_playback_is_ready (LecternRtspPlayback *self)
{
  return self->set_up[LECTERN_MEDIA_VIDEO] || self->set_up[LECTERN_MEDIA_AUDIO];
}

/* ── reports of the player ── */

static void
take_report (LecternRtspPlayback *self, const guint8 *data, gsize size)
{
  LecternReception *reception = &self->reception;
  LecternRtcp rtcp;

  self->heard_us = lectern_clock_now_us ();
  if (self->session == NULL || !lectern_rtcp_parse (&rtcp, data, size, NULL))
    return;
  for (guint i = 0; i < rtcp.n_blocks; i++)
    {
      const LecternRtcpBlock *block = &rtcp.blocks[i];

      /* The picture's, or the only one. */
      if (block->ssrc != lectern_rtsp_get_ssrc (LECTERN_MEDIA_VIDEO)
          && self->set_up[LECTERN_MEDIA_VIDEO])
        continue;
      reception->packets = block->highest;
      reception->lost = (guint64) MAX (block->lost, 0);
      reception->jitter_us = (gint64) block->jitter * G_USEC_PER_SEC
                             / (self->set_up[LECTERN_MEDIA_VIDEO] ? 90000 : 48000);
      lectern_session_set_reception (self->session, reception);
    }
}

static void
on_heard (LecternRtspHearer *hearer, const guint8 *data, gsize size)
{
  LecternRtspPlayback *self
      = (LecternRtspPlayback *) ((char *) hearer - G_STRUCT_OFFSET (LecternRtspPlayback, hearer));

  take_report (self, data, size);
}

void
lectern_rtsp_playback_take (LecternRtspPlayback *self, guint8 channel, const guint8 *data,
                            gsize size)
{
  if (channel == LECTERN_RTP_CHANNEL_VIDEO + 1 || channel == LECTERN_RTP_CHANNEL_AUDIO + 1)
    take_report (self, data, size);
}

gint64
lectern_rtsp_playback_get_heard (LecternRtspPlayback *self)
{
  gboolean is_sent_to = self->viewer != NULL && !self->paused;

  return self->tcp && is_sent_to ? G_MAXINT64 : self->heard_us;
}

/* ── setting up ── */

static guint8
choose_channel (LecternMedia media)
{
  return media == LECTERN_MEDIA_VIDEO ? LECTERN_RTP_CHANNEL_VIDEO : LECTERN_RTP_CHANNEL_AUDIO;
}

static gboolean
set_up_udp (LecternRtspPlayback *self, LecternMedia media, const LecternRtspTransport *transport,
            GString *answer, GError **error)
{
  guint16 port;

  if (self->hearer.datagrams == NULL)
    self->hearer.datagrams = lectern_rtsp_service_get_datagrams (self->service, error);
  if (self->hearer.datagrams == NULL)
    return FALSE;
  self->hearer.heard = on_heard;
  lectern_rtsp_hearer_add (&self->hearer, media, lectern_connection_get_peer (self->connection),
                           transport->client_rtp, transport->client_rtcp);
  port = lectern_rtsp_datagrams_get_port (self->hearer.datagrams);
  g_string_append_printf (answer, "RTP/AVP;unicast;client_port=%u-%u;server_port=%u-%u",
                          transport->client_rtp, transport->client_rtcp, port, port + 1);
  return TRUE;
}

gboolean
lectern_rtsp_playback_set_up (LecternRtspPlayback *self, LecternMedia media,
                              const LecternRtspTransport *transport, GString *answer,
                              GError **error)
{
  if (self->session != NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT, "it plays already");
      return FALSE;
    }
  if (lectern_rtsp_playback_is_ready (self) && transport->tcp != self->tcp)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                           "all tracks go the same way");
      return FALSE;
    }
  self->tcp = transport->tcp;
  /* One tape serves all players, so the channels are ours to choose. */
  if (self->tcp)
    g_string_append_printf (answer, "RTP/AVP/TCP;unicast;interleaved=%u-%u", choose_channel (media),
                            choose_channel (media) + 1);
  else if (!set_up_udp (self, media, transport, answer, error))
    return FALSE;
  g_string_append_printf (answer, ";ssrc=%08X;mode=\"PLAY\"", lectern_rtsp_get_ssrc (media));
  self->set_up[media] = TRUE;
  return TRUE;
}

/* ── playing ── */

static void
on_kicked (LecternSession *session, const GError *reason, gpointer user_data)
{
  LecternRtspPlayback *self = user_data;
  g_autoptr (GError) closed = NULL;

  if (reason == NULL)
    closed = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the session was ended");
  self->over (self, reason != NULL ? reason : closed, self->user_data);
}

static void
on_viewer_event (LecternViewer *viewer, LecternViewerEvent event, const GError *reason,
                 gpointer user_data)
{
  LecternRtspPlayback *self = user_data;

  if (event == LECTERN_VIEWER_ENDED)
    self->over (self, reason, self->user_data);
}

static gboolean
is_off (LecternAccessRequest *request, const char *parameter)
{
  g_autofree char *value = lectern_access_request_get_parameter (request, parameter);

  return g_strcmp0 (value, "0") == 0;
}

gboolean
lectern_rtsp_playback_play (LecternRtspPlayback *self, LecternAccessRequest *request,
                            LecternIdentity *identity, GError **error)
{
  LecternHost *host = lectern_rtsp_service_get_host (self->service);
  LecternViewerOptions options = {
    .skip_backlog = is_off (request, "gop"),
    .no_video = !self->set_up[LECTERN_MEDIA_VIDEO],
    .no_audio = !self->set_up[LECTERN_MEDIA_AUDIO],
    .sink = self->tcp ? NULL : lectern_rtsp_hearer_send,
    .sink_data = &self->hearer,
  };

  self->paused = FALSE;
  if (self->viewer != NULL)
    {
      lectern_viewer_set_paused (self->viewer, FALSE);
      return TRUE;
    }
  self->session = lectern_sessions_start (lectern_host_get_sessions (host), LECTERN_SESSION_PLAY,
                                          request, identity, on_kicked, self);
  self->viewer = lectern_viewer_new (lectern_host_get_streams (host), request->thing,
                                     self->connection, &lectern_rtsp_tape_format, &options,
                                     self->session, on_viewer_event, self, error);
  self->hearer.viewer = self->viewer;
  return self->viewer != NULL;
}

void
lectern_rtsp_playback_pause (LecternRtspPlayback *self)
{
  self->paused = TRUE;
  if (self->viewer != NULL)
    lectern_viewer_set_paused (self->viewer, TRUE);
}

gboolean
lectern_rtsp_playback_write (LecternRtspPlayback *self, const void *data, gsize length)
{
  if (self->viewer != NULL && self->tcp)
    return lectern_viewer_write (self->viewer, data, length);
  return lectern_connection_write (self->connection, data, length);
}

void
lectern_rtsp_playback_writable (LecternRtspPlayback *self)
{
  if (self->viewer != NULL && self->tcp)
    lectern_viewer_writable (self->viewer);
}

gboolean
lectern_rtsp_playback_is_cut (LecternRtspPlayback *self)
{
  return self->tcp && self->viewer != NULL && lectern_viewer_is_cut (self->viewer);
}

/* ── the end ── */

static void
say_bye (LecternRtspPlayback *self)
{
  for (LecternMedia media = LECTERN_MEDIA_VIDEO; media <= LECTERN_MEDIA_AUDIO; media++)
    {
      guint8 data[LECTERN_RTP_REPORT_SIZE];
      gsize size;

      if (!self->set_up[media])
        continue;
      size = lectern_rtcp_write_bye (lectern_rtsp_get_ssrc (media), data + LECTERN_RTP_FRAME_SIZE);
      data[0] = '$';
      data[1] = choose_channel (media) + 1;
      data[2] = (guint8) (size >> 8);
      data[3] = (guint8) size;
      size += LECTERN_RTP_FRAME_SIZE;
      if (self->tcp)
        lectern_connection_write (self->connection, data, size);
      else
        lectern_rtsp_hearer_send (data, size, &self->hearer);
    }
}

void
lectern_rtsp_playback_free (LecternRtspPlayback *self, const GError *reason)
{
  gboolean cut = lectern_rtsp_playback_is_cut (self);

  self->hearer.viewer = NULL;
  g_clear_pointer (&self->viewer, lectern_viewer_free);
  if (self->session != NULL && !cut)
    say_bye (self);
  if (self->session != NULL)
    lectern_session_end (self->session, reason);
  g_clear_pointer (&self->session, lectern_session_unref);
  lectern_rtsp_hearer_clear (&self->hearer);
  if (self->hearer.datagrams != NULL)
    lectern_rtsp_service_release_datagrams (self->service, self->hearer.datagrams);
  lectern_rtsp_service_end_session (self->service);
  lectern_connection_unref (self->connection);
  lectern_rtsp_service_unref (self->service);
  g_free (self);
}
