/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtcp.h"
#include "lectern-rtp-format.h"

/* LecternRtpIntake: the RTP and RTCP packets of one publication → its tracks and frames, on one
 * clock. Packets are put in order and counted, frames put together (damaged ones are left out),
 * sound and picture aligned by arrival until sender reports (RFC 3550, 6.4.1) align them exactly.
 * Memory is bounded by LECTERN_RTP_MAX_WAITING packets and LECTERN_RTP_MAX_FRAME bytes a track.
 * Does no I/O and has no timer. Thread: any, one at a time. */
typedef struct _LecternRtpIntake LecternRtpIntake;

typedef struct
{
  /* @track is borrowed. Before the first frame, and whenever a codec's config changes: then the
   * next frame of it is a key frame. */
  void (*track) (LecternTrack *track, gpointer user_data);
  /* @payload is borrowed, in ISO form (length-prefixed NAL units of 4 bytes, without parameter
   * sets; raw AAC). Times in ns; DTS grows strictly for each media and PTS is not before it. */
  void (*frame) (LecternMedia media, LecternPacketFlags flags, gint64 dts_ns, gint64 pts_ns,
                 GBytes *payload, gpointer user_data);
} LecternRtpIntakeEvents;

typedef struct
{
  guint64 received;    /* packets in all, duplicates too */
  guint64 lost;        /* packets in all (RFC 3550, A.3), never below 0 */
  guint64 bad;         /* packets dropped as broken */
  guint64 damaged;     /* frames left out: packets of them were lost or broken */
  gint64 jitter_us;    /* A.8 */
  guint fraction_lost; /* of 256, between the last two reports */
} LecternRtpQuality;

/* @latency_us: how long a missing packet is waited for; 0: packets come in order (TCP). @events is
 * copied. Returns: (transfer full). */
LecternRtpIntake *lectern_rtp_intake_new (gint64 latency_us, const LecternRtpIntakeEvents *events,
                                          gpointer user_data);
void lectern_rtp_intake_free (LecternRtpIntake *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRtpIntake, lectern_rtp_intake_free)

/* Adds the picture or the sound, each once, before its packets. Errors: as of
 * lectern_rtp_parameters_init; CONFLICT: there is one. */
gboolean lectern_rtp_intake_add (LecternRtpIntake *self, const LecternRtpFormat *format,
                                 GError **error);

/* Take one packet, without framing; events may be called from within. What is bad is dropped and
 * counted; FALSE tells so. @now_us: lectern_clock_now_us, of the arrival. */
gboolean lectern_rtp_intake_take_rtp (LecternRtpIntake *self, LecternMedia media,
                                      const guint8 *data, gsize size, gint64 now_us);
gboolean lectern_rtp_intake_take_rtcp (LecternRtpIntake *self, LecternMedia media,
                                       const guint8 *data, gsize size, gint64 now_us);

/* Gives up packets that were waited for too long. Returns: when to call it next, 0: not before
 * another packet came. To be called after packets were taken and at the time it said. */
gint64 lectern_rtp_intake_tick (LecternRtpIntake *self, gint64 now_us);
/* Gives out what waits, at the end of the publication. */
void lectern_rtp_intake_flush (LecternRtpIntake *self);

/* Writes a receiver report with CNAME, to be sent each five seconds or so. Returns: its bytes, at
 * most LECTERN_RTCP_REPORT_SIZE; 0: there is no such media. */
gsize lectern_rtp_intake_write_report (LecternRtpIntake *self, LecternMedia media, gint64 now_us,
                                       guint8 *to);
/* FALSE: there is no such media. */
gboolean lectern_rtp_intake_get_quality (LecternRtpIntake *self, LecternMedia media,
                                         LecternRtpQuality *quality);
/* Whether all senders heard have said BYE. */
gboolean lectern_rtp_intake_has_ended (LecternRtpIntake *self);
