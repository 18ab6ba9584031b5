/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-tape-format.h"

#include "lectern-rtp-packer.h"

#define N_MEDIA 2
/* Between two sender reports of a track: clocks drift apart slowly. */
#define REPORT_NS (5 * G_GINT64_CONSTANT (1000000000))

#define AHEAD_NS (REPORT_NS / 10)

typedef struct
{
  gboolean begun;
  gint64 epoch_us; /* wall time of the stream's time 0 */
  LecternRtpPacker packers[N_MEDIA];
  gint64 reported[N_MEDIA]; /* PTS of the newest report */
} State;

guint32
lectern_rtsp_get_ssrc (LecternMedia media)
{
  static gsize base;

  if (g_once_init_enter (&base))
    g_once_init_leave (&base, (g_random_int () & 0xfffffff0u) | 1u << 4);
  return (guint32) base + media;
}

static void
begin (State *self, gint64 dts)
{
  static const LecternMedia media[N_MEDIA] = { LECTERN_MEDIA_VIDEO, LECTERN_MEDIA_AUDIO };

  if (self->begun)
    return;
  self->begun = TRUE;
  self->epoch_us = lectern_clock_wall_us () - dts / 1000;
  for (guint i = 0; i < N_MEDIA; i++)
    lectern_rtp_packer_init (&self->packers[i], media[i], lectern_rtsp_get_ssrc (media[i]),
                             (guint16) g_random_int (), g_random_int ());
}

static gsize
write_report (State *self, guint index, gint64 pts, guint8 *to)
{
  self->reported[index] = pts;
  return lectern_rtp_packer_write_report (&self->packers[index], pts, self->epoch_us + pts / 1000,
                                          to);
}

/* Players line up sound and picture by reports, so each hears one before its first packet. It
 * speaks of a moment soon after that, since GStreamer passes over one that is older than the
 * packet, or a second younger. */
static GBytes *
header (const LecternTapeSetup *setup, gboolean join, gpointer state)
{
  State *self = state;
  LecternTrack *const tracks[N_MEDIA] = { setup->video, setup->audio };
  guint8 data[N_MEDIA * LECTERN_RTP_REPORT_SIZE];
  guint8 payload_type;
  gsize size = 0;

  begin (self, setup->dts);
  for (guint i = 0; i < N_MEDIA; i++)
    {
      if (tracks[i] == NULL)
        continue;
      self->packers[i].clock_rate = lectern_rtp_format_get_clock (tracks[i], &payload_type);
      if (self->packers[i].clock_rate > 0)
        size += write_report (self, i, setup->dts + AHEAD_NS, data + size);
    }
  return g_bytes_new (data, size);
}

static gsize
bound (const LecternPacket *packet)
{
  gsize size = lectern_rtp_packer_bound (packet);

  return size > 0 ? size + LECTERN_RTP_REPORT_SIZE : 0;
}

static gsize
write_packet (const LecternPacket *packet, guint8 *to, gpointer state)
{
  State *self = state;
  guint index;
  gsize size;

  if (packet->track == NULL || packet->track->media > LECTERN_MEDIA_AUDIO)
    return 0;
  begin (self, packet->dts);
  index = packet->track->media - LECTERN_MEDIA_VIDEO;
  size = lectern_rtp_packer_write (&self->packers[index], packet, to);
  if (size > 0 && ABS (packet->pts - self->reported[index]) >= REPORT_NS)
    size += write_report (self, index, packet->pts, to + size);
  return size;
}

const LecternTapeFormat lectern_rtsp_tape_format = {
  .name = "rtsp",
  .header = header,
  .bound = bound,
  .write = write_packet,
  .state_size = sizeof (State),
  .fixed_codecs = TRUE,
};
