/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-json.h"

#include <math.h>
#include <string.h>

static char *
print (JsonNode *node)
{
  g_autoptr (GBytes) bytes = lectern_json_print (node);
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);

  return g_strndup (data, size);
}

/* @printed NULL: as written. */
static const struct
{
  const char *text, *printed;
} good[] = {
  { "null", NULL },
  { "true", NULL },
  { "false", NULL },
  { "0", NULL },
  { "-0", "0" },
  { "-1.5e3", "-1500" },
  { "9223372036854775807", NULL },
  { "-9223372036854775808", NULL },
  { "9223372036854775808", "9.22337203685478e+18" },
  { "1e20", "1e+20" },
  { "0.1", NULL },
  { "1.7976931348623157e308", "1.7976931348623157e+308" },
  { "1e-400", "0" },
  { "-1e-400", "0" },
  { "\"\"", NULL },
  { " \t\r\n[ ] ", "[]" },
  { "{ }", "{}" },
  { "[1,[2,[3]],{}]", NULL },
  { "{\"a\":1,\"b\":[true,null],\"c\":{\"a\":2}}", NULL },
  { "{\"b\":1,\"a\":2}", NULL },
  { "{\"\":1}", NULL },
  { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\u0008\\u000c\\u000a\\u000d\\u0009\"" },
  { "\"\\u00e9\\u4f60\"", "\"\xc3\xa9\xe4\xbd\xa0\"" },
  { "\"\\ud83d\\uDE00\"", "\"\xf0\x9f\x98\x80\"" },
  { "\"\xf0\x9f\x98\x80\x7f\"", NULL },
};

static void
test_good (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      gsize length = strlen (good[i].text);
      g_autofree char *copy = g_memdup2 (good[i].text, length);
      g_autoptr (JsonNode) node = lectern_json_parse (copy, length, &error);
      g_autofree char *printed = NULL;
      const char *expected = good[i].printed != NULL ? good[i].printed : good[i].text;

      g_assert_no_error (error);
      printed = print (node);
      /* What cannot be written in 15 digits is written in 17. */
      if (g_str_has_prefix (expected, "9.223"))
        g_assert_cmpfloat (g_ascii_strtod (printed, NULL), ==, 9223372036854775808.0);
      else
        g_assert_cmpstr (printed, ==, expected);
    }
}

static const struct
{
  const char *text;
  int code;
} bad[] = {
  { "", LECTERN_ERROR_INVALID_DATA },
  { " ", LECTERN_ERROR_INVALID_DATA },
  { "nul", LECTERN_ERROR_INVALID_DATA },
  { "True", LECTERN_ERROR_INVALID_DATA },
  { "truefalse", LECTERN_ERROR_INVALID_DATA },
  { "NaN", LECTERN_ERROR_INVALID_DATA },
  { "Infinity", LECTERN_ERROR_INVALID_DATA },
  { "-", LECTERN_ERROR_INVALID_DATA },
  { "+1", LECTERN_ERROR_INVALID_DATA },
  { "01", LECTERN_ERROR_INVALID_DATA },
  { "1.", LECTERN_ERROR_INVALID_DATA },
  { ".5", LECTERN_ERROR_INVALID_DATA },
  { "1e", LECTERN_ERROR_INVALID_DATA },
  { "1e+", LECTERN_ERROR_INVALID_DATA },
  { "0x10", LECTERN_ERROR_INVALID_DATA },
  { "1e400", LECTERN_ERROR_INVALID_DATA },
  { "-1e400", LECTERN_ERROR_INVALID_DATA },
  { "[1e999999999]", LECTERN_ERROR_INVALID_DATA },
  { "[", LECTERN_ERROR_INVALID_DATA },
  { "]", LECTERN_ERROR_INVALID_DATA },
  { "[1", LECTERN_ERROR_INVALID_DATA },
  { "[1,", LECTERN_ERROR_INVALID_DATA },
  { "[1,]", LECTERN_ERROR_INVALID_DATA },
  { "[,1]", LECTERN_ERROR_INVALID_DATA },
  { "[1 2]", LECTERN_ERROR_INVALID_DATA },
  { "[1}", LECTERN_ERROR_INVALID_DATA },
  { "{", LECTERN_ERROR_INVALID_DATA },
  { "{]", LECTERN_ERROR_INVALID_DATA },
  { "{1:2}", LECTERN_ERROR_INVALID_DATA },
  { "{a:2}", LECTERN_ERROR_INVALID_DATA },
  { "{'a':2}", LECTERN_ERROR_INVALID_DATA },
  { "{\"a\"}", LECTERN_ERROR_INVALID_DATA },
  { "{\"a\":}", LECTERN_ERROR_INVALID_DATA },
  { "{\"a\":1,}", LECTERN_ERROR_INVALID_DATA },
  { "{\"a\" 1}", LECTERN_ERROR_INVALID_DATA },
  { "{\"a\":1,\"a\":2}", LECTERN_ERROR_INVALID_DATA },
  { "{\"a\":1,\"\\u0061\":2}", LECTERN_ERROR_INVALID_DATA },
  { "[{\"x\":{\"a\":1,\"b\":2,\"a\":3}}]", LECTERN_ERROR_INVALID_DATA },
  { "[] []", LECTERN_ERROR_INVALID_DATA },
  { "1 // one", LECTERN_ERROR_INVALID_DATA },
  { "/* one */ 1", LECTERN_ERROR_INVALID_DATA },
  { "\"", LECTERN_ERROR_INVALID_DATA },
  { "\"a", LECTERN_ERROR_INVALID_DATA },
  { "\"\\", LECTERN_ERROR_INVALID_DATA },
  { "\"\\x41\"", LECTERN_ERROR_INVALID_DATA },
  { "\"\\u\"", LECTERN_ERROR_INVALID_DATA },
  { "\"\\u12\"", LECTERN_ERROR_INVALID_DATA },
  { "\"\\u12g4\"", LECTERN_ERROR_INVALID_DATA },
  { "\"\\u0000\"", LECTERN_ERROR_INVALID_DATA },
  { "{\"a\\u0000b\":1}", LECTERN_ERROR_INVALID_DATA },
  { "\"\\ud800\"", LECTERN_ERROR_INVALID_DATA },
  { "\"\\udc00\"", LECTERN_ERROR_INVALID_DATA },
  { "\"\\ud800\\ud800\"", LECTERN_ERROR_INVALID_DATA },
  { "\"\\ud800x\"", LECTERN_ERROR_INVALID_DATA },
  { "\"\\ud800\\u0041\"", LECTERN_ERROR_INVALID_DATA },
  { "\"\\ud83d\\ude0\"", LECTERN_ERROR_INVALID_DATA },
  { "\"a\nb\"", LECTERN_ERROR_INVALID_DATA },
  { "\"\x01\"", LECTERN_ERROR_INVALID_DATA },
  { "\"\xff\"", LECTERN_ERROR_INVALID_DATA },
  { "\"\xed\xa0\x80\"", LECTERN_ERROR_INVALID_DATA },
  { "\xef\xbb\xbf[]", LECTERN_ERROR_INVALID_DATA },
};

static void
refuse (const char *text, gsize length, int code)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *copy = g_memdup2 (text, length);

  g_assert_null (lectern_json_parse (copy, length, &error));
  g_assert_error (error, LECTERN_ERROR, code);
}

static void
test_bad (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    refuse (bad[i].text, strlen (bad[i].text), bad[i].code);
  refuse ("\"a\0b\"", 5, LECTERN_ERROR_INVALID_DATA);
  refuse ("1\0", 2, LECTERN_ERROR_INVALID_DATA);
}

static GString *
repeat (const char *text, guint count)
{
  GString *all = g_string_new (NULL);

  for (guint i = 0; i < count; i++)
    g_string_append (all, text);
  return all;
}

static void
test_depth (void)
{
  static const char *const openers[] = { "[", "{\"a\":" };

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GString) fits = repeat (openers[i], LECTERN_JSON_MAX_DEPTH);
      g_autoptr (GString) deeper = repeat (openers[i], LECTERN_JSON_MAX_DEPTH + 1);
      g_autoptr (GString) deepest = repeat (openers[i], 10000);
      g_autoptr (GString) closers = repeat (i == 0 ? "]" : "}", LECTERN_JSON_MAX_DEPTH);
      g_autoptr (JsonNode) node = NULL;

      g_string_append (fits, i == 0 ? "" : "1");
      g_string_append (fits, closers->str);
      node = lectern_json_parse (fits->str, fits->len, NULL);
      g_assert_nonnull (node);
      refuse (deeper->str, deeper->len, LECTERN_ERROR_LIMIT);
      refuse (deepest->str, deepest->len, LECTERN_ERROR_LIMIT);
    }
}

static void
test_size (void)
{
  g_autoptr (GString) text = repeat (" ", LECTERN_JSON_MAX_SIZE);
  g_autofree char *huge = g_malloc (10 * 1024 * 1024);
  g_autoptr (JsonNode) node = NULL;

  text->str[0] = '1';
  node = lectern_json_parse (text->str, text->len, NULL);
  g_assert_nonnull (node);
  g_string_append_c (text, ' ');
  refuse (text->str, text->len, LECTERN_ERROR_LIMIT);
  memset (huge, '[', 10 * 1024 * 1024);
  refuse (huge, 10 * 1024 * 1024, LECTERN_ERROR_LIMIT);
}

static void
test_members (void)
{
  g_autoptr (GString) array = repeat ("0,", LECTERN_JSON_MAX_MEMBERS - 1);
  g_autoptr (JsonNode) node = NULL;

  g_string_prepend_c (array, '[');
  g_string_append (array, "0]");
  node = lectern_json_parse (array->str, array->len, NULL);
  g_assert_nonnull (node);
  g_assert_cmpuint (json_array_get_length (json_node_get_array (node)), ==,
                    LECTERN_JSON_MAX_MEMBERS);
  g_string_insert (array, 1, "0,");
  refuse (array->str, array->len, LECTERN_ERROR_LIMIT);
}

static void
test_names (void)
{
  for (guint n = LECTERN_JSON_MAX_NAMES; n <= LECTERN_JSON_MAX_NAMES + 1; n++)
    {
      g_autoptr (GString) object = g_string_new ("{");
      g_autoptr (JsonNode) node = NULL;

      for (guint i = 0; i < n; i++)
        g_string_append_printf (object, "%s\"%x\":0", i > 0 ? "," : "", i);
      g_string_append_c (object, '}');
      node = lectern_json_parse (object->str, object->len, NULL);
      g_assert_cmpint (node != NULL, ==, n == LECTERN_JSON_MAX_NAMES);
      if (node == NULL)
        refuse (object->str, object->len, LECTERN_ERROR_LIMIT);
    }
}

/* Names that all fall into one place of a hash table must not hold a reactor for long. */
static void
test_collisions (void)
{
  /* "Ez" and "FY" have one value under GLib's string hash, so have all words made of them. */
  g_autoptr (GString) text = g_string_new ("[");
  g_autoptr (JsonNode) node = NULL;
  gint64 began;
  gint64 took;

  for (guint i = 0; i < 2048; i++)
    {
      g_string_append (text, i % 256 == 0 ? (i > 0 ? "},{\"" : "{\"") : ",\"");
      for (guint bit = 0; bit < 11; bit++)
        g_string_append (text, i >> bit & 1 ? "Ez" : "FY");
      g_string_append (text, "\":0");
    }
  g_string_append (text, "}]");
  g_assert_cmpuint (text->len, <=, LECTERN_JSON_MAX_SIZE);
  began = g_get_monotonic_time ();
  node = lectern_json_parse (text->str, text->len, NULL);
  took = g_get_monotonic_time () - began;
  g_test_message ("%" G_GINT64_FORMAT " us", took);
  g_assert_nonnull (node);
}

/* Each cut of a good text is refused, never worse. */
static void
test_cuts (void)
{
  static const char text[] = "{\"a\":[1.5e3,\"\\ud83d\\ude00\xc3\xa9\",{\"b\":null}],\"c\":true}";

  for (gsize length = 0; length < sizeof text - 1; length++)
    refuse (text, length, LECTERN_ERROR_INVALID_DATA);
}

static void
test_print_own (void)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_ARRAY);
  JsonArray *array = json_array_new ();
  g_autofree char *text = NULL;

  json_array_add_double_element (array, NAN);
  json_array_add_double_element (array, INFINITY);
  json_array_add_double_element (array, 1.0 / 3);
  json_array_add_string_element (array, NULL);
  json_node_take_array (node, array);
  text = print (node);
  g_assert_cmpstr (text, ==, "[null,null,0.33333333333333331,null]");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/json/reads-and-prints", test_good);
  g_test_add_func ("/base/json/refuses-what-is-no-json", test_bad);
  g_test_add_func ("/base/json/bounds-depth", test_depth);
  g_test_add_func ("/base/json/bounds-size", test_size);
  g_test_add_func ("/base/json/bounds-members", test_members);
  g_test_add_func ("/base/json/bounds-names", test_names);
  g_test_add_func ("/base/json/withstands-colliding-names", test_collisions);
  g_test_add_func ("/base/json/survives-every-cut", test_cuts);
  g_test_add_func ("/base/json/prints-our-own", test_print_own);
  return g_test_run ();
}
