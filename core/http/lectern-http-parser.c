/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-parser.h"

#include "http/lectern-http-chars.h"

#include <string.h>

/* What a request line may hold beside its target: a method, two spaces and the version. */
#define LINE_EXTRA 64

void
lectern_http_scanner_init (LecternHttpScanner *self, gsize head_size, guint headers)
{
  *self = (LecternHttpScanner){ .head_size = head_size, .headers = headers };
}

/* A CRLF was read. *@done: it was the empty line at the head's end. */
static gboolean
end_line (LecternHttpScanner *self, gboolean *done, LecternHttpRefusal *refusal)
{
  if (self->line_size > 0)
    {
      self->line_size = 0;
      self->lines++;
      if (self->lines > self->headers + 1)
        return lectern_http_refuse (refusal, 431, "There are too many header lines.");
      return TRUE;
    }
  if (self->lines > 0)
    *done = TRUE;
  else if (self->blank)
    return lectern_http_refuse (refusal, 400, "Empty lines stand before the request.");
  self->blank = TRUE;
  return TRUE;
}

static gboolean
scan_byte (LecternHttpScanner *self, guint8 byte, gboolean *done, LecternHttpRefusal *refusal)
{
  if (self->after_cr)
    {
      self->after_cr = FALSE;
      if (byte != '\n')
        return lectern_http_refuse (refusal, 400, "A CR stands without its LF.");
      return end_line (self, done, refusal);
    }
  if (byte == '\r')
    {
      self->after_cr = TRUE;
      return TRUE;
    }
  if (byte == '\n')
    return lectern_http_refuse (refusal, 400, "An LF stands without its CR.");
  if (!lectern_http_char_is (byte, LECTERN_HTTP_CHAR_FIELD))
    return lectern_http_refuse (refusal, 400, "The head holds a control character.");
  self->line_size++;
  if (self->lines == 0 && self->line_size > LECTERN_HTTP_TARGET_MAX + LINE_EXTRA)
    return lectern_http_refuse (refusal, 414, "The request's address is too long.");
  return TRUE;
}

gboolean
lectern_http_scanner_feed (LecternHttpScanner *self, const guint8 *data, gsize length, gsize *size,
                           LecternHttpRefusal *refusal)
{
  gboolean done = FALSE;

  *size = 0;
  while (self->scanned < length && !done)
    {
      if (self->scanned >= self->head_size)
        return lectern_http_refuse (refusal, 431, "The head is too large.");
      if (!scan_byte (self, data[self->scanned], &done, refusal))
        return FALSE;
      self->scanned++;
    }
  if (done)
    *size = self->scanned;
  return TRUE;
}

const char *
lectern_http_request_get (const LecternHttpRequest *self, const char *name)
{
  guint i;

  for (i = 0; i < self->n_headers; i++)
    if (g_ascii_strcasecmp (self->headers[i].name, name) == 0)
      return self->headers[i].value;
  return NULL;
}

guint
lectern_http_request_count (const LecternHttpRequest *self, const char *name)
{
  guint i, count = 0;

  for (i = 0; i < self->n_headers; i++)
    count += g_ascii_strcasecmp (self->headers[i].name, name) == 0;
  return count;
}

static gboolean
value_lists (const char *value, const char *token)
{
  gsize token_size = strlen (token);

  while (*value != '\0')
    {
      gsize size;

      value += strspn (value, ", \t");
      size = strcspn (value, ", \t");
      if (size == token_size && g_ascii_strncasecmp (value, token, size) == 0)
        return TRUE;
      value += size;
    }
  return FALSE;
}

gboolean
lectern_http_request_lists (const LecternHttpRequest *self, const char *name, const char *token)
{
  guint i;

  for (i = 0; i < self->n_headers; i++)
    if (g_ascii_strcasecmp (self->headers[i].name, name) == 0
        && value_lists (self->headers[i].value, token))
      return TRUE;
  return FALSE;
}

static gboolean
port_is_valid (const char *port)
{
  gsize size = strspn (port, "0123456789");

  if (size == 0 || size > 5 || port[size] != '\0')
    return FALSE;
  return g_ascii_strtoull (port, NULL, 10) <= G_MAXUINT16;
}

gboolean
lectern_http_host_is_valid (const char *host)
{
  const char *end;
  gsize size;

  if (*host == '[')
    {
      size = strspn (host + 1, "0123456789abcdefABCDEF:.");
      end = host + 1 + size;
      if (size < 2 || *end != ']')
        return FALSE;
      end++;
    }
  else
    {
      size = strcspn (host, ":");
      if (!lectern_http_chars_are (host, size, LECTERN_HTTP_CHAR_HOST))
        return FALSE;
      end = host + size;
    }
  return *end == '\0' || (*end == ':' && port_is_valid (end + 1));
}

static gboolean
method_is_known (const char *method)
{
  static const char *const known[]
      = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", NULL };

  return g_strv_contains (known, method);
}

static gboolean
parse_version (LecternHttpRequest *self, const char *version, LecternHttpRefusal *refusal)
{
  if (strlen (version) != 8 || strncmp (version, "HTTP/", 5) != 0 || version[6] != '.'
      || !g_ascii_isdigit (version[5]) || !g_ascii_isdigit (version[7]))
    return lectern_http_refuse (refusal, 400, "The request line is not one.");
  if (version[5] != '1' || version[7] > '1')
    return lectern_http_refuse (refusal, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
  self->minor = (guint) (version[7] - '0');
  return TRUE;
}

/* Splits "http://host/path" by moving the host one byte to the left, which makes room for its end.
 * Returns: the path, or NULL. */
static char *
split_absolute (LecternHttpRequest *self, char *target)
{
  gsize scheme = 0, size;
  char *host;

  if (g_ascii_strncasecmp (target, "http://", 7) == 0)
    scheme = 7;
  else if (g_ascii_strncasecmp (target, "https://", 8) == 0)
    scheme = 8;
  if (scheme == 0)
    return NULL;
  host = target + scheme - 1;
  size = strcspn (target + scheme, "/?");
  memmove (host, host + 1, size);
  host[size] = '\0';
  if (!lectern_http_host_is_valid (host))
    return NULL;
  self->host = host;
  return host + size + 1;
}

/* A query right behind the host stands for the path "/". */
static gboolean
split_path (LecternHttpRequest *self, char *path, LecternHttpRefusal *refusal)
{
  char *mark = strchr (path, '?');

  if (mark != NULL)
    {
      *mark = '\0';
      self->query = mark + 1;
      if (*self->query != '\0'
          && !lectern_http_chars_are (self->query, strlen (self->query), LECTERN_HTTP_CHAR_QUERY))
        return lectern_http_refuse (refusal, 400, "The query holds a character that it may not.");
    }
  if (*path == '\0' && self->host != NULL)
    {
      self->path = "/";
      return TRUE;
    }
  self->path = path;
  return lectern_http_path_decode (path, refusal);
}

static gboolean
parse_target (LecternHttpRequest *self, char *target, LecternHttpRefusal *refusal)
{
  char *path = target;

  if (strlen (target) > LECTERN_HTTP_TARGET_MAX)
    return lectern_http_refuse (refusal, 414, "The request's address is too long.");
  if (strcmp (target, "*") == 0)
    {
      self->path = target;
      if (strcmp (self->method, "OPTIONS") == 0)
        return TRUE;
      return lectern_http_refuse (refusal, 400, "Only OPTIONS may ask for \"*\".");
    }
  if (*target != '/')
    path = split_absolute (self, target);
  if (path == NULL)
    return lectern_http_refuse (refusal, 400, "The request's address is not one.");
  return split_path (self, path, refusal);
}

/* Ends the line at @at. Returns: the next line. */
static char *
cut_line (char *at)
{
  char *end = strchr (at, '\r');

  *end = '\0';
  return end + 2;
}

static gboolean
parse_request_line (LecternHttpRequest *self, char *line, LecternHttpRefusal *refusal)
{
  char *target = strchr (line, ' ');
  char *version = target != NULL ? strchr (target + 1, ' ') : NULL;

  if (version == NULL || !lectern_http_chars_are (line, target - line, LECTERN_HTTP_CHAR_TOKEN))
    return lectern_http_refuse (refusal, 400, "The request line is not one.");
  *target++ = '\0';
  *version++ = '\0';
  self->method = line;
  if (!parse_version (self, version, refusal))
    return FALSE;
  if (!method_is_known (self->method))
    return lectern_http_refuse (refusal, 501, "This method is not offered here.");
  return parse_target (self, target, refusal);
}

/* The scanner has seen to it that no value holds a control character. */
static gboolean
parse_header (LecternHttpHeader *self, char *line, LecternHttpRefusal *refusal)
{
  char *colon = strchr (line, ':');
  gsize size;

  if (*line == ' ' || *line == '\t')
    return lectern_http_refuse (refusal, 400, "A header line is folded.");
  if (colon == NULL || !lectern_http_chars_are (line, colon - line, LECTERN_HTTP_CHAR_TOKEN))
    return lectern_http_refuse (refusal, 400, "A header's name is not one.");
  *colon++ = '\0';
  colon += strspn (colon, " \t");
  size = strlen (colon);
  while (size > 0 && (colon[size - 1] == ' ' || colon[size - 1] == '\t'))
    colon[--size] = '\0';
  self->name = line;
  self->value = colon;
  return TRUE;
}

static gboolean
check_host (LecternHttpRequest *self, LecternHttpRefusal *refusal)
{
  guint count = lectern_http_request_count (self, "Host");
  const char *host = lectern_http_request_get (self, "Host");

  if (count > 1 || (count == 0 && self->minor > 0))
    return lectern_http_refuse (refusal, 400, "Exactly one Host header is needed.");
  if (host != NULL && !lectern_http_host_is_valid (host))
    return lectern_http_refuse (refusal, 400, "The Host header is not a host.");
  if (self->host == NULL)
    self->host = host;
  return TRUE;
}

static gboolean
parse_length (LecternHttpRequest *self, LecternHttpRefusal *refusal)
{
  const char *text = lectern_http_request_get (self, "Content-Length");
  guint64 length;

  self->content_length = -1;
  if (text == NULL)
    return TRUE;
  if (lectern_http_request_count (self, "Content-Length") > 1)
    return lectern_http_refuse (refusal, 400, "There are several Content-Length headers.");
  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, &length, NULL)
      || !g_ascii_isdigit (*text))
    return lectern_http_refuse (refusal, 400, "Content-Length is not a number.");
  self->content_length = (gint64) length;
  return TRUE;
}

static gboolean
parse_coding (LecternHttpRequest *self, LecternHttpRefusal *refusal)
{
  const char *coding = lectern_http_request_get (self, "Transfer-Encoding");
  const char *content = lectern_http_request_get (self, "Content-Encoding");

  if (content != NULL && g_ascii_strcasecmp (content, "identity") != 0)
    return lectern_http_refuse (refusal, 415, "Compressed requests are not read here.");
  if (coding == NULL)
    return TRUE;
  if (self->minor == 0 || self->content_length >= 0)
    return lectern_http_refuse (refusal, 400, "Transfer-Encoding may not stand here.");
  if (lectern_http_request_count (self, "Transfer-Encoding") > 1)
    return lectern_http_refuse (refusal, 400, "There are several Transfer-Encoding headers.");
  if (g_ascii_strcasecmp (coding, "chunked") != 0)
    return lectern_http_refuse (refusal, 501, "Only the chunked transfer coding is read here.");
  self->chunked = TRUE;
  return TRUE;
}

static gboolean
parse_wishes (LecternHttpRequest *self, LecternHttpRefusal *refusal)
{
  const char *expect = lectern_http_request_get (self, "Expect");

  self->keep_alive
      = !lectern_http_request_lists (self, "Connection", "close")
        && (self->minor > 0 || lectern_http_request_lists (self, "Connection", "keep-alive"));
  if (self->minor == 0)
    return TRUE;
  self->wants_websocket = strcmp (self->method, "GET") == 0
                          && lectern_http_request_lists (self, "Connection", "upgrade")
                          && lectern_http_request_lists (self, "Upgrade", "websocket");
  if (expect == NULL)
    return TRUE;
  if (g_ascii_strcasecmp (expect, "100-continue") != 0)
    return lectern_http_refuse (refusal, 417, "Only 100-continue may be expected.");
  self->expects_continue = self->chunked || self->content_length > 0;
  return TRUE;
}

/* Copies the head behind room for its headers: one block for all. */
static char *
copy_head (LecternHttpRequest *self, const guint8 *head, gsize length)
{
  gsize i, lines = 0;
  char *copy;

  for (i = 0; i < length; i++)
    lines += head[i] == '\n';
  self->block = g_malloc (lines * sizeof (LecternHttpHeader) + length + 1);
  self->headers = (LecternHttpHeader *) self->block;
  copy = self->block + lines * sizeof (LecternHttpHeader);
  memcpy (copy, head, length);
  copy[length] = '\0';
  return copy;
}

gboolean
lectern_http_request_parse (LecternHttpRequest *self, const guint8 *head, gsize length,
                            LecternHttpRefusal *refusal)
{
  char *line, *next;

  *self = (LecternHttpRequest){ .content_length = -1 };
  line = copy_head (self, head, length);
  if (*line == '\r')
    line += 2;
  next = cut_line (line);
  if (!parse_request_line (self, line, refusal))
    return FALSE;
  while (*(line = next) != '\r')
    {
      next = cut_line (line);
      if (!parse_header (&self->headers[self->n_headers], line, refusal))
        return FALSE;
      self->n_headers++;
    }
  return check_host (self, refusal) && parse_length (self, refusal) && parse_coding (self, refusal)
         && parse_wishes (self, refusal);
}

void
lectern_http_request_clear (LecternHttpRequest *self)
{
  g_clear_pointer (&self->block, g_free);
  *self = (LecternHttpRequest){ .content_length = -1 };
}
