/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/lectern-config.h"

/* One setting in force. */
typedef struct
{
  const LecternSetting *row;
  char *text;        /* NULL: unset */
  gint64 number;     /* of the types that are numbers */
  char **list;       /* of LIST and ADDRESS; never NULL there */
  char *origin;      /* NULL: the default */
  char *secret_path; /* of a SECRET that a file names; @text is read at the end */
} LecternConfigValue;

/* A configuration that is all defaults; it may be changed until it is handed out. */
LecternConfig *lectern_config_new (LecternSchema *schema);
LecternSchema *lectern_config_get_schema (LecternConfig *self);

/* Returns: (nullable): the values of @group, by key. */
GHashTable *lectern_config_get_group (LecternConfig *self, const char *group);

/* Takes @text, which has been checked, and what it was read as. */
void lectern_config_value_set (LecternConfigValue *self, const char *text, gint64 number,
                               const char *origin);
