/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* The test stream, an FLV file in memory, with room for a stamp in every coded video frame.
 *
 * The stamp is the frame's first NAL unit, an SEI message "user data unregistered": a mark of 16
 * bytes, then 16 hex digits of CLOCK_MONOTONIC ns (when the frame was published) and 8 of a frame
 * number. Hex digits need no emulation prevention, so the stream stays decodable. Whatever a server
 * does to container and time stamps, a viewer can tell delay and lost frames from it. */
#define BENCH_MARK "LecternBenchSEI1"
enum
{
  BENCH_STAMP_DIGITS = 24,
  BENCH_STAMP_NAL = 4 + 3 + 16 + BENCH_STAMP_DIGITS + 1,
  BENCH_STAMP_AT = 5 + 4 + 3 + 16, /* of the digits, in the message */
};

enum
{
  BENCH_AUDIO = 8,
  BENCH_VIDEO = 9,
  BENCH_DATA = 18,
};

typedef struct
{
  guint8 type;
  gboolean config; /* metadata or codec header: sent once */
  gboolean key;
  gboolean stamped;
  guint32 ms; /* from 0 */
  guint32 size;
  guint8 *data;
} BenchTag;

typedef struct
{
  GArray *tags;
  guint32 duration; /* ms of one loop */
  guint64 bytes;    /* of the messages of one loop, without config */
} BenchFlv;

void bench_flv_load (BenchFlv *self, const char *path);

void bench_put_stamp (guint8 *digits, gint64 ns, guint32 number);
/* Finds the stamp in the first bytes of a video message. */
gboolean bench_get_stamp (const guint8 *message, gsize size, gint64 *ns, guint32 *number);

guint32 bench_get24 (const guint8 *from);
guint32 bench_get32 (const guint8 *from);
void bench_put24 (guint8 *to, guint32 value);
void bench_put32 (guint8 *to, guint32 value);
