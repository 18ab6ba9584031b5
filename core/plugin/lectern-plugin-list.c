/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugin/lectern-plugin-list-private.h"

#include "plugin/lectern-build-tree.h"
#include "plugin/lectern-core-settings.h"
#include "plugin/lectern-host-private.h"
#include "plugin/lectern-plugin-private.h"

struct _LecternPluginList
{
  GPtrArray *entries; /* by name */
  GPtrArray *started; /* in the order they started */
  LecternHost *host;
};

char *
lectern_plugin_list_dup_default_path (void)
{
  const char *path = g_getenv ("LECTERN_PLUGIN_PATH");
  const char *tree = lectern_build_tree_get_path ();

  if (path != NULL && path[0] != '\0')
    return g_strdup (path);
  return tree != NULL ? g_build_filename (tree, "plugins", NULL) : g_strdup (LECTERN_PLUGINDIR);
}

LecternPluginList *
lectern_plugin_list_new (const char *path)
{
  LecternPluginList *self = g_new0 (LecternPluginList, 1);
  g_autofree char *fallback = path == NULL ? lectern_plugin_list_dup_default_path () : NULL;

  self->entries = lectern_plugin_entries_find (path != NULL ? path : fallback);
  self->started = g_ptr_array_new ();
  return self;
}

void
lectern_plugin_list_free (LecternPluginList *self)
{
  lectern_plugin_list_stop (self);
  g_ptr_array_unref (self->started);
  g_ptr_array_unref (self->entries);
  g_clear_object (&self->host);
  g_free (self);
}

gboolean
lectern_plugin_list_extend_schema (LecternPluginList *self, LecternSchema *schema, GError **error)
{
  static const LecternSetting none[] = { { NULL } };

  for (guint i = 0; i < self->entries->len; i++)
    {
      LecternPluginEntry *entry = g_ptr_array_index (self->entries, i);
      const LecternPluginDescriptor *descriptor = entry->info.descriptor;

      if (descriptor == NULL)
        continue;
      if (!lectern_schema_add_plugin (schema, entry->name, descriptor->enabled, error)
          || !lectern_schema_add_group (schema, entry->name,
                                        descriptor->settings != NULL ? descriptor->settings : none,
                                        error))
        {
          g_prefix_error (error, "plugin '%s': ", entry->name);
          return FALSE;
        }
    }
  return TRUE;
}

GPtrArray *
lectern_plugin_list_get_all (LecternPluginList *self)
{
  GPtrArray *all = g_ptr_array_new ();

  for (guint i = 0; i < self->entries->len; i++)
    g_ptr_array_add (all, &((LecternPluginEntry *) self->entries->pdata[i])->info);
  return all;
}

/* Sets @error unless everything @entry needs has started. */
static gboolean
check_needs (LecternPluginList *self, LecternPluginEntry *entry, LecternConfig *config,
             GError **error)
{
  const char *needs = entry->info.descriptor->needs;
  g_auto (GStrv) names = g_strsplit (needs != NULL ? needs : "", " ", -1);

  for (guint i = 0; names[i] != NULL; i++)
    {
      LecternPluginEntry *need = lectern_plugin_entries_lookup (self->entries, names[i]);

      if (names[i][0] == '\0' || (need != NULL && need->plugin != NULL))
        continue;
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "it needs '%s', which %s",
                   names[i],
                   need == NULL                                      ? "is not there"
                   : need->info.descriptor == NULL                   ? "was refused"
                   : !lectern_config_is_enabled (config, need->name) ? "is not enabled"
                                                                     : "did not start");
      return FALSE;
    }
  return TRUE;
}

static gboolean
try_start (LecternPluginList *self, LecternPluginEntry *entry, LecternConfig *config,
           GError **error)
{
  g_autoptr (LecternPlugin) plugin = NULL;

  if (!check_needs (self, entry, config, error))
    return FALSE;
  plugin = lectern_plugin_new (entry->info.descriptor, self->host, error);
  if (plugin == NULL || !lectern_plugin_run_start (plugin, error))
    return FALSE;
  entry->plugin = g_steal_pointer (&plugin);
  g_ptr_array_add (self->started, entry);
  lectern_plugin_entry_set_state (entry, LECTERN_PLUGIN_STATE_STARTED, NULL);
  return TRUE;
}

static gboolean
start_entry (LecternPluginList *self, LecternPluginEntry *entry, LecternConfig *config,
             GError **error)
{
  GError *reason = NULL;

  if (try_start (self, entry, config, &reason))
    {
      g_info ("plugin '%s' %s started", entry->name, entry->info.descriptor->version);
      return TRUE;
    }
  g_prefix_error (&reason, "plugin '%s': ", entry->name);
  g_propagate_error (error, g_error_copy (reason));
  lectern_plugin_entry_set_state (entry, LECTERN_PLUGIN_STATE_FAILED, reason);
  return FALSE;
}

static void
stop_entry (LecternPluginList *self, LecternPluginEntry *entry, LecternPluginState state)
{
  lectern_plugin_run_stop (entry->plugin);
  g_clear_object (&entry->plugin);
  g_ptr_array_remove (self->started, entry);
  lectern_plugin_entry_set_state (entry, state, NULL);
}

static gboolean
is_required (LecternConfig *config, const char *name)
{
  const char *const *required = lectern_config_get_list (config, "server", "required");

  return required != NULL && g_strv_contains (required, name);
}

/* Returns: whether the server can go on without @entry; else @error is set. */
static gboolean
bear_failure (LecternPluginEntry *entry, LecternConfig *config, gboolean fatal,
              const GError *reason, GError **error)
{
  if (fatal || is_required (config, entry->name))
    {
      g_propagate_error (error, g_error_copy (reason));
      return FALSE;
    }
  g_warning ("%s; the server goes on without it", reason->message);
  return TRUE;
}

static gboolean
refuse_circles (LecternConfig *config, GHashTable *circles, GError **error)
{
  GHashTableIter iter;
  gpointer key, text;

  g_hash_table_iter_init (&iter, circles);
  while (g_hash_table_iter_next (&iter, &key, &text))
    {
      LecternPluginEntry *entry = key;
      GError *reason = g_error_new (LECTERN_ERROR, LECTERN_ERROR_CONFLICT,
                                    "plugin '%s': it needs others in a circle: %s", entry->name,
                                    (const char *) text);

      lectern_plugin_entry_set_state (entry, LECTERN_PLUGIN_STATE_FAILED, reason);
      if (!bear_failure (entry, config, FALSE, reason, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
lectern_plugin_list_check_required (LecternPluginList *self, LecternConfig *config, GError **error)
{
  const char *const *names = lectern_config_get_list (config, "server", "required");

  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      LecternPluginEntry *entry = lectern_plugin_entries_lookup (self->entries, names[i]);

      if (entry == NULL || !lectern_config_is_enabled (config, names[i]))
        {
          g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                       "plugin '%s' stands in [server] required and %s", names[i],
                       entry == NULL ? "was not found" : "is not enabled");
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
report_refused (LecternPluginList *self, LecternConfig *config, GError **error)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      LecternPluginEntry *entry = g_ptr_array_index (self->entries, i);
      g_autoptr (GError) reason = NULL;

      if (entry->info.descriptor != NULL)
        continue;
      reason = g_error_copy (entry->error);
      g_prefix_error (&reason, "plugin '%s' (%s): ", entry->name, entry->path);
      if (!bear_failure (entry, config, FALSE, reason, error))
        return FALSE;
    }
  return TRUE;
}

static void
mark_disabled (LecternPluginList *self, LecternConfig *config)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      LecternPluginEntry *entry = g_ptr_array_index (self->entries, i);

      if (entry->info.descriptor != NULL && entry->plugin == NULL
          && !lectern_config_is_enabled (config, entry->name))
        lectern_plugin_entry_set_state (entry, LECTERN_PLUGIN_STATE_DISABLED, NULL);
    }
}

gboolean
lectern_plugin_list_start (LecternPluginList *self, LecternHost *host, GError **error)
{
  g_autoptr (LecternConfig) config = lectern_host_get_config (host);
  g_autoptr (GHashTable) circles = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_autoptr (GPtrArray) order = NULL;

  g_return_val_if_fail (self->started->len == 0, FALSE);
  g_set_object (&self->host, host);
  mark_disabled (self, config);
  if (!report_refused (self, config, error)
      || !lectern_plugin_list_check_required (self, config, error))
    return FALSE;
  order = lectern_plugin_entries_order (self->entries, config, circles);
  if (!refuse_circles (config, circles, error))
    return FALSE;
  for (guint i = 0; i < order->len; i++)
    {
      LecternPluginEntry *entry = g_ptr_array_index (order, i);
      g_autoptr (GError) reason = NULL;

      /* Another server holding an address means that this one is one too many. */
      if (start_entry (self, entry, config, &reason)
          || bear_failure (entry, config,
                           g_error_matches (reason, LECTERN_ERROR, LECTERN_ERROR_CONFLICT)
                               && lectern_host_get_address_in_use (host),
                           reason, error))
        continue;
      lectern_plugin_list_stop (self);
      return FALSE;
    }
  return TRUE;
}

void
lectern_plugin_list_stop (LecternPluginList *self)
{
  while (self->started->len > 0)
    stop_entry (self, g_ptr_array_index (self->started, self->started->len - 1),
                LECTERN_PLUGIN_STATE_STOPPED);
}

/* Listeners are opened by start alone. */
static void
report_addresses (LecternPluginEntry *entry, LecternConfig *before, LecternConfig *after)
{
  const LecternSetting *row = entry->info.descriptor->settings;

  for (; row != NULL && row->key != NULL; row++)
    if (row->type == LECTERN_SETTING_ADDRESS)
      lectern_core_settings_report_restart (entry->name, row->key, before, after);
}

/* What a reload has done so far, to be undone when a plugin refuses. */
typedef struct
{
  GPtrArray *started;
  GPtrArray *reloaded;
} Changes;

static gboolean
reload_started (LecternPluginList *self, LecternConfig *before, LecternConfig *after,
                Changes *changes, GError **error)
{
  for (guint i = 0; i < self->started->len; i++)
    {
      LecternPluginEntry *entry = g_ptr_array_index (self->started, i);

      if (!lectern_config_is_enabled (after, entry->name)
          || !lectern_config_group_differs (before, after, entry->name))
        continue;
      g_ptr_array_add (changes->reloaded, entry);
      if (!lectern_plugin_run_reload (entry->plugin, error))
        {
          g_prefix_error (error, "plugin '%s': ", entry->name);
          return FALSE;
        }
    }
  return TRUE;
}

/* A plugin that has failed is tried again when its settings are new. */
static gboolean
is_to_start (LecternPluginEntry *entry, LecternConfig *before, LecternConfig *after)
{
  return entry->plugin == NULL
         && (!lectern_config_is_enabled (before, entry->name)
             || lectern_config_group_differs (before, after, entry->name));
}

static gboolean
start_new (LecternPluginList *self, LecternConfig *before, LecternConfig *after, Changes *changes,
           GError **error)
{
  g_autoptr (GHashTable) circles = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_autoptr (GPtrArray) order = lectern_plugin_entries_order (self->entries, after, circles);

  for (guint i = 0; i < order->len; i++)
    {
      LecternPluginEntry *entry = g_ptr_array_index (order, i);

      if (!is_to_start (entry, before, after))
        continue;
      if (!start_entry (self, entry, after, error))
        return FALSE;
      g_ptr_array_add (changes->started, entry);
    }
  return TRUE;
}

/* Refuses to take away what a plugin that stays needs. */
static gboolean
check_stopping (LecternPluginList *self, LecternConfig *after, GError **error)
{
  for (guint i = 0; i < self->started->len; i++)
    {
      LecternPluginEntry *entry = g_ptr_array_index (self->started, i);
      const char *needs = entry->info.descriptor->needs;
      g_auto (GStrv) names = g_strsplit (needs != NULL ? needs : "", " ", -1);

      if (!lectern_config_is_enabled (after, entry->name))
        continue;
      for (guint j = 0; names[j] != NULL; j++)
        if (names[j][0] != '\0' && !lectern_config_is_enabled (after, names[j]))
          {
            g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                         "plugin '%s': it needs '%s', which is not enabled", entry->name, names[j]);
            return FALSE;
          }
    }
  return TRUE;
}

static void
stop_disabled (LecternPluginList *self, LecternConfig *after)
{
  for (guint i = self->started->len; i > 0; i--)
    {
      LecternPluginEntry *entry = g_ptr_array_index (self->started, i - 1);

      if (lectern_config_is_enabled (after, entry->name))
        continue;
      stop_entry (self, entry, LECTERN_PLUGIN_STATE_DISABLED);
      g_message ("plugin '%s' stopped, as it is no longer enabled", entry->name);
    }
}

static void
roll_back (LecternPluginList *self, LecternConfig *before, Changes *changes)
{
  g_autoptr (GError) error = NULL;

  if (!lectern_host_reload (self->host, before, &error))
    g_warning ("cannot put the old settings back: %s", error->message);
  for (guint i = changes->started->len; i > 0; i--)
    stop_entry (self, g_ptr_array_index (changes->started, i - 1), LECTERN_PLUGIN_STATE_DISABLED);
  for (guint i = changes->reloaded->len; i > 0; i--)
    {
      LecternPluginEntry *entry = g_ptr_array_index (changes->reloaded, i - 1);
      g_autoptr (GError) reason = NULL;

      if (!lectern_plugin_run_reload (entry->plugin, &reason))
        g_warning ("plugin '%s': cannot put its old settings back: %s", entry->name,
                   reason->message);
    }
  mark_disabled (self, before);
}

gboolean
lectern_plugin_list_reload (LecternPluginList *self, LecternConfig *before, LecternConfig *after,
                            GError **error)
{
  g_autoptr (GPtrArray) started = g_ptr_array_new ();
  g_autoptr (GPtrArray) reloaded = g_ptr_array_new ();
  Changes changes = { started, reloaded };

  if (!lectern_plugin_list_check_required (self, after, error)
      || !check_stopping (self, after, error)
      || !reload_started (self, before, after, &changes, error)
      || !start_new (self, before, after, &changes, error))
    {
      roll_back (self, before, &changes);
      return FALSE;
    }
  stop_disabled (self, after);
  mark_disabled (self, after);
  for (guint i = 0; i < self->started->len; i++)
    if (lectern_config_is_enabled (before, ((LecternPluginEntry *) self->started->pdata[i])->name))
      report_addresses (self->started->pdata[i], before, after);
  return TRUE;
}
