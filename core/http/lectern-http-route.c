/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-route-private.h"

#include <string.h>

struct _LecternHttpRoute
{
  gint refs;
  char *method;
  LecternHttpPattern pattern;
  LecternAction action;
  char *thing;
  LecternHttpHandler handler;
  gpointer user_data;
  GDestroyNotify free_user_data;
  GMainContext *context;
};

void
lectern_http_match_clear (LecternHttpMatch *self)
{
  guint i;

  for (i = 0; i < self->size; i++)
    {
      g_free (self->names[i]);
      g_free (self->values[i]);
    }
  self->size = 0;
}

static void
clear_segment (gpointer data)
{
  LecternHttpSegment *self = data;

  g_free (self->prefix);
  g_free (self->name);
  g_free (self->suffix);
}

static gboolean
invalid (GError **error, const char *pattern)
{
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "invalid route pattern '%s'",
               pattern);
  return FALSE;
}

/* Reads one segment, "text", "{name}", "text{name}text" or "{name*}". */
static gboolean
parse_segment (const char *text, LecternHttpSegment *segment)
{
  const char *open = strchr (text, '{');
  const char *close = strchr (text, '}');
  gboolean rest;

  if (*text == '\0' && open == NULL)
    return FALSE;
  if (open == NULL)
    {
      segment->prefix = g_strdup (text);
      return close == NULL;
    }
  if (close == NULL || close < open + 2 || strpbrk (close + 1, "{}") != NULL)
    return FALSE;
  rest = close[-1] == '*';
  segment->rest = rest;
  segment->prefix = g_strndup (text, open - text);
  segment->name = g_strndup (open + 1, close - open - 1 - (rest ? 1 : 0));
  segment->suffix = g_strdup (close + 1);
  if (*segment->name == '\0' || strpbrk (segment->name, "{*") != NULL)
    return FALSE;
  return !rest || (*segment->prefix == '\0' && *segment->suffix == '\0');
}

gboolean
lectern_http_pattern_parse (LecternHttpPattern *self, const char *pattern, GError **error)
{
  g_auto (GStrv) parts = NULL;
  guint i, count;

  self->segments = g_array_new (FALSE, TRUE, sizeof (LecternHttpSegment));
  g_array_set_clear_func (self->segments, clear_segment);
  if (*pattern != '/')
    return invalid (error, pattern);
  if (pattern[1] == '\0')
    return TRUE;
  parts = g_strsplit (pattern + 1, "/", -1);
  count = g_strv_length (parts);
  if (count > LECTERN_HTTP_SEGMENTS_MAX)
    return invalid (error, pattern);
  g_array_set_size (self->segments, count);
  for (i = 0; i < count; i++)
    {
      LecternHttpSegment *segment = &g_array_index (self->segments, LecternHttpSegment, i);

      /* An empty last segment is a folder's address: "/page/". */
      if (i == count - 1 && *parts[i] == '\0')
        segment->prefix = g_strdup ("");
      else if (!parse_segment (parts[i], segment) || (segment->rest && i < count - 1))
        return invalid (error, pattern);
    }
  return TRUE;
}

void
lectern_http_pattern_clear (LecternHttpPattern *self)
{
  g_clear_pointer (&self->segments, g_array_unref);
}

static guint
rank (const LecternHttpSegment *segment)
{
  if (segment->name == NULL)
    return 3;
  if (segment->rest)
    return 0;
  return *segment->prefix != '\0' || *segment->suffix != '\0' ? 2 : 1;
}

static int
compare_segments (const LecternHttpSegment *a, const LecternHttpSegment *b)
{
  gsize a_size, b_size;
  int order;

  if (rank (a) != rank (b))
    return rank (a) > rank (b) ? -1 : 1;
  a_size = strlen (a->prefix) + (a->suffix != NULL ? strlen (a->suffix) : 0);
  b_size = strlen (b->prefix) + (b->suffix != NULL ? strlen (b->suffix) : 0);
  if (a_size != b_size)
    return a_size > b_size ? -1 : 1;
  order = strcmp (a->prefix, b->prefix);
  return order != 0 ? order : g_strcmp0 (a->suffix, b->suffix);
}

int
lectern_http_pattern_compare (const LecternHttpPattern *a, const LecternHttpPattern *b)
{
  guint i, common = MIN (a->segments->len, b->segments->len);

  for (i = 0; i < common; i++)
    {
      int order = compare_segments (&g_array_index (a->segments, LecternHttpSegment, i),
                                    &g_array_index (b->segments, LecternHttpSegment, i));

      if (order != 0)
        return order;
    }
  return (int) b->segments->len - (int) a->segments->len;
}

static void
keep (LecternHttpMatch *match, const LecternHttpSegment *segment, const char *value, gsize size)
{
  match->names[match->size] = g_strdup (segment->name);
  match->values[match->size] = g_strndup (value, size);
  match->size++;
}

static gboolean
match_rest (const LecternHttpSegment *segment, const char *rest, LecternHttpMatch *match)
{
  if (*rest == '\0' || *rest == '/' || strstr (rest, "//") != NULL)
    return FALSE;
  if (match != NULL)
    keep (match, segment, rest, strlen (rest));
  return TRUE;
}

static gboolean
match_segment (const LecternHttpSegment *segment, const char *text, gsize size,
               LecternHttpMatch *match)
{
  gsize before = strlen (segment->prefix);
  gsize after = segment->suffix != NULL ? strlen (segment->suffix) : 0;

  if (segment->name == NULL)
    return size == before && memcmp (text, segment->prefix, size) == 0;
  if (size <= before + after || memcmp (text, segment->prefix, before) != 0
      || memcmp (text + size - after, segment->suffix, after) != 0)
    return FALSE;
  if (match != NULL)
    keep (match, segment, text + before, size - before - after);
  return TRUE;
}

gboolean
lectern_http_pattern_match (const LecternHttpPattern *self, const char *path,
                            LecternHttpMatch *match)
{
  const char *at = path;
  guint i;

  for (i = 0; i < self->segments->len; i++)
    {
      const LecternHttpSegment *segment = &g_array_index (self->segments, LecternHttpSegment, i);
      gsize size;

      if (*at != '/')
        return FALSE;
      at++;
      if (segment->rest)
        return match_rest (segment, at, match);
      size = strcspn (at, "/");
      if (!match_segment (segment, at, size, match))
        return FALSE;
      at += size;
    }
  return i > 0 ? *at == '\0' : strcmp (path, "/") == 0;
}

static gboolean
has_parameter (const LecternHttpPattern *pattern, const char *name, gsize size)
{
  guint i;

  for (i = 0; i < pattern->segments->len; i++)
    {
      const char *known = g_array_index (pattern->segments, LecternHttpSegment, i).name;

      if (known != NULL && strlen (known) == size && strncmp (known, name, size) == 0)
        return TRUE;
    }
  return FALSE;
}

/* A thing may only name parameters that the pattern has. */
static gboolean
check_thing (const LecternHttpPattern *pattern, const char *thing, GError **error)
{
  const char *at = thing;

  while (at != NULL && (at = strchr (at, '{')) != NULL)
    {
      gsize size = strcspn (at + 1, "}");

      if (at[1 + size] != '}' || !has_parameter (pattern, at + 1, size))
        return invalid (error, thing);
      at += size + 1;
    }
  return TRUE;
}

LecternHttpRoute *
lectern_http_route_new (const char *method, const char *pattern, LecternAction action,
                        const char *thing, LecternHttpHandler handler, GMainContext *context,
                        GError **error)
{
  g_autoptr (LecternHttpRoute) self = g_new0 (LecternHttpRoute, 1);

  self->refs = 1;
  self->method = g_strdup (method);
  self->action = action;
  self->thing = g_strdup (thing);
  self->handler = handler;
  self->context = g_main_context_ref (context);
  if (!lectern_http_pattern_parse (&self->pattern, pattern, error)
      || !check_thing (&self->pattern, thing, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
lectern_http_route_set_user_data (LecternHttpRoute *self, gpointer user_data,
                                  GDestroyNotify free_user_data)
{
  self->user_data = user_data;
  self->free_user_data = free_user_data;
}

LecternHttpRoute *
lectern_http_route_ref (LecternHttpRoute *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

static gboolean
nothing (gpointer data)
{
  return G_SOURCE_REMOVE;
}

/* User data belongs to the control thread; a reactor that held the last reference hands it back. */
static void
free_user_data (LecternHttpRoute *self)
{
  g_autoptr (GSource) source = NULL;

  if (self->free_user_data == NULL)
    return;
  if (lectern_reactor_get_current () == NULL)
    {
      self->free_user_data (self->user_data);
      return;
    }
  source = g_idle_source_new ();
  g_source_set_callback (source, nothing, self->user_data, self->free_user_data);
  g_source_attach (source, self->context);
}

void
lectern_http_route_unref (LecternHttpRoute *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  free_user_data (self);
  lectern_http_pattern_clear (&self->pattern);
  g_free (self->method);
  g_free (self->thing);
  g_main_context_unref (self->context);
  g_free (self);
}

const char *
lectern_http_route_get_method (LecternHttpRoute *self)
{
  return self->method;
}

const LecternHttpPattern *
lectern_http_route_get_pattern (LecternHttpRoute *self)
{
  return &self->pattern;
}

LecternAction
lectern_http_route_get_action (LecternHttpRoute *self)
{
  return self->action;
}

void
lectern_http_route_call (LecternHttpRoute *self, LecternHttpExchange *exchange)
{
  self->handler (exchange, self->user_data);
}

const char *
lectern_http_match_get (const LecternHttpMatch *self, const char *name)
{
  guint i;

  for (i = 0; i < self->size; i++)
    if (strcmp (self->names[i], name) == 0)
      return self->values[i];
  return NULL;
}

gboolean
lectern_http_route_fill_thing (LecternHttpRoute *self, const LecternHttpMatch *match, char **thing)
{
  g_autoptr (GString) filled = NULL;
  const char *at = self->thing;

  *thing = NULL;
  if (at == NULL)
    return TRUE;
  filled = g_string_new (NULL);
  while (*at != '\0')
    {
      gsize text = strcspn (at, "{");
      g_autofree char *name = NULL;
      const char *value;

      g_string_append_len (filled, at, (gssize) text);
      at += text;
      if (*at == '\0')
        break;
      name = g_strndup (at + 1, strcspn (at + 1, "}"));
      value = lectern_http_match_get (match, name);
      if (value == NULL || strchr (value, '/') != NULL)
        return FALSE;
      g_string_append (filled, value);
      at += strlen (name) + 2;
    }
  *thing = g_string_free (g_steal_pointer (&filled), FALSE);
  return TRUE;
}
