/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n-lib.h>

#include "daemon/lectern-options.h"

#include "base/lectern-json.h"

static const char *
get_state (const LecternPluginInfo *info, LecternConfig *config)
{
  if (info->descriptor == NULL)
    return N_ ("refused");
  return lectern_config_is_enabled (config, info->name) ? N_ ("enabled") : N_ ("disabled");
}

static void
print_table (GPtrArray *all, LecternConfig *config)
{
  for (guint i = 0; i < all->len; i++)
    {
      const LecternPluginInfo *info = g_ptr_array_index (all, i);
      const LecternPluginDescriptor *descriptor = info->descriptor;

      g_print ("%-16s %-8s %-9s %s\n", info->name, descriptor != NULL ? descriptor->version : "-",
               _ (get_state (info, config)),
               descriptor == NULL            ? info->error->message
               : descriptor->summary != NULL ? _ (descriptor->summary)
                                             : "");
    }
}

static void
add_member (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  if (value != NULL)
    json_builder_add_string_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

static void
print_json (GPtrArray *all, LecternConfig *config)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GBytes) text = NULL;

  json_builder_begin_array (builder);
  for (guint i = 0; i < all->len; i++)
    {
      const LecternPluginInfo *info = g_ptr_array_index (all, i);
      const LecternPluginDescriptor *descriptor = info->descriptor;

      json_builder_begin_object (builder);
      add_member (builder, "name", info->name);
      add_member (builder, "version", descriptor != NULL ? descriptor->version : NULL);
      add_member (builder, "state", get_state (info, config));
      add_member (builder, "summary", descriptor != NULL ? descriptor->summary : NULL);
      add_member (builder, "path", info->path);
      add_member (builder, "error", info->error != NULL ? info->error->message : NULL);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  root = json_builder_get_root (builder);
  text = lectern_json_print (root);
  g_print ("%.*s\n", (int) g_bytes_get_size (text), (const char *) g_bytes_get_data (text, NULL));
}

LecternExit
lectern_command_plugins (int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry own[] = {
    { "json", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &json, N_ ("Print JSON"), NULL },
    { NULL },
  };
  g_auto (LecternOptions) options = { NULL };
  g_auto (LecternSetup) setup = { NULL };
  g_autoptr (GPtrArray) all = NULL;
  g_autoptr (GError) error = NULL;

  if (!lectern_options_parse (&options, "", _ ("Lists the plugins that were found."), own, 0, 0,
                              &argc, &argv))
    return LECTERN_EXIT_USAGE;
  if (!lectern_setup_load (&setup, &options, &error))
    return lectern_command_fail (error);
  all = lectern_plugin_list_get_all (setup.plugins);
  if (json)
    print_json (all, setup.config);
  else
    print_table (all, setup.config);
  return LECTERN_EXIT_OK;
}
