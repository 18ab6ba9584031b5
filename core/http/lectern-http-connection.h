/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-payload.h"
#include "http/lectern-http-server-private.h"
#include "http/lectern-http-target.h"

/* LecternHttpConnection: the HTTP side of a connection: reads one request after the other, has
 * each checked, hands it to its route and sends the answer. It frees itself with the connection, or
 * when that is handed over. Thread: the connection's reactor. */
typedef struct _LecternHttpConnection LecternHttpConnection;

void lectern_http_connection_start (LecternConnection *connection, LecternHttpServer *server,
                                    LecternHttpCell *cell);
LecternHttpCell *lectern_http_connection_get_cell (LecternHttpConnection *self);
/* Sends the current exchange's answer; takes @payload's content. @close: nothing follows it. */
void lectern_http_connection_send (LecternHttpConnection *self, GString *head,
                                   LecternHttpPayload *payload, gboolean close);
/* Sends @head, and lets go of the connection. Returns: (transfer full) (nullable): the connection;
 * NULL when it broke. */
LecternConnection *lectern_http_connection_hand_over (LecternHttpConnection *self,
                                                      const GString *head);
/* Closes it, if it is between two requests. */
void lectern_http_connection_drain (LecternHttpConnection *self);
/* The handler dropped the exchange, or it is answered. */
void lectern_http_connection_forget_exchange (LecternHttpConnection *self);
