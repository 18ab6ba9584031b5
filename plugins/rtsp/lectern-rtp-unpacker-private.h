/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtp-unpacker.h"

/* What the halves for picture and sound share. */
struct _LecternRtpUnpacker
{
  LecternRtpParameters parameters;
  LecternRtpFrameFunc frame;
  gpointer user_data;
  LecternTrack *track; /* of the newest frame, or as told by the format; NULL: unknown */
  guint64 damaged;

  GByteArray *pending; /* of the frame that is put together */
  gint64 time;         /* of it */

  /* Picture. */
  LecternParameterSets *sets;
  gboolean open;    /* there is such a frame */
  gboolean broken;  /* something of it is missing */
  gboolean picture; /* it has a slice */
  gboolean key;
  gboolean started;  /* a key frame was given out */
  gboolean fragment; /* the NAL unit at @nal_at is not whole yet */
  gsize nal_at;      /* of its length in @pending */
  guint fragment_type;
  gboolean gap;         /* packets of it, or before it, were lost */
  gboolean markers_lie; /* they end packets, not frames */
  gint64 marked_time;   /* of the newest frame that a marker ended */
  gboolean marked;

  /* Sound. */
  gint64 duration;   /* ticks of an access unit of AAC */
  gsize expected;    /* bytes of the frame in @pending, 0: none, or (LATM) unknown */
  gboolean skipping; /* LATM: up to the next marker */
};

/* Gives @data out as a frame. */
void lectern_rtp_unpacker_emit (LecternRtpUnpacker *self, LecternPacketFlags flags, gint64 time,
                                const guint8 *data, gsize size);

void lectern_rtp_unpacker_init_video (LecternRtpUnpacker *self);
gboolean lectern_rtp_unpacker_take_video (LecternRtpUnpacker *self, const LecternRtpUnit *unit);
void lectern_rtp_unpacker_flush_video (LecternRtpUnpacker *self);

void lectern_rtp_unpacker_init_audio (LecternRtpUnpacker *self);
gboolean lectern_rtp_unpacker_take_audio (LecternRtpUnpacker *self, const LecternRtpUnit *unit);
