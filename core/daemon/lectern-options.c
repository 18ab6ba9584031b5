/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n-lib.h>

#include "daemon/lectern-options.h"

#include "base/lectern-log.h"
#include "daemon/lectern-plugin-path.h"
#include "plugin/lectern-build-tree.h"
#include "plugin/lectern-core-settings.h"

#define DEFAULT_FILE LECTERN_SYSCONFDIR "/lectern.conf"

void
lectern_options_clear (LecternOptions *self)
{
  g_clear_pointer (&self->path, g_free);
  g_clear_pointer (&self->overrides, g_strfreev);
}

static gboolean
run_context (GOptionContext *context, int min_words, int max_words, int *argc, char ***argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *help = NULL;

  if (!g_option_context_parse (context, argc, argv, &error))
    {
      g_printerr ("lectern: %s\n", error->message);
      return FALSE;
    }
  if (*argc - 1 >= min_words && *argc - 1 <= max_words)
    return TRUE;
  help = g_option_context_get_help (context, TRUE, NULL);
  g_printerr ("%s", help);
  return FALSE;
}

gboolean
lectern_options_parse (LecternOptions *self, const char *usage, const char *summary,
                       const GOptionEntry *own, int min_words, int max_words, int *argc,
                       char ***argv)
{
  const GOptionEntry common[] = {
    { "config", 'c', G_OPTION_FLAG_NONE, G_OPTION_ARG_FILENAME, &self->path,
      N_ ("Read settings from FILE"), N_ ("FILE") },
    { "set", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_STRING_ARRAY, &self->overrides,
      N_ ("Set one setting; may be repeated"), N_ ("GROUP.KEY=VALUE") },
    { "verbose", 'v', G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &self->verbose,
      N_ ("Say more in the log"), NULL },
    { NULL },
  };
  g_autofree char *parameters = g_strconcat ((*argv)[0], " ", usage, NULL);
  g_autoptr (GOptionContext) context = g_option_context_new (parameters);

  g_option_context_set_translation_domain (context, GETTEXT_PACKAGE);
  g_option_context_set_summary (context, summary);
  g_option_context_add_main_entries (context, common, GETTEXT_PACKAGE);
  if (own != NULL)
    g_option_context_add_main_entries (context, own, GETTEXT_PACKAGE);
  if (!run_context (context, min_words, max_words, argc, argv))
    return FALSE;
  lectern_log_init (self->verbose);
  /* From a build tree nothing of an installed server is touched. */
  if (self->path == NULL && lectern_build_tree_get_path () == NULL
      && g_file_test (DEFAULT_FILE, G_FILE_TEST_EXISTS))
    self->path = g_strdup (DEFAULT_FILE);
  return TRUE;
}

LecternExit
lectern_command_fail (const GError *error)
{
  g_printerr ("lectern: %s\n", error->message);
  return g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG) ? LECTERN_EXIT_CONFIG
                                                                              : LECTERN_EXIT_FAILED;
}

void
lectern_setup_clear (LecternSetup *self)
{
  g_clear_pointer (&self->config, lectern_config_unref);
  g_clear_pointer (&self->schema, lectern_schema_unref);
  g_clear_pointer (&self->plugins, lectern_plugin_list_free);
}

gboolean
lectern_setup_find_plugins (LecternSetup *self, const LecternOptions *options, GError **error)
{
  g_autofree char *path = lectern_plugin_path_find (options);

  self->plugins = lectern_plugin_list_new (path);
  self->schema = lectern_schema_new ();
  return lectern_core_settings_extend (self->schema, error)
         && lectern_plugin_list_extend_schema (self->plugins, self->schema, error);
}

LecternConfig *
lectern_setup_load_config (LecternSetup *self, const LecternOptions *options, GError **error)
{
  g_auto (GStrv) environment = g_get_environ ();

  return lectern_config_load (self->schema, options->path, (const char *const *) environment,
                              (const char *const *) options->overrides, error);
}

gboolean
lectern_setup_load (LecternSetup *self, const LecternOptions *options, GError **error)
{
  if (!lectern_setup_find_plugins (self, options, error))
    return FALSE;
  self->config = lectern_setup_load_config (self, options, error);
  return self->config != NULL;
}
