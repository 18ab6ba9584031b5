/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtp-receiver.h"

#include <string.h>

/* A.1 of RFC 3550: further ahead, or further back, is a jump and no loss. */
#define MAX_DROPOUT 3000
#define MAX_MISORDER LECTERN_RTP_MAX_WAITING

/* A packet with its header read. */
typedef struct
{
  guint32 ssrc;
  guint16 seq;
  guint32 time;
  gboolean marker;
  const guint8 *payload;
  gsize size;
  gint64 arrival_us;
} Packet;

typedef struct
{
  gboolean used;
  Packet packet; /* its payload is owned */
} Slot;

struct _LecternRtpReceiver
{
  guint8 payload_type;
  guint clock_rate;
  gint64 latency_us;
  LecternRtpReceiverFunc func;
  gpointer user_data;

  gboolean started;
  gboolean restarted; /* the next that is given out is the first of its source */
  gboolean lost;      /* something before it is missing */
  guint32 ssrc;
  guint64 next;    /* sequence number to be given out, its wraps above; it begins above 0 */
  guint64 highest; /* received */
  gint64 time;     /* of the newest given out, unwrapped */

  Slot slots[LECTERN_RTP_MAX_WAITING]; /* by sequence number */
  guint waiting;
  gsize waiting_size;

  Slot candidate; /* the first packet of what may be another source */

  guint64 base;     /* first sequence number of this source */
  guint64 counted;  /* packets of this source */
  guint64 received; /* of all */
  guint64 past_expected;
  guint64 past_counted;
  guint64 bad;
  guint64 expected_before; /* at the last report */
  guint64 counted_before;
  guint fraction_lost;
  guint32 transit;
  guint32 jitter; /* ticks × 16 */
  gboolean has_transit;

  guint32 last_report; /* middle of the NTP time */
  gint64 last_report_us;
};

LecternRtpReceiver *
lectern_rtp_receiver_new (guint8 payload_type, guint clock_rate, gint64 latency_us,
                          LecternRtpReceiverFunc func, gpointer user_data)
{
  LecternRtpReceiver *self = g_new0 (LecternRtpReceiver, 1);

  self->payload_type = payload_type;
  self->clock_rate = clock_rate;
  self->latency_us = latency_us;
  self->func = func;
  self->user_data = user_data;
  return self;
}

static void
clear_slot (Slot *slot)
{
  g_free ((gpointer) slot->packet.payload);
  *slot = (Slot){ FALSE };
}

static void
fill_slot (Slot *slot, const Packet *packet)
{
  clear_slot (slot);
  slot->used = TRUE;
  slot->packet = *packet;
  slot->packet.payload = g_memdup2 (packet->payload, packet->size);
}

void
lectern_rtp_receiver_free (LecternRtpReceiver *self)
{
  for (guint i = 0; i < LECTERN_RTP_MAX_WAITING; i++)
    clear_slot (&self->slots[i]);
  clear_slot (&self->candidate);
  g_free (self);
}

/* RFC 3550, 5.1. */
static gboolean
parse (LecternRtpReceiver *self, const guint8 *data, gsize size, Packet *packet)
{
  LecternByteReader reader;
  const guint8 *head;
  guint16 length;

  lectern_byte_reader_init (&reader, data, size);
  head = lectern_byte_reader_take (&reader, 2);
  if (head == NULL || head[0] >> 6 != 2 || (head[1] & 0x7f) != self->payload_type
      || !lectern_byte_reader_read_u16 (&reader, &packet->seq)
      || !lectern_byte_reader_read_u32 (&reader, &packet->time)
      || !lectern_byte_reader_read_u32 (&reader, &packet->ssrc)
      || !lectern_byte_reader_skip (&reader, (head[0] & 0xfu) * 4))
    return FALSE;
  if ((head[0] & 0x10) != 0
      && (!lectern_byte_reader_skip (&reader, 2) || !lectern_byte_reader_read_u16 (&reader, &length)
          || !lectern_byte_reader_skip (&reader, (gsize) length * 4)))
    return FALSE;
  packet->marker = head[1] >> 7;
  packet->size = lectern_byte_reader_get_remaining (&reader);
  if ((head[0] & 0x20) != 0)
    {
      guint8 padding = packet->size > 0 ? data[size - 1] : 0;

      if (padding == 0 || padding > packet->size)
        return FALSE;
      packet->size -= padding;
    }
  packet->payload = data + reader.offset;
  return TRUE;
}

static gint64
get_ticks (const LecternRtpReceiver *self, gint64 us)
{
  return us / G_USEC_PER_SEC * self->clock_rate
         + us % G_USEC_PER_SEC * self->clock_rate / G_USEC_PER_SEC;
}

/* A.8. */
static void
note_jitter (LecternRtpReceiver *self, const Packet *packet)
{
  guint32 transit = (guint32) get_ticks (self, packet->arrival_us) - packet->time;
  gint32 step = (gint32) (transit - self->transit);
  guint32 size = step < 0 ? 0u - (guint32) step : (guint32) step;

  self->transit = transit;
  if (!self->has_transit)
    self->has_transit = TRUE;
  else if (size < self->clock_rate * 10) /* a jump of the clock is no jitter */
    self->jitter += size - ((self->jitter + 8) >> 4);
}

/* Gives one packet out. @lost: those before it are missing. Empty ones, which keep a way through
 * routers open, say nothing. */
static void
give_out (LecternRtpReceiver *self, const Packet *packet, gboolean lost)
{
  gboolean restarted = self->restarted;
  LecternRtpUnit unit
      = { .payload = packet->payload, .size = packet->size, .marker = packet->marker };

  self->next++;
  self->lost |= lost;
  if (packet->size == 0)
    return;
  unit.lost = self->lost;
  self->lost = self->restarted = FALSE;
  self->time
      = restarted ? packet->time : self->time + (gint32) (packet->time - (guint32) self->time);
  unit.time = self->time;
  self->func (&unit, restarted, packet->arrival_us, self->user_data);
}

static Slot *
get_slot (LecternRtpReceiver *self, guint64 seq)
{
  return &self->slots[seq % LECTERN_RTP_MAX_WAITING];
}

/* Gives out what waits at @next. @lost: what is before it is missing. */
static void
give_out_slot (LecternRtpReceiver *self, gboolean lost)
{
  Slot *slot = get_slot (self, self->next);
  Slot taken = *slot;

  *slot = (Slot){ FALSE };
  self->waiting--;
  self->waiting_size -= taken.packet.size;
  give_out (self, &taken.packet, lost);
  clear_slot (&taken);
}

static void
give_out_ready (LecternRtpReceiver *self)
{
  while (self->waiting > 0 && get_slot (self, self->next)->used)
    give_out_slot (self, FALSE);
}

/* Gives up what is missing before the first that waits. */
static void
skip_gap (LecternRtpReceiver *self)
{
  while (!get_slot (self, self->next)->used)
    self->next++;
  give_out_slot (self, TRUE);
  give_out_ready (self);
}

void
lectern_rtp_receiver_flush (LecternRtpReceiver *self)
{
  while (self->waiting > 0)
    skip_gap (self);
}

/* Returns: packets that must have been sent by this source. */
static guint64
get_expected (const LecternRtpReceiver *self)
{
  return self->started ? self->highest - self->base + 1 : 0;
}

static void
start (LecternRtpReceiver *self, const Packet *packet)
{
  lectern_rtp_receiver_flush (self);
  self->past_expected += get_expected (self);
  self->past_counted += self->counted;
  self->counted = 0;
  self->started = self->restarted = TRUE;
  self->lost = FALSE;
  if (self->ssrc != packet->ssrc)
    self->last_report = 0;
  self->ssrc = packet->ssrc;
  self->next = self->base = self->highest = G_GUINT64_CONSTANT (0x10000) + packet->seq;
  self->has_transit = FALSE;
}

static void
keep (LecternRtpReceiver *self, guint64 seq, const Packet *packet)
{
  Slot *slot = get_slot (self, seq);

  if (slot->used)
    return; /* twice */
  fill_slot (slot, packet);
  self->waiting++;
  self->waiting_size += packet->size;
  if (self->waiting_size > LECTERN_RTP_MAX_WAITING_SIZE)
    skip_gap (self);
}

static void
take_ordered (LecternRtpReceiver *self, guint64 seq, const Packet *packet)
{
  self->counted++;
  self->highest = MAX (self->highest, seq);
  note_jitter (self, packet);
  if (seq < self->next) /* twice, or too late */
    return;
  while (self->waiting > 0 && seq >= self->next + LECTERN_RTP_MAX_WAITING)
    skip_gap (self);
  if (seq == self->next)
    {
      give_out (self, packet, FALSE);
      give_out_ready (self);
    }
  else if (self->latency_us > 0 && seq < self->next + LECTERN_RTP_MAX_WAITING)
    keep (self, seq, packet);
  else
    {
      self->next = seq;
      give_out (self, packet, TRUE);
    }
}

/* The number of @packet with its wraps above; FALSE: it jumps. */
static gboolean
unwrap (const LecternRtpReceiver *self, const Packet *packet, guint64 *seq)
{
  gint16 step = (gint16) (packet->seq - (guint16) self->highest);

  *seq = self->highest + (guint64) (gint64) step;
  return step < MAX_DROPOUT && step > -MAX_MISORDER;
}

/* @packet is of another source, or jumps. */
static void
take_strange (LecternRtpReceiver *self, const Packet *packet)
{
  Slot first = self->candidate;
  gboolean second = first.used && first.packet.ssrc == packet->ssrc
                    && (guint16) (first.packet.seq + 1) == packet->seq;

  if (!second && self->latency_us > 0)
    {
      fill_slot (&self->candidate, packet);
      return;
    }
  self->candidate = (Slot){ FALSE };
  start (self, second ? &first.packet : packet);
  if (second)
    take_ordered (self, self->next, &first.packet);
  take_ordered (self, self->next, packet);
  clear_slot (&first);
}

gboolean
lectern_rtp_receiver_take (LecternRtpReceiver *self, const guint8 *data, gsize size, gint64 now_us)
{
  Packet packet = { .arrival_us = now_us };
  guint64 seq;

  if (!parse (self, data, size, &packet))
    {
      self->bad++;
      return FALSE;
    }
  self->received++;
  if (!self->started)
    start (self, &packet);
  if (packet.ssrc != self->ssrc || !unwrap (self, &packet, &seq))
    take_strange (self, &packet);
  else
    {
      take_ordered (self, seq, &packet);
      clear_slot (&self->candidate);
    }
  return TRUE;
}

gint64
lectern_rtp_receiver_tick (LecternRtpReceiver *self, gint64 now_us)
{
  while (self->waiting > 0)
    {
      gint64 oldest = G_MAXINT64;

      for (guint i = 0; i < LECTERN_RTP_MAX_WAITING; i++)
        if (self->slots[i].used)
          oldest = MIN (oldest, self->slots[i].packet.arrival_us);
      if (now_us < oldest + self->latency_us)
        return oldest + self->latency_us;
      skip_gap (self);
    }
  return 0;
}

void
lectern_rtp_receiver_note_report (LecternRtpReceiver *self, const LecternRtcp *report,
                                  gint64 now_us)
{
  self->last_report = (guint32) (report->ntp >> 16);
  self->last_report_us = now_us;
}

gboolean
lectern_rtp_receiver_make_block (LecternRtpReceiver *self, gint64 now_us, LecternRtcpBlock *block)
{
  guint64 expected = self->past_expected + get_expected (self);
  guint64 counted = self->past_counted + self->counted;
  guint64 expected_now = expected - self->expected_before;
  guint64 counted_now = counted - self->counted_before;

  if (!self->started)
    return FALSE;
  self->expected_before = expected;
  self->counted_before = counted;
  self->fraction_lost = expected_now > counted_now
                            ? (guint) ((expected_now - counted_now) * 256 / expected_now)
                            : 0;
  self->fraction_lost = MIN (self->fraction_lost, 255);
  *block = (LecternRtcpBlock){
    .ssrc = self->ssrc,
    .fraction_lost = (guint8) self->fraction_lost,
    .lost = (gint32) CLAMP ((gint64) (expected - counted), -0x800000, 0x7fffff),
    .highest = (guint32) (self->highest - 0x10000),
    .jitter = self->jitter >> 4,
    .last_report = self->last_report,
  };
  if (self->last_report != 0)
    block->delay = (guint32) (MAX (now_us - self->last_report_us, 0) * 65536 / G_USEC_PER_SEC);
  return TRUE;
}

gboolean
lectern_rtp_receiver_get_ssrc (LecternRtpReceiver *self, guint32 *ssrc)
{
  *ssrc = self->ssrc;
  return self->started;
}

void
lectern_rtp_receiver_get_stats (LecternRtpReceiver *self, LecternRtpReceiverStats *stats)
{
  guint64 expected = self->past_expected + get_expected (self);
  guint64 counted = self->past_counted + self->counted;

  *stats = (LecternRtpReceiverStats){
    .received = self->received,
    .lost = expected > counted ? expected - counted : 0,
    .bad = self->bad,
    .jitter_us = (gint64) (self->jitter >> 4) * G_USEC_PER_SEC / self->clock_rate,
    .fraction_lost = self->fraction_lost,
  };
}
