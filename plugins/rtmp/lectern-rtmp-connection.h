/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtmp-service.h"

/* LecternRtmpConnection: joins the protocol to a socket, the access chain, the sessions, and a
 * publisher or a viewer. It lives as long as its socket. Thread: the connection's reactor. */

typedef struct _LecternRtmpConnection LecternRtmpConnection;

/* For a listener; @service: LecternRtmpService. */
void lectern_rtmp_connection_accept (LecternConnection *connection, gpointer service);

/* Says that it is over, and closes; a LecternPeersStopFunc. */
void lectern_rtmp_connection_stop (gpointer connection);
