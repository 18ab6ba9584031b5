/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-exchange-private.h"

/* Finds the route for the parsed request and what the access chain is to be asked. Returns:
 * (transfer full) (nullable): NULL: it was answered. */
LecternAccessRequest *lectern_http_dispatch_route (LecternHttpExchange *exchange);
/* Answers what the chain did not allow. */
void lectern_http_dispatch_deny (LecternHttpExchange *exchange, const GError *error);
