/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-cell.h"
#include "net/lectern-connection.h"

/* LecternHttpPayload: the bytes behind a head: of memory, or of a file, or of memory that a file
 * holds too, from where the kernel takes them. */
typedef struct
{
  GBytes *bytes; /* or NULL */
  int fd;        /* or -1; closed with the payload, unless there are `bytes`, which keep it open */
  guint64 offset;
  guint64 left;
  guint64 base; /* where `bytes` begin in the file */
} LecternHttpPayload;

#define LECTERN_HTTP_PAYLOAD_NONE ((LecternHttpPayload){ .fd = -1 })

void lectern_http_payload_clear (LecternHttpPayload *self);
/* Moves the first bytes of a payload in memory behind @head, so that they leave together: a body of
 * up to about 16 KiB is one write with its head. */
void lectern_http_payload_join (LecternHttpPayload *self, GString *head);
/* Sends the next piece. Returns: bytes taken, or -1 when the file fails. *@all:
 * whether the peer took the whole piece. Thread: the cell's reactor. */
gssize lectern_http_payload_send (LecternHttpPayload *self, LecternConnection *connection,
                                  LecternHttpCell *cell, gboolean *all);
