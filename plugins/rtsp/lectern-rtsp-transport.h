/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternRtspTransport: how a client wants the packets of one track (RFC 2326, 12.39). Plain
 * memory. Thread: any. */
typedef struct
{
  gboolean tcp;       /* interleaved with RTSP, else UDP */
  gboolean record;    /* it sends, else it receives */
  int channel;        /* TCP: of RTP; RTCP's is one more; -1: it leaves the choice to us */
  guint16 client_rtp; /* UDP: its ports */
  guint16 client_rtcp;
} LecternRtspTransport;

/* Takes the first way in @header that is allowed here. "destination" is not heard: packets go to
 * where the request came from. Errors: INVALID_DATA; NOT_SUPPORTED: none of them. */
gboolean lectern_rtsp_transport_parse (LecternRtspTransport *self, const char *header,
                                       gboolean allow_tcp, gboolean allow_udp, GError **error);
