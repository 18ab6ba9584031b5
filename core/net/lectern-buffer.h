/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* LecternBuffer: bytes that wait, first in first out; no memory while empty. The bytes are
 * data[offset] … data[offset + size - 1]. All zero is empty. */
typedef struct
{
  guint8 *data;
  guint32 offset;
  guint32 size;
  guint32 allocated;
} LecternBuffer;

#define LECTERN_BUFFER_MAX ((guint32) 1 << 30)

static inline const guint8 *
lectern_buffer_peek (const LecternBuffer *self)
{
  return self->data + self->offset;
}

/* The caller keeps the sum under its limit, at most LECTERN_BUFFER_MAX. */
void lectern_buffer_append (LecternBuffer *self, const void *data, gsize length);
void lectern_buffer_consume (LecternBuffer *self, gsize length);
void lectern_buffer_clear (LecternBuffer *self);
