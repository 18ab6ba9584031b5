/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench-flv.h"
#include "bench-common.h"

#include <string.h>

guint32
bench_get24 (const guint8 *from)
{
  return (guint32)from[0] << 16 | (guint32)from[1] << 8 | from[2];
}

guint32
bench_get32 (const guint8 *from)
{
  return (guint32)from[0] << 24 | bench_get24 (from + 1);
}

void
bench_put24 (guint8 *to, guint32 value)
{
  to[0] = (guint8)(value >> 16);
  to[1] = (guint8)(value >> 8);
  to[2] = (guint8)value;
}

void
bench_put32 (guint8 *to, guint32 value)
{
  to[0] = (guint8)(value >> 24);
  bench_put24 (to + 1, value);
}

static void
put_hex (guint8 *to, guint64 value, int digits)
{
  for (int i = digits - 1; i >= 0; i--, value >>= 4)
    to[i] = (guint8) "0123456789abcdef"[value & 15];
}

static guint64
get_hex (const guint8 *from, int digits)
{
  guint64 value = 0;

  for (int i = 0; i < digits; i++)
    value = value << 4 | (guint64)(from[i] <= '9' ? from[i] - '0' : from[i] - 'a' + 10);
  return value;
}

void
bench_put_stamp (guint8 *digits, gint64 ns, guint32 number)
{
  put_hex (digits, (guint64)ns, 16);
  put_hex (digits + 16, number, 8);
}

gboolean
bench_get_stamp (const guint8 *message, gsize size, gint64 *ns, guint32 *number)
{
  const guint8 *mark = memmem (message, size, BENCH_MARK, 16);

  if (mark == NULL || mark + 16 + BENCH_STAMP_DIGITS > message + size)
    return FALSE;
  *ns = (gint64)get_hex (mark + 16, 16);
  *number = (guint32)get_hex (mark + 32, 8);
  return TRUE;
}

/* Puts the stamp's NAL unit before those of the frame. */
static void
add_stamp (BenchTag *tag)
{
  static const guint8 head[7] = { 0, 0, 0, BENCH_STAMP_NAL - 4, 6, 5, 16 + BENCH_STAMP_DIGITS };
  guint8 *data = g_malloc (tag->size + BENCH_STAMP_NAL);

  memcpy (data, tag->data, 5);
  memcpy (data + 5, head, 7);
  memcpy (data + 12, BENCH_MARK, 16);
  bench_put_stamp (data + BENCH_STAMP_AT, 0, 0);
  data[5 + BENCH_STAMP_NAL - 1] = 0x80;
  memcpy (data + 5 + BENCH_STAMP_NAL, tag->data + 5, tag->size - 5);
  tag->data = data;
  tag->size += BENCH_STAMP_NAL;
  tag->stamped = TRUE;
}

static void
classify (BenchTag *tag)
{
  const guint8 *data = tag->data;

  if (tag->type == BENCH_VIDEO && tag->size > 9 && (data[0] & 15) == 7 && data[1] == 1)
    {
      tag->key = data[0] >> 4 == 1;
      add_stamp (tag);
      return;
    }
  tag->config = tag->type == BENCH_DATA || tag->type == BENCH_VIDEO
                || (tag->size > 1 && data[0] >> 4 == 10 && data[1] == 0);
}

void
bench_flv_load (BenchFlv *self, const char *path)
{
  g_autoptr (GError) error = NULL;
  guint8 *file;
  gsize size;
  guint32 first = G_MAXUINT32, video = 0, step = 33;

  if (!g_file_get_contents (path, (char **)&file, &size, &error))
    bench_die ("%s", error->message);
  if (size < 13 || memcmp (file, "FLV", 3) != 0)
    bench_die ("%s: not an FLV file", path);
  self->tags = g_array_new (FALSE, FALSE, sizeof (BenchTag));
  for (gsize at = 13; at + 11 <= size;)
    {
      BenchTag tag
          = { .type = file[at], .size = bench_get24 (file + at + 1), .data = file + at + 11 };

      tag.ms = bench_get24 (file + at + 4) | (guint32)file[at + 7] << 24;
      at += 15 + tag.size;
      if (at > size)
        break;
      classify (&tag);
      if (tag.stamped && tag.ms > video)
        step = tag.ms - video;
      if (tag.stamped)
        video = tag.ms;
      if (!tag.config)
        {
          first = MIN (first, tag.ms);
          self->bytes += tag.size;
        }
      g_array_append_val (self->tags, tag);
    }
  if (video == 0)
    bench_die ("%s: no H.264 frames", path);
  for (guint i = 0; i < self->tags->len; i++)
    {
      BenchTag *tag = &g_array_index (self->tags, BenchTag, i);
      tag->ms = tag->ms > first ? tag->ms - first : 0;
    }
  self->duration = video - first + step;
}
