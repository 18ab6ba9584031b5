/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Synthetic tracks, packets and a plain wire format: each message is 4 bytes of length and its
 * payload; the header is "JOIN" or "JUMP". */
#pragma once

#include "media/lectern-packet.h"
#include "media/lectern-tape-format.h"

#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)

static inline LecternTrack *
fixture_track (LecternCodec codec, const char *config)
{
  g_autoptr (GBytes) bytes = config != NULL ? g_bytes_new (config, strlen (config)) : NULL;
  LecternTrack fields
      = { .media = lectern_codec_get_media (codec), .codec = codec, .config = bytes };

  return lectern_track_new (&fields);
}

static inline LecternPacket *
fixture_packet (LecternTrack *track, gboolean key, gint64 dts_ms, gsize size)
{
  g_autoptr (GBytes) payload = g_bytes_new_take (g_malloc0 (size), size);

  return lectern_packet_new (track, key ? LECTERN_PACKET_KEY : 0, dts_ms * MS, dts_ms * MS, 0,
                             payload);
}

static inline GBytes *
plain_header (const LecternTapeSetup *setup, gboolean join, gpointer state)
{
  return g_bytes_new_static (join ? "JOIN" : "JUMP", 4);
}

static inline gsize
plain_bound (const LecternPacket *packet)
{
  return 4 + lectern_packet_get_size ((LecternPacket *)packet);
}

static inline gsize
plain_write (const LecternPacket *packet, guint8 *to, gpointer state)
{
  gsize size = 0;
  const guint8 *data = packet->payload != NULL ? g_bytes_get_data (packet->payload, &size) : NULL;

  if (packet->payload == NULL)
    return 0;
  for (guint i = 0; i < 4; i++)
    to[i] = (guint8)(size >> (8 * (3 - i)));
  memcpy (to + 4, data, size);
  return 4 + size;
}

static const LecternTapeFormat plain_format
    = { "plain", plain_header, plain_bound, plain_write, 0 };
