/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-ts-packets.h"

#include <string.h>

#define SYNC 0x47
#define PIDS 8192
#define NULL_PID 0x1fff

struct _LecternTsPackets
{
  guint8 rest[LECTERN_TS_PACKET]; /* the beginning of a packet */
  gsize rest_size;
  guint64 skipped;
  guint32 open[PIDS]; /* bytes since a unit began */
  gsize all_open;
};

LecternTsPackets *
lectern_ts_packets_new (void)
{
  return g_new0 (LecternTsPackets, 1);
}

void
lectern_ts_packets_free (LecternTsPackets *self)
{
  g_free (self);
}

guint64
lectern_ts_packets_get_skipped (LecternTsPackets *self)
{
  return self->skipped;
}

/* FALSE: too much is open. */
static gboolean
count (LecternTsPackets *self, const guint8 *packet)
{
  guint pid = (packet[1] & 0x1fu) << 8 | packet[2];
  gboolean begins = (packet[1] & 0x40) != 0;
  gboolean has_payload = (packet[3] & 0x10) != 0;

  if (pid == NULL_PID || !has_payload)
    return TRUE;
  if (begins)
    {
      self->all_open -= self->open[pid];
      self->open[pid] = 0;
    }
  self->open[pid] += LECTERN_TS_PACKET;
  self->all_open += LECTERN_TS_PACKET;
  return self->all_open <= LECTERN_TS_MAX_OPEN;
}

/* Where the next packet seems to begin. */
static gsize
find_sync (LecternTsPackets *self, const guint8 *data, gsize size)
{
  const guint8 *found = size > 0 ? memchr (data, SYNC, size) : NULL;
  gsize skipped = found != NULL ? (gsize) (found - data) : size;

  self->skipped += skipped;
  return skipped;
}

/* A packet is one when another follows it, or nothing yet. */
static gboolean
is_packet (const guint8 *data, gsize size)
{
  return data[0] == SYNC && (size <= LECTERN_TS_PACKET || data[LECTERN_TS_PACKET] == SYNC);
}

/* Takes what it can of @data. Returns: the bytes taken. */
static gsize
take_packets (LecternTsPackets *self, const guint8 *data, gsize size, GByteArray *packets,
              GError **error)
{
  gsize at = 0;

  while (size - at >= LECTERN_TS_PACKET)
    {
      if (!is_packet (data + at, size - at))
        {
          at += 1 + find_sync (self, data + at + 1, size - at - 1);
          self->skipped++;
          continue;
        }
      if (!count (self, data + at))
        {
          g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                       "a unit of its transport stream is larger than %d bytes",
                       LECTERN_TS_MAX_OPEN);
          return at;
        }
      g_byte_array_append (packets, data + at, LECTERN_TS_PACKET);
      at += LECTERN_TS_PACKET;
    }
  return at;
}

GBytes *
lectern_ts_packets_take (LecternTsPackets *self, const guint8 *data, gsize size, GError **error)
{
  g_autoptr (GByteArray) packets = g_byte_array_sized_new ((guint) size + LECTERN_TS_PACKET);
  g_autoptr (GByteArray) joined = NULL;
  GError *reason = NULL;
  gsize taken;

  if (self->rest_size > 0)
    {
      joined = g_byte_array_sized_new ((guint) (self->rest_size + size));
      g_byte_array_append (joined, self->rest, (guint) self->rest_size);
      g_byte_array_append (joined, data, (guint) size);
      data = joined->data;
      size = joined->len;
    }
  taken = take_packets (self, data, size, packets, &reason);
  if (reason != NULL)
    {
      g_propagate_error (error, reason);
      return NULL;
    }
  taken += find_sync (self, data + taken, size - taken);
  self->rest_size = size - taken;
  if (self->rest_size > 0)
    memcpy (self->rest, data + taken, self->rest_size);
  return g_byte_array_free_to_bytes (g_steal_pointer (&packets));
}
