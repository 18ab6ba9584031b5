/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-publisher.h"

/* LecternStreamRegistry: name → stream. Signals, on the control thread, each with a LecternStream*:
 * "live" (also on return from away), "away", "ended", "ladder" (its renditions changed), "warning"
 * (see lectern_stream_set_warning). And "wanted" (const char *name, LecternAccessRequest *request,
 * nullable): see lectern_stream_registry_want. */
#define LECTERN_TYPE_STREAM_REGISTRY (lectern_stream_registry_get_type ())
LECTERN_API
G_DECLARE_FINAL_TYPE (LecternStreamRegistry, lectern_stream_registry, LECTERN, STREAM_REGISTRY,
                      GObject)

#define LECTERN_TYPE_STREAM (lectern_stream_get_type ())
LECTERN_API GType lectern_stream_get_type (void);

/* LecternMediaLimits: bytes and microseconds; see [media] for defaults. May change at a reload. */
typedef struct
{
  gint64 grace_us;          /* away → ended */
  gint64 wait_us;           /* how long a viewer waits for a stream that is not live */
  guint max_streams;        /* streams, idle ones with waiting viewers included */
  guint max_waiting;        /* waiting viewers of all streams */
  gsize gop_size;           /* GOP cache of a stream; a larger GOP is dropped whole */
  gsize tape_size;          /* one tape */
  gint64 late_us;           /* a viewer further behind jumps to the newest key frame */
  gint64 stuck_us;          /* a viewer that takes nothing for so long is closed */
  gint64 flush_interval_us; /* 0: at every video frame */
  gboolean flush_stretch;   /* 50, 100, 200 ms by itself on a busy reactor */
} LecternMediaLimits;

/* Thread: control. */
LECTERN_API LecternStreamRegistry *lectern_stream_registry_new (LecternSessions *sessions,
                                                                const LecternMediaLimits *limits);
LECTERN_API void lectern_stream_registry_set_limits (LecternStreamRegistry *self,
                                                     const LecternMediaLimits *limits);
/* Returns: (transfer none): the sessions. Thread: any. */
LECTERN_API LecternSessions *lectern_stream_registry_get_sessions (LecternStreamRegistry *self);

/* Whether @name is "app/name", each part 1 … 128 of [A-Za-z0-9_.~-], not "." or ".."; a rendition
 * is "app/name@word". Thread: any. */
LECTERN_API gboolean lectern_stream_name_is_valid (const char *name);

/* Returns: (transfer full) (nullable): the stream if it is known (any state). Thread: any. */
LECTERN_API LecternStream *lectern_stream_registry_lookup (LecternStreamRegistry *self,
                                                           const char *name);
/* Returns: (transfer full) (element-type LecternStream): a snapshot, by name. Thread: any. */
LECTERN_API GPtrArray *lectern_stream_registry_list (LecternStreamRegistry *self);

/* Begins to publish. The same identity as the present or away publisher's takes over (the old one
 * is told CONFLICT through its lost function); another is refused while the stream is live or away.
 * Without identities only an away stream can be taken. @lost runs in the caller's thread-default
 * context, at most once, never after lectern_publisher_end.
 * Returns: (transfer full). Errors: INVALID_DATA (name), CONFLICT, LIMIT. Thread: any. */
LECTERN_API LecternPublisher *lectern_stream_registry_publish (LecternStreamRegistry *self,
                                                               const char *name,
                                                               LecternIdentity *identity,
                                                               LecternPublisherLostFunc lost,
                                                               gpointer user_data, GError **error);
/* Publishes the rendition @rung of @source, as the stream "app/name@RUNG", on the source's clock:
 * times are taken as they are, but for DTS that does not grow. Nobody else may publish a rendition.
 * Returns: (transfer full). Errors: INVALID_DATA (rung), CONFLICT, LIMIT. Thread: any. */
LECTERN_API LecternPublisher *
lectern_stream_registry_publish_rendition (LecternStreamRegistry *self, LecternStream *source,
                                           const char *rung, LecternPublisherLostFunc lost,
                                           gpointer user_data, GError **error);
/* Ends every stream at once (shutdown). Thread: control. */
LECTERN_API void lectern_stream_registry_end_all (LecternStreamRegistry *self);
/* Ends the named stream: its publisher is told @reason, viewers get everything, then their end.
 * FALSE: no such stream. Thread: any. */
LECTERN_API gboolean lectern_stream_registry_end (LecternStreamRegistry *self, const char *name,
                                                  const GError *reason);

/* Somebody brings streams of @scope, "app" or "app/name", when they are wanted, until _uncarry.
 * Thread: control. */
LECTERN_API void lectern_stream_registry_carry (LecternStreamRegistry *self, const char *scope);
LECTERN_API void lectern_stream_registry_uncarry (LecternStreamRegistry *self, const char *scope);
/* Somebody wishes to see @name, or a rendition of it. If nobody publishes it and somebody brings
 * it, the signal "wanted" follows, once for the wishes of a moment. @request: (nullable): the
 * viewer's. Returns: whether somebody brings it, so that it is worth waiting for. Thread: any. */
LECTERN_API gboolean lectern_stream_registry_want (LecternStreamRegistry *self, const char *name,
                                                   const LecternAccessRequest *request);
/* Counts waiting viewers of all streams, up or down. Errors: LIMIT, when going up. Thread: any. */
gboolean lectern_stream_registry_add_waiting (LecternStreamRegistry *self, int change,
                                              GError **error);
/* Returns: how long a viewer may wait for a stream that is not live, µs. Thread: any. */
LECTERN_API gint64 lectern_stream_registry_get_wait (LecternStreamRegistry *self);
