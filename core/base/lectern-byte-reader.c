/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-byte-reader.h"

#include <string.h>

static gboolean
read_be (LecternByteReader *self, gsize length, guint64 *value)
{
  const guint8 *at = lectern_byte_reader_take (self, length);
  guint64 sum = 0;

  if (at == NULL)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    sum = sum << 8 | at[i];
  *value = sum;
  return TRUE;
}

gboolean
lectern_byte_reader_read_u16 (LecternByteReader *self, guint16 *value)
{
  guint64 wide;

  if (!read_be (self, 2, &wide))
    return FALSE;
  *value = (guint16) wide;
  return TRUE;
}

gboolean
lectern_byte_reader_read_u24 (LecternByteReader *self, guint32 *value)
{
  guint64 wide;

  if (!read_be (self, 3, &wide))
    return FALSE;
  *value = (guint32) wide;
  return TRUE;
}

gboolean
lectern_byte_reader_read_u32 (LecternByteReader *self, guint32 *value)
{
  guint64 wide;

  if (!read_be (self, 4, &wide))
    return FALSE;
  *value = (guint32) wide;
  return TRUE;
}

gboolean
lectern_byte_reader_read_u64 (LecternByteReader *self, guint64 *value)
{
  return read_be (self, 8, value);
}

gboolean
lectern_byte_reader_read_u32_le (LecternByteReader *self, guint32 *value)
{
  guint32 wide;

  if (!lectern_byte_reader_read_u32 (self, &wide))
    return FALSE;
  *value = GUINT32_SWAP_LE_BE (wide);
  return TRUE;
}

gboolean
lectern_byte_reader_read_double (LecternByteReader *self, double *value)
{
  guint64 bits;

  if (!read_be (self, 8, &bits))
    return FALSE;
  memcpy (value, &bits, sizeof bits);
  return TRUE;
}

gboolean
lectern_byte_reader_read_part (LecternByteReader *self, gsize length, LecternByteReader *part)
{
  const guint8 *at = lectern_byte_reader_take (self, length);

  if (at == NULL)
    return FALSE;
  lectern_byte_reader_init (part, at, length);
  return TRUE;
}
