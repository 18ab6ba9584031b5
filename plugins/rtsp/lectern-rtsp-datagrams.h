/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtsp-service.h"

#include <netinet/in.h>

/* LecternRtspDatagrams: the sockets from which one reactor's players hear by UDP, and where their
 * receiver reports come. Reference-counted, not atomically. Thread: the reactor's. */

#define LECTERN_RTSP_CHANNELS 4

/* LecternRtspHearer: one who hears by UDP. Embed it in its owner, zero-initialised. */
typedef struct _LecternRtspHearer LecternRtspHearer;
struct _LecternRtspHearer
{
  LecternRtspDatagrams *datagrams; /* held; NULL: not begun */
  LecternViewer *viewer;           /* the owner's, to be set when there is one */
  /* A control packet came from it. */
  void (*heard) (LecternRtspHearer *hearer, const guint8 *data, gsize size);
  /*< private >*/
  LecternAddress control[2];                     /* whence control packets come; port 0: none */
  struct sockaddr_in6 to[LECTERN_RTSP_CHANNELS]; /* or an IPv4 one, which is smaller */
  socklen_t to_length[LECTERN_RTSP_CHANNELS];    /* 0: it does not hear this channel */
  gboolean plain;     /* the way to it does not let the kernel cut messages */
  LecternTimer timer; /* pause between two pieces of a burst */
  gint64 piece_us;    /* when the present piece began */
  gsize budget;       /* bytes left of it */
};

/* Errors: as of lectern_rtsp_ports_open. Returns: (transfer full). */
LecternRtspDatagrams *lectern_rtsp_datagrams_new (LecternReactor *reactor,
                                                  const LecternRtspSettings *settings,
                                                  GError **error);
LecternRtspDatagrams *lectern_rtsp_datagrams_ref (LecternRtspDatagrams *self);
/* Returns: whether that was the last reference. */
gboolean lectern_rtsp_datagrams_unref (LecternRtspDatagrams *self);
guint16 lectern_rtsp_datagrams_get_port (LecternRtspDatagrams *self);

/* Sends @media to the ports @rtp and @rtcp of @peer from now on. */
void lectern_rtsp_hearer_add (LecternRtspHearer *self, LecternMedia media,
                              const LecternAddress *peer, guint16 rtp, guint16 rtcp);
/* A viewer's sink (see LecternViewerOptions) with the hearer as its data. A burst is sent in
 * pieces, as no receiver's buffer holds a whole group of pictures. */
gsize lectern_rtsp_hearer_send (const guint8 *data, gsize length, gpointer hearer);
/* Ends; the owner lets go of the datagrams. */
void lectern_rtsp_hearer_clear (LecternRtspHearer *self);
