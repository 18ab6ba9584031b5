/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

/* LecternReactor: one thread with a main context whose only descriptor is an epoll set, so that
 * GLib sources work in it while ten thousand sockets cost nothing to wait for. The context is the
 * thread's default. */
#define LECTERN_TYPE_REACTOR (lectern_reactor_get_type ())
LECTERN_API
G_DECLARE_FINAL_TYPE (LecternReactor, lectern_reactor, LECTERN, REACTOR, GObject)

/* Starts the thread. Errors: FAILED, LIMIT. Thread: control. */
LECTERN_API LecternReactor *lectern_reactor_new (const char *name, GError **error);
/* Runs what is posted, ends the thread and waits for it. Idempotent. Thread: control. */
LECTERN_API void lectern_reactor_stop (LecternReactor *self);
/* Returns: whether the calling thread is this reactor's. Thread: any. */
LECTERN_API gboolean lectern_reactor_is_current (LecternReactor *self);
/* Returns: (nullable): the calling thread's reactor. Thread: any. */
LECTERN_API LecternReactor *lectern_reactor_get_current (void);
/* Returns: (transfer none). Thread: any. */
LECTERN_API GMainContext *lectern_reactor_get_context (LecternReactor *self);
/* Returns: 0.0 … 1.0, the thread's share of a core over the last second. Thread: any. */
LECTERN_API double lectern_reactor_get_load (LecternReactor *self);
/* Returns: how late, in µs, the last second's latest timer or wake-up ran. Thread: any. */
LECTERN_API gint64 lectern_reactor_get_lag (LecternReactor *self);
/* Returns: connections that belong to it now. Thread: any. */
LECTERN_API guint lectern_reactor_get_connections (LecternReactor *self);

/* LecternWatch: a descriptor in the epoll set; embed it in the owner. The function may unwatch and
 * free anything, its own watch too. */
typedef struct _LecternWatch LecternWatch;
typedef void (*LecternWatchFunc) (LecternWatch *watch, guint32 events);
struct _LecternWatch
{
  LecternWatchFunc func;
  int fd;
  /*< private >*/
  LecternReactor *reactor; /* NULL: not watched */
};
/* @events: EPOLLIN, EPOLLOUT, …, level-triggered. Errors: LIMIT, FAILED. Thread: the reactor's. */
LECTERN_API gboolean lectern_watch_start (LecternWatch *self, LecternReactor *reactor, int fd,
                                          guint32 events, LecternWatchFunc func, GError **error);
LECTERN_API void lectern_watch_set_events (LecternWatch *self, guint32 events);
LECTERN_API void lectern_watch_stop (LecternWatch *self);

/* LecternTimer: one-shot, embedded in its owner, O(log n) of the reactor's timers, no allocation.
 */
typedef struct _LecternTimer LecternTimer;
typedef void (*LecternTimerFunc) (LecternTimer *timer);
struct _LecternTimer
{
  LecternTimerFunc func;
  /*< private >*/
  LecternReactor *reactor; /* NULL: not running */
  gint64 due_us;
  guint index;
};
/* Restarts a running timer. The function runs once, with the timer already stopped; it may start it
 * again or free its owner. Thread: the reactor's. */
LECTERN_API void lectern_timer_start (LecternTimer *self, LecternReactor *reactor, gint64 delay_us,
                                      LecternTimerFunc func);
LECTERN_API void lectern_timer_stop (LecternTimer *self);

/* Runs @func (@data) once on the reactor, after the current batch; in order; @func then owns @data.
 * After lectern_reactor_stop it is dropped and @free_data is called instead. Thread: any. */
typedef void (*LecternPostFunc) (gpointer data);
LECTERN_API void lectern_reactor_post (LecternReactor *self, LecternPostFunc func, gpointer data,
                                       GDestroyNotify free_data);

/* LecternWake: a coalesced wake-up, embedded in its owner, no allocation: many sends before the
 * function runs are one run. The owner must outlive a pending wake: hold a reference until
 * the function has run, which takes the reference back. */
typedef struct _LecternWake LecternWake;
typedef void (*LecternWakeFunc) (LecternWake *wake);
struct _LecternWake
{
  LecternWakeFunc func;
  /*< private >*/
  LecternWake *next;
  gint pending;
};
/* Returns: TRUE when it was not pending before and will run; FALSE also after lectern_reactor_stop.
 * Thread: any. */
LECTERN_API gboolean lectern_reactor_wake (LecternReactor *self, LecternWake *wake);

/* LecternReactorPool: the reactors of the server. */
typedef struct _LecternReactorPool LecternReactorPool;
/* @threads 0: one per core this process may use. Thread: control. */
LECTERN_API LecternReactorPool *lectern_reactor_pool_new (guint threads, GError **error);
LECTERN_API LecternReactorPool *lectern_reactor_pool_ref (LecternReactorPool *self);
LECTERN_API void lectern_reactor_pool_unref (LecternReactorPool *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternReactorPool, lectern_reactor_pool_unref)
/* Stops every reactor. Thread: control. */
LECTERN_API void lectern_reactor_pool_stop (LecternReactorPool *self);
LECTERN_API guint lectern_reactor_pool_get_size (LecternReactorPool *self);
LECTERN_API LecternReactor *lectern_reactor_pool_get (LecternReactorPool *self, guint index);
/* Returns: the one with the fewest connections. Thread: any. */
LECTERN_API LecternReactor *lectern_reactor_pool_pick (LecternReactorPool *self);
