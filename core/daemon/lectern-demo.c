/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n-lib.h>

#include "daemon/lectern-demo-report.h"
#include "daemon/lectern-serve.h"

#include "access/lectern-key-guard.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>

#define STREAM "live/demo"
/* In the state directory: the key, so that an encoder set up yesterday works today. */
#define KEY_FILE "demo.key"
#define KEY_LENGTH 43

/* Shows how a plugin is written, and serves nobody; needs a password of the operator's. */
static const char *const left_out[] = { "example", "nms-api", NULL };
/* What plugins do otherwise in a demonstration. */
static const struct
{
  const char *plugin;
  const char *setting;
} settings[] = {
  /* A test picture is not worth the disk, unless somebody asks for it. */
  { "record", "record.when=on-request" },
};

static gboolean
is_key (const char *text)
{
  return strlen (text) == KEY_LENGTH
         && strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
                == KEY_LENGTH;
}

/* Returns: (transfer full) (nullable). */
static char *
get_key (LecternHost *host, GError **error)
{
  g_autofree char *path = g_build_filename (lectern_host_get_state_dir (host), KEY_FILE, NULL);
  g_autofree char *key = NULL;

  if (g_file_get_contents (path, &key, NULL, NULL) && is_key (g_strstrip (key)))
    return g_steal_pointer (&key);
  g_free (key);
  key = lectern_key_create (lectern_host_get_store (host), STREAM, KEY_FILE, TRUE, error);
  if (key == NULL)
    return NULL;
  if (g_file_set_contents_full (path, key, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error))
    return g_steal_pointer (&key);
  lectern_error_convert (error);
  return NULL;
}

static void
on_started (LecternHost *host, LecternPluginList *plugins, gpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *key = get_key (host, &error);

  if (key != NULL)
    lectern_demo_report (host, plugins, STREAM, key);
  else
    g_warning ("no stream key can be made: %s", error->message);
}

static void
add_plugin (GStrvBuilder *builder, const LecternPluginInfo *info)
{
  g_autofree char *enabled = g_strdup_printf ("plugins.%s=true", info->name);

  if (info->descriptor == NULL || g_strv_contains (left_out, info->name))
    return;
  g_strv_builder_add (builder, enabled);
  for (gsize i = 0; i < G_N_ELEMENTS (settings); i++)
    if (g_str_equal (info->name, settings[i].plugin))
      g_strv_builder_add (builder, settings[i].setting);
}

/* Puts what makes the demonstration before what the operator has set on the command line, which
 * therefore wins. */
static gboolean
add_overrides (LecternOptions *options, const char *state_dir, GError **error)
{
  g_auto (LecternSetup) setup = { NULL };
  g_autoptr (GPtrArray) all = NULL;
  GStrvBuilder *builder;

  if (!lectern_setup_find_plugins (&setup, options, error))
    return FALSE;
  all = lectern_plugin_list_get_all (setup.plugins);
  builder = g_strv_builder_new ();
  for (guint i = 0; i < all->len; i++)
    add_plugin (builder, g_ptr_array_index (all, i));
  if (state_dir != NULL)
    {
      g_autofree char *setting = g_strconcat ("server.state-dir=", state_dir, NULL);

      g_strv_builder_add (builder, setting);
    }
  for (guint i = 0; options->overrides != NULL && options->overrides[i] != NULL; i++)
    g_strv_builder_add (builder, options->overrides[i]);
  g_strfreev (options->overrides);
  options->overrides = g_strv_builder_end (builder);
  g_strv_builder_unref (builder);
  return TRUE;
}

static int
remove_one (const char *path, const struct stat *status, int type, struct FTW *where)
{
  return g_remove (path);
}

static LecternExit
demonstrate (LecternOptions *options, const char *state_dir, const char *ready_file)
{
  g_autofree char *temporary = NULL;
  g_autoptr (GError) error = NULL;
  LecternExit code;

  if (state_dir == NULL)
    {
      temporary = g_dir_make_tmp ("lectern-demo-XXXXXX", &error);
      if (temporary == NULL)
        return lectern_command_fail (error);
      state_dir = temporary;
    }
  if (add_overrides (options, state_dir, &error))
    code = lectern_serve_run (options, ready_file, on_started, NULL);
  else
    code = lectern_command_fail (error);
  if (temporary != NULL)
    (void) nftw (temporary, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  return code;
}

LecternExit
lectern_command_demo (int argc, char **argv)
{
  g_auto (LecternOptions) options = { NULL };
  g_autofree char *state_dir = NULL;
  g_autofree char *ready_file = NULL;
  const GOptionEntry own[] = {
    { "state-dir", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_FILENAME, &state_dir,
      N_ ("Keep the server's files, and the key, in FOLDER"), N_ ("FOLDER") },
    { "ready-file", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_FILENAME, &ready_file,
      N_ ("Write the addresses as JSON to FILE once the server listens"), N_ ("FILE") },
    { NULL },
  };

  if (!lectern_options_parse (
          &options, "",
          _ ("Runs a server to try out: every plugin is on, a test picture is on the air, a stream "
             "key is made, and the addresses are printed. Its files are temporary unless "
             "--state-dir is given."),
          own, 0, 0, &argc, &argv))
    return LECTERN_EXIT_USAGE;
  return demonstrate (&options, state_dir, ready_file);
}
