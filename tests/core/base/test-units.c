/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-units.h"

typedef gboolean (*Parse) (const char *text, gint64 *value, GError **error);

#define BAD G_MININT64 + 1

typedef struct
{
  const char *text;
  gint64 value; /* BAD: refused */
} Row;

static void
check (Parse parse, const Row *rows, gsize n_rows)
{
  for (gsize i = 0; i < n_rows; i++)
    {
      g_autoptr (GError) error = NULL;
      gint64 value = 4711;
      gboolean good = parse (rows[i].text, &value, &error);

      if (rows[i].value == BAD)
        {
          g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
          g_assert_false (good);
          g_assert_cmpint (value, ==, 4711);
          continue;
        }
      g_assert_no_error (error);
      g_assert_true (good);
      g_assert_cmpint (value, ==, rows[i].value);
    }
}

static void
test_duration (void)
{
  static const Row rows[] = {
    { "0", 0 },
    { "000", 0 },
    { "0s", 0 },
    { "250us", 250 },
    { "40ms", 40000 },
    { "10s", 10000000 },
    { "5m", 300000000 },
    { "2h", 7200000000 },
    { "1d", 86400000000 },
    { "007s", 7000000 },
    { "106751991d", 106751991 * 86400000000 },
    { "106751992d", BAD },
    { "9223372036854775807us", G_MAXINT64 },
    { "9223372036854775808us", BAD },
    { "99999999999999999999999s", BAD },
    { "", BAD },
    { "s", BAD },
    { "1", BAD },
    { "1 s", BAD },
    { " 1s", BAD },
    { "1s ", BAD },
    { "1S", BAD },
    { "-1s", BAD },
    { "+1s", BAD },
    { "1.5s", BAD },
    { "1s1ms", BAD },
    { "1min", BAD },
  };

  check (lectern_units_parse_duration, rows, G_N_ELEMENTS (rows));
}

static void
test_size (void)
{
  static const Row rows[] = {
    { "0", 0 },
    { "512", 512 },
    { "64KiB", 65536 },
    { "4MiB", 4 << 20 },
    { "1GiB", 1 << 30 },
    { "2TiB", (gint64) 2 << 40 },
    { "1kB", 1000 },
    { "2MB", 2000000 },
    { "3GB", 3000000000 },
    { "4TB", 4000000000000 },
    { "8388607TiB", (gint64) 8388607 << 40 },
    { "8388608TiB", BAD },
    { "9223372036854775808", BAD },
    { "", BAD },
    { "KiB", BAD },
    { "1k", BAD },
    { "1KB", BAD },
    { "1B", BAD },
    { "1 MiB", BAD },
    { "-1", BAD },
    { "1.5MiB", BAD },
    { "0x10", BAD },
  };

  check (lectern_units_parse_size, rows, G_N_ELEMENTS (rows));
}

static void
test_bitrate (void)
{
  static const Row rows[] = {
    { "0", 0 },
    { "64000", 64000 },
    { "64k", 64000 },
    { "2500k", 2500000 },
    { "2.5M", 2500000 },
    { "0.000001M", 1 },
    { "1.234567M", 1234567 },
    { "1.5k", 1500 },
    { "1.0", 1 },
    { "1.5", BAD },
    { "1.2345k", BAD },
    { "1.2345678M", BAD },
    { "1.M", BAD },
    { ".5M", BAD },
    { "1,5M", BAD },
    { "9223372036854M", 9223372036854000000 },
    { "9223372036855M", BAD },
    { "1m", BAD },
    { "1K", BAD },
    { "1G", BAD },
    { "-1k", BAD },
    { "", BAD },
  };

  check (lectern_units_parse_bitrate, rows, G_N_ELEMENTS (rows));
}

static void
test_integer (void)
{
  static const Row rows[] = {
    { "0", 0 },
    { "-0", 0 },
    { "-12", -12 },
    { "9223372036854775807", G_MAXINT64 },
    { "9223372036854775808", BAD },
    { "-9223372036854775808", G_MININT64 },
    { "-9223372036854775809", BAD },
    { "", BAD },
    { "-", BAD },
    { "--1", BAD },
    { "+1", BAD },
    { "1 ", BAD },
    { "1.0", BAD },
    { "1e3", BAD },
  };

  check (lectern_units_parse_integer, rows, G_N_ELEMENTS (rows));
}

static gboolean
parse_boolean (const char *text, gint64 *value, GError **error)
{
  gboolean read;

  if (!lectern_units_parse_boolean (text, &read, error))
    return FALSE;
  *value = read;
  return TRUE;
}

static void
test_dscp (void)
{
  static const Row rows[] = {
    { "0", 0 },      { "63", 63 },    { "46", 46 },    { "cs0", 0 },   { "cs1", 8 },
    { "cs7", 56 },   { "CS6", 48 },   { "af11", 10 },  { "af13", 14 }, { "af41", 34 },
    { "AF43", 38 },  { "ef", 46 },    { "le", 1 },     { "64", BAD },  { "-1", BAD },
    { "cs8", BAD },  { "cs", BAD },   { "cs11", BAD }, { "af", BAD },  { "af1", BAD },
    { "af10", BAD }, { "af14", BAD }, { "af51", BAD }, { "efx", BAD }, { "af411", BAD },
    { "", BAD },     { " 46", BAD },  { "0x2e", BAD },
  };

  check (lectern_units_parse_dscp, rows, G_N_ELEMENTS (rows));
}

static void
test_boolean (void)
{
  static const Row rows[] = {
    { "true", 1 },   { "yes", 1 }, { "on", 1 },      { "1", 1 },  { "false", 0 },
    { "no", 0 },     { "off", 0 }, { "0", 0 },       { "", BAD }, { "2", BAD },
    { "TRUE", BAD }, { "y", BAD }, { "true ", BAD },
  };

  check (parse_boolean, rows, G_N_ELEMENTS (rows));
}

static void
test_format (void)
{
  static const struct
  {
    gint64 value;
    const char *duration, *size;
  } rows[] = {
    { 0, "0s", "0" },
    { 1, "1us", "1" },
    { 1024, "1024us", "1KiB" },
    { 1500000, "1500ms", "1500000" },
    { 2000000, "2s", "2000000" },
    { 90000000, "90s", "90000000" },
    { 60000000, "1m", "60000000" },
    { 3600000000, "1h", "3515625KiB" },
    { 86400000000, "1d", "84375000KiB" },
    { 4 << 20, "4194304us", "4MiB" },
    { (gint64) 1 << 40, "1099511627776us", "1TiB" },
    { -2000000, "-2s", "-2000000" },
    { G_MININT64, "-9223372036854775808us", "-8388608TiB" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *duration = lectern_units_format_duration (rows[i].value);
      g_autofree char *size = lectern_units_format_size (rows[i].value);

      g_assert_cmpstr (duration, ==, rows[i].duration);
      g_assert_cmpstr (size, ==, rows[i].size);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/units/duration", test_duration);
  g_test_add_func ("/base/units/size", test_size);
  g_test_add_func ("/base/units/bitrate", test_bitrate);
  g_test_add_func ("/base/units/integer", test_integer);
  g_test_add_func ("/base/units/dscp", test_dscp);
  g_test_add_func ("/base/units/boolean", test_boolean);
  g_test_add_func ("/base/units/formats-the-shortest-exact-form", test_format);
  return g_test_run ();
}
