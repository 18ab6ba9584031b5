/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* The state of one parse: a cursor over zero-terminated text, and the open containers. */
typedef struct
{
  const char *start;
  const char *at;
  JsonNode *root;
  JsonNode *open[LECTERN_JSON_MAX_DEPTH];
  char *names[LECTERN_JSON_MAX_DEPTH]; /* the member of an open object that is being read */
  guint depth;
  guint n_members;
  LecternError code;
  const char *problem;
} Parser;

static gboolean
refuse (Parser *self, LecternError code, const char *problem)
{
  self->code = code;
  self->problem = problem;
  return FALSE;
}

static gboolean
refuse_data (Parser *self, const char *problem)
{
  return refuse (self, LECTERN_ERROR_INVALID_DATA, problem);
}

static void
skip_space (Parser *self)
{
  while (*self->at == ' ' || *self->at == '\t' || *self->at == '\n' || *self->at == '\r')
    self->at++;
}

static gboolean
read_hex4 (Parser *self, gunichar *value)
{
  gunichar sum = 0;

  for (guint i = 0; i < 4; i++)
    {
      if (!g_ascii_isxdigit (self->at[i]))
        return refuse_data (self, "a bad escape");
      sum = sum << 4 | (gunichar) g_ascii_xdigit_value (self->at[i]);
    }
  self->at += 4;
  *value = sum;
  return TRUE;
}

/* Behind "\u". */
static gboolean
read_unicode (Parser *self, GString *out)
{
  gunichar high;
  gunichar low;

  if (!read_hex4 (self, &high))
    return FALSE;
  if (high == 0)
    return refuse_data (self, "a zero character");
  if (high >= 0xdc00 && high <= 0xdfff)
    return refuse_data (self, "a lone surrogate");
  if (high >= 0xd800 && high <= 0xdbff)
    {
      if (self->at[0] != '\\' || self->at[1] != 'u')
        return refuse_data (self, "a lone surrogate");
      self->at += 2;
      if (!read_hex4 (self, &low))
        return FALSE;
      if (low < 0xdc00 || low > 0xdfff)
        return refuse_data (self, "a lone surrogate");
      high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
  g_string_append_unichar (out, high);
  return TRUE;
}

/* Behind the backslash. */
static gboolean
read_escape (Parser *self, GString *out)
{
  static const char names[] = "\"\\/bfnrt";
  static const char values[] = "\"\\/\b\f\n\r\t";
  char name = *self->at;
  const char *found;

  if (name == 'u')
    {
      self->at++;
      return read_unicode (self, out);
    }
  found = name != '\0' ? strchr (names, name) : NULL;
  if (found == NULL)
    return refuse_data (self, "a bad escape");
  self->at++;
  g_string_append_c (out, values[found - names]);
  return TRUE;
}

/* Returns: (transfer full) (nullable): the string at the cursor's quote. */
static char *
read_string (Parser *self)
{
  GString *out = g_string_new (NULL);
  gboolean good = TRUE;

  self->at++;
  while (good && *self->at != '"')
    {
      const char *plain = self->at;

      while ((guchar) *self->at >= 0x20 && *self->at != '"' && *self->at != '\\')
        self->at++;
      g_string_append_len (out, plain, self->at - plain);
      if (*self->at == '\\')
        {
          self->at++;
          good = read_escape (self, out);
        }
      else if (*self->at != '"')
        good = refuse_data (self, *self->at == '\0' ? "a string without end"
                                                    : "a control character in a string");
    }
  if (!good)
    {
      g_string_free (out, TRUE);
      return NULL;
    }
  self->at++;
  return g_string_free (out, FALSE);
}

static gboolean
skip_digits (Parser *self)
{
  if (!g_ascii_isdigit (*self->at))
    return refuse_data (self, "a bad number");
  while (g_ascii_isdigit (*self->at))
    self->at++;
  return TRUE;
}

static gboolean
skip_number (Parser *self, gboolean *whole)
{
  *whole = TRUE;
  if (*self->at == '-')
    self->at++;
  if (*self->at == '0')
    self->at++;
  else if (!skip_digits (self))
    return FALSE;
  if (*self->at == '.')
    {
      *whole = FALSE;
      self->at++;
      if (!skip_digits (self))
        return FALSE;
    }
  if (*self->at == 'e' || *self->at == 'E')
    {
      *whole = FALSE;
      self->at++;
      if (*self->at == '+' || *self->at == '-')
        self->at++;
      if (!skip_digits (self))
        return FALSE;
    }
  return TRUE;
}

static JsonNode *
read_number (Parser *self)
{
  const char *start = self->at;
  gboolean whole;
  double value;

  if (!skip_number (self, &whole))
    return NULL;
  if (whole)
    {
      gint64 integer;

      errno = 0;
      integer = g_ascii_strtoll (start, NULL, 10);
      if (errno == 0)
        return json_node_init_int (json_node_alloc (), integer);
    }
  value = g_ascii_strtod (start, NULL);
  if (!isfinite (value))
    {
      refuse_data (self, "a number that is not finite");
      return NULL;
    }
  return json_node_init_double (json_node_alloc (), value);
}

static JsonNode *
read_word (Parser *self)
{
  if (g_str_has_prefix (self->at, "true"))
    {
      self->at += 4;
      return json_node_init_boolean (json_node_alloc (), TRUE);
    }
  if (g_str_has_prefix (self->at, "false"))
    {
      self->at += 5;
      return json_node_init_boolean (json_node_alloc (), FALSE);
    }
  if (g_str_has_prefix (self->at, "null"))
    {
      self->at += 4;
      return json_node_init_null (json_node_alloc ());
    }
  refuse_data (self, "no value where one belongs");
  return NULL;
}

static JsonNode *
read_value (Parser *self)
{
  char first = *self->at;
  JsonNode *node;

  if (first == '{')
    {
      self->at++;
      node = json_node_alloc ();
      json_node_init_object (node, NULL);
      json_node_take_object (node, json_object_new ());
      return node;
    }
  if (first == '[')
    {
      self->at++;
      node = json_node_alloc ();
      json_node_init_array (node, NULL);
      json_node_take_array (node, json_array_new ());
      return node;
    }
  if (first == '"')
    {
      g_autofree char *text = read_string (self);

      return text != NULL ? json_node_init_string (json_node_alloc (), text) : NULL;
    }
  if (first == '-' || g_ascii_isdigit (first))
    return read_number (self);
  return read_word (self);
}

/* Gives the member that was named to @object; its hash table is the one that finds a name twice. */
static gboolean
set_member (Parser *self, JsonObject *object, JsonNode *node)
{
  g_autofree char *name = g_steal_pointer (&self->names[self->depth - 1]);
  guint size = json_object_get_size (object);

  json_object_set_member (object, name, node);
  if (json_object_get_size (object) == size)
    return refuse_data (self, "a name twice in one object");
  if (size == LECTERN_JSON_MAX_NAMES)
    return refuse (self, LECTERN_ERROR_LIMIT, "too many names in one object");
  return TRUE;
}

/* Hands @node to the innermost open container, or makes it the root. */
static gboolean
attach (Parser *self, JsonNode *node)
{
  JsonNode *parent;

  if (self->depth == 0)
    {
      self->root = node;
      return TRUE;
    }
  parent = self->open[self->depth - 1];
  if (JSON_NODE_HOLDS_OBJECT (parent))
    return set_member (self, json_node_get_object (parent), node);
  json_array_add_element (json_node_get_array (parent), node);
  return TRUE;
}

static gboolean
read_name (Parser *self)
{
  char **name = &self->names[self->depth - 1];

  skip_space (self);
  if (*self->at != '"')
    return refuse_data (self, "no name where one belongs");
  *name = read_string (self);
  if (*name == NULL)
    return FALSE;
  skip_space (self);
  if (*self->at != ':')
    return refuse_data (self, "no colon behind a name");
  self->at++;
  return TRUE;
}

/* At the start of a value inside the innermost container: counts it and, in an object, reads the
 * name before it. */
static gboolean
begin_member (Parser *self)
{
  JsonNode *parent;

  if (self->depth == 0)
    return TRUE;
  if (++self->n_members > LECTERN_JSON_MAX_MEMBERS)
    return refuse (self, LECTERN_ERROR_LIMIT, "too many members");
  parent = self->open[self->depth - 1];
  return !JSON_NODE_HOLDS_OBJECT (parent) || read_name (self);
}

static gboolean
at_closer (Parser *self)
{
  JsonNode *parent = self->open[self->depth - 1];

  skip_space (self);
  return *self->at == (JSON_NODE_HOLDS_OBJECT (parent) ? '}' : ']');
}

/* Behind a value: closes what ends here. @more: whether another member follows. */
static gboolean
end_value (Parser *self, gboolean *more)
{
  *more = FALSE;
  while (self->depth > 0 && at_closer (self))
    {
      self->at++;
      self->depth--;
    }
  if (self->depth == 0)
    return TRUE;
  if (*self->at != ',')
    return refuse_data (self, "no comma between members");
  self->at++;
  *more = TRUE;
  return TRUE;
}

/* One value without its members; @entered: it is a container that has some. */
static gboolean
step (Parser *self, gboolean *entered)
{
  JsonNode *node;

  *entered = FALSE;
  if (!begin_member (self))
    return FALSE;
  skip_space (self);
  node = read_value (self);
  if (node == NULL)
    return FALSE;
  if (!attach (self, node))
    return FALSE;
  if (JSON_NODE_HOLDS_VALUE (node) || JSON_NODE_HOLDS_NULL (node))
    return TRUE;
  if (self->depth == LECTERN_JSON_MAX_DEPTH)
    return refuse (self, LECTERN_ERROR_LIMIT, "nested too deeply");
  self->open[self->depth++] = node;
  *entered = !at_closer (self);
  return TRUE;
}

static gboolean
run (Parser *self)
{
  gboolean more = TRUE;

  while (more)
    {
      if (!step (self, &more) || (!more && !end_value (self, &more)))
        return FALSE;
    }
  skip_space (self);
  return *self->at == '\0' || refuse_data (self, "something behind the end");
}

JsonNode *
lectern_json_parse (const char *text, gsize length, GError **error)
{
  g_autofree char *copy = NULL;
  Parser parser = { 0 };

  if (length > LECTERN_JSON_MAX_SIZE)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                   "JSON of %" G_GSIZE_FORMAT " bytes (at most %d)", length, LECTERN_JSON_MAX_SIZE);
      return NULL;
    }
  if (!g_utf8_validate_len (text, length, NULL))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "bad JSON: not UTF-8");
      return NULL;
    }
  /* Empty bytes may come without an address. */
  copy = g_strndup (text != NULL ? text : "", length);
  parser.start = parser.at = copy;
  if (run (&parser))
    return parser.root;
  g_set_error (error, LECTERN_ERROR, parser.code, "bad JSON at byte %" G_GSIZE_FORMAT ": %s",
               (gsize) (parser.at - parser.start), parser.problem);
  for (guint i = 0; i < LECTERN_JSON_MAX_DEPTH; i++)
    g_free (parser.names[i]);
  g_clear_pointer (&parser.root, json_node_unref);
  return NULL;
}
