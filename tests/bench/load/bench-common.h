/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What every load program needs: a clock, percentiles, addresses, a way to give up. */

/* CLOCK_MONOTONIC, ns: one clock for publisher and viewers. */
gint64 bench_now (void);
void bench_sleep_until (gint64 ns);
void bench_die (const char *format, ...) G_GNUC_PRINTF (1, 2) G_GNUC_NORETURN;
/* CPU seconds of this process so far. */
double bench_cpu_seconds (void);
/* As many descriptors as are allowed, and no SIGPIPE. */
void bench_prepare (void);
/* One line to the harness, at once. */
void bench_say (const char *line);

/* BenchHistogram: durations in steps of 0.1 ms up to 20 s. */
enum
{
  BENCH_HISTOGRAM_STEPS = 200000,
};
typedef struct
{
  guint32 steps[BENCH_HISTOGRAM_STEPS + 1];
  guint64 count;
} BenchHistogram;
void bench_histogram_add (BenchHistogram *self, gint64 ns);
/* Returns: the @quantile in ms, -1 when empty. */
double bench_histogram_get (const BenchHistogram *self, double quantile);
/* Appends "\"name\":[p50,p95,p99,max]". */
void bench_histogram_append (const BenchHistogram *self, const char *name, GString *json);

/* BenchUrl: scheme://IPv4:port/app/stream.ext */
typedef struct
{
  char *host;
  int port;
  char *path;   /* "/app/stream.ext" */
  char *app;    /* "app" */
  char *stream; /* "stream.ext" */
} BenchUrl;
void bench_url_parse (BenchUrl *self, const char *text);
/* Returns: a connected, blocking socket without Nagle's delay, or -1. */
int bench_url_connect (const BenchUrl *self);
