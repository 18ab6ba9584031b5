/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-srt-stream-id.h"

#include <string.h>

#define STANDARD "#!::"
#define PLAIN "publish:"
#define MAX_PAIRS 16
#define MAX_SHOWN 64

static gboolean
refuse (GError **error, LecternError code, const char *why)
{
  g_set_error (error, LECTERN_ERROR, code, "its stream id %s", why);
  return FALSE;
}

static gboolean
check_text (const char *text, GError **error)
{
  if (*text == '\0')
    return refuse (error, LECTERN_ERROR_INVALID_DATA,
                   "is empty; it must be publish:APP/NAME?key=KEY");
  if (strlen (text) > LECTERN_SRT_MAX_STREAM_ID)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "is too long");
  for (const char *at = text; *at != '\0'; at++)
    if (g_ascii_iscntrl (*at))
      return refuse (error, LECTERN_ERROR_INVALID_DATA, "has control characters");
  return g_utf8_validate (text, -1, NULL)
         || refuse (error, LECTERN_ERROR_INVALID_DATA, "is not UTF-8");
}

/* "live/NAME?QUERY", the query unless it is empty. */
static gboolean
parse_resource (const char *text, char **thing, char **query, GError **error)
{
  const char *mark = strchr (text, '?');
  gsize length = mark != NULL ? (gsize) (mark - text) : strlen (text);
  gsize skip = *text == '/' ? 1 : 0;
  g_autofree char *name = g_strndup (text + skip, length - MIN (skip, length));
  g_autofree char *shown = NULL;

  if (lectern_stream_name_is_valid (name) && strchr (name, '@') == NULL)
    {
      *thing = g_steal_pointer (&name);
      *query = mark != NULL && mark[1] != '\0' ? g_strdup (mark + 1) : NULL;
      return TRUE;
    }
  shown = lectern_log_escape (name, -1, MAX_SHOWN);
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
               "'%s' is not allowed as a stream's name; it must be like live/physics", shown);
  return FALSE;
}

/* ── the standard form ── */

typedef struct
{
  const char *resource; /* NULL: none yet */
  const char *mode;
  const char *type;
  GString *query;
  GHashTable *seen; /* names */
} Pairs;

/* The person and the host that a caller names prove nothing. */
static gboolean
is_ignored (const char *name)
{
  return g_str_equal (name, "u") || g_str_equal (name, "h");
}

static gboolean
is_name (const char *text)
{
  return *text != '\0' && text[strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

static void
add_parameter (GString *query, const char *name, const char *value)
{
  g_autofree char *encoded = g_uri_escape_string (value, NULL, FALSE);

  g_string_append_printf (query, "%s%s=%s", query->len > 0 ? "&" : "", name, encoded);
}

/* @pair is cut in two, and kept for as long as @pairs. */
static gboolean
take_pair (Pairs *pairs, char *pair, GError **error)
{
  char *value = strchr (pair, '=');

  if (value == NULL)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "has a part without '='");
  *value++ = '\0';
  if (!is_name (pair))
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "has an odd name before '='");
  if (!g_hash_table_add (pairs->seen, pair))
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "says something twice");
  if (g_str_equal (pair, "r"))
    pairs->resource = value;
  else if (g_str_equal (pair, "m"))
    pairs->mode = value;
  else if (g_str_equal (pair, "t"))
    pairs->type = value;
  else if (!is_ignored (pair))
    add_parameter (pairs->query, g_str_equal (pair, "s") ? "key" : pair, value);
  return TRUE;
}

static gboolean
check_pairs (const Pairs *pairs, GError **error)
{
  /* Without a mode the standard means "request". */
  if (g_strcmp0 (pairs->mode, "publish") != 0)
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED,
                   "has no m=publish: SRT is for publishing here");
  if (pairs->type != NULL && !g_str_equal (pairs->type, "stream"))
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "asks for something else than t=stream");
  return pairs->resource != NULL || refuse (error, LECTERN_ERROR_INVALID_DATA, "has no r=APP/NAME");
}

static gboolean
take_pairs (Pairs *pairs, GStrv parts, char **thing, char **query, GError **error)
{
  g_autofree char *own = NULL;

  for (guint i = 0; parts[i] != NULL; i++)
    if (i == MAX_PAIRS)
      return refuse (error, LECTERN_ERROR_INVALID_DATA, "has too many parts");
    else if (!take_pair (pairs, parts[i], error))
      return FALSE;
  if (!check_pairs (pairs, error) || !parse_resource (pairs->resource, thing, &own, error))
    return FALSE;
  if (own != NULL && pairs->query->len > 0)
    *query = g_strconcat (own, "&", pairs->query->str, NULL);
  else
    *query = own != NULL             ? g_steal_pointer (&own)
             : pairs->query->len > 0 ? g_strdup (pairs->query->str)
                                     : NULL;
  return TRUE;
}

static gboolean
parse_standard (const char *text, char **thing, char **query, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", MAX_PAIRS + 1);
  Pairs pairs
      = { .query = g_string_new (NULL), .seen = g_hash_table_new (g_str_hash, g_str_equal) };
  gboolean done = take_pairs (&pairs, parts, thing, query, error);

  g_string_free (pairs.query, TRUE);
  g_hash_table_unref (pairs.seen);
  return done;
}

gboolean
lectern_srt_stream_id_parse (const char *text, char **thing, char **query, GError **error)
{
  if (!check_text (text, error))
    return FALSE;
  if (g_str_has_prefix (text, STANDARD))
    return parse_standard (text + strlen (STANDARD), thing, query, error);
  if (g_str_has_prefix (text, PLAIN))
    return parse_resource (text + strlen (PLAIN), thing, query, error);
  return refuse (error, LECTERN_ERROR_NOT_SUPPORTED,
                 "begins with neither publish: nor #!::, the two forms that are understood");
}
