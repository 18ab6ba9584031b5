/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench-floor flv|ws|rtmp|rtsp|rtsp-udp PORT FLUSH SLOTS FILE: the least work a server can do to
 * send a live stream to many.
 *
 * There is no ingest and nothing is done for a viewer but the call: the bytes lie ready in one
 * buffer, and at each flush point what fell due goes to each viewer with one send. FLUSH is "frame"
 * (one send a video frame, with the audio before it) or an interval in ms; then viewers are spread
 * over SLOTS parts of it. A frame's stamp is the moment it fell due, so the delay that viewers see
 * contains the waiting. A new viewer gets the headers and everything from the last key frame. */
#include "floor.h"
#include "bench-common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct
{
  BenchTag *tag;
  guint64 start, end; /* in the body */
  gsize shift;        /* of the message's own header: after a WebSocket header */
} Entry;

static const FloorFormat *format;
static guint8 *body; /* one loop of the stream */
static guint64 body_size, head, key;
static GArray *entries;
static GByteArray *beginning;
static GPtrArray *viewers;
static int poller, listener;

static void
leave (FloorViewer *viewer)
{
  if (viewer->fd >= 0)
    close (viewer->fd);
  viewer->fd = -1;
  viewer->live = FALSE;
}

void
floor_send (FloorViewer *viewer, const void *data, gsize size)
{
  if (send (viewer->fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
    leave (viewer);
}

static void
set_blocked (FloorViewer *viewer, gboolean blocked)
{
  struct epoll_event event
      = { .events = blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = viewer };

  viewer->blocked = blocked;
  epoll_ctl (poller, EPOLL_CTL_MOD, viewer->fd, &event);
}

/* Sends up to the head, in two calls where the body wraps. */
static void
push (FloorViewer *viewer)
{
  while (viewer->live && !viewer->blocked && viewer->from < head)
    {
      guint64 at = viewer->from % body_size;
      gsize size = MIN (head - viewer->from, body_size - at);
      ssize_t sent = format->send != NULL
                         ? (ssize_t)format->send (viewer, body + at, size)
                         : send (viewer->fd, body + at, size, MSG_NOSIGNAL | MSG_DONTWAIT);

      if (sent > 0)
        viewer->from += (guint64)sent;
      else if (sent < 0 && errno == EAGAIN)
        set_blocked (viewer, TRUE);
      else
        leave (viewer);
    }
}

static void
push_slot (guint slot)
{
  for (guint i = 0; i < viewers->len; i++)
    {
      FloorViewer *viewer = g_ptr_array_index (viewers, i);
      if (viewer->live && viewer->slot == slot)
        push (viewer);
    }
}

static void
accept_all (guint slots)
{
  int one = 1, fd;

  while ((fd = accept4 (listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
    {
      FloorViewer *viewer = g_new0 (FloorViewer, 1);
      struct epoll_event event = { .events = EPOLLIN, .data.ptr = viewer };

      viewer->fd = fd;
      viewer->slot = viewers->len % slots;
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      epoll_ctl (poller, EPOLL_CTL_ADD, fd, &event);
      g_ptr_array_add (viewers, viewer);
    }
}

static void
on_readable (FloorViewer *viewer)
{
  guint8 data[8192];
  ssize_t size = recv (viewer->fd, data, sizeof data, MSG_DONTWAIT);

  if (size == 0 || (size < 0 && errno != EAGAIN))
    leave (viewer);
  if (size <= 0 || viewer->live || !format->answer (viewer, data, (gsize)size))
    return;
  floor_send (viewer, beginning->data, beginning->len);
  viewer->from = key;
  viewer->live = viewer->fd >= 0;
  push (viewer);
}

static void
on_event (FloorViewer *viewer, guint32 events)
{
  if (viewer->fd >= 0 && events & EPOLLOUT && viewer->blocked)
    {
      set_blocked (viewer, FALSE);
      push (viewer);
    }
  if (viewer->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
    on_readable (viewer);
}

static void
make_body (const char *path, BenchFlv *flv)
{
  bench_flv_load (flv, path);
  beginning = g_byte_array_new ();
  format->begin (beginning, flv->tags);
  entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  body = g_malloc (flv->bytes + flv->tags->len * format->overhead);
  for (guint i = 0; i < flv->tags->len; i++)
    {
      BenchTag *tag = &g_array_index (flv->tags, BenchTag, i);
      Entry entry = { .tag = tag, .start = body_size };

      if (tag->config)
        continue;
      body_size += format->put (body + body_size, tag);
      entry.end = body_size;
      if (format == &floor_format_ws)
        entry.shift = entry.end - entry.start - tag->size - 15;
      g_array_append_val (entries, entry);
    }
}

/* Sets a message's time and stamp in place. */
static void
touch (const Entry *entry, guint64 ms, gint64 due)
{
  static guint32 number;
  guint8 *at = body + entry->start + entry->shift;

  if (format->time_at > 0)
    bench_put24 (at + format->time_at, (guint32)ms & 0xffffff);
  if (format == &floor_format_flv || format == &floor_format_ws)
    at[format->time_at + 3] = (guint8)(ms >> 24);
  if (entry->tag->stamped)
    bench_put_stamp (at + format->stamp_at, due, number++);
}

static void
listen_on (int port)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons ((guint16)port),
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  struct epoll_event event = { .events = EPOLLIN };
  int one = 1;

  listener = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt (listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind (listener, (struct sockaddr *)&address, sizeof address) < 0
      || listen (listener, 4096) < 0)
    bench_die ("port %d: %s", port, g_strerror (errno));
  poller = epoll_create1 (EPOLL_CLOEXEC);
  epoll_ctl (poller, EPOLL_CTL_ADD, listener, &event);
}

static void
handle_events (gint64 until, guint slots)
{
  struct epoll_event events[256];
  gint64 left = until - bench_now ();
  int count = epoll_wait (poller, events, 256, left <= 0 ? 0 : (int)((left + 999999) / 1000000));

  for (int i = 0; i < count; i++)
    if (events[i].data.ptr == NULL)
      accept_all (slots);
    else
      on_event (events[i].data.ptr, events[i].events);
}

/* Lets messages fall due, and pushes after each video frame if @per_frame. Returns: when the next
 * one is due. */
static gint64
advance (const BenchFlv *flv, gint64 start, gboolean per_frame)
{
  static guint next;
  static guint64 loop;

  for (;;)
    {
      const Entry *entry = &g_array_index (entries, Entry, next);
      guint64 ms = entry->tag->ms + loop * flv->duration;
      gint64 due = start + (gint64)ms * 1000000;

      if (due > bench_now ())
        return due;
      touch (entry, ms, due);
      if (entry->tag->key)
        key = entry->start + loop * body_size;
      head = entry->end + loop * body_size;
      if (++next == entries->len)
        {
          next = 0;
          loop++;
        }
      if (per_frame && entry->tag->type == BENCH_VIDEO)
        push_slot (0);
    }
}

static void
serve (const BenchFlv *flv, gint64 interval, guint slots)
{
  gint64 start = bench_now (), due = start, next = start, part = interval / slots;
  guint slot = 0;

  for (;;)
    {
      gint64 now = bench_now ();

      if (now >= due)
        next = advance (flv, start, interval == 0);
      for (; interval > 0 && due <= now; due += part)
        push_slot (slot++ % slots);
      if (interval == 0)
        due = next;
      handle_events (due, slots);
    }
}

int
main (int argc, char **argv)
{
  const FloorFormat *formats[] = { &floor_format_flv, &floor_format_ws, &floor_format_rtmp,
                                   &floor_format_rtsp, &floor_format_rtsp_udp };
  BenchFlv flv = { NULL };
  gint64 interval = 0;
  guint slots = 1;

  for (guint i = 0; argc == 6 && i < G_N_ELEMENTS (formats); i++)
    if (g_str_equal (argv[1], formats[i]->name))
      format = formats[i];
  if (format == NULL)
    bench_die ("usage: bench-floor flv|ws|rtmp|rtsp|rtsp-udp PORT frame|MILLISECONDS SLOTS FILE");
  if (!g_str_equal (argv[3], "frame"))
    {
      interval = atoi (argv[3]) * G_GINT64_CONSTANT (1000000);
      slots = (guint)CLAMP (atoi (argv[4]), 1, 1000);
    }
  bench_prepare ();
  make_body (argv[5], &flv);
  viewers = g_ptr_array_new ();
  listen_on (atoi (argv[2]));
  serve (&flv, interval, slots);
  return 0;
}
