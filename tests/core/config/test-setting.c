/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/lectern-nearest.h"
#include "config/lectern-setting.h"

#include <string.h>

#define B LECTERN_SETTING_BOOLEAN
#define I LECTERN_SETTING_INTEGER
#define D LECTERN_SETTING_DURATION
#define S LECTERN_SETTING_SIZE
#define R LECTERN_SETTING_BITRATE
#define C LECTERN_SETTING_CHOICE
#define A LECTERN_SETTING_ADDRESS

static const struct
{
  LecternSettingType type;
  const char *min, *max, *text;
  const char *error; /* NULL: good */
} rows[] = {
  { B, NULL, NULL, "true", NULL },
  { B, NULL, NULL, "off", NULL },
  { B, NULL, NULL, "True", "'True' is not true or false" },
  { B, NULL, NULL, "", "'' is not true or false" },
  { I, "1", "10", "1", NULL },
  { I, "1", "10", "10", NULL },
  { I, "1", "10", "0", "'0' is too small (allowed: 1 … 10)" },
  { I, "1", "10", "11", "'11' is too large (allowed: 1 … 10)" },
  { I, "1", NULL, "0", "'0' is too small (allowed: at least 1)" },
  { I, NULL, "-1", "0", "'0' is too large (allowed: at most -1)" },
  { I, NULL, NULL, "9223372036854775808",
    "'9223372036854775808' is not a whole number of 64 bits" },
  { I, "1", "10", "x", "'x' is not a whole number (allowed: 1 … 10)" },
  { D, "0s", "30s", "30s", NULL },
  { D, "0s", "30s", "30001ms", "'30001ms' is too large (allowed: 0s … 30s)" },
  { D, "0s", "30s", "10", "'10' is not a duration like 40ms, 10s or 5m (allowed: 0s … 30s)" },
  { S, "4KiB", "1MiB", "4096", NULL },
  { S, "4KiB", "1MiB", "4kB", "'4kB' is too small (allowed: 4KiB … 1MiB)" },
  { R, "64k", NULL, "2.5M", NULL },
  { R, "64k", NULL, "63k", "'63k' is too small (allowed: at least 64k)" },
  { C, "red | green|blue", NULL, "green", NULL },
  { C, "red | green|blue", NULL, "gren",
    "'gren' is no choice (allowed: red | green | blue; did you mean 'green'?)" },
  { C, "red | green|blue", NULL, "magenta",
    "'magenta' is no choice (allowed: red | green | blue)" },
  { C, "red | green|blue", NULL, "", "'' is no choice (allowed: red | green | blue)" },
  { A, NULL, NULL, "", NULL },
  { A, NULL, NULL, "0.0.0.0:1935; [::]:1935 ;", NULL },
  { A, NULL, NULL, "0.0.0.0:1935;localhost:1", "'localhost:1' is not an address like" },
  { LECTERN_SETTING_DSCP, NULL, NULL, "AF41", NULL },
  { LECTERN_SETTING_DSCP, NULL, NULL, "64", "'64' is not a DSCP: 0 to 63, cs0 to cs7" },
  { LECTERN_SETTING_STRING, NULL, NULL, "", NULL },
  { LECTERN_SETTING_LIST, NULL, NULL, "a;b", NULL },
  { LECTERN_SETTING_PATH, NULL, NULL, "a b", NULL },
  { LECTERN_SETTING_SECRET, NULL, NULL, "x", NULL },
};

static void
test_check (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      LecternSetting setting = { "k", rows[i].type, NULL, rows[i].min, rows[i].max, "" };
      g_autoptr (GError) error = NULL;
      gboolean good = lectern_setting_check (&setting, rows[i].text, &error);

      g_assert_cmpint (good, ==, rows[i].error == NULL);
      if (good)
        continue;
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG);
      g_assert_true (g_str_has_prefix (error->message, rows[i].error));
    }
}

static void
test_ranges (void)
{
  static const struct
  {
    LecternSetting setting;
    const char *range;
  } ranges[] = {
    { { "k", D, NULL, "0s", "30s", "" }, "0s … 30s" },
    { { "k", C, NULL, "a|b | c", NULL, "" }, "a | b | c" },
    { { "k", I, NULL, "1", NULL, "" }, "at least 1" },
    { { "k", I, NULL, NULL, "9", "" }, "at most 9" },
    { { "k", B, NULL, NULL, NULL, "" }, "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (ranges); i++)
    {
      g_autofree char *range = lectern_setting_describe_range (&ranges[i].setting);

      g_assert_cmpstr (range, ==, ranges[i].range);
    }
}

static void
test_type_names (void)
{
  g_assert_cmpstr (lectern_setting_type_get_name (B), ==, "boolean");
  g_assert_cmpstr (lectern_setting_type_get_name (A), ==, "address");
}

static void
test_nearest (void)
{
  static const char *const names[]
      = { "listen", "backlog", "threads", "tls-certificate", "gop", NULL };
  static const char *const none[] = { NULL };
  static const struct
  {
    const char *word, *expected;
  } words[] = {
    { "listne", "listen" },
    { "lisen", "listen" },
    { "LISTEN", "listen" },
    { "backlogg", "backlog" },
    { "treads", "threads" },
    { "tls-certifcate", "tls-certificate" },
    { "tls-cert", NULL },
    { "gob", "gop" },
    { "g", NULL },
    { "zzzzzz", NULL },
    { "", NULL },
  };
  g_autofree char *long_word = g_strnfill (5000, 'l');

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    g_assert_cmpstr (lectern_nearest (words[i].word, names), ==, words[i].expected);
  g_assert_null (lectern_nearest (long_word, names));
  g_assert_null (lectern_nearest ("listen", none));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config/setting/checks-type-and-range", test_check);
  g_test_add_func ("/config/setting/describes-its-range", test_ranges);
  g_test_add_func ("/config/setting/names-its-type", test_type_names);
  g_test_add_func ("/config/nearest/finds-what-was-meant", test_nearest);
  return g_test_run ();
}
