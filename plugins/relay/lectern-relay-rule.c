/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-relay-rule.h"

#include <string.h>

#define NAME "{name}"
#define MAX_URL 2048
#define MAX_QUERY 1024
#define ID_LENGTH 8

static const char *const mode_names[LECTERN_RELAY_N_MODES] = { "pull", "on-demand", "push" };

const char *
lectern_relay_mode_get_name (LecternRelayMode mode)
{
  return mode_names[mode];
}

gboolean
lectern_relay_mode_parse (const char *text, LecternRelayMode *mode)
{
  for (guint i = 0; i < LECTERN_RELAY_N_MODES; i++)
    if (g_str_equal (text, mode_names[i]))
      {
        *mode = (LecternRelayMode) i;
        return TRUE;
      }
  return FALSE;
}

static void
clear_rule (gpointer data)
{
  LecternRelayRule *self = data;

  g_free (self->id);
  g_free (self->stream);
  g_free (self->url);
  g_free (self->shown);
  g_free (self->transport);
}

LecternRelayRule *
lectern_relay_rule_ref (LecternRelayRule *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
lectern_relay_rule_unref (LecternRelayRule *self)
{
  g_atomic_rc_box_release_full (self, clear_rule);
}

/* ── addresses ── */

/* Returns: (transfer full): @text with @name for each "{name}". */
static char *
fill (const char *text, const char *name)
{
  g_auto (GStrv) parts = g_strsplit (text, NAME, -1);

  return g_strjoinv (name, parts);
}

static GUri *
parse_uri (const char *url)
{
  g_autofree char *filled = fill (url, "name");

  return g_uri_parse (filled, G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_ENCODED, NULL);
}

static gboolean
is_printable (const char *text)
{
  for (; *text != '\0'; text++)
    if (!g_ascii_isgraph (*text) || strchr ("\"<>\\^`|", *text) != NULL)
      return FALSE;
  return TRUE;
}

/* Returns: what is wrong; NULL: nothing. */
static const char *
find_fault (const char *url, LecternRelayMode mode)
{
  g_autoptr (GUri) uri = NULL;
  gboolean file;

  if (strlen (url) > MAX_URL)
    return "the address is too long";
  if (!is_printable (url))
    return "the address has characters that must be escaped as %XX";
  uri = parse_uri (url);
  if (uri == NULL || strstr (url, "://") == NULL)
    return "not an address, like rtmp://HOST/APP/NAME";
  if (g_uri_get_fragment (uri) != NULL)
    return "the address must not hold '#'";
  file = g_str_equal (g_uri_get_scheme (uri), "file");
  if (file && mode != LECTERN_RELAY_PULL)
    return "a file can only be pulled";
  if (file)
    return g_str_has_prefix (url, "file:///") && strlen (g_uri_get_path (uri)) > 1
               ? NULL
               : "not a file's address, like file:///srv/media/clip.mp4";
  if (g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0' || g_uri_get_port (uri) == 0)
    return "the address names no host, or port 0";
  return NULL;
}

char *
lectern_relay_url_get_scheme (const char *url)
{
  g_autofree char *scheme = g_uri_parse_scheme (url);

  return scheme != NULL ? g_ascii_strdown (scheme, -1) : NULL;
}

gboolean
lectern_relay_url_names (const char *url, const char *name)
{
  g_autoptr (GUri) uri = parse_uri (url);
  const char *path = uri != NULL ? g_uri_get_path (uri) : "";
  g_autofree char *decoded = g_uri_unescape_string (path + (*path == '/'), NULL);
  gsize length = strlen (name);

  /* "name.flv" and "name.more" are taken for "name": better one refused than a loop. */
  return decoded == NULL
         || (strncmp (decoded, name, length) == 0
             && (decoded[length] == '\0' || decoded[length] == '.' || decoded[length] == '/'));
}

/* Of an app's rule the stream's own name will be last, so @name has no "/" and nothing is hidden.
 */
char *
lectern_relay_rule_show (const LecternRelayRule *self, const char *name, const char *url)
{
  g_autofree char *masked = lectern_carrier_mask_url (url);
  gsize end = strcspn (masked, "?#");
  const char *host = strstr (masked, "://");
  const char *slash = g_strrstr_len (masked, (gssize) end, "/");
  const char *own = strrchr (name, '/');
  g_autofree char *last = NULL;

  if (self->mode != LECTERN_RELAY_PUSH || host == NULL || slash < host + 3 || own == NULL)
    return g_steal_pointer (&masked);
  last = g_strndup (slash + 1, (gsize) (masked + end - slash - 1));
  if (g_str_equal (last, own + 1) || strstr (last, NAME) != NULL)
    return g_steal_pointer (&masked);
  return g_strdup_printf ("%.*s…%s", (int) (slash + 1 - masked), masked, masked + end);
}

/* ── making ── */

static gboolean
is_app (const char *text)
{
  g_autofree char *name = g_strconcat (text, "/x", NULL);

  return strchr (text, '/') == NULL && lectern_stream_name_is_valid (name);
}

static gboolean
is_stream (const char *text)
{
  return strchr (text, '@') == NULL && lectern_stream_name_is_valid (text);
}

static gboolean
check_transport (const char *url, const char *transport, GError **error)
{
  g_autofree char *scheme = lectern_relay_url_get_scheme (url);

  if (transport == NULL
      || ((g_str_equal (transport, "tcp") || g_str_equal (transport, "udp"))
          && g_str_has_prefix (scheme, "rtsp")))
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                       "the transport is 'tcp' or 'udp', and for RTSP alone");
  return FALSE;
}

static gboolean
check (LecternRelayMode mode, const char *stream, const char *url, const char *transport,
       GError **error)
{
  const char *fault;

  if (!is_stream (stream) && (mode == LECTERN_RELAY_PULL || !is_app (stream)))
    {
      g_autofree char *shown = lectern_log_escape (stream, -1, 64);

      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "'%s' is not %s", shown,
                   mode == LECTERN_RELAY_PULL ? "a stream, like live/physics"
                                              : "a stream or its app, like live/physics or live");
      return FALSE;
    }
  fault = find_fault (url, mode);
  if (fault == NULL)
    return check_transport (url, transport, error);
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, fault);
  return FALSE;
}

/* The same for the same content, so that a reload leaves alone what has not changed. */
static char *
make_id (const LecternRelayRule *rule)
{
  g_autofree char *all
      = g_strjoin ("\n", mode_names[rule->mode], rule->stream, rule->url, rule->transport, NULL);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, all, -1);

  sum[ID_LENGTH] = '\0';
  return g_ascii_strup (sum, ID_LENGTH);
}

LecternRelayRule *
lectern_relay_rule_new (const char *id, LecternRelayMode mode, const char *stream, const char *url,
                        const char *transport, GError **error)
{
  LecternRelayRule *self;

  if (!check (mode, stream, url, transport, error))
    return NULL;
  self = g_atomic_rc_box_new0 (LecternRelayRule);
  self->mode = mode;
  self->stream = g_strdup (stream);
  self->url = g_strdup (url);
  self->shown = lectern_relay_rule_show (self, stream, url);
  self->transport = g_strdup (transport);
  self->fixed = id == NULL;
  self->id = id != NULL ? g_strdup (id) : make_id (self);
  return self;
}

LecternRelayRule *
lectern_relay_rule_parse (LecternRelayMode mode, const char *text, GError **error)
{
  g_auto (GStrv) words = g_strsplit_set (text, " \t", -1);
  const char *given[3] = { NULL };
  guint n_given = 0;
  LecternRelayRule *self = NULL;

  for (guint i = 0; words[i] != NULL; i++)
    {
      if (*words[i] != '\0' && n_given < G_N_ELEMENTS (given))
        given[n_given] = words[i];
      n_given += *words[i] != '\0';
    }
  if (n_given < 2 || n_given > G_N_ELEMENTS (given))
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                         "must be STREAM ADDRESS, for RTSP with tcp or udp behind it");
  else
    self = lectern_relay_rule_new (NULL, mode, given[0], given[1], given[2], error);
  if (self == NULL && error != NULL && *error != NULL)
    (*error)->code = LECTERN_ERROR_INVALID_CONFIG;
  return self;
}

/* ── using ── */

gboolean
lectern_relay_rule_matches (const LecternRelayRule *self, const char *name)
{
  gsize length = strlen (self->stream);

  if (strchr (name, '@') != NULL)
    return FALSE;
  return g_str_equal (self->stream, name)
         || (strncmp (self->stream, name, length) == 0 && name[length] == '/');
}

/* What a player asks of this server is not for the next one: it would hold for all viewers. */
static gboolean
is_for_us (const char *parameter)
{
  static const char *const ours[] = { "gop=", "video=", "audio=", "session=", "_HLS_" };

  for (guint i = 0; i < G_N_ELEMENTS (ours); i++)
    if (g_str_has_prefix (parameter, ours[i]))
      return TRUE;
  return *parameter == '\0' || !is_printable (parameter) || strchr (parameter, '#') != NULL;
}

static void
append_query (GString *url, const char *query)
{
  g_auto (GStrv) parameters = NULL;
  char before = '?';

  if (query == NULL || strlen (query) > MAX_QUERY)
    return;
  parameters = g_strsplit (query, "&", -1);
  for (guint i = 0; parameters[i] != NULL; i++)
    if (!is_for_us (parameters[i]))
      {
        g_string_append_printf (url, "%c%s", before, parameters[i]);
        before = '&';
      }
}

char *
lectern_relay_rule_make_url (const LecternRelayRule *self, const char *name, const char *query)
{
  const char *last = strchr (name, '/') + 1;
  gboolean whole_app = strchr (self->stream, '/') == NULL;
  g_autofree char *filled = fill (self->url, last);
  gsize path_end = strcspn (filled, "?");
  GString *url = g_string_new_len (filled, (gssize) path_end);

  if (whole_app && strstr (self->url, NAME) == NULL)
    {
      if (url->str[url->len - 1] != '/')
        g_string_append_c (url, '/');
      g_string_append (url, last);
    }
  if (filled[path_end] != '\0')
    g_string_append (url, filled + path_end);
  else
    append_query (url, query);
  return g_string_free (url, FALSE);
}
