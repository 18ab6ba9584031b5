/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench-common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

gint64
bench_now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (gint64)t.tv_sec * 1000000000 + t.tv_nsec;
}

void
bench_sleep_until (gint64 ns)
{
  struct timespec t = { ns / 1000000000, ns % 1000000000 };

  while (clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
    ;
}

void
bench_die (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fputc ('\n', stderr);
  exit (1);
}

double
bench_cpu_seconds (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void
bench_prepare (void)
{
  struct rlimit limit;

  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
  signal (SIGPIPE, SIG_IGN);
}

void
bench_say (const char *line)
{
  puts (line);
  fflush (stdout);
}

void
bench_histogram_add (BenchHistogram *self, gint64 ns)
{
  self->steps[CLAMP (ns / 100000, 0, BENCH_HISTOGRAM_STEPS)]++;
  self->count++;
}

double
bench_histogram_get (const BenchHistogram *self, double quantile)
{
  guint64 wanted = (guint64)(quantile * (double)self->count), seen = 0;

  if (self->count == 0)
    return -1;
  wanted = MIN (wanted, self->count - 1);
  for (int i = 0; i <= BENCH_HISTOGRAM_STEPS; i++)
    {
      seen += self->steps[i];
      if (seen > wanted)
        return (i + 0.5) / 10;
    }
  return -1;
}

void
bench_histogram_append (const BenchHistogram *self, const char *name, GString *json)
{
  g_string_append_printf (json, "\"%s\":[%.2f,%.2f,%.2f,%.2f]", name,
                          bench_histogram_get (self, 0.5), bench_histogram_get (self, 0.95),
                          bench_histogram_get (self, 0.99), bench_histogram_get (self, 1));
}

void
bench_url_parse (BenchUrl *self, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_NONE, &error);
  const char *slash;

  if (uri == NULL)
    bench_die ("%s: %s", text, error->message);
  self->host = g_strdup (g_uri_get_host (uri));
  self->port = g_uri_get_port (uri);
  self->path = g_strdup (g_uri_get_path (uri));
  slash = strrchr (self->path, '/');
  if (self->host == NULL || self->port <= 0 || slash == NULL)
    bench_die ("%s: want scheme://address:port/app/stream", text);
  self->app = slash > self->path ? g_strndup (self->path + 1, (gsize)(slash - self->path - 1))
                                 : g_strdup ("");
  self->stream = g_strdup (slash + 1);
}

int
bench_url_connect (const BenchUrl *self)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons ((guint16)self->port) };
  int one = 1;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (inet_pton (AF_INET, self->host, &address.sin_addr) != 1)
    bench_die ("%s: want a numeric IPv4 address", self->host);
  if (fd < 0)
    return -1;
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect (fd, (struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  close (fd);
  return -1;
}
