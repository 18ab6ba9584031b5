/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* Payload types of what has no static one (RFC 3551, 6). */
#define LECTERN_RTP_TYPE_VIDEO 96
#define LECTERN_RTP_TYPE_AUDIO 97
#define LECTERN_RTP_TYPE_PCMU 0
#define LECTERN_RTP_TYPE_PCMA 8
#define LECTERN_RTP_TYPE_MPA 14

/* LecternRtpFormat: how one track goes over RTP, as SDP says it in rtpmap and fmtp. Plain memory,
 * zero-initialised. Thread: any, one at a time. */
typedef struct
{
  LecternMedia media;
  guint8 payload_type; /* 0 … 127 */
  char encoding[24];   /* "H264", "mpeg4-generic"; compared without case */
  guint clock_rate;    /* Hz of RTP times */
  guint channels;      /* 0: not said */
  char *fmtp;          /* what follows the payload type in a=fmtp, or NULL */
} LecternRtpFormat;

/* How we send @track: H.264 (RFC 6184), H.265 (RFC 7798), AAC as AAC-hbr (RFC 3640), Opus (RFC
 * 7587), G.711 (RFC 3551), MP3 (RFC 2250). @self: is overwritten; clear it. Errors: NOT_SUPPORTED:
 * another codec; INVALID_DATA: its config is broken. */
gboolean lectern_rtp_format_init (LecternRtpFormat *self, LecternTrack *track, GError **error);
void lectern_rtp_format_clear (LecternRtpFormat *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRtpFormat, lectern_rtp_format_clear)

/* Returns: (transfer full) (nullable): the value of @name, compared without case, in fmtp; "" where
 * it has none. */
char *lectern_rtp_format_get_parameter (const LecternRtpFormat *self, const char *name);

/* The two fields of a packet that follow from its track. Returns: the clock's Hz, 0 when the
 * track cannot be sent. */
guint lectern_rtp_format_get_clock (const LecternTrack *track, guint8 *payload_type);
