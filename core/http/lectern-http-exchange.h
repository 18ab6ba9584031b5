/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access/lectern-access.h"
#include "base/lectern-json.h"
#include "net/lectern-connection.h"

/* LecternHttpExchange: one request and its answer (RFC 9110, RFC 9112). A handler answers at once, or
 * keeps a reference and answers later, or takes the connection over. Reference-counted, not
 * atomically; an exchange whose last reference goes without an answer answers 500. When the peer
 * leaves first, answering is harmless.
 * Thread: the connection's reactor. */
typedef struct _LecternHttpExchange LecternHttpExchange;

LECTERN_API LecternHttpExchange *lectern_http_exchange_ref (LecternHttpExchange *self);
LECTERN_API void lectern_http_exchange_unref (LecternHttpExchange *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternHttpExchange, lectern_http_exchange_unref)

/* The request. Returned texts are owned by the exchange. */
LECTERN_API const char *lectern_http_exchange_get_method (LecternHttpExchange *self);
/* The decoded path: no dot segments, no NUL, valid UTF-8. */
LECTERN_API const char *lectern_http_exchange_get_path (LecternHttpExchange *self);
/* The value of "{name}" in the route's pattern, decoded. */
LECTERN_API const char *lectern_http_exchange_get_parameter (LecternHttpExchange *self,
                                                             const char *name);
/* Returns: (nullable): the query as sent, without "?". */
LECTERN_API const char *lectern_http_exchange_get_query (LecternHttpExchange *self);
/* Returns: (nullable): one decoded query value; the first when repeated. */
LECTERN_API const char *lectern_http_exchange_get_query_value (LecternHttpExchange *self,
                                                               const char *name);
/* Returns: (nullable): a header's value; @name in any case; several lines are joined with ", ". */
LECTERN_API const char *lectern_http_exchange_get_header (LecternHttpExchange *self,
                                                          const char *name);
/* Returns: (nullable): the whole body, NULL when there was none. */
LECTERN_API GBytes *lectern_http_exchange_get_body (LecternHttpExchange *self);
/* Returns: (transfer full): the body through the guarded parser. Errors: INVALID_DATA, LIMIT. */
LECTERN_API JsonNode *lectern_http_exchange_parse_json (LecternHttpExchange *self,
                                                        GError **error);
LECTERN_API const LecternAddress *lectern_http_exchange_get_peer (LecternHttpExchange *self);
LECTERN_API const char *lectern_http_exchange_get_peer_name (LecternHttpExchange *self);
LECTERN_API gboolean lectern_http_exchange_is_secure (LecternHttpExchange *self);
/* Returns: (transfer none): what the access chain was asked, and has allowed. */
LECTERN_API LecternAccessRequest *lectern_http_exchange_get_access (LecternHttpExchange *self);
/* Returns: (nullable): who the access chain says it is. */
LECTERN_API LecternIdentity *lectern_http_exchange_get_identity (LecternHttpExchange *self);
LECTERN_API gint64 lectern_http_exchange_get_accepted_us (LecternHttpExchange *self);

/* For who answers later: @func runs once when the peer leaves before the answer, so that nobody is
 * waited for in vain. Replaces what was set before; NULL takes it back. FALSE: the peer is gone
 * already, and @func will not run. */
typedef void (*LecternHttpGoneFunc) (gpointer user_data);
LECTERN_API gboolean lectern_http_exchange_set_gone (LecternHttpExchange *self,
                                                     LecternHttpGoneFunc func,
                                                     gpointer user_data);

/* The answer. A header whose name or value holds control characters is a programmer's error and is
 * left out. Date, Server-less, Content-Length, Connection and CORS headers are set by the server. */
LECTERN_API void lectern_http_exchange_set_header (LecternHttpExchange *self, const char *name,
                                                   const char *value);
/* Answers with @body (nullable). HEAD gets the headers alone; a satisfiable single Range of a GET
 * answered 200 becomes 206 and an unsatisfiable one 416; If-None-Match against a set ETag becomes 304. */
LECTERN_API void lectern_http_exchange_respond (LecternHttpExchange *self, guint status,
                                                const char *content_type, GBytes *body);
/* The same with @size bytes of the open file @fd (borrowed) from @offset, which are read in pieces
 * as the peer takes them. The file must not be cut short meanwhile. */
LECTERN_API void lectern_http_exchange_respond_file (LecternHttpExchange *self, guint status,
                                                     const char *content_type, int fd,
                                                     guint64 offset, guint64 size);
/* The same with @body, which lies from @offset in the open file @fd too: for large bodies that many
 * peers get, as the kernel need not copy them. The file must stay open and unchanged as long as
 * @body is held. */
LECTERN_API void lectern_http_exchange_respond_shared (LecternHttpExchange *self, guint status,
                                                       const char *content_type, GBytes *body,
                                                       int fd, guint64 offset);
LECTERN_API void lectern_http_exchange_respond_json (LecternHttpExchange *self, guint status,
                                                     JsonNode *root);
/* RFC 9457 problem+json with the code's status, name and public sentence. */
LECTERN_API void lectern_http_exchange_respond_error (LecternHttpExchange *self,
                                                      const GError *error);
/* The same with the error's own message, for who may know: the operator. */
LECTERN_API void lectern_http_exchange_respond_reason (LecternHttpExchange *self,
                                                       const GError *error);
/* Sends the head of an endless answer ("Connection: close", no Content-Length, no chunked coding:
 * RFC 9112, 6.3 rule 8) and takes the connection over: the caller sets a handler of its own and owns
 * the connection's life from here. NULL when the peer is gone, or for HEAD, which is then answered.
 * Returns: (transfer full) (nullable). */
LECTERN_API LecternConnection *lectern_http_exchange_take_over (LecternHttpExchange *self,
                                                                guint status,
                                                                const char *content_type);
