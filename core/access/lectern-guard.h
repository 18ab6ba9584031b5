/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access/lectern-access.h"

typedef enum
{
  LECTERN_VERDICT_ABSTAIN,
  LECTERN_VERDICT_ALLOW,
  LECTERN_VERDICT_DENY,
} LecternVerdict;

/* LecternGuard: may this identity do this action on this thing? Also the hook for in-process checks
 * before connect (PUBLIC with a NULL thing), publish and play. Either `check` answers at once, or
 * `check_async` and `check_finish` are implemented. `check` must not block.
 * Thread: control, but for `check_now`. */
#define LECTERN_TYPE_GUARD (lectern_guard_get_type ())
LECTERN_API
G_DECLARE_INTERFACE (LecternGuard, lectern_guard, LECTERN, GUARD, GObject)

struct _LecternGuardInterface
{
  GTypeInterface parent;

  /* *@identity: (out) (nullable) (transfer full): who it is, when the guard found out. *@error:
   * why, for a DENY; logged, never shown to the peer. A set error is a no, whatever the verdict. */
  LecternVerdict (*check) (LecternGuard *self, LecternAccessRequest *request,
                           LecternIdentity **identity, GError **error);
  /* May call @callback before it returns; calls it once in any case, cancelled or not. */
  void (*check_async) (LecternGuard *self, LecternAccessRequest *request, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer user_data);
  LecternVerdict (*check_finish) (LecternGuard *self, GAsyncResult *result,
                                  LecternIdentity **identity, GError **error);
  /* Optional, beside one of the others: what can be said without waiting, so that a request need
   * not go to the control thread and back. Quick, and without effects, as `check` may follow.
   * FALSE: only `check` can tell. Never called for a guard that was removed. Thread: any. */
  gboolean (*check_now) (LecternGuard *self, LecternAccessRequest *request, LecternVerdict *verdict,
                         LecternIdentity **identity);
  /* Optional: how a peer of HTTP may say who it is when nobody has allowed @request: the value of
   * WWW-Authenticate (RFC 9110, 11.6.1), static; NULL: nothing to do with this guard. Thread: any. */
  const char *(*get_challenge) (LecternGuard *self, LecternAccessRequest *request);
};
