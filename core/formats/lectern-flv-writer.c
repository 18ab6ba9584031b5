/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-flv.h"

#include "formats/lectern-amf0.h"
#include "formats/lectern-flv-private.h"
#include "http/lectern-websocket.h"

#include <string.h>

#define MAX_PREFIX 16
#define MAX_METADATA (1024 * 1024)
#define TAG_OVERHEAD (FLV_TAG_HEADER_SIZE + FLV_PREVIOUS_SIZE)
#define MAX_FRAME_HEADER 10 /* of a WebSocket */
#define NS_PER_MS 1000000

static guint8 *
put (guint8 *to, guint64 value, guint length)
{
  for (guint i = 0; i < length; i++)
    to[i] = (guint8) (value >> (8 * (length - 1 - i)));
  return to + length;
}

/* Rounds down, also below zero, so that equal distances stay equal. */
static gint64
to_ms (gint64 ns)
{
  gint64 ms = ns / NS_PER_MS;

  return ms * NS_PER_MS > ns ? ms - 1 : ms;
}

/* A tag has no time before zero, which as a number without a sign would lie weeks ahead. */
static gint64
time_of (const LecternPacket *packet)
{
  return MAX (to_ms (packet->dts), 0);
}

static guint32
composition_of (const LecternPacket *packet)
{
  gint64 offset = to_ms (packet->pts) - time_of (packet);

  if ((packet->flags & LECTERN_PACKET_CONFIG) != 0)
    return 0;
  return (guint32) CLAMP (offset, -0x800000, 0x7fffff) & 0xffffff;
}

static guint32
fourcc_of (LecternCodec codec)
{
  switch (codec)
    {
    case LECTERN_CODEC_H264:
      return FLV_FOURCC_AVC1;
    case LECTERN_CODEC_H265:
      return FLV_FOURCC_HVC1;
    case LECTERN_CODEC_AV1:
      return FLV_FOURCC_AV01;
    case LECTERN_CODEC_VP9:
      return FLV_FOURCC_VP09;
    case LECTERN_CODEC_AAC:
      return FLV_FOURCC_MP4A;
    case LECTERN_CODEC_MP3:
      return FLV_FOURCC_MP3;
    default:
      return FLV_FOURCC_OPUS;
    }
}

static guint8 *
put_video (guint8 *to, const LecternPacket *packet)
{
  gboolean config = (packet->flags & LECTERN_PACKET_CONFIG) != 0;
  gboolean key = config || (packet->flags & LECTERN_PACKET_KEY) != 0;
  LecternCodec codec = packet->track->codec;
  gboolean h26x = codec == LECTERN_CODEC_H264 || codec == LECTERN_CODEC_H265;
  guint frame = (key ? FLV_FRAME_KEY : FLV_FRAME_INTER) << 4;
  guint32 composition = composition_of (packet);
  guint type;

  if (h26x && !packet->track->fourcc)
    {
      *to++ = (guint8) (frame | (codec == LECTERN_CODEC_H264 ? FLV_VIDEO_H264 : FLV_VIDEO_H265));
      *to++ = config ? FLV_PACKET_CONFIG : FLV_PACKET_FRAME;
      return put (to, composition, 3);
    }
  if (config)
    type = FLV_EX_SEQUENCE_START;
  else
    type = h26x && composition == 0 ? FLV_EX_CODED_FRAMES_X : FLV_EX_CODED_FRAMES;
  *to++ = (guint8) (0x80 | frame | type);
  to = put (to, fourcc_of (codec), 4);
  return h26x && type == FLV_EX_CODED_FRAMES ? put (to, composition, 3) : to;
}

/* Returns: the first byte of an audio tag, as it came: ffmpeg marks Speex as 11025 Hz and what
 * always has one rate as 0. */
static guint8
sound_of (const LecternTrack *track)
{
  guint rate = track->rate >= 44100 ? 3 : track->rate >= 22050 ? 2 : track->rate >= 11025 ? 1 : 0;
  guint flags = (track->bits == 8 ? 0 : 2) | (track->channels == 2 ? 1 : 0);
  guint format;

  switch (track->codec)
    {
    case LECTERN_CODEC_AAC:
      return FLV_SOUND_AAC << 4 | 0xf;
    case LECTERN_CODEC_SPEEX:
      return (guint8) (FLV_SOUND_SPEEX << 4 | 1 << 2 | flags);
    case LECTERN_CODEC_NELLYMOSER:
      if (track->rate == 16000)
        return (guint8) (FLV_SOUND_NELLYMOSER_16K << 4 | flags);
      if (track->rate == 8000)
        return (guint8) (FLV_SOUND_NELLYMOSER_8K << 4 | flags);
      format = FLV_SOUND_NELLYMOSER;
      break;
    case LECTERN_CODEC_PCMA:
      format = FLV_SOUND_PCMA;
      break;
    case LECTERN_CODEC_PCMU:
      format = FLV_SOUND_PCMU;
      break;
    default:
      format = track->rate == 8000 ? FLV_SOUND_MP3_8K : FLV_SOUND_MP3;
      break;
    }
  return (guint8) (format << 4 | rate << 2 | flags);
}

static guint8 *
put_audio (guint8 *to, const LecternPacket *packet)
{
  gboolean config = (packet->flags & LECTERN_PACKET_CONFIG) != 0;
  const LecternTrack *track = packet->track;

  if (track->codec == LECTERN_CODEC_OPUS
      || (track->fourcc
          && (track->codec == LECTERN_CODEC_AAC || track->codec == LECTERN_CODEC_MP3)))
    {
      *to++ = FLV_SOUND_EX << 4 | (config ? FLV_EX_SEQUENCE_START : FLV_EX_CODED_FRAMES);
      return put (to, fourcc_of (track->codec), 4);
    }
  *to++ = sound_of (track);
  if (track->codec == LECTERN_CODEC_AAC)
    *to++ = config ? FLV_PACKET_CONFIG : FLV_PACKET_FRAME;
  return to;
}

/* A config of a codec that has none says nothing in FLV. */
static gboolean
is_carried (const LecternPacket *packet)
{
  return packet->track != NULL && packet->track->codec != LECTERN_CODEC_NONE
         && packet->payload != NULL
         && ((packet->flags & LECTERN_PACKET_CONFIG) == 0
             || lectern_codec_needs_config (packet->track->codec));
}

gsize
lectern_flv_write_body_prefix (const LecternPacket *packet, guint8 *to)
{
  if (!is_carried (packet))
    return 0;
  switch (packet->track->media)
    {
    case LECTERN_MEDIA_VIDEO:
      return (gsize) (put_video (to, packet) - to);
    case LECTERN_MEDIA_AUDIO:
      return (gsize) (put_audio (to, packet) - to);
    default:
      return 0;
    }
}

static GBytes *
write_metadata (const LecternPacket *packet)
{
  g_auto (LecternByteWriter) writer = { 0 };

  lectern_byte_writer_init (&writer, MAX_METADATA);
  if (packet->metadata == NULL || !lectern_amf0_write (&writer, g_variant_new_string ("onMetaData"))
      || !lectern_amf0_write_ecma_array (&writer, packet->metadata))
    return NULL;
  return lectern_byte_writer_steal (&writer);
}

/* Exact, because a WebSocket frame tells its length before the tag. */
gsize
lectern_flv_body_bound (const LecternPacket *packet)
{
  guint8 prefix[MAX_PREFIX];
  gsize size;

  if ((packet->flags & LECTERN_PACKET_METADATA) != 0)
    {
      g_autoptr (GBytes) metadata = write_metadata (packet);

      return metadata != NULL ? g_bytes_get_size (metadata) : 0;
    }
  if (!is_carried (packet))
    return 0;
  size = lectern_flv_write_body_prefix (packet, prefix) + g_bytes_get_size (packet->payload);
  return size <= FLV_MAX_BODY_SIZE ? size : 0;
}

gsize
lectern_flv_write_body (const LecternPacket *packet, guint8 *to, LecternFlvTagType *type)
{
  g_autoptr (GBytes) metadata = NULL;
  GBytes *payload = packet->payload;
  gsize prefix = 0;
  gsize size;
  gconstpointer data;

  *type = LECTERN_FLV_TAG_SCRIPT;
  if ((packet->flags & LECTERN_PACKET_METADATA) != 0)
    payload = metadata = write_metadata (packet);
  else if (!is_carried (packet))
    payload = NULL;
  else if (packet->track->media != LECTERN_MEDIA_DATA)
    {
      prefix = lectern_flv_write_body_prefix (packet, to);
      *type = packet->track->media == LECTERN_MEDIA_VIDEO ? LECTERN_FLV_TAG_VIDEO
                                                          : LECTERN_FLV_TAG_AUDIO;
    }
  if (payload == NULL)
    return 0;
  data = g_bytes_get_data (payload, &size);
  if (prefix + size > FLV_MAX_BODY_SIZE)
    return 0;
  if (size > 0)
    memcpy (to + prefix, data, size);
  return prefix + size;
}

static gsize
tag_bound (const LecternPacket *packet)
{
  gsize body = lectern_flv_body_bound (packet);

  return body > 0 ? body + TAG_OVERHEAD : 0;
}

static gsize
write_tag (const LecternPacket *packet, guint8 *to, gpointer state)
{
  LecternFlvTagType type;
  gsize body = lectern_flv_write_body (packet, to + FLV_TAG_HEADER_SIZE, &type);
  /* Readers take onMetaData at any time but 0 for a caption. */
  guint32 ms = packet->flags & LECTERN_PACKET_METADATA ? 0 : (guint32) time_of (packet);

  if (body == 0)
    return 0;
  *to++ = (guint8) type;
  to = put (to, body, 3);
  to = put (to, ms & 0xffffff, 3);
  *to++ = (guint8) (ms >> 24);
  to = put (to, 0, 3);
  put (to + body, body + FLV_TAG_HEADER_SIZE, FLV_PREVIOUS_SIZE);
  return body + TAG_OVERHEAD;
}

static gsize
framed_bound (const LecternPacket *packet)
{
  gsize tag = tag_bound (packet);

  return tag > 0 ? tag + MAX_FRAME_HEADER : 0;
}

static gsize
write_framed (const LecternPacket *packet, guint8 *to, gpointer state)
{
  gsize tag = tag_bound (packet);
  gsize header;

  if (tag == 0)
    return 0;
  header = lectern_websocket_put_header (to, FALSE, tag);
  return header + write_tag (packet, to + header, NULL);
}

/* Calls @format for what precedes the first packet: as packets, so that it is written the same. */
static void
append_setup (const LecternTapeFormat *format, const LecternTapeSetup *setup, gboolean join,
              GByteArray *bytes)
{
  LecternTrack *const tracks[] = { setup->video, setup->audio };
  LecternPacket packets[3] = { 0 };
  guint count = 0;

  if (join && setup->metadata != NULL)
    packets[count++]
        = (LecternPacket){ .flags = LECTERN_PACKET_METADATA, .metadata = setup->metadata };
  for (guint i = 0; i < G_N_ELEMENTS (tracks); i++)
    if (tracks[i] != NULL && tracks[i]->config != NULL)
      packets[count++] = (LecternPacket){ .track = tracks[i],
                                          .flags = LECTERN_PACKET_CONFIG | LECTERN_PACKET_KEY,
                                          .payload = tracks[i]->config };
  for (guint i = 0; i < count; i++)
    {
      gsize start = bytes->len;

      packets[i].dts = packets[i].pts = setup->dts;
      g_byte_array_set_size (bytes, (guint) (start + format->bound (&packets[i])));
      g_byte_array_set_size (bytes,
                             (guint) (start + format->write (&packets[i], bytes->data + start, NULL)));
    }
}

/* The file header and the size of the tag before the first. */
static void
put_file_header (const LecternTapeSetup *setup, guint8 *to)
{
  memcpy (to, "FLV\1", 4);
  to[4] = (setup->video != NULL ? 1 : 0) | (setup->audio != NULL ? 4 : 0);
  put (to + 5, FLV_HEADER_SIZE, 4);
  put (to + FLV_HEADER_SIZE, 0, FLV_PREVIOUS_SIZE);
}

static GBytes *
make_header (const LecternTapeSetup *setup, gboolean join, gpointer state)
{
  GByteArray *bytes = g_byte_array_new ();

  if (join)
    {
      g_byte_array_set_size (bytes, FLV_HEADER_SIZE + FLV_PREVIOUS_SIZE);
      put_file_header (setup, bytes->data);
    }
  append_setup (&lectern_flv_tape_format, setup, join, bytes);
  return g_byte_array_free_to_bytes (bytes);
}

static GBytes *
make_framed_header (const LecternTapeSetup *setup, gboolean join, gpointer state)
{
  GByteArray *bytes = g_byte_array_new ();

  if (join)
    {
      g_byte_array_set_size (bytes, 2 + FLV_HEADER_SIZE + FLV_PREVIOUS_SIZE);
      lectern_websocket_put_header (bytes->data, FALSE, FLV_HEADER_SIZE + FLV_PREVIOUS_SIZE);
      put_file_header (setup, bytes->data + 2);
    }
  append_setup (&lectern_websocket_flv_tape_format, setup, join, bytes);
  return g_byte_array_free_to_bytes (bytes);
}

const LecternTapeFormat lectern_flv_tape_format = {
  .name = "flv",
  .header = make_header,
  .bound = tag_bound,
  .write = write_tag,
};

const LecternTapeFormat lectern_websocket_flv_tape_format = {
  .name = "ws-flv",
  .header = make_framed_header,
  .bound = framed_bound,
  .write = write_framed,
};
