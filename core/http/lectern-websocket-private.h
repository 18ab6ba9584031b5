/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-cell.h"
#include "http/lectern-http-parser.h"
#include "http/lectern-websocket.h"

/* Closes the cell's WebSockets with 1001. Thread: the cell's reactor. */
void lectern_websocket_drain (LecternHttpCell *cell);
/* Returns: whether @request is a valid upgrade of version 13 (else 400 or 426). */
gboolean lectern_websocket_check_request (const LecternHttpRequest *request,
                                          LecternHttpRefusal *refusal);
