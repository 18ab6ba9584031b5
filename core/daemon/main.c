/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n-lib.h>

#include "daemon/lectern-command.h"

#include "plugin/lectern-build-tree.h"

#include <locale.h>

static const struct
{
  const char *name;
  LecternExit (*run) (int argc, char **argv);
  const char *summary;
} commands[] = {
  { "serve", lectern_command_serve, N_ ("Run the server") },
  { "demo", lectern_command_demo, N_ ("Run a server to try out, with a test picture on the air") },
  { "check", lectern_command_check, N_ ("Check the settings") },
  { "plugins", lectern_command_plugins, N_ ("List the plugins") },
  { "settings", lectern_command_settings, N_ ("Print every setting with its meaning") },
  { "reload", lectern_command_reload, N_ ("Make the running server read its settings again") },
  { "status", lectern_command_status, N_ ("Ask the running server how it is") },
  { "key", lectern_command_key, N_ ("Make a stream key") },
};

static void
init_language (void)
{
  const char *tree = lectern_build_tree_get_path ();
  g_autofree char *folder = tree != NULL ? g_build_filename (tree, "po", NULL) : NULL;

  setlocale (LC_ALL, "");
  /* What machines read must not depend on who starts the server. */
  setlocale (LC_NUMERIC, "C");
  bindtextdomain (GETTEXT_PACKAGE, folder != NULL ? folder : LECTERN_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
}

static LecternExit
print_usage (gboolean asked)
{
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_append_printf (text, "%s\n  lectern %s\n\n%s\n", _ ("Usage:"), _ ("COMMAND [OPTION…]"),
                          _ ("Commands:"));
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    g_string_append_printf (text, "  %-10s  %s\n", commands[i].name, _ (commands[i].summary));
  g_string_append_printf (text, "\n%s\n", _ ("lectern COMMAND --help says more about a command."));
  if (asked)
    g_print ("%s", text->str);
  else
    g_printerr ("%s", text->str);
  return asked ? LECTERN_EXIT_OK : LECTERN_EXIT_USAGE;
}

int
main (int argc, char **argv)
{
  const char *word = argc > 1 ? argv[1] : "";

  init_language ();
  if (g_str_equal (word, "--version"))
    {
      g_print ("lectern %s\n", LECTERN_VERSION);
      return LECTERN_EXIT_OK;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (word, commands[i].name))
      {
        g_set_prgname ("lectern");
        return commands[i].run (argc - 1, argv + 1);
      }
  if (word[0] != '\0' && word[0] != '-')
    g_printerr ("lectern: %s: %s\n", word, _ ("no such command"));
  return print_usage (g_str_equal (word, "--help") || g_str_equal (word, "-h"));
}
