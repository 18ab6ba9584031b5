/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/lectern-schema-private.h"

#include <string.h>

typedef struct
{
  char *name;
  const LecternSetting *settings;
} Group;

struct _LecternSchema
{
  gint refs;
  GPtrArray *groups;  /* of Group */
  GPtrArray *plugins; /* of LecternSchemaPlugin */
};

static void
group_free (gpointer data)
{
  Group *self = data;

  g_free (self->name);
  g_free (self);
}

static void
plugin_free (gpointer data)
{
  LecternSchemaPlugin *self = data;

  g_free (self->name);
  g_free (self);
}

LecternSchema *
lectern_schema_new (void)
{
  LecternSchema *self = g_new0 (LecternSchema, 1);

  self->refs = 1;
  self->groups = g_ptr_array_new_with_free_func (group_free);
  self->plugins = g_ptr_array_new_with_free_func (plugin_free);
  return self;
}

LecternSchema *
lectern_schema_ref (LecternSchema *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_schema_unref (LecternSchema *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_ptr_array_unref (self->groups);
  g_ptr_array_unref (self->plugins);
  g_free (self);
}

static Group *
find_group (LecternSchema *self, const char *name)
{
  for (guint i = 0; i < self->groups->len; i++)
    {
      Group *group = g_ptr_array_index (self->groups, i);

      if (strcmp (group->name, name) == 0)
        return group;
    }
  return NULL;
}

static gboolean
check_row (const LecternSetting *row, GError **error)
{
  if (row->type == LECTERN_SETTING_CHOICE && row->min == NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                           "a choice without words");
      return FALSE;
    }
  if (row->type == LECTERN_SETTING_SECRET && row->initial != NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                           "a secret with a default");
      return FALSE;
    }
  return row->initial == NULL || lectern_setting_check (row, row->initial, error);
}

gboolean
lectern_schema_add_group (LecternSchema *self, const char *group, const LecternSetting *settings,
                          GError **error)
{
  Group *added;

  if (find_group (self, group) != NULL || strcmp (group, LECTERN_SCHEMA_PLUGINS) == 0)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT,
                   "the group [%s] belongs to another part already", group);
      return FALSE;
    }
  for (const LecternSetting *row = settings; row->key != NULL; row++)
    {
      if (check_row (row, error))
        continue;
      g_prefix_error (error, "the table of [%s] is wrong: %s: ", group, row->key);
      return FALSE;
    }
  added = g_new0 (Group, 1);
  added->name = g_strdup (group);
  added->settings = settings;
  g_ptr_array_add (self->groups, added);
  return TRUE;
}

gboolean
lectern_schema_add_plugin (LecternSchema *self, const char *name, gboolean initial, GError **error)
{
  LecternSchemaPlugin *added;

  for (guint i = 0; i < self->plugins->len; i++)
    {
      LecternSchemaPlugin *plugin = g_ptr_array_index (self->plugins, i);

      if (strcmp (plugin->name, name) != 0)
        continue;
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT, "there is a plugin '%s' already",
                   name);
      return FALSE;
    }
  added = g_new0 (LecternSchemaPlugin, 1);
  added->name = g_strdup (name);
  added->initial = initial;
  g_ptr_array_add (self->plugins, added);
  return TRUE;
}

GPtrArray *
lectern_schema_get_plugins (LecternSchema *self)
{
  return self->plugins;
}

GPtrArray *
lectern_schema_get_groups (LecternSchema *self)
{
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; i < self->groups->len; i++)
    g_ptr_array_add (names, ((Group *) g_ptr_array_index (self->groups, i))->name);
  return names;
}

const LecternSetting *
lectern_schema_get_settings (LecternSchema *self, const char *group)
{
  Group *found = find_group (self, group);

  return found != NULL ? found->settings : NULL;
}
