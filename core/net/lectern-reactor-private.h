/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-metrics.h"
#include "net/lectern-connection.h"
#include "net/lectern-wake-queue.h"

#include <sys/epoll.h>

#define LECTERN_REACTOR_BATCH 256
#define LECTERN_REACTOR_SCRATCH (64 * 1024)

struct _LecternReactor
{
  GObject parent_instance;

  char *name;
  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  GSource *source;
  gboolean dispatching;
  gboolean ending;
  gint64 now_us; /* when the running dispatch began */

  int epoll_fd;
  gpointer epoll_tag;
  int loop_fd;       /* GLib's wake-up of the context, once it is in the epoll set, else -1 */
  LecternWatch mail; /* the eventfd */
  struct epoll_event batch[LECTERN_REACTOR_BATCH];
  int batch_size;
  int batch_next;
  gboolean fetched; /* the batch came with the waiting */

  GPtrArray *timers; /* a binary heap by due_us */
  LecternWakeQueue mailbox;

  LecternTimer meter;
  gint64 metered_us;
  gint64 metered_cpu_us;
  gint64 worst_lag_us; /* of the running second */
  gint load_permille;  /* atomic */
  gint lag_us;         /* atomic */
  LecternMetric *load_metric;
  LecternMetric *lag_metric;

  guint8 *scratch; /* what a socket's bytes are read into */
  LecternConnection *first_connection;
  gint connections;  /* atomic; also those on their way here */
  GQueue handshakes; /* connections whose TLS handshake has work to do */
  LecternWake handshake_wake;
};

/* Runs the functions of what epoll reports, at most one batch. */
void lectern_reactor_run_watches (LecternReactor *self);
/* Runs the timers that were due when the dispatch began. */
void lectern_reactor_run_timers (LecternReactor *self);
/* Forgets all timers. */
void lectern_reactor_drop_timers (LecternReactor *self);
void lectern_reactor_note_lag (LecternReactor *self, gint64 lag_us);
/* A connection is on its way here, or gone. Thread: any. */
void lectern_reactor_count_connection (LecternReactor *self, gint change);
/* Thread: the reactor's. */
void lectern_connection_close_all (LecternReactor *reactor, const GError *error);
