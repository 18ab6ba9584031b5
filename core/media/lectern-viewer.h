/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-stream-registry.h"
#include "media/lectern-tape-format.h"
#include "net/lectern-connection.h"

/* LecternViewer: a connection and a position on a tape. It sends ready bytes from the tape with
 * lectern_connection_send; the owner keeps the connection's handler and passes on `writable`.
 * Thread: the connection's reactor. */
typedef struct _LecternViewer LecternViewer;

typedef struct
{
  gboolean skip_backlog; /* ?gop=0: begin at the next key frame, not at the newest */
  gboolean no_video;     /* ?video=0 */
  gboolean no_audio;     /* ?audio=0 */
  /* (nullable): takes the bytes instead of the connection, whole messages of the tape in order; to
   * be called until the viewer is freed. Returns how many it took; with less than @length it calls
   * lectern_viewer_writable when it takes more. What precedes the first packet it takes whole. */
  gsize (*sink) (const guint8 *data, gsize length, gpointer sink_data);
  gpointer sink_data;
} LecternViewerOptions;

typedef enum
{
  LECTERN_VIEWER_STARTED, /* first bytes of media are on their way */
  LECTERN_VIEWER_AWAY,    /* the publisher is lost; wait */
  LECTERN_VIEWER_BACK,    /* and returned */
  LECTERN_VIEWER_ENDED,   /* over: all was sent; the last event. @reason: NULL ended in order;
                             TIMED_OUT   stuck, or nobody published in time; LIMIT too many wait;
                             CLOSED
                           */
} LecternViewerEvent;

typedef void (*LecternViewerFunc) (LecternViewer *viewer, LecternViewerEvent event,
                                   const GError *reason, gpointer user_data);

/* Joins @name, live or not yet. @session is ended by the caller. @func may free the owner in ENDED.
 * Returns: (transfer full). Errors: INVALID_DATA (name), LIMIT. */
LECTERN_API LecternViewer *lectern_viewer_new (LecternStreamRegistry *registry, const char *name,
                                               LecternConnection *connection,
                                               const LecternTapeFormat *format,
                                               const LecternViewerOptions *options,
                                               LecternSession *session, LecternViewerFunc func,
                                               gpointer user_data, GError **error);
/* To be called from the handler's `writable`. */
LECTERN_API void lectern_viewer_writable (LecternViewer *self);
/* Sends bytes of the protocol's own (a pong, a ping) between two messages of the tape; at most 4
 * KiB may wait. FALSE: over that. */
LECTERN_API gboolean lectern_viewer_write (LecternViewer *self, const void *data, gsize length);
/* Holds and resumes; resuming jumps to the newest key frame. */
LECTERN_API void lectern_viewer_set_paused (LecternViewer *self, gboolean paused);
/* Whether what was sent so far ends within a message: when the viewer goes now, nothing more of the
 * protocol may follow. */
LECTERN_API gboolean lectern_viewer_is_cut (LecternViewer *self);
LECTERN_API LecternConnection *lectern_viewer_get_connection (LecternViewer *self);
/* Leaves the tape; no event follows. Releases the caller's reference. */
LECTERN_API void lectern_viewer_free (LecternViewer *self);
