/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/lectern-setting.h"
#include "base/lectern-address.h"
#include "base/lectern-units.h"
#include "config/lectern-nearest.h"
#include "config/lectern-setting-private.h"

static const char *const type_names[] = {
  [LECTERN_SETTING_BOOLEAN] = "boolean",   [LECTERN_SETTING_INTEGER] = "integer",
  [LECTERN_SETTING_DURATION] = "duration", [LECTERN_SETTING_SIZE] = "size",
  [LECTERN_SETTING_BITRATE] = "bitrate",   [LECTERN_SETTING_STRING] = "string",
  [LECTERN_SETTING_LIST] = "list",         [LECTERN_SETTING_CHOICE] = "choice",
  [LECTERN_SETTING_PATH] = "path",         [LECTERN_SETTING_SECRET] = "secret",
  [LECTERN_SETTING_ADDRESS] = "address",   [LECTERN_SETTING_DSCP] = "dscp",
};

const char *
lectern_setting_type_get_name (LecternSettingType type)
{
  g_return_val_if_fail ((guint) type < G_N_ELEMENTS (type_names), "unknown");
  return type_names[type];
}

/* Returns: (transfer full): the words of a CHOICE. */
static char **
split_words (const char *text)
{
  char **words = g_strsplit (text, "|", -1);

  for (char **word = words; *word != NULL; word++)
    g_strstrip (*word);
  return words;
}

char **
lectern_setting_split (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, ";", -1);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (char **part = parts; *part != NULL; part++)
    {
      g_strstrip (*part);
      if (**part != '\0')
        g_strv_builder_add (builder, *part);
    }
  return g_strv_builder_end (builder);
}

char *
lectern_setting_describe_range (const LecternSetting *self)
{
  if (self->type == LECTERN_SETTING_CHOICE)
    {
      g_auto (GStrv) words = split_words (self->min);

      return g_strjoinv (" | ", words);
    }
  if (self->min != NULL && self->max != NULL)
    return g_strdup_printf ("%s … %s", self->min, self->max);
  if (self->min != NULL)
    return g_strdup_printf ("at least %s", self->min);
  if (self->max != NULL)
    return g_strdup_printf ("at most %s", self->max);
  return g_strdup ("");
}

static gboolean
parse_number (LecternSettingType type, const char *text, gint64 *number, GError **error)
{
  gboolean value;

  switch (type)
    {
    case LECTERN_SETTING_BOOLEAN:
      if (!lectern_units_parse_boolean (text, &value, error))
        return FALSE;
      *number = value;
      return TRUE;
    case LECTERN_SETTING_INTEGER:
      return lectern_units_parse_integer (text, number, error);
    case LECTERN_SETTING_DURATION:
      return lectern_units_parse_duration (text, number, error);
    case LECTERN_SETTING_SIZE:
      return lectern_units_parse_size (text, number, error);
    case LECTERN_SETTING_BITRATE:
      return lectern_units_parse_bitrate (text, number, error);
    case LECTERN_SETTING_DSCP:
      return lectern_units_parse_dscp (text, number, error);
    default:
      return TRUE;
    }
}

static gboolean
is_number (LecternSettingType type)
{
  return type >= LECTERN_SETTING_INTEGER && type <= LECTERN_SETTING_BITRATE;
}

static gboolean
check_range (const LecternSetting *self, const char *text, gint64 number, GError **error)
{
  gint64 min = G_MININT64;
  gint64 max = G_MAXINT64;

  if (self->min != NULL && !parse_number (self->type, self->min, &min, error))
    return FALSE;
  if (self->max != NULL && !parse_number (self->type, self->max, &max, error))
    return FALSE;
  if (number >= min && number <= max)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "'%.64s' is too %s", text,
               number < min ? "small" : "large");
  return FALSE;
}

static gboolean
check_choice (const LecternSetting *self, const char *text, GError **error)
{
  g_auto (GStrv) words = split_words (self->min);
  g_autofree char *range = NULL;
  const char *nearest;

  if (g_strv_contains ((const char *const *) words, text))
    return TRUE;
  range = lectern_setting_describe_range (self);
  nearest = lectern_nearest (text, (const char *const *) words);
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
               "'%.64s' is no choice (allowed: %s%s%s%s)", text, range,
               nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "'?" : "");
  return FALSE;
}

static gboolean
check_addresses (const char *text, GError **error)
{
  g_auto (GStrv) parts = lectern_setting_split (text);

  for (char **part = parts; *part != NULL; part++)
    {
      LecternAddress address;

      if (!lectern_address_parse (*part, &address, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
check_kind (const LecternSetting *self, const char *text, gint64 *number, GError **error)
{
  if (self->type == LECTERN_SETTING_ADDRESS)
    return check_addresses (text, error);
  return parse_number (self->type, text, number, error)
         && (!is_number (self->type) || check_range (self, text, *number, error));
}

gboolean
lectern_setting_parse (const LecternSetting *self, const char *text, gint64 *number, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *range = NULL;

  *number = 0;
  if (self->type == LECTERN_SETTING_CHOICE)
    return check_choice (self, text, error);
  if (check_kind (self, text, number, &local))
    return TRUE;
  range = lectern_setting_describe_range (self);
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG, "%s%s%s%s", local->message,
               range[0] != '\0' ? " (allowed: " : "", range, range[0] != '\0' ? ")" : "");
  return FALSE;
}

gboolean
lectern_setting_check (const LecternSetting *self, const char *text, GError **error)
{
  gint64 number;

  return lectern_setting_parse (self, text, &number, error);
}
