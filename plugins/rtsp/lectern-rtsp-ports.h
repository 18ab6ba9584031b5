/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

#include <netinet/in.h>

/* LecternRtspPorts: two UDP sockets, RTP's on an even port and RTCP's on the one behind it (RFC
 * 3550, 11). Plain memory. Thread: any, one at a time. */
typedef struct
{
  int rtp; /* -1: closed */
  int rtcp;
  guint16 port; /* of RTP */
} LecternRtspPorts;

/* Which ports may be used, both even and within; 0, 0: any that is free. */
typedef struct
{
  guint16 low;
  guint16 high;
} LecternRtspPortRange;

/* "", or "50000-50999". Errors: INVALID_CONFIG. */
gboolean lectern_rtsp_port_range_parse (LecternRtspPortRange *self, const char *text,
                                        GError **error);

/* Opens them on all addresses, IPv4 and, where there is it, IPv6. @buffer: bytes of the system's
 * that are wished for each. Errors: LIMIT: no port is free, or no descriptor; FAILED. */
gboolean lectern_rtsp_ports_open (LecternRtspPorts *self, const LecternRtspPortRange *range,
                                  gsize buffer, guint dscp, GError **error);
void lectern_rtsp_ports_close (LecternRtspPorts *self);
/* An address as these sockets take it: of IPv6, or of IPv4, which is smaller. Returns: its length.
 */
socklen_t lectern_rtsp_ports_fill_address (const LecternRtspPorts *self,
                                           const LecternAddress *address, struct sockaddr_in6 *to);
