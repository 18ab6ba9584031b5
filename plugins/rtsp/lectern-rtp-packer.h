/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtcp.h"
#include "lectern-rtp-format.h"

/* Each packet is preceded by "$", its channel and its length (RFC 2326, 10.12). */
#define LECTERN_RTP_FRAME_SIZE 4
#define LECTERN_RTP_HEADER_SIZE 12
#define LECTERN_RTP_MAX_PAYLOAD 1400
/* Most bytes of one packet, "$" included. */
#define LECTERN_RTP_MAX_FRAMED                                                                     \
  (LECTERN_RTP_FRAME_SIZE + LECTERN_RTP_HEADER_SIZE + LECTERN_RTP_MAX_PAYLOAD)
/* Most bytes that write_report and write_bye need. */
#define LECTERN_RTP_REPORT_SIZE (LECTERN_RTP_FRAME_SIZE + LECTERN_RTCP_REPORT_SIZE)
#define LECTERN_RTP_CHANNEL_VIDEO 0 /* its RTCP goes on the channel behind */
#define LECTERN_RTP_CHANNEL_AUDIO 2

/* LecternRtpPacker: frames of one track → framed RTP packets, ready for an interleaved connection;
 * what follows the first four bytes of each is a datagram. Nothing is decoded. Plain memory.
 * Thread: any, one at a time. */
typedef struct
{
  LecternMedia media;
  guint8 channel;
  guint16 seq; /* of the next packet */
  guint32 ssrc;
  guint32 time_offset; /* of RTP times */
  guint32 packets;     /* written, modulo 2^32, as sender reports count */
  guint32 octets;
  guint clock_rate; /* of the newest packet; 0: none yet */
} LecternRtpPacker;

void lectern_rtp_packer_init (LecternRtpPacker *self, LecternMedia media, guint32 ssrc, guint16 seq,
                              guint32 time_offset);

/* Most bytes `write` can need for @packet. */
gsize lectern_rtp_packer_bound (const LecternPacket *packet);

/* Writes @packet as RTP packets of at most LECTERN_RTP_MAX_PAYLOAD bytes of payload. Before a key
 * frame go the parameter sets of its track, unless it has its own. Returns: bytes written; 0 for
 * what RTP does not carry: configs, metadata, codecs that lectern_rtp_format_init refuses, frames
 * that are broken or over the codec's limit (8191 bytes of AAC, LECTERN_RTP_MAX_PAYLOAD of Opus).
 */
gsize lectern_rtp_packer_write (LecternRtpPacker *self, const LecternPacket *packet, guint8 *to);

/* The RTP time of a presentation time. @clock_rate: Hz. */
guint32 lectern_rtp_packer_get_time (const LecternRtpPacker *self, gint64 pts_ns, guint clock_rate);

/* Writes a framed compound of sender report and CNAME (RFC 3550, 6.4.1) that says that @pts_ns, on
 * the stream's clock, was at @wall_us. Audio and video of a stream must have the same relation of
 * the two: players align them by it. Returns: bytes written, at most LECTERN_RTP_REPORT_SIZE; 0
 * before the first packet. */
gsize lectern_rtp_packer_write_report (LecternRtpPacker *self, gint64 pts_ns, gint64 wall_us,
                                       guint8 *to);
/* Writes a framed compound with BYE (6.6). Returns: as write_report, never 0. */
gsize lectern_rtp_packer_write_bye (LecternRtpPacker *self, guint8 *to);
