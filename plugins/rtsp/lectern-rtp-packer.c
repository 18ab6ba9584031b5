/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtp-packer.h"

#include <string.h>

#define NS_PER_SECOND G_GINT64_CONSTANT (1000000000)
#define MARKER 0x80
#define PREFIX (LECTERN_RTP_FRAME_SIZE + LECTERN_RTP_HEADER_SIZE)
#define MAX_FU_HEADER 3
#define AAC_HEADER 4
#define AAC_MAX_SIZE 0x1fff /* sizelength=13 */
#define MPA_HEADER 4
#define H264_AUD 9
#define H264_SPS 7
#define H264_FU_A 28
#define H265_AUD 35
#define H265_SPS 33
#define H265_FU 49

typedef struct
{
  LecternRtpPacker *packer;
  guint8 *start;
  guint8 *at;
  guint8 *last; /* the newest packet's header, or NULL */
  guint8 payload_type;
  guint32 time;
} Output;

/* NAL units */

typedef struct
{
  const guint8 *data;
  gsize size;
  guint length_size;
} NalReader;

static gboolean
is_h265 (const LecternPacket *packet)
{
  return packet->track->codec == LECTERN_CODEC_H265;
}

/* lengthSizeMinusOne (ISO 14496-15, 5.3.3.1 and 8.3.3.1). */
static gboolean
nal_reader_init (NalReader *self, const LecternPacket *packet)
{
  gsize at = is_h265 (packet) ? 21 : 4;
  gsize size = 0;
  const guint8 *config
      = packet->track->config != NULL ? g_bytes_get_data (packet->track->config, &size) : NULL;

  if (size <= at)
    return FALSE;
  self->length_size = (config[at] & 3u) + 1;
  self->data = g_bytes_get_data (packet->payload, &self->size);
  return TRUE;
}

/* Returns: FALSE at the end, and where lengths do not add up. */
static gboolean
nal_reader_next (NalReader *self, const guint8 **nal, gsize *size)
{
  gsize length = 0;

  if (self->size < self->length_size)
    return FALSE;
  for (guint i = 0; i < self->length_size; i++)
    length = length << 8 | self->data[i];
  if (length > self->size - self->length_size)
    return FALSE;
  *nal = self->data + self->length_size;
  *size = length;
  self->data += self->length_size + length;
  self->size -= self->length_size + length;
  return TRUE;
}

static guint
nal_type (gboolean h265, const guint8 *nal)
{
  return h265 ? nal[0] >> 1 & 0x3f : nal[0] & 0x1f;
}

static gsize
nal_header_size (gboolean h265)
{
  return h265 ? 2 : 1;
}

static gboolean
is_sent (gboolean h265, const guint8 *nal, gsize size)
{
  return size > nal_header_size (h265) && nal_type (h265, nal) != (h265 ? H265_AUD : H264_AUD);
}

static gboolean
has_own_sets (const LecternPacket *packet)
{
  NalReader reader;
  const guint8 *nal;
  gsize size;

  if (!nal_reader_init (&reader, packet))
    return FALSE;
  while (nal_reader_next (&reader, &nal, &size))
    if (size > 0 && nal_type (is_h265 (packet), nal) == (is_h265 (packet) ? H265_SPS : H264_SPS))
      return TRUE;
  return FALSE;
}

/* What `size` bytes of payload need when they are cut into packets that repeat a header. */
static gsize
bound_pieces (gsize size, gsize header)
{
  gsize room = LECTERN_RTP_MAX_PAYLOAD - header;

  return size + (size / room + 1) * (PREFIX + header);
}

static gsize
bound_video (const LecternPacket *packet)
{
  gsize bound = 0;
  gsize config = packet->track->config != NULL ? g_bytes_get_size (packet->track->config) : 0;
  NalReader reader;
  const guint8 *nal;
  gsize size;

  if (!nal_reader_init (&reader, packet))
    return 0;
  while (nal_reader_next (&reader, &nal, &size))
    bound += bound_pieces (size, MAX_FU_HEADER);
  /* A parameter set has at least its length of two bytes in the config. */
  if ((packet->flags & LECTERN_PACKET_KEY) != 0)
    bound += bound_pieces (config, MAX_FU_HEADER) + config / 3 * (PREFIX + MAX_FU_HEADER);
  return bound;
}

gsize
lectern_rtp_packer_bound (const LecternPacket *packet)
{
  if (packet->payload == NULL || packet->track == NULL
      || (packet->flags & LECTERN_PACKET_CONFIG) != 0)
    return 0;
  if (packet->track->codec == LECTERN_CODEC_H264 || packet->track->codec == LECTERN_CODEC_H265)
    return bound_video (packet);
  return bound_pieces (g_bytes_get_size (packet->payload), AAC_HEADER);
}

/* Packets */

static guint8 *
put (guint8 *to, guint64 value, guint length)
{
  for (guint i = 0; i < length; i++)
    to[i] = (guint8) (value >> (8 * (length - 1 - i)));
  return to + length;
}

static guint8 *
put_frame (guint8 *to, guint8 channel, gsize size)
{
  *to++ = '$';
  *to++ = channel;
  return put (to, size, 2);
}

/* Begins a packet of @size bytes of payload (RFC 3550, 5.1), which the caller writes. Returns:
 * where. */
static guint8 *
begin_packet (Output *out, gsize size)
{
  LecternRtpPacker *packer = out->packer;
  guint8 *to = put_frame (out->at, packer->channel, LECTERN_RTP_HEADER_SIZE + size);

  out->last = to;
  *to++ = 2 << 6;
  *to++ = out->payload_type;
  to = put (to, packer->seq++, 2);
  to = put (to, out->time, 4);
  to = put (to, packer->ssrc, 4);
  packer->packets++;
  packer->octets += (guint32) size;
  out->at = to + size;
  return to;
}

static void
put_packet (Output *out, const guint8 *payload, gsize size)
{
  memcpy (begin_packet (out, size), payload, size);
}

/* FU-A (RFC 6184, 5.8) and FU (RFC 7798, 4.4.3). */
static void
put_fragments (Output *out, gboolean h265, const guint8 *nal, gsize size)
{
  gsize header = nal_header_size (h265);
  guint type = nal_type (h265, nal);
  gsize at = header;

  while (at < size)
    {
      gsize length = MIN (size - at, LECTERN_RTP_MAX_PAYLOAD - header - 1);
      guint8 *to = begin_packet (out, header + 1 + length);
      guint edges = (at == header ? 0x80u : 0) | (at + length == size ? 0x40u : 0);

      if (h265)
        {
          *to++ = (guint8) ((nal[0] & 0x81) | H265_FU << 1);
          *to++ = nal[1];
        }
      else
        *to++ = (guint8) ((nal[0] & 0xe0) | H264_FU_A);
      *to++ = (guint8) (edges | type);
      memcpy (to, nal + at, length);
      at += length;
    }
}

static void
put_nal (Output *out, gboolean h265, const guint8 *nal, gsize size)
{
  if (size <= LECTERN_RTP_MAX_PAYLOAD)
    put_packet (out, nal, size);
  else
    put_fragments (out, h265, nal, size);
}

static gboolean
put_sets (Output *out, gboolean h265, LecternByteReader *config, guint count)
{
  for (guint i = 0; i < count; i++)
    {
      guint16 size;
      const guint8 *set;

      if (!lectern_byte_reader_read_u16 (config, &size)
          || (set = lectern_byte_reader_take (config, size)) == NULL)
        return FALSE;
      if (is_sent (h265, set, size))
        put_nal (out, h265, set, size);
    }
  return TRUE;
}

static void
put_h264_config (Output *out, LecternByteReader *config)
{
  const guint8 *head = lectern_byte_reader_take (config, 6);
  guint8 pictures;

  if (head != NULL && put_sets (out, FALSE, config, head[5] & 0x1f)
      && lectern_byte_reader_read_u8 (config, &pictures))
    put_sets (out, FALSE, config, pictures);
}

static void
put_h265_config (Output *out, LecternByteReader *config)
{
  const guint8 *head = lectern_byte_reader_take (config, 23);
  guint8 type;
  guint16 count;

  for (guint i = 0; head != NULL && i < head[22]; i++)
    if (!lectern_byte_reader_read_u8 (config, &type)
        || !lectern_byte_reader_read_u16 (config, &count) || !put_sets (out, TRUE, config, count))
      return;
}

static void
put_video (Output *out, const LecternPacket *packet)
{
  gboolean h265 = is_h265 (packet);
  NalReader reader;
  const guint8 *nal;
  gsize size;

  if (!nal_reader_init (&reader, packet))
    return;
  if ((packet->flags & LECTERN_PACKET_KEY) != 0 && !has_own_sets (packet))
    {
      LecternByteReader config;
      const guint8 *data = g_bytes_get_data (packet->track->config, &size);

      lectern_byte_reader_init (&config, data, size);
      if (h265)
        put_h265_config (out, &config);
      else
        put_h264_config (out, &config);
    }
  while (nal_reader_next (&reader, &nal, &size))
    if (is_sent (h265, nal, size))
      put_nal (out, h265, nal, size);
  if (out->last != NULL)
    out->last[1] |= MARKER;
}

/* One access unit, in fragments when it is large; each says the whole size (RFC 3640, 3.2.3). */
static void
put_aac (Output *out, const guint8 *data, gsize size)
{
  gsize at = 0;

  if (size > AAC_MAX_SIZE)
    return;
  while (at < size)
    {
      gsize length = MIN (size - at, LECTERN_RTP_MAX_PAYLOAD - AAC_HEADER);
      guint8 *to = begin_packet (out, AAC_HEADER + length);

      to = put (to, 16, 2); /* bits of AU headers */
      to = put (to, size << 3, 2);
      memcpy (to, data + at, length);
      at += length;
    }
  if (out->last != NULL)
    out->last[1] |= MARKER;
}

/* RFC 2250, 3.5. */
static void
put_mpa (Output *out, const guint8 *data, gsize size)
{
  for (gsize at = 0; at < size && at <= G_MAXUINT16;)
    {
      gsize length = MIN (size - at, LECTERN_RTP_MAX_PAYLOAD - MPA_HEADER);

      memcpy (put (begin_packet (out, MPA_HEADER + length), at, MPA_HEADER), data + at, length);
      at += length;
    }
}

static void
put_g711 (Output *out, const guint8 *data, gsize size, guint channels)
{
  gsize room = LECTERN_RTP_MAX_PAYLOAD / channels * channels;

  for (gsize at = 0; at < size;)
    {
      gsize length = MIN (size - at, room);

      put_packet (out, data + at, length);
      out->time += (guint32) (length / channels);
      at += length;
    }
}

guint32
lectern_rtp_packer_get_time (const LecternRtpPacker *self, gint64 pts_ns, guint clock_rate)
{
  gint64 seconds = pts_ns / NS_PER_SECOND;
  gint64 rest = pts_ns % NS_PER_SECOND;
  gint64 half = rest < 0 ? -NS_PER_SECOND / 2 : NS_PER_SECOND / 2;
  guint64 ticks
      = (guint64) seconds * clock_rate + (guint64) ((rest * clock_rate + half) / NS_PER_SECOND);

  return (guint32) ticks + self->time_offset;
}

void
lectern_rtp_packer_init (LecternRtpPacker *self, LecternMedia media, guint32 ssrc, guint16 seq,
                         guint32 time_offset)
{
  *self = (LecternRtpPacker){
    .media = media,
    .channel = media == LECTERN_MEDIA_VIDEO ? LECTERN_RTP_CHANNEL_VIDEO : LECTERN_RTP_CHANNEL_AUDIO,
    .ssrc = ssrc,
    .seq = seq,
    .time_offset = time_offset,
  };
}

gsize
lectern_rtp_packer_write (LecternRtpPacker *self, const LecternPacket *packet, guint8 *to)
{
  Output out = { .packer = self, .start = to, .at = to };
  const guint8 *data;
  gsize size;
  guint rate;

  if (lectern_rtp_packer_bound (packet) == 0 || packet->track->media != self->media)
    return 0;
  rate = lectern_rtp_format_get_clock (packet->track, &out.payload_type);
  if (rate == 0)
    return 0;
  out.time = lectern_rtp_packer_get_time (self, packet->pts, rate);
  data = g_bytes_get_data (packet->payload, &size);
  switch (packet->track->codec)
    {
    case LECTERN_CODEC_H264:
    case LECTERN_CODEC_H265:
      put_video (&out, packet);
      break;
    case LECTERN_CODEC_AAC:
      put_aac (&out, data, size);
      break;
    case LECTERN_CODEC_MP3:
      put_mpa (&out, data, size);
      break;
    case LECTERN_CODEC_OPUS:
      if (size > 0 && size <= LECTERN_RTP_MAX_PAYLOAD)
        put_packet (&out, data, size);
      break;
    default:
      put_g711 (&out, data, size, CLAMP (packet->track->channels, 1, 8));
      break;
    }
  if (out.last != NULL)
    self->clock_rate = rate;
  return (gsize) (out.at - out.start);
}

/* Reports */

static gsize
frame_report (const LecternRtpPacker *self, guint8 *to, gsize size)
{
  put_frame (to, self->channel + 1, size);
  return LECTERN_RTP_FRAME_SIZE + size;
}

gsize
lectern_rtp_packer_write_report (LecternRtpPacker *self, gint64 pts_ns, gint64 wall_us, guint8 *to)
{
  if (self->clock_rate == 0)
    return 0;
  return frame_report (self, to,
                       lectern_rtcp_write_sender_report (
                           self->ssrc, wall_us,
                           lectern_rtp_packer_get_time (self, pts_ns, self->clock_rate),
                           self->packets, self->octets, to + LECTERN_RTP_FRAME_SIZE));
}

gsize
lectern_rtp_packer_write_bye (LecternRtpPacker *self, guint8 *to)
{
  return frame_report (self, to, lectern_rtcp_write_bye (self->ssrc, to + LECTERN_RTP_FRAME_SIZE));
}
