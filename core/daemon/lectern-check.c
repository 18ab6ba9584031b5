/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n-lib.h>

#include "daemon/lectern-options.h"

/* What a start would only log. */
static void
print_refused (LecternPluginList *plugins)
{
  g_autoptr (GPtrArray) all = lectern_plugin_list_get_all (plugins);

  for (guint i = 0; i < all->len; i++)
    {
      const LecternPluginInfo *info = g_ptr_array_index (all, i);

      if (info->error != NULL)
        g_printerr ("lectern: plugin '%s' (%s): %s\n", info->name, info->path,
                    info->error->message);
    }
}

LecternExit
lectern_command_check (int argc, char **argv)
{
  g_auto (LecternOptions) options = { NULL };
  g_auto (LecternSetup) setup = { NULL };
  g_autoptr (GError) error = NULL;

  if (!lectern_options_parse (&options, "", _ ("Checks the settings as a start would read them."),
                              NULL, 0, 0, &argc, &argv))
    return LECTERN_EXIT_USAGE;
  if (!lectern_setup_load (&setup, &options, &error)
      || !lectern_plugin_list_check_required (setup.plugins, setup.config, &error))
    return lectern_command_fail (error);
  print_refused (setup.plugins);
  if (options.path != NULL)
    g_print (_ ("The settings are right: %s\n"), options.path);
  else
    g_print (_ ("The settings are right; there is no file, so they are the defaults.\n"));
  return LECTERN_EXIT_OK;
}
