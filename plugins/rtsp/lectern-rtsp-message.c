/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-message.h"

#include <string.h>

static const char *const words[] = {
  [LECTERN_RTSP_OPTIONS] = "OPTIONS",
  [LECTERN_RTSP_DESCRIBE] = "DESCRIBE",
  [LECTERN_RTSP_ANNOUNCE] = "ANNOUNCE",
  [LECTERN_RTSP_SETUP] = "SETUP",
  [LECTERN_RTSP_PLAY] = "PLAY",
  [LECTERN_RTSP_PAUSE] = "PAUSE",
  [LECTERN_RTSP_RECORD] = "RECORD",
  [LECTERN_RTSP_TEARDOWN] = "TEARDOWN",
  [LECTERN_RTSP_GET_PARAMETER] = "GET_PARAMETER",
  [LECTERN_RTSP_SET_PARAMETER] = "SET_PARAMETER",
};

/* A header that comes once at most. */
static const char *const single[]
    = { "CSeq", "Content-Length", "Session", "Transport", "Authorization" };

void
lectern_rtsp_request_free (LecternRtspRequest *self)
{
  g_free (self->word);
  g_free (self->url);
  g_ptr_array_unref (self->headers);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_free (self);
}

const char *
lectern_rtsp_request_get_header (const LecternRtspRequest *self, const char *name)
{
  for (guint i = 0; i + 1 < self->headers->len; i += 2)
    if (g_ascii_strcasecmp (self->headers->pdata[i], name) == 0)
      return self->headers->pdata[i + 1];
  return NULL;
}

static gboolean
refuse (GError **error, LecternError code, const char *text)
{
  g_set_error_literal (error, LECTERN_ERROR, code, text);
  return FALSE;
}

/* ── the head ── */

static gboolean
is_token (const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (text[i] == '\0'
        || (!g_ascii_isalnum (text[i]) && strchr ("!#$%&'*+-.^_`|~", text[i]) == NULL))
      return FALSE;
  return length > 0;
}

/* Visible ASCII and what is above; with @spaces also space and tab. */
static gboolean
is_text (const char *text, gsize length, gboolean spaces)
{
  for (gsize i = 0; i < length; i++)
    {
      guchar byte = (guchar) text[i];

      if (byte == 0x7f || (byte <= ' ' && !(spaces && (byte == ' ' || byte == '\t'))))
        return FALSE;
    }
  return TRUE;
}

static LecternRtspMethod
find_method (const char *word)
{
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_str_equal (words[i], word))
      return (LecternRtspMethod) i;
  return LECTERN_RTSP_OTHER;
}

/* "METHOD URL RTSP/1.0" */
static gboolean
read_request_line (LecternRtspRequest *self, const char *line, gsize length, GError **error)
{
  const char *first = memchr (line, ' ', length);
  const char *second
      = first != NULL ? memchr (first + 1, ' ', length - (gsize) (first + 1 - line)) : NULL;
  const char *version = second != NULL ? second + 1 : NULL;
  gsize version_length;

  if (version == NULL || !is_token (line, (gsize) (first - line)) || first - line > 32
      || second == first + 1 || !is_text (first + 1, (gsize) (second - first - 1), FALSE)
      || second - first - 1 > LECTERN_RTSP_MAX_URL)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "not a request");
  version_length = length - (gsize) (version - line);
  if (version_length != 8 || memcmp (version, "RTSP/1.0", 8) != 0)
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "not RTSP/1.0");
  self->word = g_strndup (line, (gsize) (first - line));
  self->url = g_strndup (first + 1, (gsize) (second - first - 1));
  self->method = find_method (self->word);
  return TRUE;
}

static gboolean
is_repeated (const LecternRtspRequest *self, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (single); i++)
    if (g_ascii_strcasecmp (single[i], name) == 0)
      return lectern_rtsp_request_get_header (self, name) != NULL;
  return FALSE;
}

/* "Name: value" */
static gboolean
read_header (LecternRtspRequest *self, const char *line, gsize length, GError **error)
{
  const char *colon = memchr (line, ':', length);
  g_autofree char *name = NULL;
  char *value;

  if (colon == NULL || !is_token (line, (gsize) (colon - line))
      || !is_text (colon + 1, length - (gsize) (colon + 1 - line), TRUE))
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "a header is broken");
  if (self->headers->len >= 2 * LECTERN_RTSP_MAX_HEADERS)
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "too many headers");
  name = g_strndup (line, (gsize) (colon - line));
  if (is_repeated (self, name))
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "a header comes twice");
  value = g_strstrip (g_strndup (colon + 1, length - (gsize) (colon + 1 - line)));
  g_ptr_array_add (self->headers, g_steal_pointer (&name));
  g_ptr_array_add (self->headers, value);
  return TRUE;
}

/* @head: the lines, each with its CR LF, without the empty one. @status: the first is an answer's,
 * which says nothing. */
static gboolean
read_lines (LecternRtspRequest *self, const char *head, gsize length, gboolean status,
            GError **error)
{
  gboolean first = TRUE;

  while (length > 0)
    {
      const char *end = memchr (head, '\n', length);
      gsize line = (gsize) (end - head);

      if (line == 0 || end[-1] != '\r')
        return refuse (error, LECTERN_ERROR_INVALID_DATA, "a line ends without CR LF");
      if (first && !status && !read_request_line (self, head, line - 1, error))
        return FALSE;
      if (!first && !read_header (self, head, line - 1, error))
        return FALSE;
      first = FALSE;
      head += line + 1;
      length -= line + 1;
    }
  return TRUE;
}

/* Digits alone. FALSE: it is no number up to @max. */
static gboolean
read_number (const char *text, guint64 max, guint64 *number)
{
  return g_ascii_isdigit (text[0]) && strspn (text, "0123456789") == strlen (text)
         && g_ascii_string_to_unsigned (text, 10, 0, max, number, NULL);
}

static gboolean
read_cseq (LecternRtspRequest *self, GError **error)
{
  const char *text = lectern_rtsp_request_get_header (self, "CSeq");
  guint64 number;

  if (text == NULL || !read_number (text, G_MAXUINT32, &number))
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "CSeq is not a number");
  self->has_cseq = TRUE;
  self->cseq = (guint32) number;
  return TRUE;
}

static gboolean
read_body_size (const LecternRtspRequest *self, gsize *size, GError **error)
{
  const char *text = lectern_rtsp_request_get_header (self, "Content-Length");
  guint64 number;

  *size = 0;
  if (text == NULL)
    return TRUE;
  if (!read_number (text, G_MAXUINT64, &number))
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "Content-Length is not a number");
  if (number > LECTERN_RTSP_MAX_BODY)
    return refuse (error, LECTERN_ERROR_LIMIT, "the body is too large");
  *size = (gsize) number;
  return TRUE;
}

/* ── one thing after another ── */

static gsize
read_frame (const guint8 *data, gsize length, LecternRtspInput *input)
{
  gsize size;

  if (length < 4)
    return 0;
  size = (gsize) data[2] << 8 | data[3];
  if (length < 4 + size)
    return 0;
  input->kind = LECTERN_RTSP_FRAME;
  input->channel = data[1];
  input->data = data + 4;
  input->size = size;
  return 4 + size;
}

static LecternRtspRequest *
request_new (void)
{
  LecternRtspRequest *self = g_new0 (LecternRtspRequest, 1);

  self->headers = g_ptr_array_new_with_free_func (g_free);
  return self;
}

/* A client's answer: its head may be anything with a length. */
static gboolean
is_response (const guint8 *data, gsize length)
{
  return length >= 9 && memcmp (data, "RTSP/1.0 ", 9) == 0;
}

static gsize
read_message (const guint8 *data, gsize head, gsize length, LecternRtspInput *input, GError **error)
{
  g_autoptr (LecternRtspRequest) request = request_new ();
  gboolean response = is_response (data, length);
  gsize body;

  if (!read_lines (request, (const char *) data, head - 2, response, error)
      || (!response && !read_cseq (request, error)) || !read_body_size (request, &body, error))
    {
      if (request->url != NULL)
        input->request = g_steal_pointer (&request);
      return 0;
    }
  if (length < head + body)
    return 0;
  if (response)
    return head + body;
  if (body > 0)
    request->body = g_bytes_new (data + head, body);
  input->kind = LECTERN_RTSP_REQUEST;
  input->request = g_steal_pointer (&request);
  return head + body;
}

gsize
lectern_rtsp_read (const guint8 *data, gsize length, LecternRtspInput *input, GError **error)
{
  const guint8 *end;

  *input = (LecternRtspInput){ LECTERN_RTSP_NOTHING };
  if (length == 0)
    return 0;
  if (data[0] == '$')
    return read_frame (data, length, input);
  if (length >= 2 && data[0] == '\r' && data[1] == '\n')
    return 2;
  end = memmem (data, MIN (length, LECTERN_RTSP_MAX_HEAD), "\r\n\r\n", 4);
  if (end != NULL)
    return read_message (data, (gsize) (end - data) + 4, length, input, error);
  if (length >= LECTERN_RTSP_MAX_HEAD)
    refuse (error, LECTERN_ERROR_INVALID_DATA, "the head is too long");
  else if (!g_ascii_isupper (data[0]) && data[0] != '\r')
    refuse (error, LECTERN_ERROR_INVALID_DATA, "not RTSP");
  return 0;
}

/* ── answers ── */

const char *
lectern_rtsp_get_reason (guint status)
{
  static const struct
  {
    guint status;
    const char *reason;
  } reasons[] = {
    { 200, "OK" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Time-out" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 413, "Request Entity Too Large" },
    { 415, "Unsupported Media Type" },
    { 453, "Not Enough Bandwidth" },
    { 454, "Session Not Found" },
    { 455, "Method Not Valid in This State" },
    { 459, "Aggregate Operation Not Allowed" },
    { 461, "Unsupported Transport" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 503, "Service Unavailable" },
    { 505, "RTSP Version Not Supported" },
    { 551, "Option not supported" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++)
    if (reasons[i].status == status)
      return reasons[i].reason;
  return "Error";
}

GString *
lectern_rtsp_begin_response (guint status, const LecternRtspRequest *request)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *date = g_date_time_format (now, "%a, %d %b %Y %H:%M:%S GMT");
  GString *head = g_string_new (NULL);

  g_string_append_printf (head, "RTSP/1.0 %u %s\r\n", status, lectern_rtsp_get_reason (status));
  if (request != NULL && request->has_cseq)
    g_string_append_printf (head, "CSeq: %u\r\n", request->cseq);
  g_string_append_printf (head, "Date: %s\r\nServer: Lectern\r\n", date);
  return head;
}
