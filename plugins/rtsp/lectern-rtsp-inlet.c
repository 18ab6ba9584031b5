/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-inlet.h"

#include "lectern-rtp-packer.h"

#include <string.h>
#include <sys/epoll.h>

#define RECEIVE_BUFFER (4 * 1024 * 1024)
#define DATAGRAM_SIZE 65536
/* Datagrams of one socket before others have their turn. */
#define BATCH 64

void
lectern_rtsp_inlet_init (LecternRtspInlet *self, LecternMedia media, LecternConnection *connection,
                         LecternRtspInletFunc func, gpointer user_data)
{
  *self = (LecternRtspInlet){ .media = media,
                              .connection = connection,
                              .func = func,
                              .user_data = user_data,
                              .channel = -1,
                              .ports = { -1, -1, 0 },
                              .rtp = { .inlet = self },
                              .rtcp = { .inlet = self } };
}

/* ── over the RTSP connection ── */

void
lectern_rtsp_inlet_open_tcp (LecternRtspInlet *self, int channel, GString *answer)
{
  self->channel = channel;
  self->open = TRUE;
  g_string_append_printf (answer, "RTP/AVP/TCP;unicast;interleaved=%d-%d", channel, channel + 1);
}

gboolean
lectern_rtsp_inlet_has_channel (const LecternRtspInlet *self, int channel, gboolean *control)
{
  if (!self->open || self->channel < 0
      || (channel != self->channel && channel != self->channel + 1))
    return FALSE;
  *control = channel != self->channel;
  return TRUE;
}

/* ── datagrams ── */

/* Whether a datagram is the publisher's: from the host of the RTSP connection, and from the port it
 * named; or, behind a network that changes ports, from the one that came first. */
static gboolean
is_from_publisher (LecternRtspInletPort *port, const LecternAddress *from)
{
  if (memcmp (port->sender.ip, from->ip, sizeof from->ip) != 0
      || (port->heard && port->sender.port != from->port))
    return FALSE;
  port->sender.port = from->port;
  port->heard = TRUE;
  return TRUE;
}

static void
count_stranger (void)
{
  lectern_metric_add (lectern_metrics_get_counter ("lectern_rtsp_strange_datagrams_total",
                                                   "Datagrams that did not come from the publisher",
                                                   NULL, NULL),
                      1);
}

static guint8 *
get_buffer (void)
{
  static GPrivate buffer = G_PRIVATE_INIT (g_free);
  guint8 *data = g_private_get (&buffer);

  if (data == NULL)
    {
      data = g_malloc (DATAGRAM_SIZE);
      g_private_set (&buffer, data);
    }
  return data;
}

static void
on_datagrams (LecternWatch *watch, guint32 events)
{
  LecternRtspInletPort *port
      = (LecternRtspInletPort *) ((char *) watch - G_STRUCT_OFFSET (LecternRtspInletPort, watch));
  LecternRtspInlet *self = port->inlet;
  guint8 *data = get_buffer ();

  for (guint i = 0; i < BATCH; i++)
    {
      struct sockaddr_storage from;
      socklen_t length = sizeof from;
      gssize size = recvfrom (watch->fd, data, DATAGRAM_SIZE, MSG_DONTWAIT,
                              (struct sockaddr *) &from, &length);
      LecternAddress address;

      if (size < 0)
        return;
      if (lectern_address_from_socket ((struct sockaddr *) &from, &address)
          && is_from_publisher (port, &address))
        self->func (self, port == &self->rtcp, data, (gsize) size, self->user_data);
      else
        count_stranger ();
    }
}

static gboolean
open_port (LecternRtspInletPort *self, int fd, guint16 sender, GError **error)
{
  LecternConnection *connection = self->inlet->connection;

  self->sender = *lectern_connection_get_peer (connection);
  self->sender.port = sender;
  return lectern_watch_start (&self->watch, lectern_connection_get_reactor (connection), fd,
                              EPOLLIN, on_datagrams, error);
}

gboolean
lectern_rtsp_inlet_open_udp (LecternRtspInlet *self, const LecternRtspTransport *transport,
                             const LecternRtspSettings *settings, GString *answer, GError **error)
{
  if (!lectern_rtsp_ports_open (&self->ports, &settings->ports, RECEIVE_BUFFER, settings->dscp,
                                error)
      || !open_port (&self->rtp, self->ports.rtp, transport->client_rtp, error)
      || !open_port (&self->rtcp, self->ports.rtcp, transport->client_rtcp, error))
    {
      lectern_rtsp_inlet_close (self);
      return FALSE;
    }
  self->open = TRUE;
  g_string_append_printf (answer, "RTP/AVP;unicast;client_port=%u-%u;server_port=%u-%u",
                          transport->client_rtp, transport->client_rtcp, self->ports.port,
                          self->ports.port + 1);
  return TRUE;
}

/* ── both ── */

void
lectern_rtsp_inlet_send_report (LecternRtspInlet *self, guint8 *framed, gsize size)
{
  struct sockaddr_in6 to;
  socklen_t length;

  if (self->channel < 0)
    {
      length = lectern_rtsp_ports_fill_address (&self->ports, &self->rtcp.sender, &to);
      /* Lost as datagrams may be. */
      (void) sendto (self->ports.rtcp, framed + LECTERN_RTP_FRAME_SIZE, size, MSG_DONTWAIT,
                     (struct sockaddr *) &to, length);
      return;
    }
  framed[0] = '$';
  framed[1] = (guint8) (self->channel + 1);
  framed[2] = (guint8) (size >> 8);
  framed[3] = (guint8) size;
  lectern_connection_write (self->connection, framed, LECTERN_RTP_FRAME_SIZE + size);
}

void
lectern_rtsp_inlet_close (LecternRtspInlet *self)
{
  lectern_watch_stop (&self->rtp.watch);
  lectern_watch_stop (&self->rtcp.watch);
  lectern_rtsp_ports_close (&self->ports);
  self->open = FALSE;
}
