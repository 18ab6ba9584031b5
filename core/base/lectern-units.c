/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-units.h"

#include <string.h>

#define MAX_FRACTION 1000000

typedef struct
{
  const char *suffix;
  gint64 factor;
} Unit;

/* Largest first, for the formatters. */
static const Unit durations[] = {
  { "d", 86400 * G_TIME_SPAN_SECOND }, { "h", G_TIME_SPAN_HOUR },
  { "m", G_TIME_SPAN_MINUTE },         { "s", G_TIME_SPAN_SECOND },
  { "ms", G_TIME_SPAN_MILLISECOND },   { "us", 1 },
};
static const Unit sizes[] = {
  { "TiB", G_GINT64_CONSTANT (1) << 40 },
  { "GiB", G_GINT64_CONSTANT (1) << 30 },
  { "MiB", G_GINT64_CONSTANT (1) << 20 },
  { "KiB", G_GINT64_CONSTANT (1) << 10 },
  { "", 1 },
  { "TB", G_GINT64_CONSTANT (1000000000000) },
  { "GB", G_GINT64_CONSTANT (1000000000) },
  { "MB", G_GINT64_CONSTANT (1000000) },
  { "kB", G_GINT64_CONSTANT (1000) },
};
#define N_BINARY_SIZES 5
static const Unit bitrates[] = { { "M", 1000000 }, { "k", 1000 }, { "", 1 } };

/* A decimal number that fits a gint64; moves *@text behind it. */
static gboolean
read_digits (const char **text, gint64 *value)
{
  const char *at = *text;
  gint64 sum = 0;

  if (!g_ascii_isdigit (*at))
    return FALSE;
  for (; g_ascii_isdigit (*at); at++)
    {
      if (__builtin_mul_overflow (sum, 10, &sum)
          || __builtin_add_overflow (sum, (gint64) (*at - '0'), &sum))
        return FALSE;
    }
  *text = at;
  *value = sum;
  return TRUE;
}

/* The digits after a point, in millionths. */
static gboolean
read_fraction (const char **text, gint64 *millionths)
{
  const char *at = *text;
  gint64 scale = MAX_FRACTION;

  *millionths = 0;
  if (*at != '.')
    return TRUE;
  at++;
  if (!g_ascii_isdigit (*at))
    return FALSE;
  for (; g_ascii_isdigit (*at); at++)
    {
      scale /= 10;
      if (scale == 0)
        return FALSE;
      *millionths += (*at - '0') * scale;
    }
  *text = at;
  return TRUE;
}

static const Unit *
find_unit (const Unit *units, gsize n_units, const char *suffix)
{
  for (gsize i = 0; i < n_units; i++)
    {
      if (strcmp (units[i].suffix, suffix) == 0)
        return &units[i];
    }
  return NULL;
}

static gboolean
scale (const Unit *unit, gint64 whole, gint64 millionths, gint64 *value)
{
  gint64 rest;

  if (unit == NULL || __builtin_mul_overflow (whole, unit->factor, &whole)
      || __builtin_mul_overflow (millionths, unit->factor, &rest) || rest % MAX_FRACTION != 0)
    return FALSE;
  return !__builtin_add_overflow (whole, rest / MAX_FRACTION, value);
}

static gboolean
refuse (const char *text, const char *what, GError **error)
{
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "'%.64s' is not %s", text, what);
  return FALSE;
}

gboolean
lectern_units_parse_duration (const char *text, gint64 *microseconds, GError **error)
{
  const char *at = text;
  gint64 number;
  gint64 value = 0;

  if (!read_digits (&at, &number)
      || ((*at != '\0' || number != 0)
          && !scale (find_unit (durations, G_N_ELEMENTS (durations), at), number, 0, &value)))
    return refuse (text, "a duration like 40ms, 10s or 5m", error);
  *microseconds = value;
  return TRUE;
}

gboolean
lectern_units_parse_size (const char *text, gint64 *bytes, GError **error)
{
  const char *at = text;
  gint64 number;
  gint64 value;

  if (!read_digits (&at, &number)
      || !scale (find_unit (sizes, G_N_ELEMENTS (sizes), at), number, 0, &value))
    return refuse (text, "a size like 512, 64KiB or 4MiB", error);
  *bytes = value;
  return TRUE;
}

gboolean
lectern_units_parse_bitrate (const char *text, gint64 *bits, GError **error)
{
  const char *at = text;
  gint64 number;
  gint64 millionths;
  gint64 value;

  if (!read_digits (&at, &number) || !read_fraction (&at, &millionths)
      || !scale (find_unit (bitrates, G_N_ELEMENTS (bitrates), at), number, millionths, &value))
    return refuse (text, "a bit rate like 64k, 2500k or 2.5M", error);
  *bits = value;
  return TRUE;
}

gboolean
lectern_units_parse_integer (const char *text, gint64 *value, GError **error)
{
  gboolean negative = text[0] == '-';
  gint64 sum = 0;
  const char *at = text + negative;

  if (!g_ascii_isdigit (*at))
    return refuse (text, "a whole number", error);
  for (; g_ascii_isdigit (*at); at++)
    {
      gint64 digit = *at - '0';

      /* Summed with its sign, because the smallest number has no positive twin. */
      if (__builtin_mul_overflow (sum, 10, &sum)
          || __builtin_add_overflow (sum, negative ? -digit : digit, &sum))
        return refuse (text, "a whole number of 64 bits", error);
    }
  if (*at != '\0')
    return refuse (text, "a whole number", error);
  *value = sum;
  return TRUE;
}

/* Returns: the six bits, or -1. */
static int
find_dscp (const char *name)
{
  gsize size = strlen (name);

  if (g_ascii_strcasecmp (name, "ef") == 0)
    return 46;
  if (g_ascii_strcasecmp (name, "le") == 0)
    return 1;
  if (size == 3 && g_ascii_strncasecmp (name, "cs", 2) == 0 && name[2] >= '0' && name[2] <= '7')
    return 8 * (name[2] - '0');
  if (size == 4 && g_ascii_strncasecmp (name, "af", 2) == 0 && name[2] >= '1' && name[2] <= '4'
      && name[3] >= '1' && name[3] <= '3')
    return 8 * (name[2] - '0') + 2 * (name[3] - '0');
  return -1;
}

gboolean
lectern_units_parse_dscp (const char *text, gint64 *dscp, GError **error)
{
  gint64 value = find_dscp (text);

  if (value < 0 && (!lectern_units_parse_integer (text, &value, NULL) || value < 0 || value > 63))
    return refuse (text, "a DSCP: 0 to 63, cs0 to cs7, af11 to af43, ef or le", error);
  *dscp = value;
  return TRUE;
}

gboolean
lectern_units_parse_boolean (const char *text, gboolean *value, GError **error)
{
  static const char *const yes[] = { "true", "yes", "on", "1", NULL };
  static const char *const no[] = { "false", "no", "off", "0", NULL };

  if (g_strv_contains (yes, text))
    *value = TRUE;
  else if (g_strv_contains (no, text))
    *value = FALSE;
  else
    return refuse (text, "true or false", error);
  return TRUE;
}

static char *
format (gint64 value, const Unit *units, gsize n_units, const char *zero)
{
  if (value == 0)
    return g_strdup (zero);
  for (gsize i = 0; i < n_units; i++)
    {
      if (value % units[i].factor == 0)
        return g_strdup_printf ("%" G_GINT64_FORMAT "%s", value / units[i].factor, units[i].suffix);
    }
  g_assert_not_reached ();
}

char *
lectern_units_format_duration (gint64 microseconds)
{
  return format (microseconds, durations, G_N_ELEMENTS (durations), "0s");
}

char *
lectern_units_format_size (gint64 bytes)
{
  return format (bytes, sizes, N_BINARY_SIZES, "0");
}
