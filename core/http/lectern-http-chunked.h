/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-target.h"

/* LecternHttpChunked: reads a chunked body (RFC 9112, 7.1). Extensions and trailers are checked,
 * bounded to 4 KiB together and dropped. */
typedef struct
{
  /*< private >*/
  guint64 left;    /* of the chunk */
  guint digits;    /* of the chunk's size */
  guint extra;     /* bytes of extensions and trailers so far */
  guint line_size; /* of a trailer line */
  guint8 state;
  gboolean done;
} LecternHttpChunked;

void lectern_http_chunked_init (LecternHttpChunked *self);
/* Appends what @data holds of the body to @body, which may grow to @limit (else 413).
 * *@consumed: bytes read; less than @length only at the end. */
gboolean lectern_http_chunked_feed (LecternHttpChunked *self, const guint8 *data, gsize length,
                                    GByteArray *body, gsize limit, gsize *consumed,
                                    LecternHttpRefusal *refusal);
/* Returns: whether the body and its trailers are complete. */
gboolean lectern_http_chunked_is_done (const LecternHttpChunked *self);
