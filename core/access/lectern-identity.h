/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

/* LecternIdentity: who somebody is, as one identity provider or credential says. Immutable,
 * atomically reference-counted. Thread: any. */
typedef struct _LecternIdentity LecternIdentity;

/* @issuer: who vouches ("key", "local", an OIDC issuer); @subject: the name there; @display:
 * (nullable): what people see. */
LECTERN_API LecternIdentity *lectern_identity_new (const char *issuer, const char *subject,
                                                   const char *display);
LECTERN_API LecternIdentity *lectern_identity_ref (LecternIdentity *self);
LECTERN_API void lectern_identity_unref (LecternIdentity *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternIdentity, lectern_identity_unref)
LECTERN_API const char *lectern_identity_get_issuer (LecternIdentity *self);
LECTERN_API const char *lectern_identity_get_subject (LecternIdentity *self);
LECTERN_API const char *lectern_identity_get_display (LecternIdentity *self);
/* Two NULLs are not equal: nobody is not the same as nobody. */
LECTERN_API gboolean lectern_identity_equal (LecternIdentity *a, LecternIdentity *b);
