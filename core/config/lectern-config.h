/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/lectern-setting.h"

/* LecternConfig:
 *
 * The settings in force: defaults, then lectern.conf, then lectern.conf.d/ *.conf by name, then the
 * environment (LECTERN_SERVER_STATE_DIR=… for [server] state-dir: dashes and the dot become
 * underscores), then --set group.key=value; the last wins; lists are replaced, not appended.
 * Immutable once loaded, atomically reference-counted. Thread: any. */
typedef struct _LecternConfig LecternConfig;

/* The groups that may appear: core's tables and each found plugin's. */
typedef struct _LecternSchema LecternSchema;

LECTERN_API LecternSchema *lectern_schema_new (void);
LECTERN_API LecternSchema *lectern_schema_ref (LecternSchema *self);
LECTERN_API void lectern_schema_unref (LecternSchema *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternSchema, lectern_schema_unref)

/* Adds @group with the constant table @settings. Errors: CONFLICT when the group exists. */
LECTERN_API gboolean lectern_schema_add_group (LecternSchema *self, const char *group,
                                               const LecternSetting *settings, GError **error);
/* Allows "NAME = true|false" in [plugins]; @initial is the value when the file is silent. */
LECTERN_API gboolean lectern_schema_add_plugin (LecternSchema *self, const char *name,
                                                gboolean initial, GError **error);
/* Returns: (transfer container): group names in the order added. */
LECTERN_API GPtrArray *lectern_schema_get_groups (LecternSchema *self);
/* Returns: (nullable): the table, static. */
LECTERN_API const LecternSetting *lectern_schema_get_settings (LecternSchema *self,
                                                               const char *group);

/* Reads and checks everything. @path NULL: no file; a missing default file is the caller's matter.
 * @overrides: (nullable): "group.key=value" texts. The environment is read from @environment
 * ("LECTERN_…=…" entries; NULL: none). Unknown group or key, wrong type, out of range, and a secret
 * file that others can read are errors: "file:line: [group] key: … (allowed: …; did you mean
 * 'x'?)". Errors: INVALID_CONFIG. */
LECTERN_API LecternConfig *lectern_config_load (LecternSchema *schema, const char *path,
                                                const char *const *environment,
                                                const char *const *overrides, GError **error);
LECTERN_API LecternConfig *lectern_config_ref (LecternConfig *self);
LECTERN_API void lectern_config_unref (LecternConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternConfig, lectern_config_unref)

/* Typed getters. @group and @key must be in the schema (a programmer's error otherwise). */
LECTERN_API gboolean lectern_config_get_boolean (LecternConfig *self, const char *group,
                                                 const char *key);
LECTERN_API gint64 lectern_config_get_integer (LecternConfig *self, const char *group,
                                               const char *key);
/* Microseconds. */
LECTERN_API gint64 lectern_config_get_duration (LecternConfig *self, const char *group,
                                                const char *key);
/* Bytes. */
LECTERN_API gint64 lectern_config_get_size (LecternConfig *self, const char *group,
                                            const char *key);
/* Bits a second. */
LECTERN_API gint64 lectern_config_get_bitrate (LecternConfig *self, const char *group,
                                               const char *key);
/* 0 to 63. */
LECTERN_API gint64 lectern_config_get_dscp (LecternConfig *self, const char *group,
                                            const char *key);
/* Any type as text; NULL when unset. For a SECRET the content of its file. Owned by @self. */
LECTERN_API const char *lectern_config_get_string (LecternConfig *self, const char *group,
                                                   const char *key);
/* LIST and ADDRESS, split at ";" with spaces trimmed and empty entries dropped. Owned by @self. */
LECTERN_API const char *const *lectern_config_get_list (LecternConfig *self, const char *group,
                                                        const char *key);
/* Returns: whether [plugins] enables @name. */
LECTERN_API gboolean lectern_config_is_enabled (LecternConfig *self, const char *name);
/* Returns: (nullable): where the value came from: "file:line", "environment", "--set"; NULL for the
 * default. Owned by @self. */
LECTERN_API const char *lectern_config_get_origin (LecternConfig *self, const char *group,
                                                   const char *key);
/* Returns: whether any key of @group differs between the two. */
LECTERN_API gboolean lectern_config_group_differs (LecternConfig *a, LecternConfig *b,
                                                   const char *group);
