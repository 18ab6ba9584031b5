/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench-viewers flv|ws|rtmp|rtsp|rtsp-udp URL: viewers of one live stream on one epoll loop.
 *
 * Obeys one command a line of standard input, and answers each when it is done:
 *
 *   connect COUNT RATE  so many more viewers, RATE a second   → "connected"
 *   run SECONDS         only receives                         → "ran"
 *   stall COUNT         so many viewers stop reading          → "stalled"
 *   window SECONDS      measures  → "window" when it opens, "closed" at its end, then one JSON
 * object
 *
 * It goes on receiving while it waits for a command. Bytes are read and dropped; only message
 * boundaries, stamps and key frames are looked at. */
#include "viewers.h"
#include "bench-flv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define STALL_NS G_GINT64_CONSTANT (1000000000)

BenchUrl viewers_url;

static const ViewerFormat *format;
static GPtrArray *viewers;
static int poller;
static gint64 now;
static gboolean window;
static guint errors;
static BenchHistogram delay, first_key;

void
viewer_drop (Viewer *viewer)
{
  if (viewer->fd < 0)
    return;
  close (viewer->fd);
  viewer->fd = -1;
  for (guint i = 0; i < G_N_ELEMENTS (viewer->ports); i++)
    if (viewer->ports[i].viewer != NULL)
      close (viewer->ports[i].fd);
  errors++;
}

void
viewer_send (Viewer *viewer, const void *data, gsize size)
{
  if (viewer->fd >= 0 && send (viewer->fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
    viewer_drop (viewer);
}

void
viewer_message_keep (Message *message, const guint8 *data, gsize size)
{
  gsize taken = MIN ((gsize)(MESSAGE_HEAD - message->kept), size);

  memcpy (message->head + message->kept, data, taken);
  message->kept += (guint8)taken;
}

static void
on_stamp (Viewer *viewer, gint64 sent, guint32 number)
{
  if (window)
    {
      bench_histogram_add (&delay, now - sent);
      if (viewer->numbered && number > viewer->number + 1)
        viewer->lost += number - viewer->number - 1;
    }
  viewer->number = number;
  viewer->numbered = TRUE;
}

void
viewer_message (Viewer *viewer, const Message *message)
{
  gint64 sent;
  guint32 number;

  if (window)
    viewer->media += message->size;
  if (message->type != BENCH_VIDEO || message->kept < 2 || (message->head[0] & 15) != 7
      || message->head[1] != 1)
    return;
  if (viewer->first_key == 0 && message->head[0] >> 4 == 1)
    {
      viewer->first_key = now;
      bench_histogram_add (&first_key, now - viewer->started);
    }
  if (window)
    {
      viewer->frames++;
      viewer->stalls += viewer->last_frame > 0 && now - viewer->last_frame > STALL_NS;
    }
  viewer->last_frame = now;
  if (bench_get_stamp (message->head, message->kept, &sent, &number))
    on_stamp (viewer, sent, number);
}

/* A pointer to a port in what epoll gives back is marked by its lowest bit. */
static void
watch_port (ViewerPort *port)
{
  struct epoll_event event = { .events = EPOLLIN, .data.u64 = (guint64)(guintptr)port | 1 };

  epoll_ctl (poller, EPOLL_CTL_ADD, port->fd, &event);
}

static int
open_port (guint16 number)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons (number),
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  int size = 1 << 20;
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd >= 0 && bind (fd, (struct sockaddr *)&address, sizeof address) == 0)
    {
      setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
      return fd;
    }
  if (fd >= 0)
    close (fd);
  return -1;
}

guint16
viewer_open_ports (Viewer *viewer, int channel)
{
  static guint16 next = 10000;

  for (guint tries = 0; tries < 20000; tries++)
    {
      guint16 number = next;
      int first = open_port (number), second = open_port (number + 1);

      next = next < 32000 ? next + 2 : 10000;
      if (first >= 0 && second >= 0)
        {
          viewer->ports[channel] = (ViewerPort){ viewer, first, channel };
          viewer->ports[channel + 1] = (ViewerPort){ viewer, second, channel + 1 };
          watch_port (&viewer->ports[channel]);
          watch_port (&viewer->ports[channel + 1]);
          return number;
        }
      if (first >= 0)
        close (first);
      if (second >= 0)
        close (second);
    }
  bench_die ("no ports are left");
}

static void
add_viewer (void)
{
  Viewer *viewer = g_new0 (Viewer, 1);
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = viewer };

  g_ptr_array_add (viewers, viewer);
  viewer->started = bench_now ();
  viewer->fd = bench_url_connect (&viewers_url);
  if (viewer->fd < 0)
    {
      errors++;
      return;
    }
  fcntl (viewer->fd, F_SETFL, O_NONBLOCK);
  epoll_ctl (poller, EPOLL_CTL_ADD, viewer->fd, &event);
  format->begin (viewer);
}

static void
on_readable (Viewer *viewer)
{
  static guint8 buffer[256 << 10];
  ssize_t got = recv (viewer->fd, buffer, sizeof buffer, 0);

  now = bench_now ();
  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (got <= 0)
    {
      viewer_drop (viewer);
      return;
    }
  viewer->bytes += (guint64)got;
  format->feed (viewer, buffer, (gsize)got);
}

enum
{
  DATAGRAMS = 32,
  DATAGRAM_SIZE = 2048,
};

static void
on_datagrams (ViewerPort *port)
{
  static guint8 buffers[DATAGRAMS][DATAGRAM_SIZE];
  struct mmsghdr messages[DATAGRAMS];
  struct iovec parts[DATAGRAMS];
  Viewer *viewer = port->viewer;
  int count;

  memset (messages, 0, sizeof messages);
  for (guint i = 0; i < DATAGRAMS; i++)
    {
      parts[i] = (struct iovec){ buffers[i], DATAGRAM_SIZE };
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  count = recvmmsg (port->fd, messages, DATAGRAMS, MSG_DONTWAIT, NULL);
  now = bench_now ();
  for (int i = 0; i < count; i++)
    {
      viewer->bytes += messages[i].msg_len;
      format->hear (viewer, port->channel, buffers[i], messages[i].msg_len);
    }
}

static void
on_event (guint64 mark)
{
  gpointer source = (gpointer)(guintptr)(mark & ~G_GUINT64_CONSTANT (1));

  if ((mark & 1) == 0)
    {
      if (((Viewer *)source)->fd >= 0)
        on_readable (source);
    }
  else if (((ViewerPort *)source)->viewer->fd >= 0)
    on_datagrams (source);
}

/* Receives until @end. Returns: FALSE when a command waits before. */
static gboolean
receive_until (gint64 end)
{
  struct epoll_event events[256];
  gint64 left;

  while ((left = end - bench_now ()) > 0)
    {
      int count = epoll_wait (poller, events, 256, (int)MIN (left / 1000000 + 1, 3600000));
      gboolean command = FALSE;

      for (int i = 0; i < count; i++)
        {
          if (events[i].data.ptr == NULL)
            command = TRUE;
          else
            on_event (events[i].data.u64);
        }
      if (command)
        return FALSE;
    }
  return TRUE;
}

static void
connect_viewers (int count, double rate)
{
  gint64 start = bench_now ();

  for (int i = 0; i < count; i++)
    {
      add_viewer ();
      receive_until (start + (gint64)((i + 1) * 1e9 / rate));
    }
  bench_say ("connected");
}

/* A small receive buffer makes the stall bite within a second or two. */
static void
stall_viewers (int count)
{
  for (guint i = 0; i < viewers->len && count > 0; i++)
    {
      Viewer *viewer = g_ptr_array_index (viewers, i);
      int size = 4096;

      if (viewer->fd < 0 || viewer->stalled)
        continue;
      setsockopt (viewer->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
      epoll_ctl (poller, EPOLL_CTL_DEL, viewer->fd, NULL);
      viewer->stalled = TRUE;
      count--;
    }
  bench_say ("stalled");
}

static void
reset_window (void)
{
  memset (&delay, 0, sizeof delay);
  for (guint i = 0; i < viewers->len; i++)
    {
      Viewer *viewer = g_ptr_array_index (viewers, i);
      viewer->bytes = 0;
      viewer->media = 0;
      viewer->frames = viewer->lost = viewer->stalls = 0;
    }
}

typedef struct
{
  guint reading, with_key;
  guint64 bytes, media, worst, frames, lost, stalls;
} Sum;

static Sum
sum_viewers (void)
{
  Sum sum = { .worst = G_MAXUINT64 };

  for (guint i = 0; i < viewers->len; i++)
    {
      Viewer *viewer = g_ptr_array_index (viewers, i);

      if (viewer->stalled)
        continue;
      sum.reading += viewer->fd >= 0;
      sum.with_key += viewer->first_key > 0;
      sum.bytes += viewer->bytes;
      sum.media += viewer->media;
      sum.worst = MIN (sum.worst, viewer->media);
      sum.frames += viewer->frames;
      sum.lost += viewer->lost;
      /* who ends the window in silence is stalled too */
      sum.stalls += viewer->stalls + (bench_now () - viewer->last_frame > STALL_NS + 50000000);
    }
  return sum;
}

static void
report (double seconds, double cpu)
{
  g_autoptr (GString) json = g_string_new (NULL);
  Sum sum = sum_viewers ();

  g_string_append_printf (json,
                          "{\"viewers\":%u,\"alive\":%u,\"with_key\":%u,\"errors\":%u,"
                          "\"seconds\":%.4f,\"client_cpu\":%.4f,",
                          viewers->len, sum.reading, sum.with_key, errors, seconds, cpu);
  g_string_append_printf (json,
                          "\"bytes\":%" G_GUINT64_FORMAT ",\"media\":%" G_GUINT64_FORMAT
                          ",\"worst\":%" G_GUINT64_FORMAT ",\"frames\":%" G_GUINT64_FORMAT
                          ",\"lost\":%" G_GUINT64_FORMAT ",\"stalls\":%" G_GUINT64_FORMAT ",",
                          sum.bytes, sum.media, sum.worst, sum.frames, sum.lost, sum.stalls);
  bench_histogram_append (&delay, "delay_ms", json);
  g_string_append_c (json, ',');
  bench_histogram_append (&first_key, "first_key_ms", json);
  g_string_append_c (json, '}');
  bench_say (json->str);
}

static void
measure (double seconds)
{
  gint64 start;
  double cpu;

  reset_window ();
  bench_say ("window");
  cpu = bench_cpu_seconds ();
  start = bench_now ();
  window = TRUE;
  receive_until (start + (gint64)(seconds * 1e9));
  window = FALSE;
  cpu = bench_cpu_seconds () - cpu;
  seconds = (double)(bench_now () - start) / 1e9;
  bench_say ("closed");
  report (seconds, cpu);
}

/* Returns: FALSE at the end of input. The harness sends the next command after the answer to the
 * last, so a read is a line. */
static gboolean
obey (void)
{
  char line[128];
  ssize_t size = read (STDIN_FILENO, line, sizeof line - 1);
  g_auto (GStrv) words = NULL;
  guint count;

  if (size <= 0)
    return FALSE;
  line[size] = '\0';
  words = g_strsplit (g_strstrip (line), " ", 4);
  count = g_strv_length (words);
  if (count == 3 && g_str_equal (words[0], "connect"))
    connect_viewers (atoi (words[1]), g_ascii_strtod (words[2], NULL));
  else if (count == 2 && g_str_equal (words[0], "stall"))
    stall_viewers (atoi (words[1]));
  else if (count == 2 && g_str_equal (words[0], "window"))
    measure (g_ascii_strtod (words[1], NULL));
  else if (count == 2 && g_str_equal (words[0], "run"))
    {
      receive_until (bench_now () + (gint64)(g_ascii_strtod (words[1], NULL) * 1e9));
      bench_say ("ran");
    }
  else
    bench_die ("unknown command: %s", line);
  return TRUE;
}

int
main (int argc, char **argv)
{
  const ViewerFormat *formats[] = { &viewer_format_flv, &viewer_format_ws, &viewer_format_rtmp,
                                    &viewer_format_rtsp, &viewer_format_rtsp_udp };
  struct epoll_event event = { .events = EPOLLIN };

  for (guint i = 0; argc == 3 && i < G_N_ELEMENTS (formats); i++)
    if (g_str_equal (argv[1], formats[i]->name))
      format = formats[i];
  if (format == NULL)
    bench_die ("usage: bench-viewers flv|ws|rtmp|rtsp|rtsp-udp URL");
  bench_url_parse (&viewers_url, argv[2]);
  bench_prepare ();
  viewers = g_ptr_array_new ();
  poller = epoll_create1 (EPOLL_CLOEXEC);
  epoll_ctl (poller, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  do
    while (receive_until (bench_now () + 3600 * STALL_NS))
      ;
  while (obey ());
  return 0;
}
