/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* H.264 (RFC 6184, 5) and H.265 (RFC 7798, 4.4) in the order of decoding. */
#include "lectern-rtp-unpacker-private.h"

#include <string.h>

#define LENGTH_SIZE 4
#define H264_SLICE 1
#define H264_PARTITION_A 2
#define H264_IDR 5
#define H264_SEI 6
#define H264_AUD 9
#define H264_FILLER 12
#define H264_HIGHEST 23
#define H264_STAP_A 24
#define H264_FU_A 28
#define H265_LAST_SLICE 31
#define H265_FIRST_KEY 16 /* BLA_W_LP … CRA_NUT (ITU-T H.265, table 7-1) */
#define H265_LAST_KEY 21
#define H265_AUD 35
#define H265_FILLER 38
#define H265_HIGHEST 47
#define H265_AP 48
#define H265_FU 49
#define SEI_RECOVERY_POINT 6

void
lectern_rtp_unpacker_init_video (LecternRtpUnpacker *self)
{
  GPtrArray *sets = self->parameters.sets;
  LecternTrack *track;

  self->sets = lectern_parameter_sets_new (self->parameters.codec);
  for (guint i = 0; i < sets->len; i++)
    {
      gsize size;
      const guint8 *nal = g_bytes_get_data (sets->pdata[i], &size);

      lectern_parameter_sets_add (self->sets, nal, size);
    }
  track = lectern_parameter_sets_get_track (self->sets);
  if (track != NULL)
    self->track = lectern_track_ref (track);
}

static gboolean
is_h265 (const LecternRtpUnpacker *self)
{
  return self->parameters.codec == LECTERN_CODEC_H265;
}

static guint
get_header_size (const LecternRtpUnpacker *self)
{
  return is_h265 (self) ? 2 : 1;
}

static guint
get_type (const LecternRtpUnpacker *self, const guint8 *nal)
{
  return is_h265 (self) ? nal[0] >> 1 & 0x3f : nal[0] & 0x1f;
}

static void
begin_frame (LecternRtpUnpacker *self, gint64 time, gboolean gap)
{
  g_byte_array_set_size (self->pending, 0);
  self->open = TRUE;
  self->time = time;
  self->gap = gap;
  self->broken = self->picture = self->key = self->fragment = FALSE;
}

/* Takes what is put together as a frame, if it is one. */
static void
end_frame (LecternRtpUnpacker *self)
{
  LecternTrack *track;

  if (!self->open)
    return;
  self->open = FALSE;
  if (self->broken || self->fragment)
    {
      self->damaged++;
      return;
    }
  if (!self->picture)
    return;
  track = self->key ? lectern_parameter_sets_get_track (self->sets) : self->track;
  if (track == NULL || (!self->key && !self->started))
    return;
  if (track != self->track)
    {
      g_clear_pointer (&self->track, lectern_track_unref);
      self->track = lectern_track_ref (track);
    }
  self->started = TRUE;
  lectern_rtp_unpacker_emit (self, self->key ? LECTERN_PACKET_KEY : LECTERN_PACKET_NONE, self->time,
                             self->pending->data, self->pending->len);
}

/* Streams with periodic intra refresh or open groups have no IDR pictures, but say where decoding
 * may begin (ITU-T H.264, D.1.8). */
static gboolean
has_recovery_point (const guint8 *nal, gsize size)
{
  LecternByteReader reader;
  guint8 byte;

  lectern_byte_reader_init (&reader, nal + 1, size - 1);
  while (lectern_byte_reader_get_remaining (&reader) > 2)
    {
      guint type = 0;
      gsize length = 0;

      do
        {
          if (!lectern_byte_reader_read_u8 (&reader, &byte))
            return FALSE;
          type += byte;
        }
      while (byte == 0xff);
      do
        {
          if (!lectern_byte_reader_read_u8 (&reader, &byte))
            return FALSE;
          length += byte;
        }
      while (byte == 0xff);
      if (type == SEI_RECOVERY_POINT)
        return TRUE;
      if (!lectern_byte_reader_skip (&reader, length))
        return FALSE;
    }
  return FALSE;
}

/* A slice; of the first one of a picture the next bit is set: first_mb_in_slice is 0, or
 * first_slice_segment_in_pic_flag. */
static void
note_slice (LecternRtpUnpacker *self, gboolean key, guint8 behind_header)
{
  if (!self->picture && (behind_header & 0x80) == 0)
    self->broken = TRUE;
  self->picture = TRUE;
  self->key |= key;
}

/* Looks at a whole NAL unit. Returns: FALSE for what is no part of a frame. */
static gboolean
note_nal (LecternRtpUnpacker *self, const guint8 *nal, gsize size)
{
  guint header = get_header_size (self);
  guint type;

  if (size <= header || lectern_parameter_sets_add (self->sets, nal, size))
    return FALSE;
  type = get_type (self, nal);
  if (is_h265 (self))
    {
      if (type <= H265_LAST_SLICE)
        note_slice (self, type >= H265_FIRST_KEY && type <= H265_LAST_KEY, nal[header]);
      return type != H265_AUD && type != H265_FILLER;
    }
  if (type == H264_SLICE || type == H264_PARTITION_A || type == H264_IDR)
    note_slice (self, type == H264_IDR, nal[header]);
  else if (type == H264_SEI && has_recovery_point (nal, size))
    self->key = TRUE;
  return type != H264_AUD && type != H264_FILLER;
}

/* Appends within the bound. */
static void
append (LecternRtpUnpacker *self, const guint8 *data, gsize size)
{
  if (self->broken)
    return;
  if (self->pending->len + size > LECTERN_RTP_MAX_FRAME)
    self->broken = TRUE;
  else
    g_byte_array_append (self->pending, data, (guint) size);
}

static void
begin_nal (LecternRtpUnpacker *self)
{
  static const guint8 length[LENGTH_SIZE] = { 0 };

  self->nal_at = self->pending->len;
  append (self, length, LENGTH_SIZE);
}

static void
end_nal (LecternRtpUnpacker *self)
{
  guint8 *at;
  gsize size;

  if (self->broken)
    return;
  at = self->pending->data + self->nal_at;
  size = self->pending->len - self->nal_at - LENGTH_SIZE;
  if (!note_nal (self, at + LENGTH_SIZE, size))
    {
      g_byte_array_set_size (self->pending, (guint) self->nal_at);
      return;
    }
  for (guint i = 0; i < LENGTH_SIZE; i++)
    at[i] = (guint8) (size >> (8 * (LENGTH_SIZE - 1 - i)));
}

static void
take_nal (LecternRtpUnpacker *self, const guint8 *nal, gsize size)
{
  begin_nal (self);
  append (self, nal, size);
  end_nal (self);
}

/* STAP-A (RFC 6184, 5.7.1) and AP (RFC 7798, 4.4.2). */
static gboolean
take_aggregate (LecternRtpUnpacker *self, LecternByteReader *reader)
{
  while (lectern_byte_reader_get_remaining (reader) > 0)
    {
      const guint8 *nal;
      guint16 size;

      if (!lectern_byte_reader_read_u16 (reader, &size)
          || (nal = lectern_byte_reader_take (reader, size)) == NULL)
        return FALSE;
      take_nal (self, nal, size);
    }
  return TRUE;
}

/* FU-A (RFC 6184, 5.8) and FU (RFC 7798, 4.4.3). @head: the payload's header. */
static gboolean
take_fragment (LecternRtpUnpacker *self, const guint8 *head, LecternByteReader *reader)
{
  guint8 fragment;
  guint type;
  gsize size;

  if (!lectern_byte_reader_read_u8 (reader, &fragment))
    return FALSE;
  type = fragment & (is_h265 (self) ? 0x3f : 0x1f);
  if ((fragment & 0x80) != 0)
    {
      guint8 header[2] = { (guint8) ((head[0] & 0xe0) | type), 0 };

      if (is_h265 (self))
        {
          header[0] = (guint8) ((head[0] & 0x81) | type << 1);
          header[1] = head[1];
        }
      self->broken |= self->fragment;
      self->fragment = TRUE;
      self->fragment_type = type;
      begin_nal (self);
      append (self, header, get_header_size (self));
    }
  else if (!self->fragment || type != self->fragment_type)
    {
      self->broken = TRUE;
      return self->gap; /* its beginning was lost, which is no fault of this packet */
    }
  size = lectern_byte_reader_get_remaining (reader);
  append (self, lectern_byte_reader_take (reader, size), size);
  if ((fragment & 0x40) != 0)
    {
      self->fragment = FALSE;
      end_nal (self);
    }
  return TRUE;
}

static gboolean
take_payload (LecternRtpUnpacker *self, const LecternRtpUnit *unit)
{
  LecternByteReader reader;
  const guint8 *head;
  guint type;

  lectern_byte_reader_init (&reader, unit->payload, unit->size);
  head = lectern_byte_reader_take (&reader, get_header_size (self));
  if (head == NULL)
    return FALSE;
  type = get_type (self, head);
  if (type == (is_h265 (self) ? H265_FU : H264_FU_A))
    return take_fragment (self, head, &reader);
  self->broken |= self->fragment; /* its rest is missing */
  self->fragment = FALSE;
  if (type == (is_h265 (self) ? H265_AP : H264_STAP_A))
    return take_aggregate (self, &reader);
  if (type > (is_h265 (self) ? H265_HIGHEST : H264_HIGHEST) || (type == 0 && !is_h265 (self)))
    return FALSE;
  take_nal (self, unit->payload, unit->size);
  return TRUE;
}

gboolean
lectern_rtp_unpacker_take_video (LecternRtpUnpacker *self, const LecternRtpUnit *unit)
{
  gboolean taken;

  /* Whether the end of an open frame is among what was lost cannot be told. */
  if (unit->lost && self->open)
    self->broken = self->gap = TRUE;
  if (self->open && unit->time != self->time)
    end_frame (self);
  if (!self->open)
    {
      if (self->marked && unit->time == self->marked_time && !unit->lost)
        self->markers_lie = TRUE;
      begin_frame (self, unit->time, unit->lost);
    }
  taken = take_payload (self, unit);
  if (!taken)
    self->broken = TRUE;
  if (unit->marker && !self->markers_lie)
    {
      self->marked = self->picture;
      self->marked_time = unit->time;
      end_frame (self);
    }
  return taken;
}

void
lectern_rtp_unpacker_flush_video (LecternRtpUnpacker *self)
{
  end_frame (self);
}
