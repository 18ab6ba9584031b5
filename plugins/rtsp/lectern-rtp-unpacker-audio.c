/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AAC with AU headers (RFC 3640) or in LATM (RFC 6416), MP3 (RFC 2250), Opus (RFC 7587), G.711 (RFC
 * 3551). */
#include "lectern-rtp-unpacker-private.h"

#include <string.h>

#define OPUS_RATE 48000
#define AAC_SBR 5
#define AAC_LD 23
#define AAC_PS 29
#define MP3_HEADER 4

static LecternTrack *
make_aac_track (GBytes *config)
{
  LecternTrack fields
      = { .media = LECTERN_MEDIA_AUDIO, .codec = LECTERN_CODEC_AAC, .config = config };
  LecternAacParameters parameters = { 0 };
  gsize size;
  const guint8 *data = g_bytes_get_data (config, &size);

  lectern_aac_parse_config (data, size, &parameters, NULL);
  fields.rate = parameters.rate;
  fields.channels = parameters.channels;
  g_strlcpy (fields.profile, parameters.name, sizeof fields.profile);
  return lectern_track_new (&fields);
}

/* frameLengthFlag (ISO 14496-3, 4.4.1), which makes access units one sixteenth shorter, where it
 * stands in plain configs. */
static gboolean
is_short (GBytes *config)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (config, &size);

  return size >= 2 && data[0] >> 3 < 31 && ((data[0] & 7) << 1 | data[1] >> 7) != 15
         && (data[1] & 4) != 0;
}

static gint64
get_aac_duration (const LecternRtpParameters *parameters, guint rate)
{
  LecternAacParameters aac = { 0 };
  gsize size;
  const guint8 *data = g_bytes_get_data (parameters->config, &size);
  gint64 samples = 1024;

  if (parameters->constant_duration > 0)
    return parameters->constant_duration;
  lectern_aac_parse_config (data, size, &aac, NULL);
  if (aac.object_type == AAC_SBR || aac.object_type == AAC_PS)
    samples = 2048;
  else
    samples
        = (aac.object_type == AAC_LD ? 512 : 1024) * (is_short (parameters->config) ? 15 : 16) / 16;
  return rate > 0 ? samples * parameters->clock_rate / rate : samples;
}

/* OpusHead (RFC 7845, 5.1). Over RTP nobody says what to skip at the beginning. */
static LecternTrack *
make_opus_track (guint channels)
{
  guint8 head[19] = {
    'O',           'p', 'u', 's', 'H', 'e', 'a', 'd', 1, (guint8) channels, 0, 0, OPUS_RATE & 0xff,
    OPUS_RATE >> 8
  };
  g_autoptr (GBytes) config = g_bytes_new (head, sizeof head);
  LecternTrack fields = { .media = LECTERN_MEDIA_AUDIO,
                          .codec = LECTERN_CODEC_OPUS,
                          .config = config,
                          .rate = OPUS_RATE,
                          .channels = channels };

  return lectern_track_new (&fields);
}

static LecternTrack *
make_plain_track (LecternCodec codec, guint rate, guint channels)
{
  LecternTrack fields = {
    .media = LECTERN_MEDIA_AUDIO, .codec = codec, .rate = rate, .channels = channels, .bits = 16
  };

  return lectern_track_new (&fields);
}

void
lectern_rtp_unpacker_init_audio (LecternRtpUnpacker *self)
{
  const LecternRtpParameters *parameters = &self->parameters;

  switch (parameters->codec)
    {
    case LECTERN_CODEC_AAC:
      self->track = make_aac_track (parameters->config);
      self->duration = get_aac_duration (parameters, self->track->rate);
      break;
    case LECTERN_CODEC_OPUS:
      self->track = make_opus_track (parameters->channels);
      break;
    case LECTERN_CODEC_MP3: /* its frames say */
      break;
    default:
      self->track
          = make_plain_track (parameters->codec, parameters->clock_rate, parameters->channels);
      break;
    }
}

/* Leaves out what was begun. */
static void
drop_pending (LecternRtpUnpacker *self)
{
  if (self->pending->len > 0)
    self->damaged++;
  g_byte_array_set_size (self->pending, 0);
  self->expected = 0;
}

static void
emit (LecternRtpUnpacker *self, gint64 time, const guint8 *data, gsize size)
{
  if (size > 0)
    lectern_rtp_unpacker_emit (self, LECTERN_PACKET_NONE, time, data, size);
}

/* Adds to a frame whose size is known, and gives it out when it is whole. Returns: FALSE when it
 * would be larger. */
static gboolean
append_expected (LecternRtpUnpacker *self, const guint8 *data, gsize size)
{
  if (size > self->expected - self->pending->len)
    {
      drop_pending (self);
      return FALSE;
    }
  g_byte_array_append (self->pending, data, (guint) size);
  if (self->pending->len < self->expected)
    return TRUE;
  emit (self, self->time, self->pending->data, self->pending->len);
  g_byte_array_set_size (self->pending, 0);
  self->expected = 0;
  return TRUE;
}

static gboolean
begin_expected (LecternRtpUnpacker *self, gint64 time, gsize expected, const guint8 *data,
                gsize size)
{
  if (expected > LECTERN_RTP_MAX_FRAME)
    return FALSE;
  self->time = time;
  self->expected = expected;
  return append_expected (self, data, size);
}

/* AU headers */

typedef struct
{
  const guint8 *data;
  gsize at; /* bits */
  gsize end;
} HeaderReader;

static guint64
read_bits (HeaderReader *self, guint count)
{
  guint64 value = 0;

  for (guint i = 0; i < count; i++, self->at++)
    value = value << 1 | (self->data[self->at / 8] >> (7 - self->at % 8) & 1);
  return value;
}

/* Returns: FALSE at the end, and for units that are not in their order. */
static gboolean
read_header (const LecternRtpParameters *parameters, HeaderReader *self, gboolean first,
             gsize *size)
{
  guint index = first ? parameters->index_length : parameters->index_delta_length;
  guint64 delta;

  if (self->at == self->end || self->end - self->at < parameters->size_length + index)
    return FALSE;
  *size = (gsize) read_bits (self, parameters->size_length);
  if (parameters->constant_size > 0)
    *size = parameters->constant_size;
  delta = read_bits (self, index);
  return first || delta == 0;
}

/* Without fields in them there are no headers: units of one size fill the packet. */
static gboolean
take_constant_units (LecternRtpUnpacker *self, const LecternRtpUnit *unit)
{
  gsize size = self->parameters.constant_size;
  gint64 time = unit->time;

  if (unit->size == 0 || unit->size % size != 0)
    return FALSE;
  for (gsize at = 0; at < unit->size; at += size, time += self->duration)
    emit (self, time, unit->payload + at, size);
  return TRUE;
}

static gboolean
take_units (LecternRtpUnpacker *self, LecternByteReader *reader, HeaderReader *headers, gint64 time)
{
  gboolean first = TRUE;
  gsize size;

  while (read_header (&self->parameters, headers, first, &size))
    {
      gsize left = lectern_byte_reader_get_remaining (reader);
      const guint8 *data;

      if (first && size > left && left > 0)
        return begin_expected (self, time, size, lectern_byte_reader_take (reader, left), left);
      data = lectern_byte_reader_take (reader, size);
      if (data == NULL)
        return FALSE;
      emit (self, time, data, size);
      time += self->duration;
      first = FALSE;
    }
  return !first;
}

/* RFC 3640, 3.2. */
static gboolean
take_aac (LecternRtpUnpacker *self, const LecternRtpUnit *unit)
{
  const LecternRtpParameters *parameters = &self->parameters;
  LecternByteReader reader;
  HeaderReader headers = { NULL };
  guint16 bits;
  gsize size;

  if (parameters->size_length + parameters->index_length + parameters->index_delta_length == 0)
    return take_constant_units (self, unit);
  lectern_byte_reader_init (&reader, unit->payload, unit->size);
  if (!lectern_byte_reader_read_u16 (&reader, &bits))
    return FALSE;
  headers.end = bits;
  headers.data = lectern_byte_reader_take (&reader, (bits + 7u) / 8);
  if (headers.data == NULL)
    return FALSE;
  if (self->expected > 0 && unit->time == self->time)
    {
      gsize left = lectern_byte_reader_get_remaining (&reader);

      if (!read_header (parameters, &headers, TRUE, &size) || size != self->expected)
        {
          drop_pending (self);
          return FALSE;
        }
      return append_expected (self, lectern_byte_reader_take (&reader, left), left);
    }
  drop_pending (self);
  return take_units (self, &reader, &headers, unit->time);
}

/* Reads the PayloadLengthInfo of an AudioMuxElement without a config (ISO 14496-3, 1.7.3), of one
 * frame. Returns: (nullable): the frame. */
static const guint8 *
read_element (LecternByteReader *reader, gsize *length)
{
  guint8 byte;

  *length = 0;
  do
    {
      if (!lectern_byte_reader_read_u8 (reader, &byte))
        return NULL;
      *length += byte;
    }
  while (byte == 0xff);
  return lectern_byte_reader_take (reader, *length);
}

/* All of them, or none where they do not fill the memory. */
static gboolean
take_elements (LecternRtpUnpacker *self, const guint8 *data, gsize size, gint64 time)
{
  LecternByteReader check;
  LecternByteReader reader;
  gsize length;

  lectern_byte_reader_init (&check, data, size);
  while (lectern_byte_reader_get_remaining (&check) > 0)
    if (read_element (&check, &length) == NULL)
      return FALSE;
  lectern_byte_reader_init (&reader, data, size);
  while (lectern_byte_reader_get_remaining (&reader) > 0)
    {
      const guint8 *frame = read_element (&reader, &length);

      emit (self, time, frame, length);
      time += self->duration;
    }
  return size > 0;
}

/* RFC 6416, 4: a marker ends an element that needs more than one packet. */
static gboolean
take_latm (LecternRtpUnpacker *self, const LecternRtpUnit *unit)
{
  gboolean good = TRUE;

  if (unit->lost && !unit->marker)
    self->skipping = TRUE; /* this may be the middle of one */
  if (self->pending->len > 0 && unit->time != self->time)
    drop_pending (self);
  if (self->skipping)
    {
      self->skipping = !unit->marker;
      return TRUE;
    }
  if (self->pending->len + unit->size > LECTERN_RTP_MAX_FRAME)
    {
      drop_pending (self);
      self->skipping = !unit->marker;
      return FALSE;
    }
  self->time = unit->time;
  if (unit->marker && self->pending->len == 0)
    return take_elements (self, unit->payload, unit->size, unit->time);
  g_byte_array_append (self->pending, unit->payload, (guint) unit->size);
  if (unit->marker)
    {
      good = take_elements (self, self->pending->data, self->pending->len, unit->time);
      g_byte_array_set_size (self->pending, 0);
    }
  return good;
}

/* MP3 */

typedef struct
{
  gsize size; /* with its header */
  guint samples;
  guint rate;
  guint channels;
} Mp3Frame;

/* ISO 11172-3, 2.4.2.3, and 13818-3. Layer III alone, and no free format. */
static gboolean
parse_mp3 (const guint8 *data, gsize size, Mp3Frame *frame)
{
  static const guint16 rates_1[]
      = { 0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320 }; /* kbit/s */
  static const guint16 rates_2[] = { 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160 };
  static const guint16 frequencies[] = { 44100, 48000, 32000 };
  guint version;
  guint bitrate;
  guint frequency;

  if (size < MP3_HEADER || data[0] != 0xff || (data[1] & 0xe6) != 0xe2)
    return FALSE;
  version = data[1] >> 3 & 3; /* 3: MPEG-1, 2: MPEG-2, 0: 2.5 */
  bitrate = data[2] >> 4;
  frequency = data[2] >> 2 & 3;
  if (version == 1 || bitrate == 0 || bitrate == 15 || frequency == 3)
    return FALSE;
  frame->rate = frequencies[frequency] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  frame->samples = version == 3 ? 1152 : 576;
  frame->size
      = frame->samples / 8 * 1000 * (version == 3 ? rates_1 : rates_2)[bitrate] / frame->rate
        + (data[2] >> 1 & 1);
  frame->channels = data[3] >> 6 == 3 ? 1 : 2;
  return frame->size > MP3_HEADER;
}

static void
set_mp3_track (LecternRtpUnpacker *self, const Mp3Frame *frame)
{
  if (self->track != NULL && self->track->rate == frame->rate
      && self->track->channels == frame->channels)
    return;
  g_clear_pointer (&self->track, lectern_track_unref);
  self->track = make_plain_track (LECTERN_CODEC_MP3, frame->rate, frame->channels);
}

/* RFC 2250, 3.5: whole frames, or a piece of one. */
static gboolean
take_mp3 (LecternRtpUnpacker *self, const LecternRtpUnit *unit)
{
  LecternByteReader reader;
  gint64 time = unit->time;
  guint32 offset;

  lectern_byte_reader_init (&reader, unit->payload, unit->size);
  if (!lectern_byte_reader_read_u32 (&reader, &offset)
      || lectern_byte_reader_get_remaining (&reader) == 0)
    return FALSE;
  offset &= 0xffff;
  if (offset > 0)
    {
      gsize left = lectern_byte_reader_get_remaining (&reader);

      if (self->expected == 0 || offset != self->pending->len)
        {
          drop_pending (self);
          return FALSE;
        }
      return append_expected (self, lectern_byte_reader_take (&reader, left), left);
    }
  drop_pending (self);
  while (lectern_byte_reader_get_remaining (&reader) > 0)
    {
      gsize left = lectern_byte_reader_get_remaining (&reader);
      const guint8 *data = reader.data + reader.offset;
      Mp3Frame frame;

      if (!parse_mp3 (data, left, &frame))
        return FALSE;
      set_mp3_track (self, &frame);
      if (frame.size > left)
        return begin_expected (self, time, frame.size, data, left);
      emit (self, time, data, frame.size);
      lectern_byte_reader_skip (&reader, frame.size);
      time += (gint64) frame.samples * self->parameters.clock_rate / frame.rate;
    }
  return TRUE;
}

gboolean
lectern_rtp_unpacker_take_audio (LecternRtpUnpacker *self, const LecternRtpUnit *unit)
{
  if (unit->lost)
    drop_pending (self);
  switch (self->parameters.codec)
    {
    case LECTERN_CODEC_AAC:
      return self->parameters.latm ? take_latm (self, unit) : take_aac (self, unit);
    case LECTERN_CODEC_MP3:
      return take_mp3 (self, unit);
    default:
      emit (self, unit->time, unit->payload, unit->size);
      return unit->size > 0;
    }
}
