/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* LecternBitReader: a bounded cursor over bits, most significant first. A read past the end gives 0
 * and sets @overrun, which stays set, so that a sequence of reads is checked once at its end.
 * Thread: any, one at a time. */
typedef struct
{
  const guint8 *data;
  gsize bits;
  gsize offset;
  gboolean overrun;
} LecternBitReader;

void lectern_bit_reader_init (LecternBitReader *self, const guint8 *data, gsize size);
/* @count: at most 32. */
guint32 lectern_bit_reader_read (LecternBitReader *self, guint count);
gboolean lectern_bit_reader_read_flag (LecternBitReader *self);
void lectern_bit_reader_skip (LecternBitReader *self, gsize count);
gsize lectern_bit_reader_get_remaining (const LecternBitReader *self);
/* Exp-Golomb codes, ue(v) and se(v) of ITU-T H.264, 9.1; a code of more than 32 bits is an overrun.
 */
guint32 lectern_bit_reader_read_ue (LecternBitReader *self);
gint32 lectern_bit_reader_read_se (LecternBitReader *self);

/* Copies a NAL unit without its emulation prevention bytes (ITU-T H.264, 7.3.1), at most @room
 * bytes. Returns: bytes copied. */
gsize lectern_bit_reader_unescape (const guint8 *data, gsize size, guint8 *to, gsize room);
