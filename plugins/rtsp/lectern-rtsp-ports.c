/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

/* Pairs tried before giving up. */
#define TRIES 64

static int
open_socket (int family, guint16 port)
{
  struct sockaddr_storage address = { 0 };
  struct sockaddr_in *v4 = (struct sockaddr_in *) &address;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) &address;
  socklen_t length = family == AF_INET6 ? sizeof *v6 : sizeof *v4;
  int off = 0;
  int fd = socket (family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return -1;
  address.ss_family = (sa_family_t) family;
  if (family == AF_INET6)
    v6->sin6_port = g_htons (port);
  else
    v4->sin_port = g_htons (port);
  if ((family == AF_INET6 && setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0)
      || bind (fd, (struct sockaddr *) &address, length) < 0)
    {
      int number = errno;

      close (fd);
      errno = number;
      return -1;
    }
  return fd;
}

/* IPv6 takes IPv4 too; some hosts have none. */
static int
open_any (guint16 port)
{
  int fd = open_socket (AF_INET6, port);

  if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
    fd = open_socket (AF_INET, port);
  return fd;
}

static guint16
get_port (int fd)
{
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  LecternAddress parsed;

  if (getsockname (fd, (struct sockaddr *) &address, &length) < 0
      || !lectern_address_from_socket ((struct sockaddr *) &address, &parsed))
    return 0;
  return parsed.port;
}

static void
close_one (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

void
lectern_rtsp_ports_close (LecternRtspPorts *self)
{
  close_one (&self->rtp);
  close_one (&self->rtcp);
}

static guint16
choose_port (const LecternRtspPortRange *range)
{
  guint16 pairs = (guint16) ((range->high - range->low) / 2 + 1);

  return range->high == 0 ? 0 : (guint16) (range->low + 2 * g_random_int_range (0, pairs));
}

/* Returns: whether both were free. */
static gboolean
try_pair (LecternRtspPorts *self, guint16 wished)
{
  *self = (LecternRtspPorts){ .rtp = open_any (wished), .rtcp = -1 };
  if (self->rtp < 0)
    return FALSE;
  self->port = get_port (self->rtp);
  if (self->port % 2 == 0 && self->port != 0)
    self->rtcp = open_any ((guint16) (self->port + 1));
  else
    errno = EADDRINUSE;
  if (self->rtcp >= 0)
    return TRUE;
  lectern_rtsp_ports_close (self);
  return FALSE;
}

static void
set_buffers (int fd, gsize buffer)
{
  int size = (int) buffer;

  /* As large as the system lets us. */
  setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

gboolean
lectern_rtsp_ports_open (LecternRtspPorts *self, const LecternRtspPortRange *range, gsize buffer,
                         guint dscp, GError **error)
{
  for (guint i = 0; i < TRIES; i++)
    {
      if (try_pair (self, choose_port (range)))
        {
          set_buffers (self->rtp, buffer);
          lectern_dscp_apply (self->rtp, dscp);
          lectern_dscp_apply (self->rtcp, dscp);
          return TRUE;
        }
      if (errno != EADDRINUSE)
        {
          lectern_error_set_errno (error, errno, "cannot open UDP ports");
          return FALSE;
        }
    }
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "no UDP ports are free");
  return FALSE;
}

socklen_t
lectern_rtsp_ports_fill_address (const LecternRtspPorts *self, const LecternAddress *address,
                                 struct sockaddr_in6 *to)
{
  struct sockaddr_storage storage;
  socklen_t length = sizeof storage;

  if (getsockname (self->rtp, (struct sockaddr *) &storage, &length) == 0
      && storage.ss_family == AF_INET)
    {
      length = lectern_address_to_socket (address, &storage);
      memcpy (to, &storage, MIN (length, sizeof *to));
      return length;
    }
  *to = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = g_htons (address->port) };
  memcpy (&to->sin6_addr, address->ip, sizeof address->ip);
  return sizeof *to;
}

gboolean
lectern_rtsp_port_range_parse (LecternRtspPortRange *self, const char *text, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, "-", 3);
  gint64 low;
  gint64 high;

  *self = (LecternRtspPortRange){ 0 };
  if (*text == '\0')
    return TRUE;
  if (g_strv_length (parts) == 2 && lectern_units_parse_integer (parts[0], &low, NULL)
      && lectern_units_parse_integer (parts[1], &high, NULL) && low >= 1024 && high <= 65535
      && low % 2 == 0 && high > low)
    {
      self->low = (guint16) low;
      self->high = (guint16) (high - 1 - (high - 1) % 2);
      return TRUE;
    }
  g_set_error (
      error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
      "[rtsp] udp-ports is '%s': must be like 50000-50999, from an even port on, from 1024 to "
      "65535",
      text);
  return FALSE;
}
