/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-secret-file.h"
#include "config/lectern-config-private.h"
#include "config/lectern-keyfile.h"
#include "config/lectern-nearest.h"
#include "config/lectern-setting-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENVIRONMENT_PREFIX "LECTERN_"

/* Where a value comes from. */
typedef struct
{
  LecternConfig *config;
  const char *name;   /* the file as it was named, "environment" or "--set" */
  const char *folder; /* what its paths are relative to; NULL: the working directory */
  gboolean is_file;
} Source;

static gboolean
refuse_name (const char *what, const char *name, const char *const *candidates, GError **error)
{
  const char *nearest = lectern_nearest (name, candidates);

  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG, "no such %s%s%s%s", what,
               nearest != NULL ? " (did you mean '" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "'?)" : "");
  return FALSE;
}

/* Returns: (transfer container): NULL-terminated. */
static GPtrArray *
list_groups (LecternConfig *config)
{
  GPtrArray *names = lectern_schema_get_groups (lectern_config_get_schema (config));

  g_ptr_array_add (names, (gpointer) "plugins");
  g_ptr_array_add (names, NULL);
  return names;
}

static gboolean
check_group (LecternConfig *config, const char *group, GError **error)
{
  g_autoptr (GPtrArray) names = NULL;

  if (lectern_config_get_group (config, group) != NULL)
    return TRUE;
  names = list_groups (config);
  refuse_name ("group", group, (const char *const *) names->pdata, error);
  g_prefix_error (error, "[%s] ", group);
  return FALSE;
}

static LecternConfigValue *
find_value (LecternConfig *config, const char *group, const char *key, GError **error)
{
  GHashTable *values;
  LecternConfigValue *value;
  g_autofree gpointer *keys = NULL;

  if (!check_group (config, group, error))
    return NULL;
  values = lectern_config_get_group (config, group);
  value = g_hash_table_lookup (values, key);
  if (value != NULL)
    return value;
  keys = g_hash_table_get_keys_as_array (values, NULL);
  refuse_name (strcmp (group, "plugins") == 0 ? "plugin" : "key", key, (const char *const *) keys,
               error);
  g_prefix_error (error, "[%s] %s: ", group, key);
  return NULL;
}

static char *
resolve (const Source *source, const char *path)
{
  return g_canonicalize_filename (path, source->folder);
}

static gboolean
set_value (const Source *source, const char *group, const char *key, const char *text, guint line,
           GError **error)
{
  LecternConfigValue *value = find_value (source->config, group, key, error);
  g_autofree char *origin = NULL;
  g_autofree char *path = NULL;
  gint64 number;

  if (value == NULL)
    return FALSE;
  if (!lectern_setting_parse (value->row, text, &number, error))
    {
      g_prefix_error (error, "[%s] %s: ", group, key);
      return FALSE;
    }
  origin
      = source->is_file ? g_strdup_printf ("%s:%u", source->name, line) : g_strdup (source->name);
  if (value->row->type == LECTERN_SETTING_PATH
      || (value->row->type == LECTERN_SETTING_SECRET && source->is_file))
    {
      path = text[0] != '\0' ? resolve (source, text) : NULL;
      text = path;
    }
  if (value->row->type == LECTERN_SETTING_SECRET && source->is_file)
    {
      lectern_config_value_set (value, NULL, 0, origin);
      value->secret_path = g_steal_pointer (&path);
    }
  else
    lectern_config_value_set (value, text, number, origin);
  return TRUE;
}

static gboolean
on_entry (const char *group, const char *key, const char *value, guint line, gpointer user_data,
          GError **error)
{
  const Source *source = user_data;

  if (key == NULL)
    return check_group (source->config, group, error);
  return set_value (source, group, key, value, line, error);
}

/* Reads at most one byte more than a keyfile may have. */
static GByteArray *
read_open (int fd, const char *path, GError **error)
{
  g_autoptr (GByteArray) content = g_byte_array_new ();
  struct stat info;

  if (fstat (fd, &info) != 0 || !S_ISREG (info.st_mode))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG, "'%s' is not a file", path);
      return NULL;
    }
  while (content->len <= LECTERN_KEYFILE_MAX_SIZE)
    {
      guint8 part[16384];
      gssize got = read (fd, part, sizeof part);

      if (got == 0)
        break;
      if (got > 0)
        g_byte_array_append (content, part, (guint) got);
      else if (errno != EINTR)
        {
          lectern_error_set_errno (error, errno, "cannot read '%s'", path);
          return NULL;
        }
    }
  return g_steal_pointer (&content);
}

static GByteArray *
read_content (const char *path, GError **error)
{
  /* Not blocking, so that a named pipe cannot hold us. */
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  GByteArray *content;

  if (fd < 0)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG, "cannot open '%s': %s", path,
                   g_strerror (errno));
      return NULL;
    }
  content = read_open (fd, path, error);
  close (fd);
  return content;
}

static gboolean
load_file (LecternConfig *config, const char *path, GError **error)
{
  g_autoptr (GByteArray) content = read_content (path, error);
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  g_autofree char *folder = g_path_get_dirname (absolute);
  Source source = { .config = config, .name = path, .folder = folder, .is_file = TRUE };

  return content != NULL
         && lectern_keyfile_read (path, (const char *) content->data, content->len, on_entry,
                                  &source, error);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static gboolean
load_fragments (LecternConfig *config, const char *path, GError **error)
{
  g_autofree char *folder = g_strconcat (path, ".d", NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) local = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &local);
  const char *name;

  if (dir == NULL)
    {
      if (g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return TRUE;
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG, local->message);
      return FALSE;
    }
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      if (g_str_has_suffix (name, ".conf") && name[0] != '.')
        g_ptr_array_add (names, g_strdup (name));
    }
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *fragment = g_build_filename (folder, g_ptr_array_index (names, i), NULL);

      if (!load_file (config, fragment, error))
        return FALSE;
    }
  return TRUE;
}

/* A value from the environment or the command line. */
static gboolean
set_given (const Source *source, const char *group, const char *key, const char *text,
           GError **error)
{
  if (strlen (text) > LECTERN_KEYFILE_MAX_LINE || !g_utf8_validate (text, -1, NULL))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                   "%s: [%s] %s: longer than %d bytes or not UTF-8 text", source->name, group, key,
                   LECTERN_KEYFILE_MAX_LINE);
      return FALSE;
    }
  if (set_value (source, group, key, text, 0, error))
    return TRUE;
  g_prefix_error (error, "%s: ", source->name);
  return FALSE;
}

static char *
environment_name (const char *group, const char *key)
{
  g_autofree char *name = g_strconcat (ENVIRONMENT_PREFIX, group, "_", key, NULL);

  return g_strdelimit (g_ascii_strup (name, -1), "-.", '_');
}

/* The variables that set something: their names, and the group and key of each. */
typedef struct
{
  GPtrArray *names; /* NULL-terminated */
  GPtrArray *groups;
  GPtrArray *keys;
} Variables;

static void
list_variables (LecternConfig *config, Variables *variables)
{
  g_autoptr (GPtrArray) groups = list_groups (config);

  for (guint i = 0; i + 1 < groups->len; i++)
    {
      const char *group = g_ptr_array_index (groups, i);
      GHashTableIter iter;
      gpointer key;

      g_hash_table_iter_init (&iter, lectern_config_get_group (config, group));
      while (g_hash_table_iter_next (&iter, &key, NULL))
        {
          g_ptr_array_add (variables->names, environment_name (group, key));
          g_ptr_array_add (variables->groups, (gpointer) group);
          g_ptr_array_add (variables->keys, key);
        }
    }
  g_ptr_array_add (variables->names, NULL);
}

/* A variable that starts like a group's but names no key is a misspelt one; others, like
 * LECTERN_DEBUG, are not settings. */
static gboolean
check_stranger (LecternConfig *config, const char *name, const Variables *variables, GError **error)
{
  g_autoptr (GPtrArray) groups = list_groups (config);

  for (guint i = 0; i + 1 < groups->len; i++)
    {
      g_autofree char *start = environment_name (g_ptr_array_index (groups, i), "");

      if (!g_str_has_prefix (name, start))
        continue;
      refuse_name ("setting", name, (const char *const *) variables->names->pdata, error);
      g_prefix_error (error, "environment: %s: ", name);
      return FALSE;
    }
  return TRUE;
}

static gboolean
load_variable (const Source *source, const char *entry, const Variables *variables, GError **error)
{
  const char *equals = strchr (entry, '=');
  g_autofree char *name = NULL;
  gboolean known = FALSE;

  if (equals == NULL || !g_str_has_prefix (entry, ENVIRONMENT_PREFIX))
    return TRUE;
  name = g_strndup (entry, (gsize) (equals - entry));
  for (guint i = 0; i < variables->keys->len; i++)
    {
      if (strcmp (g_ptr_array_index (variables->names, i), name) != 0)
        continue;
      known = TRUE;
      if (!set_given (source, g_ptr_array_index (variables->groups, i),
                      g_ptr_array_index (variables->keys, i), equals + 1, error))
        return FALSE;
    }
  return known || check_stranger (source->config, name, variables, error);
}

static gboolean
load_environment (LecternConfig *config, const char *const *environment, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) groups = g_ptr_array_new ();
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  Variables variables = { names, groups, keys };
  Source source = { .config = config, .name = "environment" };

  list_variables (config, &variables);
  for (; environment != NULL && *environment != NULL; environment++)
    {
      if (!load_variable (&source, *environment, &variables, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
load_overrides (LecternConfig *config, const char *const *overrides, GError **error)
{
  Source source = { .config = config, .name = "--set" };

  for (; overrides != NULL && *overrides != NULL; overrides++)
    {
      gsize name_length = strcspn (*overrides, "=");
      g_autofree char *name = g_strndup (*overrides, name_length);
      char *dot = strchr (name, '.');

      if ((*overrides)[name_length] == '\0' || dot == NULL)
        {
          g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                       "--set: '%.64s' is not of the form group.key=value", name);
          return FALSE;
        }
      *dot = '\0';
      if (!set_given (&source, name, dot + 1, *overrides + name_length + 1, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_secret (LecternConfigValue *value, const char *group, const char *key, GError **error)
{
  g_autofree char *origin = g_strdup (value->origin);
  g_autofree char *secret = lectern_secret_file_read (value->secret_path, error);

  if (secret == NULL)
    {
      g_prefix_error (error, "%s: [%s] %s: ", origin, group, key);
      if (error != NULL)
        (*error)->code = LECTERN_ERROR_INVALID_CONFIG;
      return FALSE;
    }
  lectern_config_value_set (value, secret, 0, origin);
  return TRUE;
}

/* At the end, so that a file nobody needs is not asked for. */
static gboolean
read_secrets (LecternConfig *config, GError **error)
{
  g_autoptr (GPtrArray) groups = list_groups (config);

  for (guint i = 0; i + 1 < groups->len; i++)
    {
      const char *group = g_ptr_array_index (groups, i);
      GHashTableIter iter;
      gpointer key;
      gpointer value;

      g_hash_table_iter_init (&iter, lectern_config_get_group (config, group));
      while (g_hash_table_iter_next (&iter, &key, &value))
        {
          if (((LecternConfigValue *) value)->secret_path != NULL
              && !read_secret (value, group, key, error))
            return FALSE;
        }
    }
  return TRUE;
}

LecternConfig *
lectern_config_load (LecternSchema *schema, const char *path, const char *const *environment,
                     const char *const *overrides, GError **error)
{
  g_autoptr (LecternConfig) config = lectern_config_new (schema);

  if (path != NULL && (!load_file (config, path, error) || !load_fragments (config, path, error)))
    return NULL;
  if (!load_environment (config, environment, error) || !load_overrides (config, overrides, error)
      || !read_secrets (config, error))
    return NULL;
  return g_steal_pointer (&config);
}
