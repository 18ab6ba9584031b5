/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtp-parameters.h"

/* Most bytes of a frame; a larger one is left out. */
#define LECTERN_RTP_MAX_FRAME (4 * 1024 * 1024)

/* LecternRtpUnpacker: the payloads of one source, in order → frames in ISO form, and the track they
 * are of. Nothing is decoded. A frame of which something was lost is left out and counted; what
 * follows goes on, as decoders conceal one frame better than a gap up to the next key frame.
 * Thread: any, one at a time. */
typedef struct _LecternRtpUnpacker LecternRtpUnpacker;

/* @track, @payload: borrowed; another @track than before is a new one, and the frame a key frame.
 * @time: ticks. */
typedef void (*LecternRtpFrameFunc) (LecternTrack *track, LecternPacketFlags flags, gint64 time,
                                     GBytes *payload, gpointer user_data);

/* One RTP packet. */
typedef struct
{
  const guint8 *payload;
  gsize size;
  gint64 time; /* ticks, unwrapped */
  gboolean marker;
  gboolean lost; /* packets before this one are missing */
} LecternRtpUnit;

/* Errors: as of lectern_rtp_parameters_init. Returns: (transfer full). */
LecternRtpUnpacker *lectern_rtp_unpacker_new (const LecternRtpFormat *format,
                                              LecternRtpFrameFunc frame, gpointer user_data,
                                              GError **error);
void lectern_rtp_unpacker_free (LecternRtpUnpacker *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRtpUnpacker, lectern_rtp_unpacker_free)

/* Returns: FALSE: a broken payload; what was whole before the fault was given out. */
gboolean lectern_rtp_unpacker_take (LecternRtpUnpacker *self, const LecternRtpUnit *unit);
/* Gives out the frame whose end is still open, at the end of the source. */
void lectern_rtp_unpacker_flush (LecternRtpUnpacker *self);

/* Returns: (nullable): what is known of the track: from the format before the first frame. */
LecternTrack *lectern_rtp_unpacker_get_track (LecternRtpUnpacker *self);
/* LecternVideoParameters.reorder of that track. */
gint lectern_rtp_unpacker_get_reorder (LecternRtpUnpacker *self);
/* Returns: frames left out. */
guint64 lectern_rtp_unpacker_get_damaged (LecternRtpUnpacker *self);
