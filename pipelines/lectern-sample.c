/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-sample.h"

static const struct
{
  const char *name;
  const char *format; /* stream-format */
  LecternCodec codec;
} kinds[] = {
  { "video/x-h264", "avc", LECTERN_CODEC_H264 },
  { "video/x-h265", "hvc1", LECTERN_CODEC_H265 },
  { "audio/mpeg", "raw", LECTERN_CODEC_AAC },
};

static LecternCodec
find_codec (const GstStructure *structure)
{
  const char *format = gst_structure_get_string (structure, "stream-format");

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (gst_structure_has_name (structure, kinds[i].name)
        && g_strcmp0 (format, kinds[i].format) == 0)
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

static GBytes *
get_config (const GstStructure *structure)
{
  const GValue *value = gst_structure_get_value (structure, "codec_data");

  return value != NULL && GST_VALUE_HOLDS_BUFFER (value) ? wrap (gst_value_get_buffer (value))
                                                         : NULL;
}

/* Fills what the config says better than the caps. */
static gboolean
read_config (LecternTrack *fields, GError **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (fields->config, &size);
  LecternVideoParameters video = { 0 };
  LecternAacParameters audio = { 0 };
  gboolean read = fields->codec == LECTERN_CODEC_AAC
                      ? lectern_aac_parse_config (data, size, &audio, error)
                  : fields->codec == LECTERN_CODEC_H264
                      ? lectern_h264_parse_config (data, size, &video, error)
                      : lectern_h265_parse_config (data, size, &video, error);

  fields->width = video.width;
  fields->height = video.height;
  fields->rate = audio.rate;
  fields->channels = audio.channels;
  g_strlcpy (fields->profile, fields->media == LECTERN_MEDIA_AUDIO ? audio.name : video.name,
             sizeof fields->profile);
  return read;
}

LecternTrack *
lectern_sample_make_track (GstCaps *caps, GError **error)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  LecternTrack fields = { .codec = find_codec (structure) };
  g_autoptr (GBytes) config = get_config (structure);

  if (fields.codec == LECTERN_CODEC_NONE || config == NULL)
    {
      g_autofree char *text = gst_caps_to_string (caps);

      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                   "an encoder gives what is no track: %.200s", text);
      return NULL;
    }
  fields.media = lectern_codec_get_media (fields.codec);
  fields.config = config;
  return read_config (&fields, error) ? lectern_track_new (&fields) : NULL;
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
