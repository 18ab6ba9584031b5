/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtmp-service.h"

/* LecternRtmpConnection: joins the protocol to a socket, the access chain, the sessions, and a
 * publisher or a viewer. It lives as long as its socket. Thread: the connection's reactor. */

/* For a listener; @service: LecternRtmpService. */
void lectern_rtmp_connection_accept (LecternConnection *connection, gpointer service);

/* Says that it is over, and closes. */
void lectern_rtmp_connection_stop (LecternRtmpConnection *self);

/* Thread: any. */
LecternReactor *lectern_rtmp_connection_get_reactor (LecternRtmpConnection *self);
