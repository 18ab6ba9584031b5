/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plugin/lectern-plugin-list.h"

/* Finding modules and putting them in order, apart from running them. Thread: control. */

/* One found module with its plugin. */
typedef struct
{
  LecternPluginInfo info; /* first: the public view of it */
  char *name;
  char *path;
  GError *error;
  LecternPlugin *plugin; /* while it is started */
} LecternPluginEntry;

/* Finds and opens all modules of the folders in @path (":" between them).
 * Returns: (transfer full) (element-type LecternPluginEntry): by name. */
GPtrArray *lectern_plugin_entries_find (const char *path);

/* Sets the entry's state, and the reason (taken). */
void lectern_plugin_entry_set_state (LecternPluginEntry *self, LecternPluginState state,
                                     GError *error);

LecternPluginEntry *lectern_plugin_entries_lookup (GPtrArray *entries, const char *name);

/* Orders what @config enables of @entries so that each comes behind what it needs and what it wants
 * to come after; otherwise by name. What needs each other in a circle is left out and given in
 * @circles as "a → b → a".
 * Returns: (transfer container) (element-type LecternPluginEntry). */
GPtrArray *lectern_plugin_entries_order (GPtrArray *entries, LecternConfig *config,
                                         GHashTable *circles);
