/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-open-guard.h"

struct _LecternOpenGuard
{
  GObject parent;
  gint open_play; /* atomic, both */
  gint open_publish;
};

static LecternVerdict
check (LecternGuard *guard, LecternAccessRequest *request, LecternIdentity **identity,
       GError **error)
{
  LecternOpenGuard *self = LECTERN_OPEN_GUARD (guard);

  if (request->action == LECTERN_ACTION_PUBLIC
      || (request->action == LECTERN_ACTION_PLAY && g_atomic_int_get (&self->open_play))
      || (request->action == LECTERN_ACTION_PUBLISH && g_atomic_int_get (&self->open_publish)))
    return LECTERN_VERDICT_ALLOW;
  return LECTERN_VERDICT_ABSTAIN;
}

static gboolean
check_now (LecternGuard *guard, LecternAccessRequest *request, LecternVerdict *verdict,
           LecternIdentity **identity)
{
  *verdict = check (guard, request, identity, NULL);
  return TRUE;
}

static void
guard_init (LecternGuardInterface *iface)
{
  iface->check = check;
  iface->check_now = check_now;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (LecternOpenGuard, lectern_open_guard, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LECTERN_TYPE_GUARD, guard_init))

LecternOpenGuard *
lectern_open_guard_new (gboolean open_play, gboolean open_publish)
{
  LecternOpenGuard *self = g_object_new (LECTERN_TYPE_OPEN_GUARD, NULL);

  lectern_open_guard_set (self, open_play, open_publish);
  return self;
}

void
lectern_open_guard_set (LecternOpenGuard *self, gboolean open_play, gboolean open_publish)
{
  g_atomic_int_set (&self->open_play, open_play);
  g_atomic_int_set (&self->open_publish, open_publish);
}

static void
lectern_open_guard_class_init (LecternOpenGuardClass *klass)
{
}

static void
lectern_open_guard_init (LecternOpenGuard *self)
{
}
