/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/lectern-keyfile.h"

#include <string.h>

#define MAX_NAME 64

typedef struct
{
  const char *name;
  LecternKeyfileFunc func;
  gpointer user_data;
  char *group;        /* NULL before the first */
  GHashTable *groups; /* name → its line */
  GHashTable *keys;   /* of the present group: name → its line */
  guint line;
} Reader;

static gboolean fail (Reader *self, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
fail (Reader *self, GError **error, const char *format, ...)
{
  g_autofree char *why = NULL;
  va_list args;

  va_start (args, format);
  why = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG, "%s:%u: %s", self->name,
               self->line, why);
  return FALSE;
}

static gboolean
is_space (char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

/* Narrows *@text to what stands between the spaces. */
static void
trim (const char **text, gsize *length)
{
  while (*length > 0 && is_space ((*text)[0]))
    {
      (*text)++;
      (*length)--;
    }
  while (*length > 0 && is_space ((*text)[*length - 1]))
    (*length)--;
}

static gboolean
is_name (const char *text, gsize length)
{
  if (length == 0 || length > MAX_NAME)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    {
      if (!g_ascii_isalnum (text[i]) && text[i] != '-' && text[i] != '_')
        return FALSE;
    }
  return TRUE;
}

/* Notes @name as seen; FALSE when it was seen before. */
static gboolean
note (Reader *self, GHashTable *seen, const char *name, const char *what, GError **error)
{
  guint line = GPOINTER_TO_UINT (g_hash_table_lookup (seen, name));

  if (line != 0)
    return fail (self, error, "%s '%s' stands on line %u already", what, name, line);
  g_hash_table_insert (seen, g_strdup (name), GUINT_TO_POINTER (self->line));
  return TRUE;
}

static gboolean
report (Reader *self, const char *key, const char *value, GError **error)
{
  if (self->func (self->group, key, value, self->line, self->user_data, error))
    return TRUE;
  g_prefix_error (error, "%s:%u: ", self->name, self->line);
  return FALSE;
}

static gboolean
read_group (Reader *self, const char *text, gsize length, GError **error)
{
  if (text[length - 1] != ']')
    return fail (self, error, "a group is '[name]' alone on its line; so is a comment");
  if (!is_name (text + 1, length - 2))
    return fail (self, error, "a group's name is 1 to %d letters, digits, '-' and '_'", MAX_NAME);
  g_free (self->group);
  self->group = g_strndup (text + 1, length - 2);
  g_hash_table_remove_all (self->keys);
  return note (self, self->groups, self->group, "group", error) && report (self, NULL, NULL, error);
}

/* Returns: (transfer full) (nullable). */
static char *
unescape (Reader *self, const char *text, gsize length, GError **error)
{
  static const char names[] = "snt\\";
  static const char values[] = " \n\t\\";
  g_autoptr (GString) out = g_string_sized_new (length);

  for (gsize i = 0; i < length; i++)
    {
      const char *found;

      if (text[i] != '\\')
        {
          g_string_append_c (out, text[i]);
          continue;
        }
      i++;
      found = i < length ? strchr (names, text[i]) : NULL;
      if (found == NULL)
        {
          fail (self, error, "'\\' must be followed by one of s, n, t and '\\'");
          return NULL;
        }
      g_string_append_c (out, values[found - names]);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static gboolean
read_entry (Reader *self, const char *text, gsize length, GError **error)
{
  const char *equals = memchr (text, '=', length);
  const char *key = text;
  const char *rest;
  gsize key_length;
  gsize rest_length;
  g_autofree char *name = NULL;
  g_autofree char *value = NULL;

  if (equals == NULL)
    return fail (self, error, "neither '[group]' nor 'key = value' nor a comment");
  if (self->group == NULL)
    return fail (self, error, "a key before the first group");
  key_length = (gsize) (equals - text);
  trim (&key, &key_length);
  if (key_length > 0 && key[key_length - 1] == ']')
    return fail (self, error, "keys for one language are not known here");
  if (!is_name (key, key_length))
    return fail (self, error, "a key is 1 to %d letters, digits, '-' and '_'", MAX_NAME);
  rest = equals + 1;
  rest_length = length - (gsize) (rest - text);
  trim (&rest, &rest_length);
  name = g_strndup (key, key_length);
  value = unescape (self, rest, rest_length, error);
  return value != NULL && note (self, self->keys, name, "key", error)
         && report (self, name, value, error);
}

static gboolean
read_line (Reader *self, const char *text, gsize length, GError **error)
{
  if (length > LECTERN_KEYFILE_MAX_LINE)
    return fail (self, error, "the line is longer than %d bytes", LECTERN_KEYFILE_MAX_LINE);
  if (!g_utf8_validate_len (text, length, NULL))
    return fail (self, error, "the line is not UTF-8 text");
  trim (&text, &length);
  if (length == 0 || text[0] == '#')
    return TRUE;
  if (text[0] == '[')
    return read_group (self, text, length, error);
  return read_entry (self, text, length, error);
}

static gboolean
read_lines (Reader *self, const char *text, gsize length, GError **error)
{
  const char *end = text + length;

  while (text < end)
    {
      const char *newline = memchr (text, '\n', (gsize) (end - text));
      const char *line_end = newline != NULL ? newline : end;

      self->line++;
      if (!read_line (self, text, (gsize) (line_end - text), error))
        return FALSE;
      text = newline != NULL ? newline + 1 : end;
    }
  return TRUE;
}

gboolean
lectern_keyfile_read (const char *name, const char *text, gsize length, LecternKeyfileFunc func,
                      gpointer user_data, GError **error)
{
  g_autoptr (GHashTable) groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Reader reader
      = { .name = name, .func = func, .user_data = user_data, .groups = groups, .keys = keys };
  gboolean good;

  if (length > LECTERN_KEYFILE_MAX_SIZE)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                   "%s:1: the file is larger than %d bytes", name, LECTERN_KEYFILE_MAX_SIZE);
      return FALSE;
    }
  good = length == 0 || read_lines (&reader, text, length, error);
  g_free (reader.group);
  return good;
}
