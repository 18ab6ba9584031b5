/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-udp-port.h"

#include "net/lectern-port-holder.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

static void
set_error (GError **error, int number, const LecternAddress *address)
{
  g_autofree char *text = lectern_address_to_string (address);
  g_autofree char *holder = NULL;

  if (number != EADDRINUSE)
    {
      lectern_error_set_errno (error, number, "cannot receive on UDP %s", text);
      return;
    }
  holder = lectern_port_holder_find (address->port, TRUE);
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT,
               holder != NULL ? "cannot receive on UDP %s: port %u is held by %s"
                              : "cannot receive on UDP %s: port %u is in use",
               text, address->port, holder);
}

/* Without SO_REUSEADDR, with which two sockets may share a UDP port. */
static gboolean
bind_to (int fd, const LecternAddress *address, LecternAddress *found)
{
  static const guint8 any[16];
  struct sockaddr_storage name;
  socklen_t size = lectern_address_to_socket (address, &name);
  int only = memcmp (address->ip, any, sizeof any) != 0;

  if (name.ss_family == AF_INET6)
    (void) setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  if (bind (fd, (struct sockaddr *) &name, size) != 0)
    return FALSE;
  size = sizeof name;
  return getsockname (fd, (struct sockaddr *) &name, &size) == 0
         && lectern_address_from_socket ((struct sockaddr *) &name, found);
}

gboolean
lectern_udp_port_find (const LecternAddress *wanted, LecternAddress *found, GError **error)
{
  int family = lectern_address_is_ipv4 (wanted) ? AF_INET : AF_INET6;
  int fd = socket (family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
  gboolean done = fd >= 0 && bind_to (fd, wanted, found);

  if (!done)
    set_error (error, errno, wanted);
  if (fd >= 0)
    close (fd);
  return done;
}
