/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtcp.h"

#include <string.h>

#define SENDER_REPORT 200
#define RECEIVER_REPORT 201
#define DESCRIPTION 202
#define BYE 203
#define SDES_CNAME 1
/* Sound and picture are two RTP sessions that players bring together by the same name. */
#define CNAME "lectern"
#define NTP_TO_UNIX G_GUINT64_CONSTANT (2208988800)
#define MAX_LOST 0x7fffff /* 24 bits with a sign */

static gboolean
read_blocks (LecternRtcp *self, LecternByteReader *reader, guint count)
{
  for (guint i = 0; i < count; i++)
    {
      LecternRtcpBlock block;
      guint32 lost;

      if (!lectern_byte_reader_read_u32 (reader, &block.ssrc)
          || !lectern_byte_reader_read_u8 (reader, &block.fraction_lost)
          || !lectern_byte_reader_read_u24 (reader, &lost)
          || !lectern_byte_reader_read_u32 (reader, &block.highest)
          || !lectern_byte_reader_read_u32 (reader, &block.jitter)
          || !lectern_byte_reader_read_u32 (reader, &block.last_report)
          || !lectern_byte_reader_read_u32 (reader, &block.delay))
        return FALSE;
      block.lost = (gint32) (lost << 8) / 256;
      if (self->n_blocks < LECTERN_RTCP_MAX_BLOCKS)
        self->blocks[self->n_blocks++] = block;
    }
  return TRUE;
}

static gboolean
read_sender_report (LecternRtcp *self, LecternByteReader *reader, guint count)
{
  if (!lectern_byte_reader_read_u32 (reader, &self->ssrc)
      || !lectern_byte_reader_read_u64 (reader, &self->ntp)
      || !lectern_byte_reader_read_u32 (reader, &self->rtp_time)
      || !lectern_byte_reader_read_u32 (reader, &self->packets)
      || !lectern_byte_reader_read_u32 (reader, &self->octets))
    return FALSE;
  self->sender_report = TRUE;
  return read_blocks (self, reader, count);
}

static gboolean
read_bye (LecternRtcp *self, LecternByteReader *reader, guint count)
{
  for (guint i = 0; i < count; i++)
    {
      guint32 ssrc;

      if (!lectern_byte_reader_read_u32 (reader, &ssrc))
        return FALSE;
      if (self->bye++ == 0)
        self->bye_ssrc = ssrc;
    }
  return TRUE;
}

/* @first: the byte of version, padding and count. @body: behind the header, without padding. */
static gboolean
read_packet (LecternRtcp *self, guint8 first, guint8 type, LecternByteReader *body)
{
  guint count = first & 0x1f;

  switch (type)
    {
    case SENDER_REPORT:
      return read_sender_report (self, body, count);
    case RECEIVER_REPORT:
      return lectern_byte_reader_skip (body, 4) && read_blocks (self, body, count);
    case BYE:
      return read_bye (self, body, count);
    default:
      return TRUE; /* names and extensions mean nothing to us */
    }
}

static gboolean
read_compound (LecternRtcp *self, LecternByteReader *reader)
{
  guint packets = 0;

  while (lectern_byte_reader_get_remaining (reader) > 0)
    {
      LecternByteReader body;
      guint8 first;
      guint8 type;
      guint16 words;

      if (!lectern_byte_reader_read_u8 (reader, &first) || first >> 6 != 2
          || !lectern_byte_reader_read_u8 (reader, &type)
          || !lectern_byte_reader_read_u16 (reader, &words)
          || !lectern_byte_reader_read_part (reader, (gsize) words * 4, &body))
        return FALSE;
      if ((first & 0x20) != 0)
        {
          guint8 padding = body.size > 0 ? body.data[body.size - 1] : 0;

          if (padding == 0 || padding > body.size)
            return FALSE;
          body.size -= padding;
        }
      if (!read_packet (self, first, type, &body))
        return FALSE;
      packets++;
    }
  return packets > 0;
}

gboolean
lectern_rtcp_parse (LecternRtcp *self, const guint8 *data, gsize size, GError **error)
{
  LecternByteReader reader;

  *self = (LecternRtcp){ FALSE };
  lectern_byte_reader_init (&reader, data, size);
  if (read_compound (self, &reader))
    return TRUE;
  *self = (LecternRtcp){ FALSE };
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "a broken RTCP packet");
  return FALSE;
}

static guint8 *
put (guint8 *to, guint64 value, guint length)
{
  for (guint i = 0; i < length; i++)
    to[i] = (guint8) (value >> (8 * (length - 1 - i)));
  return to + length;
}

static guint8 *
put_header (guint8 *to, guint count, guint type, gsize size)
{
  *to++ = (guint8) (2 << 6 | count);
  *to++ = (guint8) type;
  return put (to, size / 4 - 1, 2);
}

/* 6.5: one chunk, ended and padded by zeros. */
static guint8 *
put_description (guint8 *to, guint32 ssrc)
{
  gsize size = (4 + 4 + 2 + strlen (CNAME) + 1 + 3) / 4 * 4;

  memset (to, 0, size);
  put_header (to, 1, DESCRIPTION, size);
  put (to + 4, ssrc, 4);
  to[8] = SDES_CNAME;
  to[9] = (guint8) strlen (CNAME);
  memcpy (to + 10, CNAME, strlen (CNAME));
  return to + size;
}

gsize
lectern_rtcp_write_sender_report (guint32 ssrc, gint64 wall_us, guint32 rtp_time, guint32 packets,
                                  guint32 octets, guint8 *to)
{
  guint8 *at = put_header (to, 0, SENDER_REPORT, 28);
  guint64 us = (guint64) MAX (wall_us, 0);

  at = put (at, ssrc, 4);
  at = put (at, us / G_USEC_PER_SEC + NTP_TO_UNIX, 4);
  at = put (at, (us % G_USEC_PER_SEC << 32) / G_USEC_PER_SEC, 4);
  at = put (at, rtp_time, 4);
  at = put (at, packets, 4);
  at = put (at, octets, 4);
  return (gsize) (put_description (at, ssrc) - to);
}

gsize
lectern_rtcp_write_receiver_report (guint32 ssrc, const LecternRtcpBlock *block, guint8 *to)
{
  guint8 *at = put_header (to, block != NULL ? 1 : 0, RECEIVER_REPORT, block != NULL ? 32 : 8);

  at = put (at, ssrc, 4);
  if (block != NULL)
    {
      at = put (at, block->ssrc, 4);
      *at++ = block->fraction_lost;
      at = put (at, (guint32) CLAMP (block->lost, -MAX_LOST - 1, MAX_LOST) & 0xffffff, 3);
      at = put (at, block->highest, 4);
      at = put (at, block->jitter, 4);
      at = put (at, block->last_report, 4);
      at = put (at, block->delay, 4);
    }
  return (gsize) (put_description (at, ssrc) - to);
}

gsize
lectern_rtcp_write_bye (guint32 ssrc, guint8 *to)
{
  guint8 *at = to + lectern_rtcp_write_receiver_report (ssrc, NULL, to);

  at = put_header (at, 1, BYE, 8);
  return (gsize) (put (at, ssrc, 4) - to);
}
