/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access/lectern-access.h"

typedef enum
{
  LECTERN_SESSION_CONNECT, /* a protocol with a connection step of its own (RTMP) */
  LECTERN_SESSION_PUBLISH,
  LECTERN_SESSION_PLAY,
} LecternSessionRole;

/* LecternSession: somebody connected, publishing or playing, for statistics and events. Made after
 * the access chain has allowed it, so every "started" has one "ended" and a refused peer has
 * neither. Atomically reference-counted. Thread: any. */
typedef struct _LecternSession LecternSession;
typedef struct _LecternSessions LecternSessions;

LECTERN_API LecternSession *lectern_session_ref (LecternSession *self);
LECTERN_API void lectern_session_unref (LecternSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternSession, lectern_session_unref)
/* Eight characters of A-Z and 0-9. */
LECTERN_API const char *lectern_session_get_id (LecternSession *self);
LECTERN_API LecternSessionRole lectern_session_get_role (LecternSession *self);
LECTERN_API const LecternAccessRequest *lectern_session_get_request (LecternSession *self);
LECTERN_API LecternIdentity *lectern_session_get_identity (LecternSession *self);
/* Wall time, µs. */
LECTERN_API gint64 lectern_session_get_started (LecternSession *self);
/* Media bytes received from a publisher or sent to a viewer. */
LECTERN_API guint64 lectern_session_get_bytes (LecternSession *self);
LECTERN_API void lectern_session_add_bytes (LecternSession *self, guint64 bytes);
/* LecternReception: how packets fare on their way, as a protocol that numbers them tells (RTP, SRT).
 */
typedef struct
{
  guint64 packets; /* received */
  guint64 lost;    /* never came, as far as is known */
  gint64 jitter_us;
} LecternReception;
/* What a player says of what it gets. FALSE: nothing is known. */
LECTERN_API void lectern_session_set_reception (LecternSession *self,
                                                const LecternReception *reception);
LECTERN_API gboolean lectern_session_get_reception (LecternSession *self,
                                                    LecternReception *reception);
/* Asks the owner to end it (API, lesson over): runs the function given to lectern_sessions_start in
 * the context it was started in. @reason: (nullable): copied. */
LECTERN_API void lectern_session_kick (LecternSession *self, const GError *reason);

/* LecternSessions: all of them. Signals, on the control thread: "started" (LecternSession *) and
 * "ended" (LecternSession *, const char *reason, nullable). */
#define LECTERN_TYPE_SESSIONS (lectern_sessions_get_type ())
#define LECTERN_TYPE_SESSION (lectern_session_get_type ())
LECTERN_API GType lectern_session_get_type (void);
LECTERN_API G_DECLARE_FINAL_TYPE (LecternSessions, lectern_sessions, LECTERN, SESSIONS, GObject)

    typedef void (*LecternSessionKickFunc) (LecternSession *session, const GError *reason,
                                            gpointer user_data);

/* Thread: control. */
LECTERN_API LecternSessions *lectern_sessions_new (void);
/* Begins a session. @kick runs in the caller's thread-default context, never after
 * lectern_session_end. Returns: (transfer full). */
LECTERN_API LecternSession *lectern_sessions_start (LecternSessions *self, LecternSessionRole role,
                                                    LecternAccessRequest *request,
                                                    LecternIdentity *identity,
                                                    LecternSessionKickFunc kick,
                                                    gpointer user_data);
/* Ends it; @reason: (nullable): for the event and the log. Idempotent. In the context it was
 * started in. */
LECTERN_API void lectern_session_end (LecternSession *self, const GError *reason);
/* Media bytes received from all publishers and sent to all viewers since the start, with those of
 * sessions that have ended; never less than before. */
LECTERN_API void lectern_sessions_get_bytes (LecternSessions *self, guint64 *received,
                                             guint64 *sent);
/* Returns: (transfer full) (element-type LecternSession): a snapshot; @thing: (nullable): of one
 * stream. */
LECTERN_API GPtrArray *lectern_sessions_list (LecternSessions *self, const char *thing);
