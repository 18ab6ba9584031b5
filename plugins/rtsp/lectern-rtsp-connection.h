/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtsp-service.h"

/* A LecternListenerFunc with the service as user data: gives the connection the RTSP protocol.
 * Thread: the connection's reactor, as all below. */
void lectern_rtsp_connection_accept (LecternConnection *connection, gpointer service);
/* The server stops: the peer is told and the connection closed; a LecternPeersStopFunc. */
void lectern_rtsp_connection_stop (gpointer connection);
