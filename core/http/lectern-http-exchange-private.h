/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-chunked.h"
#include "http/lectern-http-connection.h"
#include "http/lectern-http-exchange.h"
#include "http/lectern-http-parser.h"

/* LecternHttpTicket: stands for an exchange while the access chain is asked, so that the exchange
 * can end before the answer, or without one when the server stops. */
typedef struct
{
  LecternHttpExchange *exchange; /* NULL: it is gone */
} LecternHttpTicket;

struct _LecternHttpExchange
{
  guint refs;
  LecternHttpConnection *owner; /* NULL: the peer is gone, or the answer is sent */
  LecternConnection *connection;
  LecternHttpServer *server;
  LecternHttpRequest request;
  LecternHttpRoute *route;
  LecternHttpMatch match;
  LecternAccessRequest *access;
  LecternHttpTicket *ticket; /* owned by the access chain */
  LecternIdentity *identity;
  GByteArray *incoming; /* the body while it comes */
  LecternHttpChunked chunked;
  GBytes *body;
  GPtrArray *texts;   /* what getters made and own */
  GPtrArray *headers; /* of the answer: name, value, name, value … */
  gint64 accepted_us;
  gboolean unread; /* the body, so that nothing can follow the answer */
  gboolean answered;
  LecternHttpGoneFunc gone; /* or NULL */
  gpointer gone_data;
};

LecternHttpExchange *lectern_http_exchange_new (LecternHttpConnection *owner,
                                                LecternConnection *connection,
                                                LecternHttpServer *server);
/* The peer has left. The exchange may be freed by this. */
void lectern_http_exchange_tell_gone (LecternHttpExchange *self);
/* Returns: (nullable): the value set for the answer. */
const char *lectern_http_exchange_get_own_header (LecternHttpExchange *self, const char *name);
/* Adds to @head what every answer has, up to the empty line. */
void lectern_http_exchange_put_head (LecternHttpExchange *self, GString *head);
/* Answers with @payload, whose content is taken: HEAD, ETag and Range are seen to. */
void lectern_http_exchange_respond_payload (LecternHttpExchange *self, guint status,
                                            const char *content_type, LecternHttpPayload *payload);
/* Answers with problem+json. @detail: a sentence that the peer may see. */
void lectern_http_exchange_respond_problem (LecternHttpExchange *self, guint status,
                                            const char *detail);
/* Sends @head and hands the connection over. Returns: (transfer full) (nullable). */
LecternConnection *lectern_http_exchange_hand_over (LecternHttpExchange *self, const GString *head);
