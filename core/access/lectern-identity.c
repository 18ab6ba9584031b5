/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-identity.h"

#include <string.h>

struct _LecternIdentity
{
  gint refs;
  char *issuer;
  char *subject;
  char *display;
};

LecternIdentity *
lectern_identity_new (const char *issuer, const char *subject, const char *display)
{
  LecternIdentity *self = g_new0 (LecternIdentity, 1);

  self->refs = 1;
  self->issuer = g_strdup (issuer);
  self->subject = g_strdup (subject);
  self->display = g_strdup (display);
  return self;
}

LecternIdentity *
lectern_identity_ref (LecternIdentity *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_identity_unref (LecternIdentity *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_free (self->issuer);
  g_free (self->subject);
  g_free (self->display);
  g_free (self);
}

const char *
lectern_identity_get_issuer (LecternIdentity *self)
{
  return self->issuer;
}

const char *
lectern_identity_get_subject (LecternIdentity *self)
{
  return self->subject;
}

const char *
lectern_identity_get_display (LecternIdentity *self)
{
  return self->display;
}

gboolean
lectern_identity_equal (LecternIdentity *a, LecternIdentity *b)
{
  if (a == NULL || b == NULL)
    return FALSE;
  return a == b || (strcmp (a->issuer, b->issuer) == 0 && strcmp (a->subject, b->subject) == 0);
}
