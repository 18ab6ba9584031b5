/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-rate-limiter.h"
#include "net/lectern-reactor.h"

#define LECTERN_HTTP_PIECE (64 * 1024)

/* LecternHttpCell: what the connections of one server on one reactor share. Reference-counted
 * atomically. Thread: the reactor's, but for new, ref and unref. */
typedef struct
{
  gint refs;
  LecternReactor *reactor;
  GQueue connections;          /* of LecternHttpConnection, by their links */
  GQueue websockets;           /* of LecternWebsocket, by their links */
  LecternRateLimiter refusals; /* lines in the log */
  gint64 date_second;
  char date[32];
  guint8 *piece; /* LECTERN_HTTP_PIECE bytes to read a file into */
} LecternHttpCell;

LecternHttpCell *lectern_http_cell_new (LecternReactor *reactor);
LecternHttpCell *lectern_http_cell_ref (LecternHttpCell *self);
void lectern_http_cell_unref (LecternHttpCell *self);
/* Returns: the Date header's value, renewed each second. */
const char *lectern_http_cell_get_date (LecternHttpCell *self);
guint8 *lectern_http_cell_get_piece (LecternHttpCell *self);
