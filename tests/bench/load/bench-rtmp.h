/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bench-common.h"

/* The few RTMP messages that publisher, viewers and floor exchange. Outgoing chunks are of 128
 * bytes, the size both ends begin with. */
enum
{
  BENCH_RTMP_HANDSHAKE = 1536,
  BENCH_RTMP_CHUNK_SIZE = 1,
  BENCH_RTMP_ACKNOWLEDGEMENT = 3,
  BENCH_RTMP_USER_CONTROL = 4,
  BENCH_RTMP_WINDOW_SIZE = 5,
  BENCH_RTMP_COMMAND = 20,
};

void bench_rtmp_append (GByteArray *out, guint8 type, guint32 stream, const guint8 *body,
                        gsize size);
void bench_rtmp_append_connect (GByteArray *out, const BenchUrl *url);
void bench_rtmp_append_create (GByteArray *out);
/* @verb: "play" or "publish" */
void bench_rtmp_append_start (GByteArray *out, const char *verb, const char *stream);
/* "_result" of transaction @id, with a null and the number 1. */
void bench_rtmp_append_result (GByteArray *out, double id);
