/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n-lib.h>

#include "daemon/lectern-options.h"

static const char *
describe_initial (const LecternSetting *setting)
{
  if (setting->initial == NULL)
    return _ ("unset");
  return setting->initial[0] != '\0' ? setting->initial : _ ("empty");
}

static void
print_text (const char *group, const LecternSetting *settings)
{
  g_print ("[%s]\n", group);
  for (const LecternSetting *row = settings; row->key != NULL; row++)
    {
      g_autofree char *range = lectern_setting_describe_range (row);

      g_print ("  %s (%s%s%s%s; %s: %s)\n      %s\n", row->key,
               lectern_setting_type_get_name (row->type), range[0] != '\0' ? " " : "", range, "",
               _ ("default"), describe_initial (row), _ (row->sentence));
    }
  g_print ("\n");
}

/* "|" would end a table's cell. */
static char *
escape_cell (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "|", -1);

  return g_strjoinv ("\\|", parts);
}

static void
print_markdown (const char *group, const LecternSetting *settings)
{
  g_print ("## [%s]\n\n", group);
  g_print ("| %s | %s | %s | %s | %s |\n|---|---|---|---|---|\n", _ ("Key"), _ ("Type"),
           _ ("Range"), _ ("Default"), _ ("Meaning"));
  for (const LecternSetting *row = settings; row->key != NULL; row++)
    {
      g_autofree char *range = lectern_setting_describe_range (row);
      g_autofree char *cell = escape_cell (range);
      g_autofree char *sentence = escape_cell (_ (row->sentence));

      g_print ("| `%s` | %s | %s | %s%s%s | %s |\n", row->key,
               lectern_setting_type_get_name (row->type), cell,
               row->initial != NULL && row->initial[0] != '\0' ? "`" : "", describe_initial (row),
               row->initial != NULL && row->initial[0] != '\0' ? "`" : "", sentence);
    }
  g_print ("\n");
}

static void
print_plugins (LecternPluginList *plugins)
{
  g_autoptr (GPtrArray) all = lectern_plugin_list_get_all (plugins);

  g_print ("# %s\n\n%s\n\n", _ ("Configuration"),
           _ ("This page is printed by `lectern settings --markdown`. Settings stand in "
              "`lectern.conf`, then in "
              "`lectern.conf.d/*.conf` by name, then in the environment (`LECTERN_HTTP_LISTEN` is "
              "`[http] listen`), then in `--set http.listen=…`; the last one wins. `lectern check` "
              "names what is wrong with file and line."));
  g_print ("## [plugins]\n\n%s\n\n",
           _ ("One line for each plugin: `NAME = true` enables it, `NAME = false` disables it."));
  g_print ("| %s | %s | %s |\n|---|---|---|\n", _ ("Plugin"), _ ("Default"), _ ("Meaning"));
  for (guint i = 0; i < all->len; i++)
    {
      const LecternPluginDescriptor *descriptor
          = ((const LecternPluginInfo *) all->pdata[i])->descriptor;

      if (descriptor != NULL)
        g_print ("| `%s` | `%s` | %s |\n", descriptor->name, descriptor->enabled ? "true" : "false",
                 descriptor->summary != NULL ? _ (descriptor->summary) : "");
    }
  g_print ("\n");
}

static gboolean
print_groups (LecternSchema *schema, const char *only, gboolean markdown)
{
  g_autoptr (GPtrArray) groups = lectern_schema_get_groups (schema);
  gboolean found = FALSE;

  for (guint i = 0; i < groups->len; i++)
    {
      const char *group = g_ptr_array_index (groups, i);
      const LecternSetting *settings = lectern_schema_get_settings (schema, group);

      if (settings == NULL || (only != NULL && !g_str_equal (only, group)))
        continue;
      found = TRUE;
      if (settings->key == NULL)
        continue;
      if (markdown)
        print_markdown (group, settings);
      else
        print_text (group, settings);
    }
  return found;
}

LecternExit
lectern_command_settings (int argc, char **argv)
{
  gboolean markdown = FALSE;
  const GOptionEntry own[] = {
    { "markdown", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &markdown,
      N_ ("Print tables for docs/configuration.md"), NULL },
    { NULL },
  };
  g_auto (LecternOptions) options = { NULL };
  g_auto (LecternSetup) setup = { NULL };
  g_autoptr (GError) error = NULL;
  const char *only;

  if (!lectern_options_parse (&options, _ ("[GROUP]"),
                              _ ("Prints every setting with type, range, default and meaning; of "
                                 "one plugin or group, or of all."),
                              own, 0, 1, &argc, &argv))
    return LECTERN_EXIT_USAGE;
  if (!lectern_setup_find_plugins (&setup, &options, &error))
    return lectern_command_fail (error);
  only = argc > 1 ? argv[1] : NULL;
  if (markdown && only == NULL)
    print_plugins (setup.plugins);
  if (print_groups (setup.schema, only, markdown))
    return LECTERN_EXIT_OK;
  g_printerr ("lectern: %s: %s\n", only, _ ("no such plugin or group of settings"));
  return LECTERN_EXIT_USAGE;
}
