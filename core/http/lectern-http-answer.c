/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How an exchange is answered. */
#include "http/lectern-http-chars.h"
#include "http/lectern-http-exchange-private.h"
#include "http/lectern-http-range.h"
#include "http/lectern-http-status.h"

#include <fcntl.h>
#include <string.h>

static gboolean
is_head (LecternHttpExchange *self)
{
  return strcmp (self->request.method, "HEAD") == 0;
}

/* Returns: whether the answer is the connection's last. */
static gboolean
is_last (LecternHttpExchange *self)
{
  return !self->request.keep_alive || self->unread
         || lectern_http_server_is_draining (self->server);
}

static void
put_origin (LecternHttpExchange *self, GString *head)
{
  const char *origin = lectern_http_request_get (&self->request, "Origin");
  gboolean varies;
  const char *allowed = lectern_http_server_allow_origin (self->server, origin, &varies);

  if (allowed != NULL && origin != NULL)
    g_string_append_printf (head,
                            "Access-Control-Allow-Origin: %s\r\n"
                            "Access-Control-Expose-Headers: Content-Range, Date, ETag\r\n",
                            allowed);
  if (varies)
    g_string_append (head, "Vary: Origin\r\n");
}

void
lectern_http_exchange_put_head (LecternHttpExchange *self, GString *head)
{
  guint i;

  put_origin (self, head);
  for (i = 0; self->headers != NULL && i < self->headers->len; i += 2)
    {
      g_string_append (head, g_ptr_array_index (self->headers, i));
      g_string_append (head, ": ");
      g_string_append (head, g_ptr_array_index (self->headers, i + 1));
      g_string_append (head, "\r\n");
    }
}

static void
put_type (GString *head, const char *content_type)
{
  if (content_type != NULL
      && lectern_http_chars_are (content_type, strlen (content_type), LECTERN_HTTP_CHAR_FIELD))
    {
      g_string_append (head, "Content-Type: ");
      g_string_append (head, content_type);
      g_string_append (head, "\r\n");
    }
}

/* RFC 9112, 6.3: these never have a body, and no length either. */
static gboolean
is_bare (guint status)
{
  return status < 200 || status == 204 || status == 304;
}

static void
send_answer (LecternHttpExchange *self, guint status, const char *content_type,
             LecternHttpPayload *payload)
{
  LecternHttpConnection *owner = g_steal_pointer (&self->owner);
  LecternHttpCell *cell = lectern_http_connection_get_cell (owner);
  g_autoptr (GString) head = g_string_sized_new (512);
  gboolean last = is_last (self);

  self->answered = TRUE;
  lectern_http_status_put_start (head, status, lectern_http_cell_get_date (cell));
  if (!is_bare (status))
    {
      put_type (head, content_type);
      g_string_append (head, "Content-Length: ");
      lectern_http_status_put_number (head, payload->left);
      g_string_append (head, "\r\n");
    }
  if (last)
    g_string_append (head, "Connection: close\r\n");
  else if (status == 426)
    g_string_append (head, "Connection: upgrade\r\nUpgrade: websocket\r\n");
  else if (self->request.minor == 0)
    g_string_append (head, "Connection: keep-alive\r\n");
  lectern_http_exchange_put_head (self, head);
  g_string_append (head, "\r\n");
  if (is_head (self) || is_bare (status))
    payload->left = 0;
  lectern_http_connection_send (owner, head, payload, last);
}

/* Returns: whether the peer has what the handler would send. */
static gboolean
is_unchanged (LecternHttpExchange *self, guint status)
{
  const char *etag = lectern_http_exchange_get_own_header (self, "ETag");
  const char *list = lectern_http_exchange_get_header (self, "If-None-Match");

  return status == 200 && etag != NULL && list != NULL
         && (is_head (self) || strcmp (self->request.method, "GET") == 0)
         && lectern_http_etag_matches (list, etag);
}

/* Narrows the payload to the part that is asked for, and *@status to 206 then. Returns: whether
 * there is no such part. */
static gboolean
apply_range (LecternHttpExchange *self, LecternHttpPayload *payload, guint *status)
{
  const LecternHttpRequest *request = &self->request;
  const char *range = lectern_http_request_get (request, "Range");
  guint64 size = payload->left;
  guint64 start, length;
  g_autofree char *told = NULL;

  if (range == NULL || strcmp (request->method, "GET") != 0
      || lectern_http_request_count (request, "Range") > 1
      || !lectern_http_range_is_current (lectern_http_request_get (request, "If-Range"),
                                         lectern_http_exchange_get_own_header (self, "ETag")))
    return FALSE;
  switch (lectern_http_range_parse (range, size, &start, &length))
    {
    case LECTERN_HTTP_RANGE_NONE:
      return FALSE;
    case LECTERN_HTTP_RANGE_UNSATISFIABLE:
      told = g_strdup_printf ("bytes */%" G_GUINT64_FORMAT, size);
      lectern_http_exchange_set_header (self, "Content-Range", told);
      return TRUE;
    default:
      told
          = g_strdup_printf ("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
                             start, start + length - 1, size);
      lectern_http_exchange_set_header (self, "Content-Range", told);
      payload->offset += start;
      payload->left = length;
      *status = 206;
      return FALSE;
    }
}

void
lectern_http_exchange_respond_payload (LecternHttpExchange *self, guint status,
                                       const char *content_type, LecternHttpPayload *payload)
{
  gboolean has_body = payload->bytes != NULL || payload->fd >= 0;

  if (self->owner == NULL || self->answered)
    {
      self->answered = TRUE;
      lectern_http_payload_clear (payload);
      return;
    }
  if (is_unchanged (self, status))
    {
      lectern_http_payload_clear (payload);
      status = 304;
    }
  else if (status == 200 && has_body && apply_range (self, payload, &status))
    {
      lectern_http_payload_clear (payload);
      lectern_http_exchange_respond_problem (self, 416, "The thing has no such part.");
      return;
    }
  send_answer (self, status, content_type, payload);
  lectern_http_payload_clear (payload);
}

void
lectern_http_exchange_respond (LecternHttpExchange *self, guint status, const char *content_type,
                               GBytes *body)
{
  LecternHttpPayload payload = LECTERN_HTTP_PAYLOAD_NONE;

  if (status < 200 || status > 599)
    status = 500;
  if (body != NULL)
    {
      payload.bytes = g_bytes_ref (body);
      payload.left = g_bytes_get_size (body);
    }
  lectern_http_exchange_respond_payload (self, status, content_type, &payload);
}

void
lectern_http_exchange_respond_shared (LecternHttpExchange *self, guint status,
                                      const char *content_type, GBytes *body, int fd,
                                      guint64 offset)
{
  LecternHttpPayload payload = { .bytes = g_bytes_ref (body),
                                 .fd = fd,
                                 .left = g_bytes_get_size (body),
                                 .base = offset };

  lectern_http_exchange_respond_payload (self, status, content_type, &payload);
}

void
lectern_http_exchange_respond_file (LecternHttpExchange *self, guint status,
                                    const char *content_type, int fd, guint64 offset, guint64 size)
{
  LecternHttpPayload payload
      = { .fd = fcntl (fd, F_DUPFD_CLOEXEC, 0), .offset = offset, .left = size };

  if (payload.fd < 0)
    lectern_http_exchange_respond_problem (self, 503, "The server has too many files open.");
  else
    lectern_http_exchange_respond_payload (self, status, content_type, &payload);
}

void
lectern_http_exchange_respond_json (LecternHttpExchange *self, guint status, JsonNode *root)
{
  g_autoptr (GBytes) body = lectern_json_print (root);

  lectern_http_exchange_respond (self, status, "application/json", body);
}

static void
respond_problem (LecternHttpExchange *self, guint status, const char *name, const char *detail)
{
  g_autoptr (GBytes) body = lectern_http_status_make_problem (status, name, detail);

  lectern_http_exchange_respond (self, status, "application/problem+json", body);
}

void
lectern_http_exchange_respond_problem (LecternHttpExchange *self, guint status, const char *detail)
{
  respond_problem (self, status, NULL, detail);
}

void
lectern_http_exchange_respond_error (LecternHttpExchange *self, const GError *error)
{
  respond_problem (self, lectern_error_get_http_status (error), lectern_error_get_name (error),
                   lectern_error_get_public_text (error));
}

void
lectern_http_exchange_respond_reason (LecternHttpExchange *self, const GError *error)
{
  respond_problem (self, lectern_error_get_http_status (error), lectern_error_get_name (error),
                   error->message);
}

LecternConnection *
lectern_http_exchange_hand_over (LecternHttpExchange *self, const GString *head)
{
  LecternHttpConnection *owner = g_steal_pointer (&self->owner);

  if (self->answered || owner == NULL)
    return NULL;
  self->answered = TRUE;
  return lectern_http_connection_hand_over (owner, head);
}

LecternConnection *
lectern_http_exchange_take_over (LecternHttpExchange *self, guint status, const char *content_type)
{
  g_autoptr (GString) head = NULL;

  if (self->owner == NULL || self->answered)
    return NULL;
  head = g_string_sized_new (512);
  lectern_http_status_put_start (
      head, status, lectern_http_cell_get_date (lectern_http_connection_get_cell (self->owner)));
  put_type (head, content_type);
  g_string_append (head, "Connection: close\r\n");
  lectern_http_exchange_put_head (self, head);
  g_string_append (head, "\r\n");
  if (is_head (self))
    {
      LecternHttpConnection *owner = g_steal_pointer (&self->owner);
      LecternHttpPayload payload = LECTERN_HTTP_PAYLOAD_NONE;

      self->answered = TRUE;
      lectern_http_connection_send (owner, head, &payload, TRUE);
      return NULL;
    }
  return lectern_http_exchange_hand_over (self, head);
}
