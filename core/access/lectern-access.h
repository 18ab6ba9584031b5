/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access/lectern-identity.h"
#include "base/lectern-address.h"

typedef enum
{
  LECTERN_ACTION_PUBLIC, /* connecting, the page, its files */
  LECTERN_ACTION_PLAY,
  LECTERN_ACTION_PUBLISH,
  LECTERN_ACTION_JOIN,
  LECTERN_ACTION_TEACH,
  LECTERN_ACTION_MANAGE,
} LecternAction;

/* Returns: the word ("play"); static. Thread: any. */
LECTERN_API const char *lectern_action_get_name (LecternAction action);

/* LecternAccessRequest: may somebody do something to a thing? Filled by the door (a protocol) and
 * then immutable; reference-counted atomically. Thread: any. */
typedef struct
{
  LecternAction action;
  char *thing;    /* "live/physics", or NULL for the server as a whole */
  char *protocol; /* "rtmp", "http", "ws", … */
  LecternAddress peer;
  gboolean secure;           /* over TLS */
  char *origin;              /* HTTP Origin, or NULL */
  char *referer;             /* HTTP Referer, RTMP pageUrl, or NULL */
  char *query;               /* the URL's query without "?", still encoded, or NULL */
  char *credential;          /* HTTP Authorization as sent, or NULL */
  char *via;                 /* ids of the servers that a relayed stream came or goes through,
                              * separated by ",", the nearest last (RTMP connect's "via", HTTP
                              * Lectern-Via), or NULL */
  char *method;              /* the method it was sent with, for Digest, or NULL */
  LecternIdentity *identity; /* already known, or NULL */
  /*< private >*/
  gint refs;
} LecternAccessRequest;

LECTERN_API LecternAccessRequest *lectern_access_request_new (LecternAction action,
                                                              const char *thing,
                                                              const char *protocol,
                                                              const LecternAddress *peer);
LECTERN_API LecternAccessRequest *lectern_access_request_ref (LecternAccessRequest *self);
LECTERN_API void lectern_access_request_unref (LecternAccessRequest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternAccessRequest, lectern_access_request_unref)
/* Returns: (transfer full) (nullable): the decoded value of a query parameter, at most 1024 bytes:
 * the first of that name, "%XX" decoded, "+" as it is; NULL too for a bad escape, a zero byte and
 * what is not UTF-8. */
LECTERN_API char *lectern_access_request_get_parameter (LecternAccessRequest *self,
                                                        const char *name);

/* LecternAccessChain: asks the guards in the order they were added (by priority, then time); the
 * first allow or deny wins; silence means no. A guard that does not answer within the time-out
 * counts as deny. */
#define LECTERN_TYPE_ACCESS_CHAIN (lectern_access_chain_get_type ())
LECTERN_API G_DECLARE_FINAL_TYPE (LecternAccessChain, lectern_access_chain, LECTERN, ACCESS_CHAIN,
                                  GObject)

    typedef struct _LecternGuard LecternGuard;

/* @timeout_us: how long one guard may take. Thread: control. */
LECTERN_API LecternAccessChain *lectern_access_chain_new (gint64 timeout_us);
/* Lower @priority is asked first: 0 for deny-lists, 100 for credentials, 1000 for open doors.
 * Returns: an id for _remove_guard. Thread: control. */
LECTERN_API guint lectern_access_chain_add_guard (LecternAccessChain *self, LecternGuard *guard,
                                                  int priority);
LECTERN_API void lectern_access_chain_remove_guard (LecternAccessChain *self, guint id);

/* Things "PREFIX/…" belong to others, as recordings do to their streams: guards are asked about the
 * thing that @func names, and nobody publishes under such a name.
 * Returns: (transfer full) (nullable): the other thing; NULL: unknown, the guards are asked about
 * @thing itself. Must not block. Thread: any. */
typedef char *(*LecternAccessAliasFunc) (const char *thing, gpointer user_data);
/* Returns: an id for _remove_alias. Thread: control. */
LECTERN_API guint lectern_access_chain_add_alias (LecternAccessChain *self, const char *prefix,
                                                  LecternAccessAliasFunc func, gpointer user_data);
LECTERN_API void lectern_access_chain_remove_alias (LecternAccessChain *self, guint id);

/* The answer: @identity: (nullable): who the allowing guard says it is; @error: NULL when allowed,
 * else DENIED, TIMED_OUT or the guard's own, LIMIT when too many checks are under way, CLOSED when
 * the chain ends. Both live for the call only. */
typedef void (*LecternAccessFunc) (LecternIdentity *identity, const GError *error,
                                   gpointer user_data);

/* Asks the guards that can answer at once. Returns: TRUE: allowed, and *@identity (transfer full)
 * (nullable) says who it is; FALSE: nothing is known yet, use lectern_access_chain_check.
 * Thread: any. */
LECTERN_API gboolean lectern_access_chain_check_now (LecternAccessChain *self,
                                                     LecternAccessRequest *request,
                                                     LecternIdentity **identity);
/* Returns: (nullable): the challenge of the first guard that has one for @request, which was denied;
 * static. Thread: any. */
LECTERN_API const char *lectern_access_chain_get_challenge (LecternAccessChain *self,
                                                            LecternAccessRequest *request);
/* Asks. @func runs exactly once, in the thread-default main context of the caller; guards run on
 * the control thread (the one that made the chain). Thread: any that runs a main context. */
LECTERN_API void lectern_access_chain_check (LecternAccessChain *self,
                                             LecternAccessRequest *request, LecternAccessFunc func,
                                             gpointer user_data);
