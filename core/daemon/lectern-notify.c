/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/lectern-notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
lectern_notify (const char *text)
{
  const char *path = g_getenv ("NOTIFY_SOCKET");
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  gsize length = path != NULL ? strlen (path) : 0;
  int fd;

  if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
    return;
  memcpy (address.sun_path, path, length);
  /* "@" stands for the NUL of an abstract name. */
  if (path[0] == '@')
    address.sun_path[0] = '\0';
  fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return;
  if (sendto (fd, text, strlen (text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *) &address,
              offsetof (struct sockaddr_un, sun_path) + length)
      < 0)
    g_debug ("the service manager took no notice of: %s", text);
  close (fd);
}

guint
lectern_notify_get_watchdog_interval (void)
{
  const char *interval = g_getenv ("WATCHDOG_USEC");
  const char *process = g_getenv ("WATCHDOG_PID");
  guint64 microseconds, pid;

  if (interval == NULL
      || !g_ascii_string_to_unsigned (interval, 10, 1000, G_MAXINT, &microseconds, NULL))
    return 0;
  if (process != NULL
      && (!g_ascii_string_to_unsigned (process, 10, 1, G_MAXINT, &pid, NULL)
          || pid != (guint64) getpid ()))
    return 0;
  return (guint) MAX (microseconds / 2000, 1);
}
