/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chunks by hand, for what the writer never writes. */
#pragma once

#include "../lectern-rtmp-message.h"

/* The three forms of a basic header. */
static inline void
put_basic (LecternByteWriter *to, guint format, guint32 csid)
{
  if (csid < 64)
    {
      lectern_byte_writer_put_u8 (to, (guint8) (format << 6 | csid));
    }
  else if (csid < 320)
    {
      lectern_byte_writer_put_u8 (to, (guint8) (format << 6));
      lectern_byte_writer_put_u8 (to, (guint8) (csid - 64));
    }
  else
    {
      lectern_byte_writer_put_u8 (to, (guint8) (format << 6 | 1));
      lectern_byte_writer_put_u8 (to, (guint8) ((csid - 64) & 0xff));
      lectern_byte_writer_put_u8 (to, (guint8) ((csid - 64) >> 8));
    }
}

/* A chunk header with all of its fields that @format has. @time: the timestamp or the delta. */
static inline void
put_chunk (LecternByteWriter *to, guint format, guint32 csid, guint32 time, guint32 length,
           guint8 type, guint32 stream)
{
  put_basic (to, format, csid);
  if (format < 3)
    lectern_byte_writer_put_u24 (to, MIN (time, 0xffffff));
  if (format < 2)
    {
      lectern_byte_writer_put_u24 (to, length);
      lectern_byte_writer_put_u8 (to, type);
    }
  if (format < 1)
    lectern_byte_writer_put_u32_le (to, stream);
  if (format < 3 && time >= 0xffffff)
    lectern_byte_writer_put_u32 (to, time);
}

static inline void
put_fill (LecternByteWriter *to, guint8 value, gsize length)
{
  for (gsize i = 0; i < length; i++)
    lectern_byte_writer_put_u8 (to, value);
}
