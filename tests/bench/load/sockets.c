/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench-sockets URL IDLE ACTIVE RATE SECONDS: IDLE WebSockets that only answer pings, and ACTIVE
 * ones that together send RATE messages of 100 bytes a second to a server that echoes them. Says
 * "connected", "window" and "closed" like bench-viewers, then one JSON object. */
#include "bench-common.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum
{
  MESSAGE = 100,
  INPUT = 2048,
  OP_TEXT = 1,
  OP_PING = 9,
  OP_PONG = 10,
  CONNECTS_PER_SECOND = 1500,
};

typedef struct
{
  int fd; /* -1: gone */
  gboolean open;
  gsize size;
  guint8 input[INPUT];
} Socket;

static BenchUrl url;
static GPtrArray *sockets;
static int poller;
static guint open_sockets, errors;
static gboolean window;
static guint64 sent, echoed;
static BenchHistogram trip;

static void
drop (Socket *socket)
{
  if (socket->fd < 0)
    return;
  close (socket->fd);
  socket->fd = -1;
  open_sockets -= socket->open;
  errors++;
}

/* A masked frame; the mask is zero, so that the payload stands as it is. */
static void
send_frame (Socket *socket, guint8 opcode, const void *payload, guint8 size)
{
  guint8 frame[6 + 125] = { 0x80 | opcode, 0x80 | size };

  memcpy (frame + 6, payload, size);
  if (socket->fd >= 0 && send (socket->fd, frame, 6u + size, MSG_NOSIGNAL) != 6 + size)
    drop (socket);
}

static void
on_frame (Socket *socket, guint8 opcode, const guint8 *payload, guint8 size)
{
  gint64 when;

  if (opcode == OP_PING)
    send_frame (socket, OP_PONG, payload, size);
  if (opcode != OP_TEXT || size != MESSAGE)
    return;
  when = g_ascii_strtoll ((const char *)payload, NULL, 10);
  echoed++;
  if (window)
    bench_histogram_add (&trip, bench_now () - when);
}

static void
consume (Socket *socket, gsize size)
{
  socket->size -= size;
  memmove (socket->input, socket->input + size, socket->size);
}

static void
on_input (Socket *socket)
{
  if (!socket->open)
    {
      guint8 *end = memmem (socket->input, socket->size, "\r\n\r\n", 4);

      if (end == NULL)
        return;
      if (memcmp (socket->input + 8, " 101", 4) != 0)
        {
          drop (socket);
          return;
        }
      socket->open = TRUE;
      open_sockets++;
      consume (socket, (gsize)(end + 4 - socket->input));
    }
  while (socket->fd >= 0 && socket->size >= 2 && socket->size >= 2u + socket->input[1])
    {
      guint8 size = socket->input[1];

      on_frame (socket, socket->input[0] & 15, socket->input + 2, size);
      consume (socket, 2u + size);
    }
}

static void
on_readable (Socket *socket)
{
  ssize_t got = recv (socket->fd, socket->input + socket->size, INPUT - socket->size, 0);

  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (got <= 0)
    {
      drop (socket);
      return;
    }
  socket->size += (gsize)got;
  on_input (socket);
}

static void
receive_until (gint64 end)
{
  struct epoll_event events[256];

  do
    {
      gint64 left = end - bench_now ();
      struct timespec wait = { MAX (left, 0) / 1000000000, MAX (left, 0) % 1000000000 };
      int count = epoll_pwait2 (poller, events, 256, &wait, NULL);

      for (int i = 0; i < count; i++)
        if (((Socket *)events[i].data.ptr)->fd >= 0)
          on_readable (events[i].data.ptr);
    }
  while (bench_now () < end);
}

static void
add_socket (void)
{
  Socket *socket = g_new0 (Socket, 1);
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = socket };
  g_autofree char *request
      = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                         url.path, url.host, url.port);

  g_ptr_array_add (sockets, socket);
  socket->fd = bench_url_connect (&url);
  if (socket->fd < 0)
    {
      errors++;
      return;
    }
  fcntl (socket->fd, F_SETFL, O_NONBLOCK);
  epoll_ctl (poller, EPOLL_CTL_ADD, socket->fd, &event);
  if (send (socket->fd, request, strlen (request), MSG_NOSIGNAL) != (ssize_t)strlen (request))
    drop (socket);
}

static void
send_messages (guint active, double rate, double seconds)
{
  gint64 start = bench_now ();
  guint64 count = (guint64)(rate * seconds);

  for (guint64 i = 0; i < count; i++)
    {
      Socket *socket = g_ptr_array_index (sockets, i % active);
      char text[MESSAGE] = "";

      receive_until (start + (gint64)((double)i * 1e9 / rate));
      memset (text, '.', MESSAGE);
      g_snprintf (text, MESSAGE, "%" G_GINT64_FORMAT " ", bench_now ());
      text[strlen (text)] = '.';
      if (socket->open && socket->fd >= 0)
        {
          send_frame (socket, OP_TEXT, text, MESSAGE);
          sent++;
        }
    }
}

static void
report (guint idle, guint active, double seconds, double cpu)
{
  g_autoptr (GString) json = g_string_new (NULL);

  g_string_append_printf (json,
                          "{\"idle\":%u,\"active\":%u,\"open\":%u,\"errors\":%u,"
                          "\"seconds\":%.4f,\"client_cpu\":%.4f,\"sent\":%" G_GUINT64_FORMAT
                          ",\"lost\":%" G_GUINT64_FORMAT ",",
                          idle, active, open_sockets, errors, seconds, cpu, sent, sent - echoed);
  bench_histogram_append (&trip, "trip_ms", json);
  g_string_append_c (json, '}');
  bench_say (json->str);
}

int
main (int argc, char **argv)
{
  guint idle, active;
  double rate, seconds, cpu;
  gint64 start;

  if (argc != 6)
    bench_die ("usage: bench-sockets URL IDLE ACTIVE RATE SECONDS");
  bench_url_parse (&url, argv[1]);
  idle = (guint)atoi (argv[2]);
  active = (guint)MAX (1, atoi (argv[3]));
  rate = g_ascii_strtod (argv[4], NULL);
  seconds = g_ascii_strtod (argv[5], NULL);
  bench_prepare ();
  sockets = g_ptr_array_new ();
  poller = epoll_create1 (EPOLL_CLOEXEC);
  start = bench_now ();
  for (guint i = 0; i < active + idle; i++)
    {
      add_socket ();
      receive_until (start + (gint64)(i * 1e9 / CONNECTS_PER_SECOND));
    }
  receive_until (bench_now () + 2 * G_GINT64_CONSTANT (1000000000));
  bench_say ("connected");
  bench_say ("window");
  window = TRUE;
  cpu = bench_cpu_seconds ();
  start = bench_now ();
  send_messages (active, rate, seconds);
  cpu = bench_cpu_seconds () - cpu;
  seconds = (double)(bench_now () - start) / 1e9;
  bench_say ("closed");
  receive_until (bench_now () + G_GINT64_CONSTANT (1000000000));
  report (idle, active, seconds, cpu);
  return 0;
}
