/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* RTCP (RFC 3550, 6). Thread: any, one at a time. */

#define LECTERN_RTCP_MAX_BLOCKS 8
/* Most bytes that the writing functions need. */
#define LECTERN_RTCP_REPORT_SIZE 64

/* A report block (6.4.1): how one who hears @ssrc hears it. */
typedef struct
{
  guint32 ssrc;
  guint8 fraction_lost; /* of 256, since the report before */
  gint32 lost;          /* in all; below 0 with duplicates */
  guint32 highest;      /* sequence number, its wraps above */
  guint32 jitter;       /* ticks */
  guint32 last_report;  /* middle of the NTP time of the newest sender report, 0: none */
  guint32 delay;        /* 1/65536 s since then */
} LecternRtcpBlock;

/* What a compound says. */
typedef struct
{
  gboolean sender_report; /* the five below are set */
  guint32 ssrc;
  guint64 ntp; /* 32.32 fixed point, s since 1900 */
  guint32 rtp_time;
  guint32 packets;
  guint32 octets;
  guint32 bye; /* SSRCs that said BYE; @bye_ssrc is the first */
  guint32 bye_ssrc;
  guint n_blocks;
  LecternRtcpBlock blocks[LECTERN_RTCP_MAX_BLOCKS]; /* the first ones */
} LecternRtcp;

/* Reads a compound (of which a single packet is one). Of several sender reports the last counts.
 * Errors: INVALID_DATA: version, padding or lengths are wrong, or nothing is in it. */
gboolean lectern_rtcp_parse (LecternRtcp *self, const guint8 *data, gsize size, GError **error);

/* Writes a sender report without blocks: @rtp_time was at @wall_us. Returns: bytes written, at most
 * LECTERN_RTCP_REPORT_SIZE, as of the two below. */
gsize lectern_rtcp_write_sender_report (guint32 ssrc, gint64 wall_us, guint32 rtp_time,
                                        guint32 packets, guint32 octets, guint8 *to);
/* Writes a receiver report of @block (NULL: nothing heard yet) by @ssrc, and its CNAME. */
gsize lectern_rtcp_write_receiver_report (guint32 ssrc, const LecternRtcpBlock *block, guint8 *to);
/* Writes an empty report, its CNAME and BYE (6.6). */
gsize lectern_rtcp_write_bye (guint32 ssrc, guint8 *to);
