/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugin/lectern-plugin-list-private.h"

#include "plugin/lectern-plugin-module.h"

#include <string.h>

/* More modules than anybody has; the rest is not looked at. */
#define MAX_ENTRIES 256

static void
entry_free (gpointer data)
{
  LecternPluginEntry *self = data;

  g_clear_object (&self->plugin);
  g_clear_error (&self->error);
  g_free (self->name);
  g_free (self->path);
  g_free (self);
}

void
lectern_plugin_entry_set_state (LecternPluginEntry *self, LecternPluginState state, GError *error)
{
  g_clear_error (&self->error);
  self->error = error;
  self->info.error = error;
  self->info.state = state;
}

LecternPluginEntry *
lectern_plugin_entries_lookup (GPtrArray *entries, const char *name)
{
  for (guint i = 0; i < entries->len; i++)
    {
      LecternPluginEntry *entry = g_ptr_array_index (entries, i);

      if (g_str_equal (entry->name, name))
        return entry;
    }
  return NULL;
}

static void
add_entry (GPtrArray *entries, const char *name, const char *path)
{
  LecternPluginEntry *entry;
  GError *error = NULL;

  if (!lectern_plugin_name_is_valid (name) || entries->len >= MAX_ENTRIES
      || lectern_plugin_entries_lookup (entries, name) != NULL
      || !g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return;
  entry = g_new0 (LecternPluginEntry, 1);
  entry->name = g_strdup (name);
  entry->path = g_strdup (path);
  entry->info.name = entry->name;
  entry->info.path = entry->path;
  entry->info.descriptor = lectern_plugin_module_open (path, name, &error);
  lectern_plugin_entry_set_state (
      entry, error == NULL ? LECTERN_PLUGIN_STATE_STOPPED : LECTERN_PLUGIN_STATE_REFUSED, error);
  g_ptr_array_add (entries, entry);
}

/* @path: may be relative to where the program runs. */
static void
search_folder (GPtrArray *entries, const char *path)
{
  g_autofree char *whole = g_canonicalize_filename (path, NULL);
  g_autoptr (GDir) folder = g_dir_open (whole, 0, NULL);
  const char *file;

  while (folder != NULL && (file = g_dir_read_name (folder)) != NULL)
    {
      gboolean is_module = g_str_has_suffix (file, ".so");
      g_autofree char *name = g_strndup (file, strlen (file) - (is_module ? 3 : 0));
      g_autofree char *inner = is_module ? NULL : g_strconcat (name, "/", name, ".so", NULL);
      g_autofree char *found = g_canonicalize_filename (is_module ? file : inner, whole);

      add_entry (entries, name, found);
    }
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  const LecternPluginEntry *const *left = a;
  const LecternPluginEntry *const *right = b;

  return strcmp ((*left)->name, (*right)->name);
}

GPtrArray *
lectern_plugin_entries_find (const char *path)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func (entry_free);
  g_auto (GStrv) folders = g_strsplit (path, ":", -1);

  for (guint i = 0; folders[i] != NULL; i++)
    if (folders[i][0] != '\0')
      search_folder (entries, folders[i]);
  g_ptr_array_sort (entries, compare_names);
  return entries;
}

/* Returns: the first of the plugins in @names that stands in @waiting, so must come first. */
static LecternPluginEntry *
find_first (GPtrArray *waiting, const char *names)
{
  g_auto (GStrv) words = g_strsplit (names != NULL ? names : "", " ", -1);

  for (guint i = 0; words[i] != NULL; i++)
    {
      LecternPluginEntry *entry = lectern_plugin_entries_lookup (waiting, words[i]);

      if (entry != NULL)
        return entry;
    }
  return NULL;
}

static LecternPluginEntry *
find_predecessor (GPtrArray *waiting, LecternPluginEntry *entry)
{
  LecternPluginEntry *first = find_first (waiting, entry->info.descriptor->needs);

  return first != NULL ? first : find_first (waiting, entry->info.descriptor->after);
}

/* Everything in @waiting has a predecessor there, so following them ends in a circle; its members
 * move to @circles. */
static void
take_circle (GPtrArray *waiting, GHashTable *circles)
{
  g_autoptr (GPtrArray) walk = g_ptr_array_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  LecternPluginEntry *entry = g_ptr_array_index (waiting, 0);
  guint first;

  while (!g_ptr_array_find (walk, entry, &first))
    {
      g_ptr_array_add (walk, entry);
      entry = find_predecessor (waiting, entry);
    }
  for (guint i = first; i < walk->len; i++)
    g_string_append_printf (text, "%s → ", ((LecternPluginEntry *) walk->pdata[i])->name);
  g_string_append (text, entry->name);
  for (guint i = first; i < walk->len; i++)
    {
      g_hash_table_insert (circles, walk->pdata[i], g_strdup (text->str));
      g_ptr_array_remove (waiting, walk->pdata[i]);
    }
}

GPtrArray *
lectern_plugin_entries_order (GPtrArray *entries, LecternConfig *config, GHashTable *circles)
{
  g_autoptr (GPtrArray) waiting = g_ptr_array_new ();
  GPtrArray *order = g_ptr_array_new ();

  for (guint i = 0; i < entries->len; i++)
    {
      LecternPluginEntry *entry = g_ptr_array_index (entries, i);

      if (entry->info.descriptor != NULL && lectern_config_is_enabled (config, entry->name))
        g_ptr_array_add (waiting, entry);
    }
  while (waiting->len > 0)
    {
      guint i = 0;

      while (i < waiting->len && find_predecessor (waiting, waiting->pdata[i]) != NULL)
        i++;
      if (i == waiting->len)
        take_circle (waiting, circles);
      else
        g_ptr_array_add (order, g_ptr_array_remove_index (waiting, i));
    }
  return order;
}
