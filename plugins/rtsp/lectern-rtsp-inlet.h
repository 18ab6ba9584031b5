/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtsp-service.h"
#include "lectern-rtsp-transport.h"

/* LecternRtspInlet: how the packets of one announced track come in, over two channels of the RTSP
 * connection or two UDP ports, and where reports go back. Embed it in its owner. Thread: the
 * connection's reactor. */
typedef struct _LecternRtspInlet LecternRtspInlet;

/* A packet came. The owner must not clear the inlet within. */
typedef void (*LecternRtspInletFunc) (LecternRtspInlet *inlet, gboolean control, const guint8 *data,
                                      gsize size, gpointer user_data);

/* A UDP socket, and who may send to it. */
typedef struct
{
  LecternRtspInlet *inlet;
  LecternWatch watch;
  LecternAddress sender; /* its port is learnt when a network between changes it */
  gboolean heard;
} LecternRtspInletPort;

struct _LecternRtspInlet
{
  LecternMedia media;
  gboolean open;
  /*< private >*/
  LecternConnection *connection; /* the owner's */
  LecternRtspInletFunc func;
  gpointer user_data;
  int channel; /* of RTP; -1: UDP */
  LecternRtspPorts ports;
  LecternRtspInletPort rtp;
  LecternRtspInletPort rtcp;
};

void lectern_rtsp_inlet_init (LecternRtspInlet *self, LecternMedia media,
                              LecternConnection *connection, LecternRtspInletFunc func,
                              gpointer user_data);
/* Opens it for @channel and the one behind. @answer: gets the beginning of the answer's Transport.
 */
void lectern_rtsp_inlet_open_tcp (LecternRtspInlet *self, int channel, GString *answer);
/* Opens ports for datagrams from the connection's host. Errors: as of lectern_rtsp_ports_open. */
gboolean lectern_rtsp_inlet_open_udp (LecternRtspInlet *self, const LecternRtspTransport *transport,
                                      const LecternRtspSettings *settings, GString *answer,
                                      GError **error);
/* Whether @channel of the connection is its own; *@control: its second one. */
gboolean lectern_rtsp_inlet_has_channel (const LecternRtspInlet *self, int channel,
                                         gboolean *control);
/* Sends an RTCP packet, which stands LECTERN_RTP_FRAME_SIZE bytes behind @framed. */
void lectern_rtsp_inlet_send_report (LecternRtspInlet *self, guint8 *framed, gsize size);
/* Closes it; harmless for one that is closed. */
void lectern_rtsp_inlet_close (LecternRtspInlet *self);
