/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* LecternByteReader:
 *
 * A bounded cursor over memory it does not own. Every parser of outside bytes uses it. A read
 * either succeeds whole, or returns FALSE, leaves the cursor where it was and the result
 * untouched. Multi-byte integers are big-endian unless the name ends in _le.
 * Thread: any, one at a time. */
typedef struct
{
  const guint8 *data;
  gsize size;
  gsize offset;
} LecternByteReader;

static inline void
lectern_byte_reader_init (LecternByteReader *self, const void *data, gsize size)
{
  /* Never NULL, which lectern_byte_reader_take returns for "not enough". */
  self->data = data != NULL ? data : (const void *) "";
  self->size = size;
  self->offset = 0;
}

/* Returns how many bytes are left. */
static inline gsize
lectern_byte_reader_get_remaining (const LecternByteReader *self)
{
  return self->size - self->offset;
}

/* Returns the next byte's address, or NULL when fewer than @length are left; moves past them. */
static inline const guint8 *
lectern_byte_reader_take (LecternByteReader *self, gsize length)
{
  const guint8 *at;

  if (length > self->size - self->offset)
    return NULL;
  at = self->data + self->offset;
  self->offset += length;
  return at;
}

static inline gboolean
lectern_byte_reader_skip (LecternByteReader *self, gsize length)
{
  if (length > self->size - self->offset)
    return FALSE;
  self->offset += length;
  return TRUE;
}

static inline gboolean
lectern_byte_reader_peek_u8 (const LecternByteReader *self, guint8 *value)
{
  if (self->offset >= self->size)
    return FALSE;
  *value = self->data[self->offset];
  return TRUE;
}

static inline gboolean
lectern_byte_reader_read_u8 (LecternByteReader *self, guint8 *value)
{
  if (self->offset >= self->size)
    return FALSE;
  *value = self->data[self->offset++];
  return TRUE;
}

LECTERN_API gboolean lectern_byte_reader_read_u16 (LecternByteReader *self, guint16 *value);
LECTERN_API gboolean lectern_byte_reader_read_u24 (LecternByteReader *self, guint32 *value);
LECTERN_API gboolean lectern_byte_reader_read_u32 (LecternByteReader *self, guint32 *value);
LECTERN_API gboolean lectern_byte_reader_read_u64 (LecternByteReader *self, guint64 *value);
LECTERN_API gboolean lectern_byte_reader_read_u32_le (LecternByteReader *self, guint32 *value);

/* IEEE 754 binary64, big-endian; any bit pattern, so also NaN and infinities. */
LECTERN_API gboolean lectern_byte_reader_read_double (LecternByteReader *self, double *value);

/* Splits the next @length bytes off into @part and moves past them. */
LECTERN_API gboolean lectern_byte_reader_read_part (LecternByteReader *self, gsize length,
                                                    LecternByteReader *part);
