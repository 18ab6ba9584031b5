/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-dscp.h"

#include <netinet/in.h>
#include <sys/socket.h>

void
lectern_dscp_apply (int fd, guint dscp)
{
  /* The two bits below are ECN's (RFC 3168). */
  int byte = (int) (dscp & 63) << 2;

  /* IPv6 sockets take both: the first is for their IPv4 peers. IPv4 sockets refuse the second. */
  (void) setsockopt (fd, IPPROTO_IP, IP_TOS, &byte, sizeof byte);
  (void) setsockopt (fd, IPPROTO_IPV6, IPV6_TCLASS, &byte, sizeof byte);
}
