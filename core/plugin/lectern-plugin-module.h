/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plugin/lectern-plugin-descriptor.h"

/* A module's file: what must be right before, and just after, the dynamic loader sees it. */

/* A larger file is no plugin. */
#define LECTERN_PLUGIN_MODULE_MAX_SIZE (256 * 1024 * 1024)

/* Whether @name may name a plugin: 1 … 32 of [a-z0-9-], beginning with a letter. Thread: any. */
gboolean lectern_plugin_name_is_valid (const char *name);

/* Finds the plugin note of the ELF file in @data, and in it the ABI number.
 * Errors: INVALID_DATA, NOT_SUPPORTED. Thread: any. */
gboolean lectern_plugin_module_read_abi (const guint8 *data, gsize size, guint32 *abi,
                                         GError **error);

/* Checks the note of @path, loads the module for good, and checks its descriptor, whose name must
 * be
 * @name. None of the module's code but its constructors has run then, and of a module that is
 * refused by its note or for a missing symbol not even those. Returns: (transfer none): static.
 * Errors: INVALID_DATA, NOT_SUPPORTED, NOT_FOUND, FAILED. Thread: control. */
const LecternPluginDescriptor *lectern_plugin_module_open (const char *path, const char *name,
                                                           GError **error);
