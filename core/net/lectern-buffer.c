/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-buffer.h"

#include <string.h>

#define SMALLEST 512

static void
make_room (LecternBuffer *self, guint32 needed)
{
  guint32 room = MAX (SMALLEST, 2 * needed);
  guint8 *data;

  /* Moving costs no more than what was consumed since the last move, so appending stays linear. */
  if (self->offset >= self->size && needed <= self->allocated)
    {
      memmove (self->data, self->data + self->offset, self->size);
      self->offset = 0;
      return;
    }
  data = g_malloc (room);
  if (self->size > 0)
    memcpy (data, self->data + self->offset, self->size);
  g_free (self->data);
  self->data = data;
  self->offset = 0;
  self->allocated = room;
}

void
lectern_buffer_append (LecternBuffer *self, const void *data, gsize length)
{
  g_return_if_fail (length <= LECTERN_BUFFER_MAX - self->size);

  if (length == 0)
    return;
  if (length > (gsize) self->allocated - self->offset - self->size)
    make_room (self, self->size + (guint32) length);
  memcpy (self->data + self->offset + self->size, data, length);
  self->size += (guint32) length;
}

void
lectern_buffer_consume (LecternBuffer *self, gsize length)
{
  g_return_if_fail (length <= self->size);

  self->offset += (guint32) length;
  self->size -= (guint32) length;
  if (self->size == 0)
    lectern_buffer_clear (self);
}

void
lectern_buffer_clear (LecternBuffer *self)
{
  g_free (self->data);
  *self = (LecternBuffer){ NULL };
}
