/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench-publisher URL FILE: publishes FILE (FLV, H.264 and AAC) over RTMP in a loop, at its own
 * pace, each video frame stamped when it is sent. Says "published" when the stream runs. */
#include "bench-common.h"
#include "bench-flv.h"
#include "bench-rtmp.h"

#include <string.h>
#include <sys/socket.h>

enum
{
  CHUNK = 4096,
};

static void
put (int fd, const guint8 *data, gsize size)
{
  for (gsize at = 0; at < size;)
    {
      ssize_t sent = send (fd, data + at, size - at, MSG_NOSIGNAL);
      if (sent <= 0)
        bench_die ("the server closed the publisher's connection");
      at += (gsize)sent;
    }
}

static void
put_all (int fd, GByteArray *out)
{
  put (fd, out->data, out->len);
  g_byte_array_set_size (out, 0);
}

/* Reads until the bytes of @wanted are seen: enough to walk the few commands. */
static void
expect (int fd, const char *wanted)
{
  static guint8 buffer[65536];
  gsize size = 0;

  while (memmem (buffer, size, wanted, strlen (wanted)) == NULL)
    {
      ssize_t got = recv (fd, buffer + size, sizeof buffer - size, 0);
      if (got <= 0)
        bench_die ("no %s", wanted);
      size += (gsize)got;
      if (memmem (buffer, size, "_error", 6) != NULL || memmem (buffer, size, "BadName", 7) != NULL)
        bench_die ("refused: no %s", wanted);
    }
}

static void
handshake (int fd)
{
  guint8 hello[1 + 2 * BENCH_RTMP_HANDSHAKE] = { 3 };

  put (fd, hello, 1 + BENCH_RTMP_HANDSHAKE);
  if (recv (fd, hello, sizeof hello, MSG_WAITALL) != sizeof hello)
    bench_die ("no handshake");
  put (fd, hello + 1, BENCH_RTMP_HANDSHAKE);
}

static void
begin (int fd, const BenchUrl *url)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  guint8 chunk[4];

  handshake (fd);
  bench_rtmp_append_connect (out, url);
  put_all (fd, out);
  expect (fd, "_result");
  bench_rtmp_append_create (out);
  put_all (fd, out);
  expect (fd, "_result");
  bench_rtmp_append_start (out, "publish", url->stream);
  put_all (fd, out);
  expect (fd, "NetStream.Publish.Start");
  bench_put32 (chunk, CHUNK);
  bench_rtmp_append (out, BENCH_RTMP_CHUNK_SIZE, 0, chunk, 4);
  put_all (fd, out);
}

static void
append_tag (GByteArray *out, const BenchTag *tag, guint64 ms)
{
  guint8 id = tag->type == BENCH_AUDIO ? 4 : tag->type == BENCH_VIDEO ? 6 : 5;
  guint8 head[12] = { id }, next = 0xc0 | id, extended[4];
  gboolean long_time = ms >= 0xffffff;

  bench_put32 (extended, (guint32)ms);
  bench_put24 (head + 1, long_time ? 0xffffff : (guint32)ms);
  bench_put24 (head + 4, tag->size);
  head[7] = tag->type;
  head[8] = 1;
  for (guint32 at = 0; at < tag->size; at += CHUNK)
    {
      if (at == 0)
        g_byte_array_append (out, head, sizeof head);
      else
        g_byte_array_append (out, &next, 1);
      if (long_time)
        g_byte_array_append (out, extended, 4);
      g_byte_array_append (out, tag->data + at, MIN (tag->size - at, CHUNK));
    }
}

static void
publish (int fd, const BenchFlv *flv)
{
  g_autoptr (GByteArray) out = g_byte_array_sized_new (1 << 20);
  guint8 dropped[4096];
  guint32 number = 0;
  gint64 start = bench_now () + 50000000;

  for (guint64 loop = 0;; loop++)
    for (guint i = 0; i < flv->tags->len; i++)
      {
        BenchTag *tag = &g_array_index (flv->tags, BenchTag, i);
        guint64 ms = tag->ms + loop * flv->duration;

        if (tag->config && loop > 0)
          continue;
        bench_sleep_until (start + (gint64)ms * 1000000);
        if (tag->stamped)
          bench_put_stamp (tag->data + BENCH_STAMP_AT, bench_now (), number++);
        append_tag (out, tag, ms);
        put_all (fd, out);
        while (recv (fd, dropped, sizeof dropped, MSG_DONTWAIT) > 0)
          ;
        if (tag->stamped && number == 1)
          bench_say ("published");
      }
}

int
main (int argc, char **argv)
{
  BenchUrl url;
  BenchFlv flv = { NULL };
  int fd;

  if (argc != 3)
    bench_die ("usage: bench-publisher rtmp://address:port/app/stream file.flv");
  bench_url_parse (&url, argv[1]);
  bench_flv_load (&flv, argv[2]);
  bench_prepare ();
  fd = bench_url_connect (&url);
  if (fd < 0)
    bench_die ("cannot connect to %s", argv[1]);
  begin (fd, &url);
  publish (fd, &flv);
  return 0;
}
