/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-loop-guard.h"

#include "base/lectern-error.h"

#include <string.h>

struct _LecternLoopGuard
{
  GObject parent;
  char *id;
};

static LecternVerdict
check (LecternGuard *guard, LecternAccessRequest *request, LecternIdentity **identity,
       GError **error)
{
  const char *id = LECTERN_LOOP_GUARD (guard)->id;
  const char *at = request->via;
  guint servers = 0;
  gboolean carries
      = request->action == LECTERN_ACTION_PLAY || request->action == LECTERN_ACTION_PUBLISH;

  while (carries && at != NULL && *at != '\0')
    {
      gsize length = strcspn (at, ",");

      servers++;
      if (length == strlen (id) && strncmp (at, id, length) == 0)
        {
          g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT,
                               "the stream has already come through this server: a loop");
          return LECTERN_VERDICT_DENY;
        }
      at += length;
      if (*at == ',')
        at++;
    }
  if (servers <= LECTERN_LOOP_MAX_SERVERS)
    return LECTERN_VERDICT_ABSTAIN;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT,
               "the stream has come through more than %u servers", LECTERN_LOOP_MAX_SERVERS);
  return LECTERN_VERDICT_DENY;
}

static gboolean
check_now (LecternGuard *guard, LecternAccessRequest *request, LecternVerdict *verdict,
           LecternIdentity **identity)
{
  g_autoptr (GError) unused = NULL;

  *verdict = check (guard, request, identity, &unused);
  return TRUE;
}

static void
guard_init (LecternGuardInterface *iface)
{
  iface->check = check;
  iface->check_now = check_now;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (LecternLoopGuard, lectern_loop_guard, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LECTERN_TYPE_GUARD, guard_init))

LecternLoopGuard *
lectern_loop_guard_new (const char *id)
{
  LecternLoopGuard *self = g_object_new (LECTERN_TYPE_LOOP_GUARD, NULL);

  self->id = g_strdup (id);
  return self;
}

static void
finalize (GObject *object)
{
  g_free (LECTERN_LOOP_GUARD (object)->id);
  G_OBJECT_CLASS (lectern_loop_guard_parent_class)->finalize (object);
}

static void
lectern_loop_guard_class_init (LecternLoopGuardClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
lectern_loop_guard_init (LecternLoopGuard *self)
{
}
