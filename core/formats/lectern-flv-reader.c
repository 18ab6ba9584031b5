/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-flv.h"

#include "formats/lectern-flv-private.h"

#include <string.h>

#define MAX_HEADER_SIZE 1024 /* 9 in version 1; a reader skips what it does not know */

static gboolean
invalid (GError **error, const char *what)
{
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, what);
  return FALSE;
}

gboolean
lectern_flv_read_header (LecternByteReader *reader, guint8 *flags, GError **error)
{
  LecternByteReader at = *reader;
  const guint8 *head = lectern_byte_reader_take (&at, 5);
  guint32 size;
  guint32 previous;

  if (head == NULL)
    return FALSE;
  if (memcmp (head, "FLV\1", 4) != 0)
    return invalid (error, "not an FLV file");
  if (!lectern_byte_reader_read_u32 (&at, &size))
    return FALSE;
  if (size < FLV_HEADER_SIZE || size > MAX_HEADER_SIZE)
    return invalid (error, "broken FLV header");
  if (!lectern_byte_reader_skip (&at, size - FLV_HEADER_SIZE)
      || !lectern_byte_reader_read_u32 (&at, &previous))
    return FALSE;
  if (previous != 0)
    return invalid (error, "FLV file that begins in the middle");
  *flags = head[4];
  *reader = at;
  return TRUE;
}

gboolean
lectern_flv_read_tag (LecternByteReader *reader, LecternFlvTag *tag, GError **error)
{
  LecternByteReader at = *reader;
  guint8 type;
  guint32 size;
  guint32 low;
  guint8 high;
  guint32 previous;
  const guint8 *body;

  if (!lectern_byte_reader_read_u8 (&at, &type))
    return FALSE;
  if ((type & 0x20) != 0)
    return invalid (error, "encrypted FLV tag");
  if (type != LECTERN_FLV_TAG_AUDIO && type != LECTERN_FLV_TAG_VIDEO
      && type != LECTERN_FLV_TAG_SCRIPT)
    return invalid (error, "unknown type of FLV tag");
  if (!lectern_byte_reader_read_u24 (&at, &size) || !lectern_byte_reader_read_u24 (&at, &low)
      || !lectern_byte_reader_read_u8 (&at, &high) || !lectern_byte_reader_skip (&at, 3))
    return FALSE;
  body = lectern_byte_reader_take (&at, size);
  if (body == NULL || !lectern_byte_reader_read_u32 (&at, &previous))
    return FALSE;
  if (previous != size + FLV_TAG_HEADER_SIZE)
    return invalid (error, "wrong size after an FLV tag");
  *tag = (LecternFlvTag){
    .type = (LecternFlvTagType) type,
    .timestamp_ms = (guint32) high << 24 | low,
    .body = body,
    .body_size = size,
  };
  *reader = at;
  return TRUE;
}
