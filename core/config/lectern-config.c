/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/lectern-config-private.h"
#include "config/lectern-schema-private.h"
#include "config/lectern-setting-private.h"

#include <string.h>

struct _LecternConfig
{
  gint refs;
  LecternSchema *schema;
  GHashTable *groups; /* name → (key → LecternConfigValue) */
};

static const LecternSetting plugin_row
    = { LECTERN_SCHEMA_PLUGINS, LECTERN_SETTING_BOOLEAN, NULL, NULL, NULL, NULL };

static void
value_free (gpointer data)
{
  LecternConfigValue *self = data;

  g_free (self->text);
  g_strfreev (self->list);
  g_free (self->origin);
  g_free (self->secret_path);
  g_free (self);
}

void
lectern_config_value_set (LecternConfigValue *self, const char *text, gint64 number,
                          const char *origin)
{
  g_free (self->text);
  g_free (self->origin);
  g_clear_pointer (&self->secret_path, g_free);
  g_clear_pointer (&self->list, g_strfreev);
  self->text = g_strdup (text);
  self->number = number;
  self->origin = g_strdup (origin);
  if (self->row->type == LECTERN_SETTING_LIST || self->row->type == LECTERN_SETTING_ADDRESS)
    self->list = lectern_setting_split (text != NULL ? text : "");
}

static GHashTable *
add_group (LecternConfig *self, const char *name)
{
  GHashTable *group = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, value_free);

  g_hash_table_insert (self->groups, g_strdup (name), group);
  return group;
}

static void
add_value (GHashTable *group, const char *key, const LecternSetting *row, const char *initial)
{
  LecternConfigValue *value = g_new0 (LecternConfigValue, 1);
  gint64 number = 0;

  value->row = row;
  /* The schema has checked it. */
  if (initial != NULL)
    lectern_setting_parse (row, initial, &number, NULL);
  lectern_config_value_set (value, initial, number, NULL);
  g_hash_table_insert (group, g_strdup (key), value);
}

LecternConfig *
lectern_config_new (LecternSchema *schema)
{
  LecternConfig *self = g_new0 (LecternConfig, 1);
  g_autoptr (GPtrArray) names = lectern_schema_get_groups (schema);
  GPtrArray *plugins = lectern_schema_get_plugins (schema);
  GHashTable *enabled;

  self->refs = 1;
  self->schema = lectern_schema_ref (schema);
  self->groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                        (GDestroyNotify) g_hash_table_unref);
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      GHashTable *group = add_group (self, name);

      for (const LecternSetting *row = lectern_schema_get_settings (schema, name); row->key != NULL;
           row++)
        add_value (group, row->key, row, row->initial);
    }
  enabled = add_group (self, LECTERN_SCHEMA_PLUGINS);
  for (guint i = 0; i < plugins->len; i++)
    {
      const LecternSchemaPlugin *plugin = g_ptr_array_index (plugins, i);

      add_value (enabled, plugin->name, &plugin_row, plugin->initial ? "true" : "false");
    }
  return self;
}

LecternConfig *
lectern_config_ref (LecternConfig *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_config_unref (LecternConfig *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_hash_table_unref (self->groups);
  lectern_schema_unref (self->schema);
  g_free (self);
}

LecternSchema *
lectern_config_get_schema (LecternConfig *self)
{
  return self->schema;
}

GHashTable *
lectern_config_get_group (LecternConfig *self, const char *group)
{
  return g_hash_table_lookup (self->groups, group);
}

static const LecternConfigValue *
find (LecternConfig *self, const char *group, const char *key)
{
  GHashTable *values = lectern_config_get_group (self, group);
  const LecternConfigValue *value = values != NULL ? g_hash_table_lookup (values, key) : NULL;

  if (value == NULL)
    g_critical ("no setting '%s' in [%s]", key, group);
  return value;
}

static gint64
get_number (LecternConfig *self, const char *group, const char *key, LecternSettingType type)
{
  const LecternConfigValue *value = find (self, group, key);

  g_return_val_if_fail (value != NULL && value->row->type == type, 0);
  return value->number;
}

gboolean
lectern_config_get_boolean (LecternConfig *self, const char *group, const char *key)
{
  return get_number (self, group, key, LECTERN_SETTING_BOOLEAN) != 0;
}

gint64
lectern_config_get_integer (LecternConfig *self, const char *group, const char *key)
{
  return get_number (self, group, key, LECTERN_SETTING_INTEGER);
}

gint64
lectern_config_get_duration (LecternConfig *self, const char *group, const char *key)
{
  return get_number (self, group, key, LECTERN_SETTING_DURATION);
}

gint64
lectern_config_get_size (LecternConfig *self, const char *group, const char *key)
{
  return get_number (self, group, key, LECTERN_SETTING_SIZE);
}

gint64
lectern_config_get_bitrate (LecternConfig *self, const char *group, const char *key)
{
  return get_number (self, group, key, LECTERN_SETTING_BITRATE);
}

gint64
lectern_config_get_dscp (LecternConfig *self, const char *group, const char *key)
{
  return get_number (self, group, key, LECTERN_SETTING_DSCP);
}

const char *
lectern_config_get_string (LecternConfig *self, const char *group, const char *key)
{
  const LecternConfigValue *value = find (self, group, key);

  return value != NULL ? value->text : NULL;
}

const char *const *
lectern_config_get_list (LecternConfig *self, const char *group, const char *key)
{
  static const char *const empty[] = { NULL };
  const LecternConfigValue *value = find (self, group, key);

  g_return_val_if_fail (value != NULL && value->list != NULL, empty);
  return (const char *const *) value->list;
}

gboolean
lectern_config_is_enabled (LecternConfig *self, const char *name)
{
  GHashTable *plugins = lectern_config_get_group (self, LECTERN_SCHEMA_PLUGINS);
  const LecternConfigValue *value = g_hash_table_lookup (plugins, name);

  return value != NULL && value->number != 0;
}

const char *
lectern_config_get_origin (LecternConfig *self, const char *group, const char *key)
{
  const LecternConfigValue *value = find (self, group, key);

  return value != NULL ? value->origin : NULL;
}

gboolean
lectern_config_group_differs (LecternConfig *a, LecternConfig *b, const char *group)
{
  GHashTable *values_a = lectern_config_get_group (a, group);
  GHashTable *values_b = lectern_config_get_group (b, group);
  GHashTableIter iter;
  gpointer key;
  gpointer value;

  if (values_a == NULL || values_b == NULL)
    return values_a != values_b;
  if (g_hash_table_size (values_a) != g_hash_table_size (values_b))
    return TRUE;
  g_hash_table_iter_init (&iter, values_a);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      const LecternConfigValue *other = g_hash_table_lookup (values_b, key);

      if (other == NULL || g_strcmp0 (((LecternConfigValue *) value)->text, other->text) != 0)
        return TRUE;
    }
  return FALSE;
}
