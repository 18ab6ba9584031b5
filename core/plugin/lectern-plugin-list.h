/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plugin/lectern-plugin.h"

typedef enum
{
  LECTERN_PLUGIN_STATE_DISABLED,
  LECTERN_PLUGIN_STATE_STOPPED,
  LECTERN_PLUGIN_STATE_STARTED,
  LECTERN_PLUGIN_STATE_REFUSED, /* the module is broken; none of its code ran */
  LECTERN_PLUGIN_STATE_FAILED,  /* start failed */
} LecternPluginState;

/* LecternPluginList: the modules found, in the order in which they start. Thread: control. */
typedef struct _LecternPluginList LecternPluginList;

/* One found module. Owned by the list. */
typedef struct
{
  const char *name;
  const char *path;
  const LecternPluginDescriptor *descriptor; /* NULL when refused */
  LecternPluginState state;
  const GError *error; /* why it was refused or failed, or NULL */
} LecternPluginInfo;

/* Looks into the folders: @path: (nullable): separated by ":", relative ones from where the program
 * runs; NULL: LECTERN_PLUGIN_PATH, else the build tree this program runs from, else the
 * installation. "NAME.so" and "NAME/NAME.so" are found. Never fails: what is wrong with a module is
 * in its info. */
LECTERN_API LecternPluginList *lectern_plugin_list_new (const char *path);
/* Returns: (transfer full): where NULL makes lectern_plugin_list_new look. */
LECTERN_API char *lectern_plugin_list_dup_default_path (void);
LECTERN_API void lectern_plugin_list_free (LecternPluginList *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternPluginList, lectern_plugin_list_free)
/* Adds every readable plugin's group and name to @schema. Errors: CONFLICT. */
LECTERN_API gboolean lectern_plugin_list_extend_schema (LecternPluginList *self,
                                                        LecternSchema *schema, GError **error);
/* Returns: (transfer container) (element-type LecternPluginInfo): by name. */
LECTERN_API GPtrArray *lectern_plugin_list_get_all (LecternPluginList *self);
/* Whether all of [server] required was found and is enabled. Errors: INVALID_CONFIG. */
LECTERN_API gboolean lectern_plugin_list_check_required (LecternPluginList *self,
                                                         LecternConfig *config, GError **error);
/* Starts the enabled ones in order of needs and after. A failure is logged with name and reason,
 * and is only an error when the plugin stands in [server] required. */
LECTERN_API gboolean lectern_plugin_list_start (LecternPluginList *self, LecternHost *host,
                                                GError **error);
/* Stops the started ones, last first. Idempotent. */
LECTERN_API void lectern_plugin_list_stop (LecternPluginList *self);
/* After the host has taken @after: tells the started plugins whose group differs; starts newly
 * enabled ones and stops disabled ones. When one refuses, the host is given @before again, what
 * changed is undone, and @error says which. */
LECTERN_API gboolean lectern_plugin_list_reload (LecternPluginList *self, LecternConfig *before,
                                                 LecternConfig *after, GError **error);
