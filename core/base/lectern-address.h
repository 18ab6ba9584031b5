/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

#include <sys/socket.h>

/* LecternAddress:
 *
 * An IP address and a TCP port as plain memory: IPv4 is kept IPv4-mapped (RFC 4291, 2.5.5.2), so
 * that one peer has one form. */
typedef struct
{
  guint8 ip[16];
  guint16 port;
} LecternAddress;

/* "0.0.0.0:1935", "127.0.0.1:0", "[::]:8000", "*:8000" (all IPv4 and IPv6) or ":8000" (the same). Names are not
 * resolved. Errors: INVALID_DATA. Thread: any. */
LECTERN_API gboolean lectern_address_parse (const char *text, LecternAddress *self,
                                            GError **error);
LECTERN_API gboolean lectern_address_from_socket (const struct sockaddr *from,
                                                  LecternAddress *self);
/* Writes an AF_INET or AF_INET6 address; returns its length. */
LECTERN_API socklen_t lectern_address_to_socket (const LecternAddress *self,
                                                 struct sockaddr_storage *to);
LECTERN_API gboolean lectern_address_is_ipv4 (const LecternAddress *self);
LECTERN_API gboolean lectern_address_is_loopback (const LecternAddress *self);
/* Returns: (transfer full): "192.0.2.1:1935", "[2001:db8::1]:1935"; without the port when it is 0. */
LECTERN_API char *lectern_address_to_string (const LecternAddress *self);
/* Returns: (transfer full): the IP alone, without brackets. */
LECTERN_API char *lectern_address_to_ip_string (const LecternAddress *self);
