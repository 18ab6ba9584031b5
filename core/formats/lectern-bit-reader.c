/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-bit-reader.h"

void
lectern_bit_reader_init (LecternBitReader *self, const guint8 *data, gsize size)
{
  *self = (LecternBitReader){ .data = data, .bits = MIN (size, G_MAXSIZE / 8) * 8 };
}

gsize
lectern_bit_reader_get_remaining (const LecternBitReader *self)
{
  return self->bits - self->offset;
}

guint32
lectern_bit_reader_read (LecternBitReader *self, guint count)
{
  guint32 value = 0;

  if (count > self->bits - self->offset)
    {
      self->overrun = TRUE;
      self->offset = self->bits;
      return 0;
    }
  for (guint i = 0; i < count; i++, self->offset++)
    value = value << 1 | (self->data[self->offset / 8] >> (7 - self->offset % 8) & 1);
  return value;
}

gboolean
lectern_bit_reader_read_flag (LecternBitReader *self)
{
  return lectern_bit_reader_read (self, 1) != 0;
}

void
lectern_bit_reader_skip (LecternBitReader *self, gsize count)
{
  if (count > self->bits - self->offset)
    {
      self->overrun = TRUE;
      count = self->bits - self->offset;
    }
  self->offset += count;
}

guint32
lectern_bit_reader_read_ue (LecternBitReader *self)
{
  guint zeros = 0;

  while (!lectern_bit_reader_read_flag (self))
    {
      zeros++;
      if (self->overrun || zeros > 31)
        {
          self->overrun = TRUE;
          return 0;
        }
    }
  return (1u << zeros) - 1 + lectern_bit_reader_read (self, zeros);
}

gint32
lectern_bit_reader_read_se (LecternBitReader *self)
{
  guint32 code = lectern_bit_reader_read_ue (self);
  gint32 half = (gint32) (code / 2);

  return code % 2 != 0 ? half + 1 : -half;
}

gsize
lectern_bit_reader_unescape (const guint8 *data, gsize size, guint8 *to, gsize room)
{
  gsize length = 0;
  guint zeros = 0;

  for (gsize i = 0; i < size && length < room; i++)
    {
      if (zeros >= 2 && data[i] == 3)
        {
          zeros = 0;
          continue;
        }
      zeros = data[i] == 0 ? zeros + 1 : 0;
      to[length++] = data[i];
    }
  return length;
}
