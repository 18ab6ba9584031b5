/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-websocket-codec.h"

#include "base/lectern-byte-reader.h"

#include <string.h>

typedef struct
{
  gboolean final;
  guint8 opcode;
  guint64 length;
  guint8 mask[4];
  gsize size; /* of the header itself */
} Header;

/* Bounds of the second byte keep overlong forms, surrogates and what is above U+10FFFF out. */
static gboolean
begin_character (LecternUtf8 *self, guint8 byte)
{
  self->low = 0x80;
  self->high = 0xbf;
  if (byte >= 0xc2 && byte <= 0xdf)
    self->needed = 1;
  else if (byte >= 0xe0 && byte <= 0xef)
    self->needed = 2;
  else if (byte >= 0xf0 && byte <= 0xf4)
    self->needed = 3;
  else
    return FALSE;
  if (byte == 0xe0)
    self->low = 0xa0;
  else if (byte == 0xed)
    self->high = 0x9f;
  else if (byte == 0xf0)
    self->low = 0x90;
  else if (byte == 0xf4)
    self->high = 0x8f;
  return TRUE;
}

/* Returns: how many bytes at @data are ASCII, eight at a time where it pays. */
static gsize
skip_ascii (const guint8 *data, gsize length)
{
  gsize at = 0;
  guint64 word;

  while (length - at >= sizeof word)
    {
      memcpy (&word, data + at, sizeof word);
      if ((word & G_GUINT64_CONSTANT (0x8080808080808080)) != 0)
        break;
      at += sizeof word;
    }
  while (at < length && data[at] < 0x80)
    at++;
  return at;
}

gboolean
lectern_utf8_feed (LecternUtf8 *self, const guint8 *data, gsize length)
{
  gsize at = 0;

  while (at < length)
    {
      if (self->needed == 0)
        at += skip_ascii (data + at, length - at);
      if (at == length)
        return TRUE;
      if (self->needed == 0 && !begin_character (self, data[at++]))
        return FALSE;
      while (self->needed > 0 && at < length)
        {
          if (data[at] < self->low || data[at] > self->high)
            return FALSE;
          self->low = 0x80;
          self->high = 0xbf;
          self->needed--;
          at++;
        }
    }
  return TRUE;
}

void
lectern_websocket_codec_init (LecternWebsocketCodec *self, gsize max_message)
{
  *self = (LecternWebsocketCodec){ .max_message = MIN (max_message, G_MAXINT32) };
}

void
lectern_websocket_codec_clear (LecternWebsocketCodec *self)
{
  g_clear_pointer (&self->message, g_byte_array_unref);
}

gboolean
lectern_websocket_code_is_valid (guint code)
{
  if (code >= 3000)
    return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

gsize
lectern_websocket_codec_put_header (guint8 *to, LecternWebsocketOpcode opcode, guint64 length)
{
  guint i, width = length < 126 ? 0 : length <= G_MAXUINT16 ? 2 : 8;

  to[0] = 0x80 | (guint8) opcode;
  to[1] = width == 0 ? (guint8) length : width == 2 ? 126 : 127;
  for (i = 0; i < width; i++)
    to[2 + i] = (guint8) (length >> (8 * (width - 1 - i)));
  return 2 + width;
}

/* Reads the extended length. Returns: 0, or the close code for what breaks a rule. */
static guint16
check_length (LecternByteReader *reader, Header *header, gboolean *more)
{
  guint16 half;

  if (header->length < 126)
    return 0;
  if (header->length == 126)
    {
      *more = !lectern_byte_reader_read_u16 (reader, &half);
      if (*more)
        return 0;
      header->length = half;
      return half < 126 ? 1002 : 0;
    }
  *more = !lectern_byte_reader_read_u64 (reader, &header->length);
  if (*more)
    return 0;
  return header->length <= G_MAXUINT16 || (header->length >> 63) != 0 ? 1002 : 0;
}

/* What the first two bytes alone tell. */
static guint16
check_start (const LecternWebsocketCodec *self, const Header *header, guint8 first, guint8 second)
{
  gboolean control = header->opcode >= 8;

  if ((first & 0x70) != 0 || (second & 0x80) == 0)
    return 1002;
  if (header->opcode > LECTERN_WEBSOCKET_PONG
      || (header->opcode > LECTERN_WEBSOCKET_BINARY && !control))
    return 1002;
  if (control)
    return !header->final || header->length > LECTERN_WEBSOCKET_CONTROL_MAX ? 1002 : 0;
  return (header->opcode == 0) != (self->opcode != 0) ? 1002 : 0;
}

/* *@size 0: more is needed. Returns: 0 or a close code. */
static guint16
read_header (const LecternWebsocketCodec *self, const guint8 *data, gsize length, Header *header)
{
  LecternByteReader reader;
  const guint8 *mask;
  guint8 first, second;
  gboolean more = FALSE;
  guint16 code;

  *header = (Header){ 0 };
  lectern_byte_reader_init (&reader, data, length);
  if (!lectern_byte_reader_read_u8 (&reader, &first)
      || !lectern_byte_reader_read_u8 (&reader, &second))
    return 0;
  header->final = (first & 0x80) != 0;
  header->opcode = first & 0x0f;
  header->length = second & 0x7f;
  code = check_start (self, header, first, second);
  if (code == 0)
    code = check_length (&reader, header, &more);
  if (code != 0 || more)
    return code;
  if (header->opcode < 8)
    {
      gsize have = self->message != NULL ? self->message->len : 0;

      if (header->length > self->max_message - have)
        return 1009;
    }
  mask = lectern_byte_reader_take (&reader, 4);
  if (mask == NULL)
    return 0;
  memcpy (header->mask, mask, 4);
  header->size = reader.offset;
  return 0;
}

static void
unmask (guint8 *to, const guint8 *from, gsize length, const guint8 *mask, guint offset)
{
  guint8 turned[8];
  guint64 key, word;
  gsize i;

  for (i = 0; i < sizeof turned; i++)
    turned[i] = mask[(offset + i) % 4];
  memcpy (&key, turned, sizeof key);
  for (i = 0; length - i >= sizeof word; i += sizeof word)
    {
      memcpy (&word, from + i, sizeof word);
      word ^= key;
      memcpy (to + i, &word, sizeof word);
    }
  for (; i < length; i++)
    to[i] = from[i] ^ turned[i % 4];
}

static void
fail (LecternWebsocketEvent *event, guint16 code)
{
  event->kind = LECTERN_WEBSOCKET_EVENT_ERROR;
  event->code = code;
}

static void
read_close (LecternWebsocketEvent *event)
{
  LecternUtf8 utf8 = { 0 };

  event->kind = LECTERN_WEBSOCKET_EVENT_CLOSE;
  event->code = 1005;
  if (event->length == 0)
    return;
  if (event->length == 1)
    {
      fail (event, 1002);
      return;
    }
  event->code = (guint16) (event->data[0] << 8 | event->data[1]);
  if (!lectern_websocket_code_is_valid (event->code))
    fail (event, 1002);
  else if (!lectern_utf8_feed (&utf8, event->data + 2, event->length - 2) || utf8.needed > 0)
    fail (event, 1007);
}

static gsize
read_control (LecternWebsocketCodec *self, const Header *header, const guint8 *data, gsize length,
              LecternWebsocketEvent *event)
{
  if (length - header->size < header->length)
    return 0;
  unmask (self->control, data + header->size, header->length, header->mask, 0);
  event->data = self->control;
  event->length = header->length;
  if (header->opcode == LECTERN_WEBSOCKET_PING)
    event->kind = LECTERN_WEBSOCKET_EVENT_PING;
  else if (header->opcode == LECTERN_WEBSOCKET_PONG)
    event->kind = LECTERN_WEBSOCKET_EVENT_PONG;
  else
    read_close (event);
  return header->size + header->length;
}

static void
begin_frame (LecternWebsocketCodec *self, const Header *header)
{
  if (header->opcode != 0)
    {
      self->opcode = header->opcode;
      self->utf8 = (LecternUtf8){ 0 };
    }
  self->left = header->length;
  self->final = header->final;
  memcpy (self->mask, header->mask, 4);
  self->mask_at = 0;
  self->in_frame = TRUE;
}

static void
deliver (LecternWebsocketCodec *self, LecternWebsocketEvent *event)
{
  event->text = self->opcode == LECTERN_WEBSOCKET_TEXT;
  self->opcode = 0;
  if (event->text && self->utf8.needed > 0)
    {
      fail (event, 1007);
      return;
    }
  event->kind = LECTERN_WEBSOCKET_EVENT_MESSAGE;
  event->data = self->message->len > 0 ? self->message->data : self->control;
  event->length = self->message->len;
  self->delivered = TRUE;
}

static gsize
read_payload (LecternWebsocketCodec *self, const guint8 *data, gsize length,
              LecternWebsocketEvent *event)
{
  gsize size = MIN (length, self->left);
  guint before;

  if (self->message == NULL)
    self->message = g_byte_array_new ();
  before = self->message->len;
  if (size > 0)
    {
      g_byte_array_set_size (self->message, before + (guint) size);
      unmask (self->message->data + before, data, size, self->mask, self->mask_at);
    }
  self->mask_at = (self->mask_at + size) % 4;
  self->left -= size;
  if (self->opcode == LECTERN_WEBSOCKET_TEXT && size > 0
      && !lectern_utf8_feed (&self->utf8, self->message->data + before, size))
    {
      fail (event, 1007);
      return size;
    }
  if (self->left > 0)
    return size;
  self->in_frame = FALSE;
  if (self->final)
    deliver (self, event);
  return size;
}

static gsize
read_frame (LecternWebsocketCodec *self, const guint8 *data, gsize length,
            LecternWebsocketEvent *event)
{
  Header header;
  guint16 code = read_header (self, data, length, &header);

  if (code != 0)
    {
      fail (event, code);
      return 0;
    }
  if (header.size == 0)
    return 0;
  if (header.opcode >= 8)
    return read_control (self, &header, data, length, event);
  begin_frame (self, &header);
  return header.size + read_payload (self, data + header.size, length - header.size, event);
}

gsize
lectern_websocket_codec_feed (LecternWebsocketCodec *self, const guint8 *data, gsize length,
                              LecternWebsocketEvent *event)
{
  gsize at = 0, size = 1;

  *event = (LecternWebsocketEvent){ LECTERN_WEBSOCKET_EVENT_NONE };
  if (self->delivered)
    {
      lectern_websocket_codec_clear (self);
      self->delivered = FALSE;
    }
  while (at < length && size > 0 && event->kind == LECTERN_WEBSOCKET_EVENT_NONE)
    {
      if (self->in_frame)
        size = read_payload (self, data + at, length - at, event);
      else
        size = read_frame (self, data + at, length - at, event);
      at += size;
    }
  return at;
}
