/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/lectern-config.h"

/* The name under which enabling of plugins is looked up, and the row its values follow. */
#define LECTERN_SCHEMA_PLUGINS "plugins"

typedef struct
{
  char *name;
  gboolean initial;
} LecternSchemaPlugin;

/* Returns: (element-type LecternSchemaPlugin): in the order added. */
GPtrArray *lectern_schema_get_plugins (LecternSchema *self);
