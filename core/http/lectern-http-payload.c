/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-payload.h"

#include <errno.h>
#include <unistd.h>

#define JOIN_MAX (16 * 1024)
/* A piece of memory: one system call for most bodies. */
#define MEMORY_PIECE (256 * 1024)
/* The kernel copies nothing of a file that is in memory. */
#define FILE_PIECE (512 * 1024)

void
lectern_http_payload_clear (LecternHttpPayload *self)
{
  if (self->fd >= 0 && self->bytes == NULL)
    close (self->fd);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  *self = LECTERN_HTTP_PAYLOAD_NONE;
}

void
lectern_http_payload_join (LecternHttpPayload *self, GString *head)
{
  gsize size = (gsize) MIN (self->left, JOIN_MAX - MIN (head->len, JOIN_MAX));

  /* What a file holds needs no copy. */
  if (self->bytes == NULL || size == 0 || (self->fd >= 0 && self->left > JOIN_MAX))
    return;
  g_string_append_len (head, (const char *) g_bytes_get_data (self->bytes, NULL) + self->offset,
                       (gssize) size);
  self->offset += size;
  self->left -= size;
}

/* Returns: bytes read, 0 at the file's end, -1 on an error. */
static gssize
read_piece (LecternHttpPayload *self, guint8 *to, gsize size)
{
  gssize got;

  do
    got = pread (self->fd, to, size, (off_t) self->offset);
  while (got < 0 && errno == EINTR);
  return got;
}

/* *@taken: what the peer took. FALSE: it has to be read. */
static gboolean
send_file (LecternHttpPayload *self, LecternConnection *connection, gssize *taken, gboolean *all)
{
  gsize size = (gsize) MIN (self->left, FILE_PIECE);
  gssize sent
      = lectern_connection_send_file (connection, self->fd, self->base + self->offset, size);

  if (sent < 0)
    return FALSE;
  self->offset += (gsize) sent;
  self->left -= (gsize) sent;
  *taken = sent;
  *all = (gsize) sent == size;
  return TRUE;
}

gssize
lectern_http_payload_send (LecternHttpPayload *self, LecternConnection *connection,
                           LecternHttpCell *cell, gboolean *all)
{
  gssize size = (gssize) MIN (self->left, self->bytes != NULL ? MEMORY_PIECE : LECTERN_HTTP_PIECE);
  const guint8 *piece;
  gsize taken;

  if (self->fd >= 0 && send_file (self, connection, &size, all))
    return size;
  if (self->bytes != NULL)
    piece = (const guint8 *) g_bytes_get_data (self->bytes, NULL) + self->offset;
  else
    {
      guint8 *room = lectern_http_cell_get_piece (cell);

      size = read_piece (self, room, (gsize) size);
      if (size <= 0)
        return -1;
      piece = room;
    }
  taken = lectern_connection_send (connection, piece, (gsize) size);
  self->offset += taken;
  self->left -= taken;
  *all = taken == (gsize) size;
  return (gssize) taken;
}
