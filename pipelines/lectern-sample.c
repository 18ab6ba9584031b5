/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-sample.h"

#include <string.h>

#define OPUS_RATE 48000
#define OPUS_SKIP 312 /* what encoders use, at 48 kHz */

static const struct
{
  const char *name;
  const char *format; /* stream-format, or NULL */
  gint version;       /* mpegversion, or 0 */
  LecternCodec codec;
} kinds[] = {
  { "video/x-h264", "avc", 0, LECTERN_CODEC_H264 },
  { "video/x-h265", "hvc1", 0, LECTERN_CODEC_H265 },
  { "audio/mpeg", "raw", 0, LECTERN_CODEC_AAC },
  { "audio/mpeg", NULL, 1, LECTERN_CODEC_MP3 },
  { "audio/x-opus", NULL, 0, LECTERN_CODEC_OPUS },
  { "audio/x-alaw", NULL, 0, LECTERN_CODEC_PCMA },
  { "audio/x-mulaw", NULL, 0, LECTERN_CODEC_PCMU },
};

static LecternCodec
find_codec (const GstStructure *structure)
{
  const char *format = gst_structure_get_string (structure, "stream-format");
  gint version = 0;
  gint layer = 3;

  gst_structure_get_int (structure, "mpegversion", &version);
  gst_structure_get_int (structure, "layer", &layer);
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (gst_structure_has_name (structure, kinds[i].name)
        && g_strcmp0 (format, kinds[i].format) == 0
        && (kinds[i].version == 0 || (kinds[i].version == version && layer == 3)))
      return kinds[i].codec;
  return LECTERN_CODEC_NONE;
}

static void
unmap (gpointer data)
{
  GstMapInfo *map = data;
  GstMemory *memory = map->memory;

  gst_memory_unmap (memory, map);
  gst_memory_unref (memory);
  g_free (map);
}

static GBytes *
wrap (GstBuffer *buffer)
{
  GstMapInfo *map = g_new0 (GstMapInfo, 1);
  GstMemory *memory = gst_buffer_get_all_memory (buffer);

  if (memory != NULL && gst_memory_map (memory, map, GST_MAP_READ))
    return g_bytes_new_with_free_func (map->data, map->size, unmap, map);
  g_clear_pointer (&memory, gst_memory_unref);
  g_free (map);
  return g_bytes_new (NULL, 0);
}

/* RFC 7845, 5.1; RTP says no more of it than the number of channels (RFC 7587). */
static GBytes *
make_opus_head (gint channels)
{
  guint8 head[19] = "OpusHead\1";

  head[9] = (guint8) channels;
  GST_WRITE_UINT16_LE (head + 10, OPUS_SKIP);
  GST_WRITE_UINT32_LE (head + 12, OPUS_RATE);
  return g_bytes_new (head, sizeof head);
}

static GBytes *
get_opus_head (const GstStructure *structure)
{
  const GValue *headers = gst_structure_get_value (structure, "streamheader");
  const GValue *first
      = headers != NULL && GST_VALUE_HOLDS_ARRAY (headers) && gst_value_array_get_size (headers) > 0
            ? gst_value_array_get_value (headers, 0)
            : NULL;
  gint channels = 2;

  if (first != NULL && GST_VALUE_HOLDS_BUFFER (first))
    return wrap (gst_value_get_buffer (first));
  gst_structure_get_int (structure, "channels", &channels);
  return channels >= 1 && channels <= 2 ? make_opus_head (channels) : NULL;
}

static GBytes *
get_config (const GstStructure *structure, LecternCodec codec)
{
  const GValue *value = gst_structure_get_value (structure, "codec_data");

  if (codec == LECTERN_CODEC_OPUS)
    return get_opus_head (structure);
  return value != NULL && GST_VALUE_HOLDS_BUFFER (value) && lectern_codec_needs_config (codec)
             ? wrap (gst_value_get_buffer (value))
             : NULL;
}

static gboolean
read_video (LecternTrack *fields, GError **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (fields->config, &size);
  LecternVideoParameters video = { 0 };
  gboolean read = fields->codec == LECTERN_CODEC_H264
                      ? lectern_h264_parse_config (data, size, &video, error)
                      : lectern_h265_parse_config (data, size, &video, error);

  fields->width = video.width;
  fields->height = video.height;
  g_strlcpy (fields->profile, video.name, sizeof fields->profile);
  return read;
}

static gboolean
read_aac (LecternTrack *fields, GError **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (fields->config, &size);
  LecternAacParameters audio = { 0 };
  gboolean read = lectern_aac_parse_config (data, size, &audio, error);

  fields->rate = audio.rate;
  fields->channels = audio.channels;
  g_strlcpy (fields->profile, audio.name, sizeof fields->profile);
  return read;
}

static gboolean
read_opus (LecternTrack *fields, GError **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (fields->config, &size);

  if (size >= 19 && memcmp (data, "OpusHead", 8) == 0)
    {
      fields->rate = OPUS_RATE;
      fields->channels = data[9];
      return TRUE;
    }
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                       "broken Opus identification header");
  return FALSE;
}

static void
read_caps (LecternTrack *fields, const GstStructure *structure)
{
  gint rate = 0;
  gint channels = 0;

  gst_structure_get_int (structure, "rate", &rate);
  gst_structure_get_int (structure, "channels", &channels);
  fields->rate = MAX (rate, 0);
  fields->channels = MAX (channels, 0);
  fields->bits = 16;
}

LecternTrack *
lectern_sample_make_track (GstCaps *caps, GError **error)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  LecternTrack fields = { .codec = find_codec (structure) };
  g_autoptr (GBytes) config = get_config (structure, fields.codec);
  gboolean read = TRUE;

  if (fields.codec == LECTERN_CODEC_NONE
      || (config == NULL && lectern_codec_needs_config (fields.codec)))
    {
      g_autofree char *text = gst_caps_to_string (caps);

      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED, "this is no track: %.200s",
                   text);
      return NULL;
    }
  fields.media = lectern_codec_get_media (fields.codec);
  fields.config = config;
  if (fields.media == LECTERN_MEDIA_VIDEO)
    read = read_video (&fields, error);
  else if (fields.codec == LECTERN_CODEC_AAC)
    read = read_aac (&fields, error);
  else if (fields.codec == LECTERN_CODEC_OPUS)
    read = read_opus (&fields, error);
  else
    read_caps (&fields, structure);
  return read ? lectern_track_new (&fields) : NULL;
}

static gboolean
get_running_time (const GstSegment *segment, GstClockTime time, gint64 *running)
{
  guint64 distance;
  int sign;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return FALSE;
  sign = gst_segment_to_running_time_full (segment, GST_FORMAT_TIME, time, &distance);
  *running = sign < 0 ? -(gint64) distance : (gint64) distance;
  return sign != 0;
}

LecternPacket *
lectern_sample_make_packet (GstSample *sample, LecternTrack *track, gint64 offset)
{
  const GstSegment *segment = gst_sample_get_segment (sample);
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  gboolean is_key = track->media != LECTERN_MEDIA_VIDEO
                    || !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  g_autoptr (GBytes) payload = NULL;
  gint64 pts;
  gint64 dts;

  if (!get_running_time (segment, GST_BUFFER_PTS (buffer), &pts))
    return NULL;
  if (!get_running_time (segment, GST_BUFFER_DTS (buffer), &dts))
    dts = pts;
  payload = wrap (buffer);
  return lectern_packet_new (
      track, is_key ? LECTERN_PACKET_KEY : LECTERN_PACKET_NONE, dts + offset, pts + offset,
      GST_BUFFER_DURATION_IS_VALID (buffer) ? GST_BUFFER_DURATION (buffer) : 0, payload);
}

/* ── and back ── */

static void
put_config (GstCaps *caps, GBytes *config)
{
  g_autoptr (GstBuffer) buffer = NULL;

  if (config == NULL)
    return;
  buffer = gst_buffer_new_wrapped_bytes (config);
  gst_caps_set_simple (caps, "codec_data", GST_TYPE_BUFFER, buffer, NULL);
}

/* The header an Ogg file would have: FLV's Speex is always 16 kHz, mono, wide band. */
static void
put_speex_header (GstCaps *caps)
{
  guint8 header[80] = "Speex   1.1.12";
  static const guint32 fields[] = { 1, 80, 16000, 1, 4, 1, G_MAXUINT32, 320, 0, 1, 0 };
  static const char comment[] = "\7\0\0\0lectern\0\0\0\0\1";
  g_auto (GValue) list = G_VALUE_INIT;

  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      guint32 little = GUINT32_TO_LE (fields[i]);

      memcpy (header + 28 + 4 * i, &little, 4);
    }
  gst_value_array_init (&list, 2);
  for (guint i = 0; i < 2; i++)
    {
      g_auto (GValue) value = G_VALUE_INIT;
      GstBuffer *buffer = i == 0 ? gst_buffer_new_memdup (header, sizeof header)
                                 : gst_buffer_new_memdup (comment, sizeof comment - 1);

      g_value_init (&value, GST_TYPE_BUFFER);
      gst_value_take_buffer (&value, buffer);
      gst_value_array_append_value (&list, &value);
    }
  gst_structure_set_value (gst_caps_get_structure (caps, 0), "streamheader", &list);
}

static void
put_sound (GstCaps *caps, LecternTrack *track)
{
  if (track->rate > 0)
    gst_caps_set_simple (caps, "rate", G_TYPE_INT, (int) track->rate, NULL);
  if (track->channels > 0)
    gst_caps_set_simple (caps, "channels", G_TYPE_INT, (int) track->channels, NULL);
}

GstCaps *
lectern_sample_make_caps (LecternTrack *track)
{
  static const struct
  {
    LecternCodec codec;
    const char *caps;
  } rows[] = {
    { LECTERN_CODEC_H264, "video/x-h264,stream-format=avc,alignment=au" },
    { LECTERN_CODEC_H265, "video/x-h265,stream-format=hvc1,alignment=au" },
    { LECTERN_CODEC_AV1, "video/x-av1,stream-format=obu-stream,alignment=tu" },
    { LECTERN_CODEC_VP9, "video/x-vp9" },
    { LECTERN_CODEC_AAC, "audio/mpeg,mpegversion=4,stream-format=raw,framed=true" },
    { LECTERN_CODEC_MP3, "audio/mpeg,mpegversion=1,layer=3" },
    { LECTERN_CODEC_OPUS, "audio/x-opus,channel-mapping-family=0" },
    { LECTERN_CODEC_SPEEX, "audio/x-speex,rate=16000,channels=1" },
    { LECTERN_CODEC_NELLYMOSER, "audio/x-nellymoser" },
    { LECTERN_CODEC_PCMA, "audio/x-alaw" },
    { LECTERN_CODEC_PCMU, "audio/x-mulaw" },
  };
  GstCaps *caps = NULL;

  for (gsize i = 0; caps == NULL && i < G_N_ELEMENTS (rows); i++)
    if (rows[i].codec == track->codec)
      caps = gst_caps_from_string (rows[i].caps);
  if (caps == NULL)
    return NULL;
  if (track->codec == LECTERN_CODEC_SPEEX)
    put_speex_header (caps);
  else if (track->media == LECTERN_MEDIA_AUDIO)
    put_sound (caps, track);
  if (track->codec != LECTERN_CODEC_OPUS && track->codec != LECTERN_CODEC_SPEEX)
    put_config (caps, track->config);
  return caps;
}
