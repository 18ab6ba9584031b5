/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access/lectern-access.h"

/* LecternAccessAliases: the things that belong to others. The chain's lock guards it. */
typedef struct _LecternAccessAliases LecternAccessAliases;

LecternAccessAliases *lectern_access_aliases_new (void);
void lectern_access_aliases_free (LecternAccessAliases *self);
void lectern_access_aliases_add (LecternAccessAliases *self, guint id, const char *prefix,
                                 LecternAccessAliasFunc func, gpointer user_data);
void lectern_access_aliases_remove (LecternAccessAliases *self, guint id);
/* Whether the thing's name is such a one. */
gboolean lectern_access_aliases_has (LecternAccessAliases *self, const char *thing);
/* Returns: (transfer full): what the guards are asked. */
LecternAccessRequest *lectern_access_aliases_resolve (LecternAccessAliases *self,
                                                      LecternAccessRequest *request);
