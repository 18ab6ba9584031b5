/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-byte-writer.h"

#include <string.h>

#define FIRST_SIZE 256

/* Memory comes with the first write: a writer that is kept empty costs nothing, and an emptied one
 * puts no small block behind the large one it gave away. */
void
lectern_byte_writer_init (LecternByteWriter *self, gsize limit)
{
  *self = (LecternByteWriter){ .limit = limit, .owned = TRUE };
}

void
lectern_byte_writer_init_static (LecternByteWriter *self, void *data, gsize limit)
{
  *self = (LecternByteWriter){ .data = data, .limit = limit };
}

void
lectern_byte_writer_clear (LecternByteWriter *self)
{
  if (self->owned)
    g_free (self->data);
  *self = (LecternByteWriter){ .data = NULL };
}

GBytes *
lectern_byte_writer_steal (LecternByteWriter *self)
{
  GBytes *bytes = NULL;
  gsize limit = self->limit;

  g_return_val_if_fail (self->owned, NULL);
  if (!self->overflow)
    bytes = g_bytes_new_take (g_steal_pointer (&self->data), self->size);
  lectern_byte_writer_clear (self);
  lectern_byte_writer_init (self, limit);
  return bytes;
}

static gboolean
grow (LecternByteWriter *self, gsize length)
{
  gsize wanted = MAX (self->allocated, FIRST_SIZE);

  if (length > self->limit - self->size)
    return FALSE;
  if (!self->owned || (self->data != NULL && self->size + length <= self->allocated))
    return TRUE;
  while (wanted < self->size + length)
    wanted *= 2;
  self->allocated = MIN (wanted, self->limit);
  self->data = g_realloc (self->data, self->allocated);
  return TRUE;
}

guint8 *
lectern_byte_writer_reserve (LecternByteWriter *self, gsize length)
{
  guint8 *at;

  if (self->overflow || !grow (self, length))
    {
      self->overflow = TRUE;
      return NULL;
    }
  at = self->data + self->size;
  self->size += length;
  return at;
}

gboolean
lectern_byte_writer_put (LecternByteWriter *self, const void *data, gsize length)
{
  guint8 *at = lectern_byte_writer_reserve (self, length);

  if (at == NULL)
    return FALSE;
  if (length > 0)
    memcpy (at, data, length);
  return TRUE;
}

static gboolean
put_be (LecternByteWriter *self, guint64 value, gsize length)
{
  guint8 *at = lectern_byte_writer_reserve (self, length);

  if (at == NULL)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    at[i] = (guint8) (value >> (8 * (length - 1 - i)));
  return TRUE;
}

gboolean
lectern_byte_writer_put_u8 (LecternByteWriter *self, guint8 value)
{
  return put_be (self, value, 1);
}

gboolean
lectern_byte_writer_put_u16 (LecternByteWriter *self, guint16 value)
{
  return put_be (self, value, 2);
}

gboolean
lectern_byte_writer_put_u24 (LecternByteWriter *self, guint32 value)
{
  return put_be (self, value, 3);
}

gboolean
lectern_byte_writer_put_u32 (LecternByteWriter *self, guint32 value)
{
  return put_be (self, value, 4);
}

gboolean
lectern_byte_writer_put_u64 (LecternByteWriter *self, guint64 value)
{
  return put_be (self, value, 8);
}

gboolean
lectern_byte_writer_put_u32_le (LecternByteWriter *self, guint32 value)
{
  return put_be (self, GUINT32_SWAP_LE_BE (value), 4);
}

gboolean
lectern_byte_writer_put_double (LecternByteWriter *self, double value)
{
  guint64 bits;

  memcpy (&bits, &value, sizeof bits);
  return put_be (self, bits, 8);
}
