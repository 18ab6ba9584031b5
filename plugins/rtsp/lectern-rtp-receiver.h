/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtcp.h"
#include "lectern-rtp-unpacker.h"

/* Most packets that wait for one before them, and their bytes. */
#define LECTERN_RTP_MAX_WAITING 256
#define LECTERN_RTP_MAX_WAITING_SIZE (2 * 1024 * 1024)

/* LecternRtpReceiver: the datagrams of one source → its payloads, in order, each once, with what is
 * missing told (RFC 3550, 5.1, 6.4, A). Sequence numbers and RTP times may wrap; another SSRC, or a
 * jump of the numbers, is believed when two packets in a row say so (at once where packets come in
 * order), and nothing is lost by that. Thread: any, one at a time. */
typedef struct _LecternRtpReceiver LecternRtpReceiver;

/* @unit: borrowed. @restarted: RTP times have no relation to those before. */
typedef void (*LecternRtpReceiverFunc) (const LecternRtpUnit *unit, gboolean restarted,
                                        gint64 arrival_us, gpointer user_data);

/* @latency_us: how long a missing packet is waited for; 0: packets come in order. Returns:
 * (transfer full). */
LecternRtpReceiver *lectern_rtp_receiver_new (guint8 payload_type, guint clock_rate,
                                              gint64 latency_us, LecternRtpReceiverFunc func,
                                              gpointer user_data);
void lectern_rtp_receiver_free (LecternRtpReceiver *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRtpReceiver, lectern_rtp_receiver_free)

/* Returns: FALSE: no RTP of this payload type: dropped and counted. */
gboolean lectern_rtp_receiver_take (LecternRtpReceiver *self, const guint8 *data, gsize size,
                                    gint64 now_us);
/* Gives up what was waited for too long. Returns: when to call it next, 0: not before another
 * packet came. */
gint64 lectern_rtp_receiver_tick (LecternRtpReceiver *self, gint64 now_us);
/* Gives out all that waits. */
void lectern_rtp_receiver_flush (LecternRtpReceiver *self);

/* The newest sender report of the source came. */
void lectern_rtp_receiver_note_report (LecternRtpReceiver *self, const LecternRtcp *report,
                                       gint64 now_us);
/* Fills the report block (A.3) and begins the next interval. FALSE: nothing came yet. */
gboolean lectern_rtp_receiver_make_block (LecternRtpReceiver *self, gint64 now_us,
                                          LecternRtcpBlock *block);

/* Returns: FALSE: nothing came yet. */
gboolean lectern_rtp_receiver_get_ssrc (LecternRtpReceiver *self, guint32 *ssrc);

typedef struct
{
  guint64 received;
  guint64 lost;
  guint64 bad;
  gint64 jitter_us;
  guint fraction_lost; /* of 256, in the last whole interval */
} LecternRtpReceiverStats;

void lectern_rtp_receiver_get_stats (LecternRtpReceiver *self, LecternRtpReceiverStats *stats);
