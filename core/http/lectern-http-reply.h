/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

/* LecternHttpReply: reads the answer to a request that this server made (RFC 9112), sans I/O, as
 * strictly as requests are read: the head is bounded to 16 KiB and 100 lines; a body is plain, of a
 * length that is told or up to the end of the connection, or chunked. Interim answers are refused,
 * as nobody asks for them. Thread: any, one at a time. */
typedef struct _LecternHttpReply LecternHttpReply;

LECTERN_API LecternHttpReply *lectern_http_reply_new (void);
LECTERN_API void lectern_http_reply_free (LecternHttpReply *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternHttpReply, lectern_http_reply_free)

/* Appends what @data holds of the body to @body. Returns: bytes consumed; the rest must come again
 * with more behind it. Errors: INVALID_DATA, LIMIT; the reply is then of no more use. */
LECTERN_API gsize lectern_http_reply_input (LecternHttpReply *self, const guint8 *data,
                                            gsize length, GByteArray *body, GError **error);
/* Returns: 200 to 599; 0: the head is not complete. */
LECTERN_API guint lectern_http_reply_get_status (LecternHttpReply *self);
/* Whether the body said itself that it is whole. One without a length never does. */
LECTERN_API gboolean lectern_http_reply_is_done (LecternHttpReply *self);
