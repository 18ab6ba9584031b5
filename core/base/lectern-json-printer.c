/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-json.h"

#include <math.h>

static void print_node (GString *out, JsonNode *node);

static void
print_string (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  while (*text != '\0')
    {
      const char *plain = text;

      while ((guchar) *text >= 0x20 && *text != '"' && *text != '\\')
        text++;
      g_string_append_len (out, plain, text - plain);
      if (*text == '"' || *text == '\\')
        g_string_append_printf (out, "\\%c", *text++);
      else if (*text != '\0')
        g_string_append_printf (out, "\\u%04x", (guchar) *text++);
    }
  g_string_append_c (out, '"');
}

static void
print_double (GString *out, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (!isfinite (value))
    {
      g_string_append (out, "null");
      return;
    }
  if (value == 0)
    value = 0; /* without the sign of -0 */
  g_ascii_formatd (text, sizeof text, "%.15g", value);
  if (g_ascii_strtod (text, NULL) != value)
    g_ascii_dtostr (text, sizeof text, value);
  g_string_append (out, text);
}

static void
print_value (GString *out, JsonNode *node)
{
  switch (json_node_get_value_type (node))
    {
    case G_TYPE_INT64:
      g_string_append_printf (out, "%" G_GINT64_FORMAT, json_node_get_int (node));
      break;
    case G_TYPE_DOUBLE:
      print_double (out, json_node_get_double (node));
      break;
    case G_TYPE_BOOLEAN:
      g_string_append (out, json_node_get_boolean (node) ? "true" : "false");
      break;
    default:
      print_string (out, json_node_get_string (node) ?: "");
      break;
    }
}

static void
print_object (GString *out, JsonObject *object)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *member;
  gboolean first = TRUE;

  g_string_append_c (out, '{');
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &name, &member))
    {
      if (!first)
        g_string_append_c (out, ',');
      first = FALSE;
      print_string (out, name);
      g_string_append_c (out, ':');
      print_node (out, member);
    }
  g_string_append_c (out, '}');
}

static void
print_array (GString *out, JsonArray *array)
{
  guint length = json_array_get_length (array);

  g_string_append_c (out, '[');
  for (guint i = 0; i < length; i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      print_node (out, json_array_get_element (array, i));
    }
  g_string_append_c (out, ']');
}

static void
print_node (GString *out, JsonNode *node)
{
  if (JSON_NODE_HOLDS_OBJECT (node))
    print_object (out, json_node_get_object (node));
  else if (JSON_NODE_HOLDS_ARRAY (node))
    print_array (out, json_node_get_array (node));
  else if (JSON_NODE_HOLDS_NULL (node))
    g_string_append (out, "null");
  else
    print_value (out, node);
}

GBytes *
lectern_json_print (JsonNode *root)
{
  GString *out = g_string_sized_new (256);

  print_node (out, root);
  return g_string_free_to_bytes (out);
}
