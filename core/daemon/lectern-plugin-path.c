/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/lectern-plugin-path.h"

#include "config/lectern-keyfile.h"

#include <string.h>

#define OVERRIDE "server.plugin-path="

static gboolean
take_entry (const char *group, const char *key, const char *value, guint line, gpointer user_data,
            GError **error)
{
  char **path = user_data;

  /* A group's own line comes without a key. */
  if (g_str_equal (group, "server") && g_strcmp0 (key, "plugin-path") == 0)
    {
      g_free (*path);
      *path = g_strdup (value);
    }
  return TRUE;
}

static void
read_file (const char *name, char **path)
{
  g_autofree char *text = NULL;
  gsize length;

  if (g_file_get_contents (name, &text, &length, NULL))
    lectern_keyfile_read (name, text, length, take_entry, path, NULL);
}

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
read_fragments (const char *file, char **path)
{
  g_autofree char *folder = g_strconcat (file, ".d", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".conf"))
      g_ptr_array_add (names, g_build_filename (folder, name, NULL));
  g_ptr_array_sort (names, compare);
  for (guint i = 0; i < names->len; i++)
    read_file (names->pdata[i], path);
}

char *
lectern_plugin_path_find (const LecternOptions *options)
{
  g_autofree char *usual = lectern_plugin_list_dup_default_path ();
  const char *environment = g_getenv ("LECTERN_SERVER_PLUGIN_PATH");
  g_autofree char *path = NULL;

  if (options->path != NULL)
    {
      read_file (options->path, &path);
      read_fragments (options->path, &path);
    }
  if (environment != NULL)
    {
      g_free (path);
      path = g_strdup (environment);
    }
  for (guint i = 0; options->overrides != NULL && options->overrides[i] != NULL; i++)
    if (g_str_has_prefix (options->overrides[i], OVERRIDE))
      {
        g_free (path);
        path = g_strdup (options->overrides[i] + strlen (OVERRIDE));
      }
  return path != NULL ? g_strconcat (path, ":", usual, NULL) : g_steal_pointer (&usual);
}
