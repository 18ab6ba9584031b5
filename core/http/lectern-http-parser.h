/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-target.h"

#define LECTERN_HTTP_TARGET_MAX (8 * 1024)

/* LecternHttpScanner: finds the end of a request's head as bytes come, and refuses at once what
 * can become none: line ends other than CRLF, control characters, more than the limits. */
typedef struct
{
  gsize head_size;
  guint headers;
  /*< private >*/
  gsize scanned;
  guint line_size;
  guint lines;
  gboolean after_cr;
  gboolean blank; /* one empty line before the request line was let pass (RFC 9112, 2.2) */
} LecternHttpScanner;

void lectern_http_scanner_init (LecternHttpScanner *self, gsize head_size, guint headers);
/* @data: the whole input so far, the part seen before included. *@size: the head's length with its
 * empty line, 0: more is needed. */
gboolean lectern_http_scanner_feed (LecternHttpScanner *self, const guint8 *data, gsize length,
                                    gsize *size, LecternHttpRefusal *refusal);

typedef struct
{
  const char *name;
  const char *value;
} LecternHttpHeader;

/* LecternHttpRequest: a parsed head (RFC 9112). The texts lie in one block that it owns. */
typedef struct
{
  const char *method;
  const char *path;      /* decoded; "*" for the server as a whole */
  const char *query;     /* as sent, or NULL */
  const char *host;      /* as sent, with the port if it was; NULL: HTTP/1.0 without one */
  guint minor;           /* of HTTP/1.x */
  gint64 content_length; /* -1: not told */
  gboolean chunked;
  gboolean keep_alive;
  gboolean expects_continue;
  gboolean wants_websocket;
  guint n_headers;
  LecternHttpHeader *headers;
  /*< private >*/
  char *block;
} LecternHttpRequest;

/* @head: what a scanner found complete. Clear @self in either case. */
gboolean lectern_http_request_parse (LecternHttpRequest *self, const guint8 *head, gsize length,
                                     LecternHttpRefusal *refusal);
void lectern_http_request_clear (LecternHttpRequest *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternHttpRequest, lectern_http_request_clear)
/* Returns: (nullable): the value of the first line called @name, in any case. */
const char *lectern_http_request_get (const LecternHttpRequest *self, const char *name);
/* Returns: how many lines are called @name. */
guint lectern_http_request_count (const LecternHttpRequest *self, const char *name);
/* Returns: whether a line called @name lists @token ("a, b"), in any case. */
gboolean lectern_http_request_lists (const LecternHttpRequest *self, const char *name,
                                     const char *token);
/* Returns: whether @host is a valid "name", "name:port", "[ip]" or "[ip]:port". */
gboolean lectern_http_host_is_valid (const char *host);
