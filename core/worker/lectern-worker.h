/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-json.h"
#include "media/lectern-packet.h"
#include "net/lectern-reactor.h"

/* LecternWorkers: starts `lectern-worker` children, one for each job, and looks after them: a child
 * that crashes, or says nothing for five seconds, is killed and started anew after 1, 2, 4 … 60 s,
 * the first time at once if it had been ready; one that fails five times in a row without working
 * for a minute in between is given up. One for the server. Thread: any, unless said otherwise. */
typedef struct _LecternWorkers LecternWorkers;

/* Returns: (transfer full): the jobs that run, as objects for people and their tools. Thread: any.
 */
LECTERN_API JsonArray *lectern_workers_describe (LecternWorkers *self);

/* LecternWorker: one job, over as many children as it takes. Thread: its reactor's. */
typedef struct _LecternWorker LecternWorker;

/* What a job hears, on its reactor; each may be NULL. Any of them may free the worker. */
typedef struct
{
  /* A child is ready: give it tracks and packets from the newest key frame on. It knows nothing of
   * what an earlier child was given. */
  void (*ready) (LecternWorker *worker, gpointer user_data);
  /* Lane @lane begins or changes its codec. */
  void (*track) (LecternWorker *worker, guint lane, LecternTrack *track, gpointer user_data);
  void (*packet) (LecternWorker *worker, guint lane, LecternPacket *packet, gpointer user_data);
  void (*message) (LecternWorker *worker, JsonObject *message, gpointer user_data);
  /* The child is gone and another follows; @error: what happened. */
  void (*lost) (LecternWorker *worker, const GError *error, gpointer user_data);
  /* The job is over: done (@error NULL), refused, or given up, which is in the log already.
   * Nothing follows; the worker is still to be freed. */
  void (*ended) (LecternWorker *worker, const GError *error, gpointer user_data);
} LecternWorkerEvents;

/* What is to be done, and what the child may touch. */
typedef struct
{
  const char *job;        /* "testcard", "transcode", "finish", … */
  const char *title;      /* for the log: "transcode live/physics" */
  JsonObject *parameters; /* (nullable): the job's; at most 64 KiB as text */
  gsize max_queue;        /* bytes that wait for the child; 0: 16 MiB */
  const char *read_path;  /* (nullable): a file or folder it may read */
  const char *write_path; /* (nullable): a folder it may write */
  gboolean once;          /* a child that fails ends the job: no other is started */
  gboolean patient;       /* may be silent for ten minutes, not five seconds: works on files */
  gboolean network;       /* may make sockets for TCP and UDP; names it cannot resolve */
} LecternWorkerSpec;

/* Begins a job on @reactor, the caller's own. @spec is copied; @events is not. No event comes
 * before this has returned. Returns: (transfer full). Errors come through `ended`. */
LECTERN_API LecternWorker *
lectern_worker_new (LecternWorkers *workers, const LecternWorkerSpec *spec, LecternReactor *reactor,
                    const LecternWorkerEvents *events, gpointer user_data);
/* No call follows; a child that is still there is told to stop and killed if it does not. */
LECTERN_API void lectern_worker_free (LecternWorker *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternWorker, lectern_worker_free)

/* Each of these does nothing while no child is ready, and returns FALSE.
 * FALSE otherwise: the queue is full, and what was given is dropped; what follows of a lane's video
 * is dropped too, up to a key frame that fits. */
LECTERN_API gboolean lectern_worker_send_track (LecternWorker *self, guint lane,
                                                LecternTrack *track);
LECTERN_API gboolean lectern_worker_send_packet (LecternWorker *self, guint lane,
                                                 LecternPacket *packet);
LECTERN_API gboolean lectern_worker_send_message (LecternWorker *self, JsonObject *message);
/* Nothing more is given: the child works off what it has, and the job is then over; a failure ends
 * it too. */
LECTERN_API void lectern_worker_finish (LecternWorker *self);
/* Returns: the child's process id, 0 without one. */
LECTERN_API int lectern_worker_get_pid (LecternWorker *self);
