/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-datagrams.h"

#include "lectern-rtp-packer.h"
#include "lectern-rtsp-batch.h"

#include <string.h>
#include <sys/epoll.h>

#define BATCH 32
#define SEND_BUFFER (4 * 1024 * 1024)
#define RECEIVE_SIZE 2048
/* So many bytes at once, then a pause: 100 Mbit/s. */
#define PIECE (64 * 1024)
#define PAUSE_US 5000

struct _LecternRtspDatagrams
{
  guint refs;
  LecternReactor *reactor;
  LecternRtspPorts ports;
  LecternWatch rtp_watch;
  LecternWatch rtcp_watch;
  GHashTable *hearers; /* LecternAddress of their control packets → LecternRtspHearer */
};

static guint
hash_address (gconstpointer key)
{
  const LecternAddress *address = key;
  guint hash = address->port;

  for (guint i = 0; i < sizeof address->ip; i++)
    hash = hash * 33 + address->ip[i];
  return hash;
}

static gboolean
is_same_address (gconstpointer a, gconstpointer b)
{
  const LecternAddress *first = a;
  const LecternAddress *second = b;

  return first->port == second->port && memcmp (first->ip, second->ip, sizeof first->ip) == 0;
}

/* ── what comes ── */

/* Players open their firewalls with packets that say nothing. */
static void
on_rtp (LecternWatch *watch, guint32 events)
{
  guint8 data[16];

  for (guint i = 0; i < BATCH && recv (watch->fd, data, sizeof data, MSG_DONTWAIT) >= 0; i++)
    continue;
}

static void
on_rtcp (LecternWatch *watch, guint32 events)
{
  LecternRtspDatagrams *self
      = (LecternRtspDatagrams *) ((char *) watch
                                  - G_STRUCT_OFFSET (LecternRtspDatagrams, rtcp_watch));
  guint8 data[RECEIVE_SIZE];

  lectern_rtsp_datagrams_ref (self);
  for (guint i = 0; i < BATCH && self->ports.rtcp >= 0; i++)
    {
      struct sockaddr_storage from;
      socklen_t length = sizeof from;
      gssize size = recvfrom (self->ports.rtcp, data, sizeof data, MSG_DONTWAIT,
                              (struct sockaddr *) &from, &length);
      LecternRtspHearer *hearer;
      LecternAddress address;

      if (size < 0)
        break;
      if (!lectern_address_from_socket ((struct sockaddr *) &from, &address))
        continue;
      hearer = g_hash_table_lookup (self->hearers, &address);
      if (hearer != NULL)
        hearer->heard (hearer, data, (gsize) size);
    }
  lectern_rtsp_datagrams_unref (self);
}

LecternRtspDatagrams *
lectern_rtsp_datagrams_new (LecternReactor *reactor, const LecternRtspSettings *settings,
                            GError **error)
{
  LecternRtspDatagrams *self = g_new0 (LecternRtspDatagrams, 1);

  self->refs = 1;
  self->reactor = g_object_ref (reactor);
  self->hearers = g_hash_table_new (hash_address, is_same_address);
  if (lectern_rtsp_ports_open (&self->ports, &settings->ports, SEND_BUFFER, settings->dscp, error)
      && lectern_watch_start (&self->rtp_watch, reactor, self->ports.rtp, EPOLLIN, on_rtp, error)
      && lectern_watch_start (&self->rtcp_watch, reactor, self->ports.rtcp, EPOLLIN, on_rtcp,
                              error))
    return self;
  lectern_rtsp_datagrams_unref (self);
  return NULL;
}

LecternRtspDatagrams *
lectern_rtsp_datagrams_ref (LecternRtspDatagrams *self)
{
  self->refs++;
  return self;
}

gboolean
lectern_rtsp_datagrams_unref (LecternRtspDatagrams *self)
{
  if (--self->refs > 0)
    return FALSE;
  lectern_watch_stop (&self->rtp_watch);
  lectern_watch_stop (&self->rtcp_watch);
  lectern_rtsp_ports_close (&self->ports);
  g_hash_table_unref (self->hearers);
  g_object_unref (self->reactor);
  g_free (self);
  return TRUE;
}

guint16
lectern_rtsp_datagrams_get_port (LecternRtspDatagrams *self)
{
  return self->ports.port;
}

/* ── what goes ── */

/* The place may be another's, who named the same port first. */
static void
give_place_up (LecternRtspHearer *self, const LecternAddress *control)
{
  GHashTable *hearers = self->datagrams->hearers;

  if (control->port != 0 && g_hash_table_lookup (hearers, control) == self)
    g_hash_table_remove (hearers, control);
}

void
lectern_rtsp_hearer_add (LecternRtspHearer *self, LecternMedia media, const LecternAddress *peer,
                         guint16 rtp, guint16 rtcp)
{
  guint channel = 2 * (media - LECTERN_MEDIA_VIDEO);
  LecternAddress *control = &self->control[channel / 2];
  LecternAddress address = *peer;

  give_place_up (self, control);
  address.port = rtp;
  self->to_length[channel]
      = lectern_rtsp_ports_fill_address (&self->datagrams->ports, &address, &self->to[channel]);
  address.port = rtcp;
  self->to_length[channel + 1]
      = lectern_rtsp_ports_fill_address (&self->datagrams->ports, &address, &self->to[channel + 1]);
  *control = address;
  /* The first who named a port keeps it: nobody takes another's reports away. */
  if (!g_hash_table_contains (self->datagrams->hearers, control))
    g_hash_table_insert (self->datagrams->hearers, control, self);
}

static void
count_dropped (guint count)
{
  if (count > 0)
    lectern_metric_add (lectern_metrics_get_counter ("lectern_rtsp_datagrams_dropped_total",
                                                     "Datagrams that the system did not take", NULL,
                                                     NULL),
                        count);
}

static void
on_pause_over (LecternTimer *timer)
{
  LecternRtspHearer *self
      = (LecternRtspHearer *) ((char *) timer - G_STRUCT_OFFSET (LecternRtspHearer, timer));

  if (self->viewer != NULL)
    lectern_viewer_writable (self->viewer);
}

static void
renew_budget (LecternRtspHearer *self)
{
  gint64 now_us = lectern_clock_now_us ();

  if (now_us - self->piece_us < PAUSE_US)
    return;
  self->piece_us = now_us;
  self->budget = PIECE;
}

gsize
lectern_rtsp_hearer_send (const guint8 *data, gsize length, gpointer hearer)
{
  LecternRtspHearer *self = hearer;
  const LecternRtspPorts *ports = &self->datagrams->ports;
  LecternRtspBatch batch;
  gsize offset = 0;

  lectern_rtsp_batch_init (&batch, self->plain);
  renew_budget (self);
  while (offset + LECTERN_RTP_FRAME_SIZE <= length && self->budget > 0)
    {
      guint channel = data[offset + 1];
      gsize size = (gsize) data[offset + 2] << 8 | data[offset + 3];

      offset += LECTERN_RTP_FRAME_SIZE;
      if (channel < LECTERN_RTSP_CHANNELS && self->to_length[channel] > 0)
        lectern_rtsp_batch_put (&batch, channel % 2 == 0 ? ports->rtp : ports->rtcp,
                                &self->to[channel], self->to_length[channel], data + offset, size);
      offset += size;
      self->budget -= MIN (self->budget, size);
    }
  lectern_rtsp_batch_flush (&batch);
  self->plain = batch.plain;
  count_dropped (batch.dropped);
  if (offset < length)
    lectern_timer_start (&self->timer, self->datagrams->reactor, PAUSE_US, on_pause_over);
  return offset;
}

void
lectern_rtsp_hearer_clear (LecternRtspHearer *self)
{
  self->viewer = NULL;
  if (self->datagrams == NULL)
    return;
  lectern_timer_stop (&self->timer);
  for (guint i = 0; i < G_N_ELEMENTS (self->control); i++)
    give_place_up (self, &self->control[i]);
}
