/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-exchange-private.h"

#include "http/lectern-http-chars.h"

#include <string.h>

LecternHttpExchange *
lectern_http_exchange_new (LecternHttpConnection *owner, LecternConnection *connection,
                           LecternHttpServer *server)
{
  LecternHttpExchange *self = g_new0 (LecternHttpExchange, 1);

  self->refs = 1;
  self->owner = owner;
  self->connection = lectern_connection_ref (connection);
  self->server = g_object_ref (server);
  self->accepted_us = lectern_connection_get_accepted_us (connection);
  return self;
}

LecternHttpExchange *
lectern_http_exchange_ref (LecternHttpExchange *self)
{
  self->refs++;
  return self;
}

static void
free_exchange (LecternHttpExchange *self)
{
  if (self->owner != NULL)
    lectern_http_connection_forget_exchange (self->owner);
  if (self->ticket != NULL)
    self->ticket->exchange = NULL;
  lectern_http_request_clear (&self->request);
  lectern_http_match_clear (&self->match);
  g_clear_pointer (&self->route, lectern_http_route_unref);
  g_clear_pointer (&self->access, lectern_access_request_unref);
  g_clear_pointer (&self->identity, lectern_identity_unref);
  g_clear_pointer (&self->incoming, g_byte_array_unref);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_clear_pointer (&self->texts, g_ptr_array_unref);
  g_clear_pointer (&self->headers, g_ptr_array_unref);
  g_object_unref (self->server);
  lectern_connection_unref (self->connection);
  g_free (self);
}

void
lectern_http_exchange_unref (LecternHttpExchange *self)
{
  if (self->refs == 1 && self->owner != NULL && !self->answered)
    lectern_http_exchange_respond_problem (self, 500, "The server gave no answer.");
  if (--self->refs == 0)
    free_exchange (self);
}

gboolean
lectern_http_exchange_set_gone (LecternHttpExchange *self, LecternHttpGoneFunc func,
                                gpointer user_data)
{
  self->gone = self->owner != NULL ? func : NULL;
  self->gone_data = user_data;
  return self->owner != NULL;
}

void
lectern_http_exchange_tell_gone (LecternHttpExchange *self)
{
  LecternHttpGoneFunc gone = g_steal_pointer (&self->gone);

  if (gone != NULL)
    gone (self->gone_data);
}

const char *
lectern_http_exchange_get_method (LecternHttpExchange *self)
{
  return self->request.method;
}

const char *
lectern_http_exchange_get_path (LecternHttpExchange *self)
{
  return self->request.path;
}

const char *
lectern_http_exchange_get_parameter (LecternHttpExchange *self, const char *name)
{
  return lectern_http_match_get (&self->match, name);
}

const char *
lectern_http_exchange_get_query (LecternHttpExchange *self)
{
  return self->request.query;
}

/* Takes @text over for the life of the exchange. */
static const char *
keep_text (LecternHttpExchange *self, char *text)
{
  if (text == NULL)
    return NULL;
  if (self->texts == NULL)
    self->texts = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->texts, text);
  return text;
}

const char *
lectern_http_exchange_get_query_value (LecternHttpExchange *self, const char *name)
{
  return keep_text (self, lectern_http_query_get (self->request.query, name));
}

const char *
lectern_http_exchange_get_header (LecternHttpExchange *self, const char *name)
{
  const LecternHttpRequest *request = &self->request;
  g_autoptr (GString) joined = NULL;
  guint i;

  if (lectern_http_request_count (request, name) < 2)
    return lectern_http_request_get (request, name);
  joined = g_string_new (NULL);
  for (i = 0; i < request->n_headers; i++)
    if (g_ascii_strcasecmp (request->headers[i].name, name) == 0)
      g_string_append_printf (joined, "%s%s", joined->len > 0 ? ", " : "",
                              request->headers[i].value);
  return keep_text (self, g_string_free (g_steal_pointer (&joined), FALSE));
}

GBytes *
lectern_http_exchange_get_body (LecternHttpExchange *self)
{
  return self->body;
}

static gboolean
is_json (const char *type)
{
  gsize size;

  if (type == NULL)
    return FALSE;
  size = strcspn (type, "; \t");
  return size == strlen ("application/json")
         && g_ascii_strncasecmp (type, "application/json", size) == 0;
}

JsonNode *
lectern_http_exchange_parse_json (LecternHttpExchange *self, GError **error)
{
  /* The type keeps out what a form of a foreign page can send without asking first. */
  if (self->body == NULL || !is_json (lectern_http_exchange_get_header (self, "Content-Type")))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "the body is not of the type application/json");
      return NULL;
    }
  return lectern_json_parse (g_bytes_get_data (self->body, NULL), g_bytes_get_size (self->body),
                             error);
}

const LecternAddress *
lectern_http_exchange_get_peer (LecternHttpExchange *self)
{
  return lectern_connection_get_peer (self->connection);
}

const char *
lectern_http_exchange_get_peer_name (LecternHttpExchange *self)
{
  return lectern_connection_get_peer_name (self->connection);
}

gboolean
lectern_http_exchange_is_secure (LecternHttpExchange *self)
{
  return lectern_connection_is_secure (self->connection);
}

LecternAccessRequest *
lectern_http_exchange_get_access (LecternHttpExchange *self)
{
  return self->access;
}

LecternIdentity *
lectern_http_exchange_get_identity (LecternHttpExchange *self)
{
  return self->identity;
}

gint64
lectern_http_exchange_get_accepted_us (LecternHttpExchange *self)
{
  return self->accepted_us;
}

/* Headers that frame the answer are the server's alone. */
static gboolean
is_reserved (const char *name)
{
  static const char *const reserved[]
      = { "Connection", "Content-Length", "Content-Type",      "Date",   "Keep-Alive",
          "Server",     "Trailer",        "Transfer-Encoding", "Upgrade" };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (reserved); i++)
    if (g_ascii_strcasecmp (name, reserved[i]) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
is_clean (const char *value)
{
  const char *at;

  for (at = value; *at != '\0'; at++)
    if (g_ascii_iscntrl (*at))
      return FALSE;
  return TRUE;
}

void
lectern_http_exchange_set_header (LecternHttpExchange *self, const char *name, const char *value)
{
  guint i;

  if (!lectern_http_chars_are (name, strlen (name), LECTERN_HTTP_CHAR_TOKEN) || is_reserved (name)
      || !is_clean (value))
    return;
  if (self->headers == NULL)
    self->headers = g_ptr_array_new_with_free_func (g_free);
  for (i = 0; i < self->headers->len; i += 2)
    if (g_ascii_strcasecmp (g_ptr_array_index (self->headers, i), name) == 0
        && g_ascii_strcasecmp (name, "Set-Cookie") != 0)
      {
        g_free (self->headers->pdata[i + 1]);
        self->headers->pdata[i + 1] = g_strdup (value);
        return;
      }
  g_ptr_array_add (self->headers, g_strdup (name));
  g_ptr_array_add (self->headers, g_strdup (value));
}

const char *
lectern_http_exchange_get_own_header (LecternHttpExchange *self, const char *name)
{
  guint i;

  for (i = 0; self->headers != NULL && i < self->headers->len; i += 2)
    if (g_ascii_strcasecmp (g_ptr_array_index (self->headers, i), name) == 0)
      return g_ptr_array_index (self->headers, i + 1);
  return NULL;
}
