/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptions of sessions, as publishers announce them. */
#include "rtsp/lectern-rtp-intake.h"
#include "rtsp/lectern-sdp.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
on_track (LecternTrack *track, gpointer user_data)
{
}

static void
on_frame (LecternMedia media, LecternPacketFlags flags, gint64 dts_ns, gint64 pts_ns,
          GBytes *payload, gpointer user_data)
{
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const LecternRtpIntakeEvents events = { on_track, on_frame };
  g_autoptr (LecternRtpIntake) intake = lectern_rtp_intake_new (0, &events, NULL);
  g_auto (LecternSdp) sdp = { NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *printed = NULL;

  if (!lectern_sdp_parse (&sdp, (const char *) data, size, &error))
    {
      g_assert_true (g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA)
                     || g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED));
      g_assert_true (sdp.n_media == 0);
      return 0;
    }
  g_assert_true (sdp.video >= 0 || sdp.audio >= 0);
  g_assert_true (sdp.n_media <= LECTERN_SDP_MAX_MEDIA);
  /* What is used can be taken, */
  for (guint i = 0; i < sdp.n_media; i++)
    if (sdp.media[i].used)
      g_assert_true (lectern_rtp_intake_add (intake, &sdp.media[i].format, NULL));
  /* and told again. */
  printed = lectern_sdp_print (
      &(LecternSdpOffer){ .video = sdp.video >= 0 ? &sdp.media[sdp.video].format : NULL,
                          .audio = sdp.audio >= 0 ? &sdp.media[sdp.audio].format : NULL,
                          .title = sdp.control,
                          .address = "::1" });
  lectern_sdp_clear (&sdp);
  if (strlen (printed) <= LECTERN_SDP_MAX_SIZE)
    g_assert_true (lectern_sdp_parse (&sdp, printed, strlen (printed), NULL));
  return 0;
}
