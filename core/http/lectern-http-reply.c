/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-reply.h"

#include "http/lectern-http-chars.h"
#include "http/lectern-http-chunked.h"
#include "http/lectern-http-parser.h"

#include <string.h>

#define HEAD_MAX (16 * 1024)
#define HEADERS_MAX 100
#define VERSION "HTTP/1."
#define LENGTH_DIGITS 15

struct _LecternHttpReply
{
  LecternHttpScanner scanner;
  guint status; /* 0: the head is not complete */
  gboolean bodiless;
  gint64 left; /* of a body whose length is known; -1: unknown */
  gboolean is_chunked;
  LecternHttpChunked chunked;
};

LecternHttpReply *
lectern_http_reply_new (void)
{
  LecternHttpReply *self = g_new0 (LecternHttpReply, 1);

  lectern_http_scanner_init (&self->scanner, HEAD_MAX, HEADERS_MAX);
  self->left = -1;
  return self;
}

void
lectern_http_reply_free (LecternHttpReply *self)
{
  g_free (self);
}

static gboolean
refuse (GError **error, const char *reason)
{
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
               "the server's answer is broken: %s", reason);
  return FALSE;
}

/* "HTTP/1.1 200 OK", @length without the line's end. */
static gboolean
take_status_line (LecternHttpReply *self, const char *line, gsize length, GError **error)
{
  const char *code = line + strlen (VERSION) + 2;

  if (length < strlen (VERSION) + 5 || strncmp (line, VERSION, strlen (VERSION)) != 0
      || (code[-2] != '0' && code[-2] != '1') || code[-1] != ' ' || !g_ascii_isdigit (code[0])
      || !g_ascii_isdigit (code[1]) || !g_ascii_isdigit (code[2])
      || (length > strlen (VERSION) + 5 && code[3] != ' '))
    return refuse (error, "no HTTP/1.1");
  self->status = (guint) ((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
  if (self->status < 200 || self->status > 599)
    return refuse (error, "a status that was not asked for");
  self->bodiless = self->status == 204 || self->status == 304;
  return TRUE;
}

static gboolean
take_length (LecternHttpReply *self, const char *value, gsize length, GError **error)
{
  gint64 number = 0;

  if (length == 0 || length > LENGTH_DIGITS || self->left >= 0)
    return refuse (error, "its length");
  for (gsize i = 0; i < length; i++)
    {
      if (!g_ascii_isdigit (value[i]))
        return refuse (error, "its length");
      number = number * 10 + (value[i] - '0');
    }
  self->left = number;
  return TRUE;
}

static gboolean
take_coding (LecternHttpReply *self, const char *value, gsize length, GError **error)
{
  if (self->is_chunked || length != strlen ("chunked")
      || g_ascii_strncasecmp (value, "chunked", length) != 0)
    return refuse (error, "its coding");
  self->is_chunked = TRUE;
  lectern_http_chunked_init (&self->chunked);
  return TRUE;
}

static gboolean
is_name (const char *line, gsize length, const char *name)
{
  return length == strlen (name) && g_ascii_strncasecmp (line, name, length) == 0;
}

static gboolean
take_header (LecternHttpReply *self, const char *line, gsize length, GError **error)
{
  const char *colon = memchr (line, ':', length);
  gsize name_length = colon != NULL ? (gsize) (colon - line) : 0;
  const char *value = colon + 1;
  const char *end = line + length;

  if (!lectern_http_chars_are (line, name_length, LECTERN_HTTP_CHAR_TOKEN))
    return refuse (error, "a header line");
  while (value < end && (*value == ' ' || *value == '\t'))
    value++;
  while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
    end--;
  if (is_name (line, name_length, "Content-Length"))
    return take_length (self, value, (gsize) (end - value), error);
  if (is_name (line, name_length, "Transfer-Encoding"))
    return take_coding (self, value, (gsize) (end - value), error);
  return TRUE;
}

/* @size: of the head with its empty line; a scanner has found all line ends to be CRLF. */
static gboolean
take_head (LecternHttpReply *self, const char *head, gsize size, GError **error)
{
  const char *end = head + size;
  gboolean first = TRUE;

  /* The scanner lets one empty line pass before a request. */
  if (head[0] == '\r')
    return refuse (error, "it begins with an empty line");
  for (const char *line = head; line < end && *line != '\r';)
    {
      gsize length = (gsize) ((const char *) memchr (line, '\r', (gsize) (end - line)) - line);

      if (!(first ? take_status_line (self, line, length, error)
                  : take_header (self, line, length, error)))
        return FALSE;
      first = FALSE;
      line += length + 2;
    }
  if (self->is_chunked && self->left >= 0)
    return refuse (error, "it has a length and a coding");
  if (self->bodiless)
    self->left = 0;
  return TRUE;
}

static gsize
take_body (LecternHttpReply *self, const guint8 *data, gsize length, GByteArray *body,
           GError **error)
{
  LecternHttpRefusal refusal;
  gsize used = self->left >= 0 ? (gsize) MIN ((guint64) self->left, length) : length;

  if (self->is_chunked)
    {
      if (!lectern_http_chunked_is_done (&self->chunked)
          && !lectern_http_chunked_feed (&self->chunked, data, length, body, G_MAXUINT, &used,
                                         &refusal))
        refuse (error, "its chunks");
      return used;
    }
  g_byte_array_append (body, data, (guint) used);
  if (self->left > 0)
    self->left -= (gint64) used;
  return used;
}

gsize
lectern_http_reply_input (LecternHttpReply *self, const guint8 *data, gsize length,
                          GByteArray *body, GError **error)
{
  LecternHttpRefusal refusal;
  gsize head = 0;

  if (self->status == 0)
    {
      if (!lectern_http_scanner_feed (&self->scanner, data, length, &head, &refusal))
        {
          refuse (error, "its head");
          return 0;
        }
      if (head == 0 || !take_head (self, (const char *) data, head, error))
        return 0;
    }
  if (lectern_http_reply_is_done (self) || head == length)
    return head;
  return head + take_body (self, data + head, length - head, body, error);
}

guint
lectern_http_reply_get_status (LecternHttpReply *self)
{
  return self->status;
}

gboolean
lectern_http_reply_is_done (LecternHttpReply *self)
{
  if (self->status == 0)
    return FALSE;
  return self->is_chunked ? lectern_http_chunked_is_done (&self->chunked) : self->left == 0;
}
