/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* LecternByteWriter:
 *
 * Appends to memory with a stated maximum: either memory of the caller's (init_static) or its own,
 * growing (init). A write that does not fit writes nothing and sets @overflow, which stays set, so
 * that a sequence of writes is checked once at its end. Integers are big-endian unless the name
 * ends in _le. Thread: any, one at a time. */
typedef struct
{
  guint8 *data;
  gsize size; /* bytes written */
  gsize limit;
  gboolean overflow;
  /*< private >*/
  gsize allocated;
  gboolean owned; /* else the memory is the caller's */
} LecternByteWriter;

/* Own memory, at most @limit bytes; free with lectern_byte_writer_clear or _steal. */
LECTERN_API void lectern_byte_writer_init (LecternByteWriter *self, gsize limit);

/* The caller's @limit bytes at @data. */
LECTERN_API void lectern_byte_writer_init_static (LecternByteWriter *self, void *data, gsize limit);

LECTERN_API void lectern_byte_writer_clear (LecternByteWriter *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternByteWriter, lectern_byte_writer_clear)

/* Returns: (transfer full) (nullable): what was written, or NULL after an overflow; the writer is
 * then empty and may be used again. Only after lectern_byte_writer_init. */
LECTERN_API GBytes *lectern_byte_writer_steal (LecternByteWriter *self);

/* Reserves @length bytes and returns their address, or NULL on overflow. */
LECTERN_API guint8 *lectern_byte_writer_reserve (LecternByteWriter *self, gsize length);

LECTERN_API gboolean lectern_byte_writer_put (LecternByteWriter *self, const void *data,
                                              gsize length);
LECTERN_API gboolean lectern_byte_writer_put_u8 (LecternByteWriter *self, guint8 value);
LECTERN_API gboolean lectern_byte_writer_put_u16 (LecternByteWriter *self, guint16 value);
LECTERN_API gboolean lectern_byte_writer_put_u24 (LecternByteWriter *self, guint32 value);
LECTERN_API gboolean lectern_byte_writer_put_u32 (LecternByteWriter *self, guint32 value);
LECTERN_API gboolean lectern_byte_writer_put_u64 (LecternByteWriter *self, guint64 value);
LECTERN_API gboolean lectern_byte_writer_put_u32_le (LecternByteWriter *self, guint32 value);
LECTERN_API gboolean lectern_byte_writer_put_double (LecternByteWriter *self, double value);
