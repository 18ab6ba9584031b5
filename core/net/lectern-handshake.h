/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-connection.h"

/* TLS handshakes, in turn and a few at a time: a crowd of them delays neither the running traffic
 * nor an honest one for long, and a silent peer is not in the queue at all. Thread: the reactor's.
 */

/* Edge-triggered: a connection that waits for its turn is not reported meanwhile. */
#define LECTERN_HANDSHAKE_EVENTS (EPOLLIN | EPOLLET)
#define LECTERN_HANDSHAKE_LIMIT_US (5 * G_USEC_PER_SEC)

/* The watch of a connection whose handshake is not over. */
void lectern_handshake_on_event (LecternWatch *watch, guint32 events);
/* Its time is up. */
void lectern_handshake_expire (LecternConnection *connection);
