/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench-floor-echo PORT: the floor of the idle mode: a loop that echoes the small WebSocket frames
 * of bench-sockets with one read and one write each, and does nothing else. */
#include "bench-common.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum
{
  INPUT = 2048,
  HEADER = 6, /* of a masked frame of at most 125 bytes; the mask is zero */
};

typedef struct
{
  int fd;
  gboolean open;
} Peer;

static int poller, listener;

static void
drop (Peer *peer)
{
  close (peer->fd);
  g_free (peer);
}

static gboolean
say (Peer *peer, const void *data, gsize size)
{
  return send (peer->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t) size;
}

static gboolean
echo (Peer *peer, guint8 *data, gsize size)
{
  while (size >= HEADER && size >= HEADER + (data[1] & 0x7fu))
    {
      gsize length = data[1] & 0x7f;
      guint8 *frame = data + HEADER - 2;

      frame[0] = data[0];
      frame[1] = (guint8) length;
      if (!say (peer, frame, length + 2))
        return FALSE;
      data += HEADER + length;
      size -= HEADER + length;
    }
  return size == 0;
}

static void
on_readable (Peer *peer)
{
  static const char head[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  static guint8 data[INPUT];
  ssize_t got = recv (peer->fd, data, sizeof data, MSG_DONTWAIT);
  gboolean good;

  if (got < 0 && errno == EAGAIN)
    return;
  good = got > 0
         && (peer->open ? echo (peer, data, (gsize) got) : say (peer, head, sizeof head - 1));
  peer->open = TRUE;
  if (!good)
    drop (peer);
}

static void
accept_all (void)
{
  int one = 1, fd;

  while ((fd = accept4 (listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
    {
      Peer *peer = g_new0 (Peer, 1);
      struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };

      peer->fd = fd;
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      epoll_ctl (poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static void
listen_on (int port)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons ((guint16) port),
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  struct epoll_event event = { .events = EPOLLIN };
  int one = 1;

  listener = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt (listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind (listener, (struct sockaddr *) &address, sizeof address) < 0
      || listen (listener, 4096) < 0)
    bench_die ("port %d: %s", port, g_strerror (errno));
  poller = epoll_create1 (EPOLL_CLOEXEC);
  epoll_ctl (poller, EPOLL_CTL_ADD, listener, &event);
}

int
main (int argc, char **argv)
{
  struct epoll_event events[256];

  if (argc != 2)
    bench_die ("usage: bench-floor-echo PORT");
  bench_prepare ();
  listen_on (atoi (argv[1]));
  for (;;)
    {
      int count = epoll_wait (poller, events, 256, -1);

      for (int i = 0; i < count; i++)
        if (events[i].data.ptr == NULL)
          accept_all ();
        else
          on_readable (events[i].data.ptr);
    }
}
