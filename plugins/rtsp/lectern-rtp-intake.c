/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtp-intake.h"

#include "lectern-rtp-clock.h"
#include "lectern-rtp-receiver.h"

/* One of the two. */
typedef struct
{
  LecternRtpIntake *intake; /* NULL: not added */
  guint index;              /* in intake->lanes and the clock's */
  LecternMedia media;
  LecternRtpReceiver *receiver;
  LecternRtpUnpacker *unpacker;
  LecternDecodeTimes decode_times;
  LecternTrack *track; /* told */
  gint64 last_dts;
  gboolean begun;
  gint64 arrival_us; /* of what is unpacked */
  gboolean failed;   /* something in it was broken */
  guint64 bad;
  gboolean ended;
  guint32 ssrc; /* our own, in reports */
} Lane;

struct _LecternRtpIntake
{
  gint64 latency_us;
  LecternRtpIntakeEvents events;
  gpointer user_data;
  LecternRtpClock clock;
  Lane lanes[2];
  gboolean begun;
};

LecternRtpIntake *
lectern_rtp_intake_new (gint64 latency_us, const LecternRtpIntakeEvents *events, gpointer user_data)
{
  LecternRtpIntake *self = g_new0 (LecternRtpIntake, 1);

  self->latency_us = latency_us;
  self->events = *events;
  self->user_data = user_data;
  return self;
}

void
lectern_rtp_intake_free (LecternRtpIntake *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->lanes); i++)
    {
      g_clear_pointer (&self->lanes[i].receiver, lectern_rtp_receiver_free);
      g_clear_pointer (&self->lanes[i].unpacker, lectern_rtp_unpacker_free);
      g_clear_pointer (&self->lanes[i].track, lectern_track_unref);
    }
  g_free (self);
}

/* Returns: (nullable). */
static Lane *
get_lane (LecternRtpIntake *self, LecternMedia media)
{
  Lane *lane = &self->lanes[media == LECTERN_MEDIA_VIDEO ? 0 : 1];

  return lane->intake != NULL ? lane : NULL;
}

static void
tell_track (Lane *lane, LecternTrack *track)
{
  if (track == NULL || track == lane->track)
    return;
  if (lane->media == LECTERN_MEDIA_VIDEO)
    lectern_decode_times_init (&lane->decode_times,
                               lectern_rtp_unpacker_get_reorder (lane->unpacker));
  g_clear_pointer (&lane->track, lectern_track_unref);
  lane->track = lectern_track_ref (track);
  lane->intake->events.track (track, lane->intake->user_data);
}

/* What the session's description told is known before frames come. */
static void
begin (LecternRtpIntake *self)
{
  self->begun = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (self->lanes); i++)
    if (self->lanes[i].intake != NULL)
      tell_track (&self->lanes[i], lectern_rtp_unpacker_get_track (self->lanes[i].unpacker));
}

static void
on_frame (LecternTrack *track, LecternPacketFlags flags, gint64 ticks, GBytes *payload,
          gpointer user_data)
{
  Lane *lane = user_data;
  LecternRtpIntake *self = lane->intake;
  gboolean video = lane->media == LECTERN_MEDIA_VIDEO;
  gint64 pts;
  gint64 dts;

  if (!self->begun)
    begin (self);
  tell_track (lane, track);
  pts = lectern_rtp_clock_get_time (&self->clock, lane->index, ticks, lane->arrival_us,
                                    !video || (flags & LECTERN_PACKET_KEY) != 0);
  dts = video ? lectern_decode_times_next (&lane->decode_times, &pts) : pts;
  if (lane->begun)
    dts = MAX (dts, lane->last_dts + 1);
  lane->begun = TRUE;
  lane->last_dts = dts;
  self->events.frame (lane->media, flags, dts, MAX (pts, dts), payload, self->user_data);
}

static void
on_unit (const LecternRtpUnit *unit, gboolean restarted, gint64 arrival_us, gpointer user_data)
{
  Lane *lane = user_data;
  guint32 ssrc;

  if (restarted)
    {
      lectern_rtp_unpacker_flush (lane->unpacker);
      lectern_rtp_receiver_get_ssrc (lane->receiver, &ssrc);
      lectern_rtp_clock_restart (&lane->intake->clock, lane->index, ssrc);
    }
  lane->arrival_us = arrival_us;
  if (!lectern_rtp_unpacker_take (lane->unpacker, unit))
    {
      lane->failed = TRUE;
      lane->bad++;
    }
}

gboolean
lectern_rtp_intake_add (LecternRtpIntake *self, const LecternRtpFormat *format, GError **error)
{
  guint index = format->media == LECTERN_MEDIA_VIDEO ? 0 : 1;
  Lane *lane = &self->lanes[index];
  LecternRtpUnpacker *unpacker;

  if (lane->intake != NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT, "there is one already");
      return FALSE;
    }
  unpacker = lectern_rtp_unpacker_new (format, on_frame, lane, error);
  if (unpacker == NULL)
    return FALSE;
  *lane = (Lane){ .intake = self,
                  .index = index,
                  .media = format->media,
                  .unpacker = unpacker,
                  .ssrc = g_random_int () };
  lectern_decode_times_init (&lane->decode_times, -1);
  lane->receiver = lectern_rtp_receiver_new (format->payload_type, format->clock_rate,
                                             self->latency_us, on_unit, lane);
  self->clock.lanes[index].rate = format->clock_rate;
  return TRUE;
}

gboolean
lectern_rtp_intake_take_rtp (LecternRtpIntake *self, LecternMedia media, const guint8 *data,
                             gsize size, gint64 now_us)
{
  Lane *lane = get_lane (self, media);

  if (lane == NULL)
    return FALSE;
  lane->failed = FALSE;
  lane->ended = FALSE;
  return lectern_rtp_receiver_take (lane->receiver, data, size, now_us) && !lane->failed;
}

gboolean
lectern_rtp_intake_take_rtcp (LecternRtpIntake *self, LecternMedia media, const guint8 *data,
                              gsize size, gint64 now_us)
{
  Lane *lane = get_lane (self, media);
  LecternRtcp report;
  guint32 ssrc;

  if (lane == NULL)
    return FALSE;
  if (!lectern_rtcp_parse (&report, data, size, NULL))
    {
      lane->bad++;
      return FALSE;
    }
  if (report.sender_report)
    {
      lectern_rtp_receiver_note_report (lane->receiver, &report, now_us);
      lectern_rtp_clock_note_report (&self->clock, lane->index, &report);
    }
  if (report.bye > 0 && lectern_rtp_receiver_get_ssrc (lane->receiver, &ssrc)
      && ssrc == report.bye_ssrc)
    lane->ended = TRUE;
  return TRUE;
}

gint64
lectern_rtp_intake_tick (LecternRtpIntake *self, gint64 now_us)
{
  gint64 next = 0;

  for (guint i = 0; i < G_N_ELEMENTS (self->lanes); i++)
    if (self->lanes[i].intake != NULL)
      {
        gint64 at = lectern_rtp_receiver_tick (self->lanes[i].receiver, now_us);

        if (at != 0 && (next == 0 || at < next))
          next = at;
      }
  return next;
}

void
lectern_rtp_intake_flush (LecternRtpIntake *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->lanes); i++)
    if (self->lanes[i].intake != NULL)
      {
        lectern_rtp_receiver_flush (self->lanes[i].receiver);
        lectern_rtp_unpacker_flush (self->lanes[i].unpacker);
      }
}

gsize
lectern_rtp_intake_write_report (LecternRtpIntake *self, LecternMedia media, gint64 now_us,
                                 guint8 *to)
{
  Lane *lane = get_lane (self, media);
  LecternRtcpBlock block;

  if (lane == NULL)
    return 0;
  if (!lectern_rtp_receiver_make_block (lane->receiver, now_us, &block))
    return lectern_rtcp_write_receiver_report (lane->ssrc, NULL, to);
  return lectern_rtcp_write_receiver_report (lane->ssrc, &block, to);
}

gboolean
lectern_rtp_intake_get_quality (LecternRtpIntake *self, LecternMedia media,
                                LecternRtpQuality *quality)
{
  Lane *lane = get_lane (self, media);
  LecternRtpReceiverStats stats;

  if (lane == NULL)
    return FALSE;
  lectern_rtp_receiver_get_stats (lane->receiver, &stats);
  *quality = (LecternRtpQuality){
    .received = stats.received,
    .lost = stats.lost,
    .bad = stats.bad + lane->bad,
    .damaged = lectern_rtp_unpacker_get_damaged (lane->unpacker),
    .jitter_us = stats.jitter_us,
    .fraction_lost = stats.fraction_lost,
  };
  return TRUE;
}

gboolean
lectern_rtp_intake_has_ended (LecternRtpIntake *self)
{
  gboolean any = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (self->lanes); i++)
    {
      if (self->lanes[i].intake != NULL && !self->lanes[i].ended)
        return FALSE;
      any |= self->lanes[i].ended;
    }
  return any;
}
