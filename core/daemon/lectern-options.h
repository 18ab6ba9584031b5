/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/lectern-command.h"
#include "plugin/lectern-plugin-list.h"

/* What every subcommand understands, and what it then knows. */
typedef struct
{
  char *path; /* -c, or the default file if it exists, or NULL */
  GStrv overrides;
  gboolean verbose;
} LecternOptions;

void lectern_options_clear (LecternOptions *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternOptions, lectern_options_clear)

/* Parses the common options and @own (nullable); what is left in *@argv are words, of which there
 * must be @min_words to @max_words beside argv[0]. @usage: "[PLUGIN]"; @summary: one sentence.
 * Returns: FALSE after it has told the user what is wrong. */
gboolean lectern_options_parse (LecternOptions *self, const char *usage, const char *summary,
                                const GOptionEntry *own, int min_words, int max_words, int *argc,
                                char ***argv);

/* LecternSetup: the plugins found and the settings that result. */
typedef struct
{
  LecternPluginList *plugins;
  LecternSchema *schema;
  LecternConfig *config;
} LecternSetup;

void lectern_setup_clear (LecternSetup *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternSetup, lectern_setup_clear)

/* Finds the plugins, which need no settings but the folders to look into. */
gboolean lectern_setup_find_plugins (LecternSetup *self, const LecternOptions *options,
                                     GError **error);
/* Returns: (transfer full): the settings as they are written now. */
LecternConfig *lectern_setup_load_config (LecternSetup *self, const LecternOptions *options,
                                          GError **error);
/* Both. */
gboolean lectern_setup_load (LecternSetup *self, const LecternOptions *options, GError **error);
