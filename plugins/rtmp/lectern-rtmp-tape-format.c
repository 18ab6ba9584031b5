/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-tape-format.h"

#include "lectern-rtmp-chunk-writer.h"
#include "lectern-rtmp-server.h"

#define NS_PER_MS 1000000

gsize
lectern_rtmp_packet_bound (const LecternPacket *packet)
{
  return lectern_rtmp_chunk_bound (lectern_flv_body_bound (packet), LECTERN_RTMP_CHUNK_SIZE);
}

static guint8
choose_csid (LecternFlvTagType type)
{
  switch (type)
    {
    case LECTERN_FLV_TAG_VIDEO:
      return LECTERN_RTMP_CSID_VIDEO;
    case LECTERN_FLV_TAG_AUDIO:
      return LECTERN_RTMP_CSID_AUDIO;
    default:
      return LECTERN_RTMP_CSID_DATA;
    }
}

gsize
lectern_rtmp_packet_write (const LecternPacket *packet, guint32 stream, guint32 time_ms, guint8 *to)
{
  LecternRtmpHeader header = { .stream = stream, .timestamp = time_ms };
  LecternFlvTagType type;
  gsize size;

  size = lectern_flv_write_body (packet, to + lectern_rtmp_chunk_header_size (&header), &type);
  if (size == 0)
    return 0;
  header.csid = choose_csid (type);
  header.type = type;
  return lectern_rtmp_chunk_wrap (&header, to, size, LECTERN_RTMP_CHUNK_SIZE);
}

static gsize
write_packet (const LecternPacket *packet, guint8 *to, gpointer state)
{
  /* Metadata has no time; ffmpeg takes what is behind 0 for a track of its own. */
  gint64 time_ms = packet->metadata == NULL ? MAX (packet->dts, 0) / NS_PER_MS : 0;

  return lectern_rtmp_packet_write (packet, LECTERN_RTMP_PLAY_STREAM, (guint32) time_ms, to);
}

static void
put_packet (LecternByteWriter *out, LecternPacket *packet)
{
  gsize room = lectern_rtmp_packet_bound (packet);
  guint8 *to = lectern_byte_writer_reserve (out, room);

  if (to != NULL)
    out->size -= room - write_packet (packet, to, NULL);
  lectern_packet_unref (packet);
}

static void
put_config (LecternByteWriter *out, LecternTrack *track, gint64 dts)
{
  if (track != NULL && track->config != NULL)
    put_packet (out, lectern_packet_new (track, LECTERN_PACKET_CONFIG, dts, dts, 0, track->config));
}

static GBytes *
header (const LecternTapeSetup *setup, gboolean join, gpointer state)
{
  g_auto (LecternByteWriter) out = { NULL };

  lectern_byte_writer_init (&out, 4 * 1024 * 1024);
  if (setup->metadata != NULL && join)
    put_packet (&out, lectern_packet_new_metadata (setup->dts, setup->metadata));
  put_config (&out, setup->video, setup->dts);
  put_config (&out, setup->audio, setup->dts);
  return lectern_byte_writer_steal (&out);
}

const LecternTapeFormat lectern_rtmp_tape_format = {
  .name = "rtmp",
  .header = header,
  .bound = lectern_rtmp_packet_bound,
  .write = write_packet,
};
