/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* LecternHttpRefusal: why a request is not served: the status, and a static sentence about the
 * peer's own bytes, which it may see. */
typedef struct
{
  guint status;
  const char *reason;
} LecternHttpRefusal;

static inline gboolean
lectern_http_refuse (LecternHttpRefusal *refusal, guint status, const char *reason)
{
  refusal->status = status;
  refusal->reason = reason;
  return FALSE;
}

/* Decodes the path of a request target in place, once. Nothing is normalised: a dot segment, an
 * escaped slash, a backslash, a control character and what is not UTF-8 are refused, plain or
 * escaped, because each of them has more than one reading. Thread: any. */
gboolean lectern_http_path_decode (char *path, LecternHttpRefusal *refusal);

/* Returns: (transfer full) (nullable): the decoded value of the first @name in @query ("a=1&b=2"),
 * "" for a name without "=", NULL when there is none or it is not valid UTF-8 without NUL.
 * Thread: any. */
char *lectern_http_query_get (const char *query, const char *name);
