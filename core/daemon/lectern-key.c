/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n-lib.h>

#include "daemon/lectern-options.h"

#include "access/lectern-key-guard.h"
#include "plugin/lectern-host-private.h"

static LecternExit
make_key (LecternConfig *config, const char *stream, const char *label, gboolean replace)
{
  g_autofree char *state_dir = lectern_host_dup_state_dir (config);
  g_autofree char *path = g_build_filename (state_dir, "core.db", NULL);
  g_autofree char *key = NULL;
  g_autoptr (LecternStore) store = NULL;
  g_autoptr (GError) error = NULL;

  if (!lectern_host_make_state_dir (state_dir, &error))
    return lectern_command_fail (error);
  store = lectern_store_open (path, &error);
  if (store == NULL)
    {
      lectern_command_fail (error);
      return g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA)
                 ? LECTERN_EXIT_DATA_DAMAGED
                 : LECTERN_EXIT_FAILED;
    }
  key = lectern_key_create (store, stream, label, replace, &error);
  lectern_store_close (store);
  if (key == NULL)
    return lectern_command_fail (error);
  g_print ("%s\n", key);
  return LECTERN_EXIT_OK;
}

LecternExit
lectern_command_key (int argc, char **argv)
{
  gboolean replace = FALSE;
  g_autofree char *label = NULL;
  const GOptionEntry own[] = {
    { "replace", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &replace,
      N_ ("Make the stream's other keys invalid"), NULL },
    { "label", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_STRING, &label,
      N_ ("Remember for whom the key is"), N_ ("TEXT") },
    { NULL },
  };
  g_auto (LecternOptions) options = { NULL };
  g_auto (LecternSetup) setup = { NULL };
  g_autoptr (GError) error = NULL;

  if (!lectern_options_parse (&options, _ ("new STREAM"),
                              _ ("Makes a key with which STREAM (\"physics\", or \"live/physics\") "
                                 "may be published, and prints it. It is shown this once."),
                              own, 2, 2, &argc, &argv))
    return LECTERN_EXIT_USAGE;
  if (!g_str_equal (argv[1], "new"))
    {
      g_printerr ("lectern: key %s: %s\n", argv[1], _ ("no such command"));
      return LECTERN_EXIT_USAGE;
    }
  if (!lectern_setup_load (&setup, &options, &error))
    return lectern_command_fail (error);
  return make_key (setup.config, argv[2], label, replace);
}
