/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-chunked.h"

#include "http/lectern-http-chars.h"

#define EXTRA_MAX 4096
#define DIGITS_MAX 16

enum
{
  SIZE,
  EXTENSION,
  SIZE_LF,
  DATA,
  DATA_CR,
  DATA_LF,
  TRAILER_NAME,
  TRAILER_VALUE,
  TRAILER_LF,
};

void
lectern_http_chunked_init (LecternHttpChunked *self)
{
  *self = (LecternHttpChunked){ 0 };
}

gboolean
lectern_http_chunked_is_done (const LecternHttpChunked *self)
{
  return self->done;
}

static gboolean
refuse (LecternHttpRefusal *refusal)
{
  return lectern_http_refuse (refusal, 400, "The chunked body is broken.");
}

static gboolean
count_extra (LecternHttpChunked *self, LecternHttpRefusal *refusal)
{
  if (++self->extra > EXTRA_MAX)
    return lectern_http_refuse (refusal, 431, "The chunked body's trailers are too large.");
  return TRUE;
}

static gboolean
read_size (LecternHttpChunked *self, guint8 byte, LecternHttpRefusal *refusal)
{
  int digit = g_ascii_xdigit_value ((char) byte);

  if (digit >= 0)
    {
      self->left = self->left * 16 + (guint64) digit;
      return ++self->digits <= DIGITS_MAX ? TRUE : refuse (refusal);
    }
  if (self->digits == 0 || (byte != ';' && byte != '\r'))
    return refuse (refusal);
  self->digits = 0;
  self->state = byte == ';' ? EXTENSION : SIZE_LF;
  return TRUE;
}

static gboolean
read_extension (LecternHttpChunked *self, guint8 byte, LecternHttpRefusal *refusal)
{
  if (byte == '\r')
    {
      self->state = SIZE_LF;
      return TRUE;
    }
  if (!lectern_http_char_is (byte, LECTERN_HTTP_CHAR_FIELD))
    return refuse (refusal);
  return count_extra (self, refusal);
}

static gboolean
expect (LecternHttpChunked *self, guint8 byte, guint8 wanted, guint8 next,
        LecternHttpRefusal *refusal)
{
  if (byte != wanted)
    return refuse (refusal);
  self->state = next;
  return TRUE;
}

/* A trailer's name, or the CR of the empty line that ends them. */
static gboolean
read_trailer (LecternHttpChunked *self, guint8 byte, LecternHttpRefusal *refusal)
{
  if (byte == '\r' && self->line_size == 0)
    {
      self->state = TRAILER_LF;
      return TRUE;
    }
  if (byte == ':' && self->line_size > 0)
    self->state = TRAILER_VALUE;
  else if (!lectern_http_char_is (byte, LECTERN_HTTP_CHAR_TOKEN))
    return refuse (refusal);
  self->line_size++;
  return count_extra (self, refusal);
}

static gboolean
read_trailer_value (LecternHttpChunked *self, guint8 byte, LecternHttpRefusal *refusal)
{
  if (byte == '\r')
    {
      self->state = TRAILER_LF;
      return TRUE;
    }
  if (!lectern_http_char_is (byte, LECTERN_HTTP_CHAR_FIELD))
    return refuse (refusal);
  return count_extra (self, refusal);
}

static gboolean
end_trailer (LecternHttpChunked *self, guint8 byte, LecternHttpRefusal *refusal)
{
  self->done = self->line_size == 0;
  self->line_size = 0;
  return expect (self, byte, '\n', TRAILER_NAME, refusal);
}

static gboolean
read_byte (LecternHttpChunked *self, guint8 byte, LecternHttpRefusal *refusal)
{
  switch (self->state)
    {
    case SIZE:
      return read_size (self, byte, refusal);
    case EXTENSION:
      return read_extension (self, byte, refusal);
    case SIZE_LF:
      return expect (self, byte, '\n', self->left > 0 ? DATA : TRAILER_NAME, refusal);
    case DATA_CR:
      return expect (self, byte, '\r', DATA_LF, refusal);
    case DATA_LF:
      return expect (self, byte, '\n', SIZE, refusal);
    case TRAILER_NAME:
      return read_trailer (self, byte, refusal);
    case TRAILER_VALUE:
      return read_trailer_value (self, byte, refusal);
    default:
      return end_trailer (self, byte, refusal);
    }
}

static gsize
read_data (LecternHttpChunked *self, const guint8 *data, gsize length, GByteArray *body)
{
  gsize size = MIN (length, self->left);

  g_byte_array_append (body, data, (guint) size);
  self->left -= size;
  if (self->left == 0)
    self->state = DATA_CR;
  return size;
}

gboolean
lectern_http_chunked_feed (LecternHttpChunked *self, const guint8 *data, gsize length,
                           GByteArray *body, gsize limit, gsize *consumed,
                           LecternHttpRefusal *refusal)
{
  gsize at = 0;

  *consumed = 0;
  while (at < length && !self->done)
    {
      if (self->left > limit - body->len)
        return lectern_http_refuse (refusal, 413, "The body is too large.");
      if (self->state == DATA)
        at += read_data (self, data + at, length - at, body);
      else if (!read_byte (self, data[at++], refusal))
        return FALSE;
    }
  *consumed = at;
  return TRUE;
}
