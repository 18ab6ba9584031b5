/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A publication. Its first byte chooses the formats, and whether packets may come out of order;
 * each packet is preceded by four bytes: bit 0: sound, bit 1: RTCP, the others: ms since the one
 * before; 0; its size. */
#include "rtsp/lectern-rtp-intake.h"
#include "rtsp/lectern-rtp-unpacker.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static const LecternRtpFormat videos[] = {
  { LECTERN_MEDIA_VIDEO, 96, "H264", 90000, 0,
    (char *) "sprop-parameter-sets=Z2QACazZQg2wEQAAAwABAAADADIPEiWW,aO+8sA==" },
  { LECTERN_MEDIA_VIDEO, 96, "H265", 90000, 0,
    (char *) "sprop-vps=QAEMAf//AWAAAAMAkAAAAwAAAwAelZgJ; "
             "sprop-sps=QgEBAWAAAAMAkAAAAwAAAwAeoBAgYWWVmkkyvAWgIAAAAwAgAAADAyE=; "
             "sprop-pps=RAHBcrQiQA==" },
};

static const LecternRtpFormat audios[] = {
  { LECTERN_MEDIA_AUDIO, 97, "mpeg4-generic", 48000, 2,
    (char *) "mode=AAC-hbr; config=1190; sizelength=13; indexlength=3; indexdeltalength=3" },
  { LECTERN_MEDIA_AUDIO, 97, "mpeg4-generic", 44100, 1,
    (char *) "mode=AAC-lbr; config=1208; sizelength=6; indexlength=2; indexdeltalength=2" },
  { LECTERN_MEDIA_AUDIO, 97, "mpeg4-generic", 44100, 1, (char *) "config=1208; constantsize=7" },
  { LECTERN_MEDIA_AUDIO, 97, "MP4A-LATM", 48000, 2, (char *) "cpresent=0;config=40002320adca00" },
  { LECTERN_MEDIA_AUDIO, 97, "opus", 48000, 2, NULL },
  { LECTERN_MEDIA_AUDIO, 14, "MPA", 90000, 0, NULL },
  { LECTERN_MEDIA_AUDIO, 8, "PCMA", 8000, 1, NULL },
};

typedef struct
{
  LecternTrack *tracks[3];
  gint64 dts[3];
  gboolean begun[3];
} State;

static void
on_track (LecternTrack *track, gpointer user_data)
{
  State *state = user_data;
  LecternTrack **slot = &state->tracks[track->media];

  g_clear_pointer (slot, lectern_track_unref);
  *slot = lectern_track_ref (track);
}

static void
on_frame (LecternMedia media, LecternPacketFlags flags, gint64 dts_ns, gint64 pts_ns,
          GBytes *payload, gpointer user_data)
{
  State *state = user_data;
  gsize size;
  const guint8 *frame = g_bytes_get_data (payload, &size);

  g_assert_true (state->tracks[media] != NULL);
  g_assert_true (size > 0 && size <= LECTERN_RTP_MAX_FRAME);
  g_assert_true (pts_ns >= dts_ns);
  g_assert_true (!state->begun[media] || dts_ns > state->dts[media]);
  state->begun[media] = TRUE;
  state->dts[media] = dts_ns;
  if (media == LECTERN_MEDIA_VIDEO)
    g_assert_true (lectern_h264_check_nal_lengths (frame, size, 4));
}

static void
take_packets (LecternRtpIntake *intake, LecternByteReader *reader)
{
  gint64 now_us = 1000000;

  while (lectern_byte_reader_get_remaining (reader) > 0)
    {
      guint8 kind;
      guint32 length;
      const guint8 *packet;
      LecternMedia media;
      gint64 next_us;

      if (!lectern_byte_reader_read_u8 (reader, &kind)
          || !lectern_byte_reader_read_u24 (reader, &length))
        return;
      length = (guint32) MIN (length & 0xffff, lectern_byte_reader_get_remaining (reader));
      packet = lectern_byte_reader_take (reader, length);
      media = (kind & 1) != 0 ? LECTERN_MEDIA_AUDIO : LECTERN_MEDIA_VIDEO;
      now_us += (kind >> 2) * 1000;
      if ((kind & 2) != 0)
        lectern_rtp_intake_take_rtcp (intake, media, packet, length, now_us);
      else
        lectern_rtp_intake_take_rtp (intake, media, packet, length, now_us);
      next_us = lectern_rtp_intake_tick (intake, now_us);
      g_assert_true (next_us == 0 || next_us > now_us);
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const LecternRtpIntakeEvents events = { on_track, on_frame };
  g_autoptr (LecternRtpIntake) intake = NULL;
  guint8 report[LECTERN_RTCP_REPORT_SIZE];
  State state = { { NULL } };
  LecternByteReader reader;

  if (size == 0)
    return 0;
  intake = lectern_rtp_intake_new ((data[0] & 1) != 0 ? 200000 : 0, &events, &state);
  g_assert_true (lectern_rtp_intake_add (intake, &videos[data[0] >> 1 & 1], NULL));
  g_assert_true (
      lectern_rtp_intake_add (intake, &audios[(data[0] >> 2) % G_N_ELEMENTS (audios)], NULL));
  lectern_byte_reader_init (&reader, data + 1, size - 1);
  take_packets (intake, &reader);
  lectern_rtp_intake_flush (intake);
  for (LecternMedia media = LECTERN_MEDIA_VIDEO; media <= LECTERN_MEDIA_AUDIO; media++)
    {
      LecternRtpQuality quality;

      lectern_rtp_intake_write_report (intake, media, 2000000, report);
      g_assert_true (lectern_rtp_intake_get_quality (intake, media, &quality));
      g_assert_true (quality.fraction_lost <= 255 && quality.jitter_us >= 0);
      g_clear_pointer (&state.tracks[media], lectern_track_unref);
    }
  return 0;
}
