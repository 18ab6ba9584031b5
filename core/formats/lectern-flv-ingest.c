/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-flv-ingest.h"

#include "formats/lectern-h264.h"

#define NS_PER_MS G_GINT64_CONSTANT (1000000)

void
lectern_flv_ingest_clear (LecternFlvIngest *self)
{
  g_clear_pointer (&self->video, lectern_track_unref);
  g_clear_pointer (&self->audio, lectern_track_unref);
  g_clear_pointer (&self->script, lectern_track_unref);
  *self = (LecternFlvIngest){ NULL };
}

/* How long the lengths before NAL units are: 4.4.2 and 8.3.3 of ISO 14496-15; make_track has
 * checked that the record is whole. */
static guint
get_nal_length_size (LecternTrack *track)
{
  gsize size;
  const guint8 *config;
  gsize at;

  if (track->codec != LECTERN_CODEC_H264 && track->codec != LECTERN_CODEC_H265)
    return 0;
  at = track->codec == LECTERN_CODEC_H264 ? 4 : 21;
  config = g_bytes_get_data (track->config, &size);
  return size > at ? (config[at] & 3u) + 1 : 0;
}

static gboolean
set_track (LecternFlvIngest *self, const LecternFlvBody *body, GBytes *config, GError **error)
{
  LecternTrack *track = lectern_flv_make_track (body, config, error);
  LecternTrack **slot;

  if (track == NULL)
    return FALSE;
  slot = track->media == LECTERN_MEDIA_VIDEO ? &self->video : &self->audio;
  g_clear_pointer (slot, lectern_track_unref);
  *slot = track;
  if (track->media == LECTERN_MEDIA_VIDEO)
    self->nal_length_size = get_nal_length_size (track);
  lectern_publisher_set_track (self->publisher, track);
  return TRUE;
}

/* Whether frames of @body may follow what the publisher announced. A codec without a config needs
 * no announcement: its first frame is one. */
static gboolean
prepare_track (LecternFlvIngest *self, const LecternFlvBody *body, GError **error)
{
  LecternTrack *track
      = lectern_codec_get_media (body->codec) == LECTERN_MEDIA_VIDEO ? self->video : self->audio;

  if (track != NULL && track->codec == body->codec
      && (track->config != NULL
          || (track->rate == body->rate && track->channels == body->channels)))
    return TRUE;
  if (!lectern_codec_needs_config (body->codec))
    return set_track (self, body, NULL, error);
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
               "%s frames before their configuration", lectern_codec_get_name (body->codec));
  return FALSE;
}

static gboolean
push_frame (LecternFlvIngest *self, const LecternFlvBody *body, gint64 dts, GBytes *payload,
            GError **error)
{
  LecternMedia media = lectern_codec_get_media (body->codec);
  gboolean video = media == LECTERN_MEDIA_VIDEO;
  gsize size;
  const guint8 *data = g_bytes_get_data (payload, &size);

  if (!prepare_track (self, body, error))
    return FALSE;
  if (size == 0
      || (video && self->nal_length_size > 0
          && !lectern_h264_check_nal_lengths (data, size, self->nal_length_size)))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "a frame whose lengths do not add up");
      return FALSE;
    }
  lectern_publisher_push (self->publisher, media,
                          video && body->key ? LECTERN_PACKET_KEY : LECTERN_PACKET_NONE, dts,
                          dts + body->composition_ms * NS_PER_MS, payload);
  return TRUE;
}

static gboolean
take_media (LecternFlvIngest *self, gboolean video, GBytes *tag, gint64 dts, GError **error)
{
  g_autoptr (GBytes) payload = NULL;
  LecternFlvBody body;
  gsize size;
  const guint8 *data = g_bytes_get_data (tag, &size);

  if (!(video ? lectern_flv_parse_video (data, size, &body, error)
              : lectern_flv_parse_audio (data, size, &body, error)))
    return FALSE;
  if (body.kind != LECTERN_FLV_FRAME && body.kind != LECTERN_FLV_CONFIG)
    return TRUE;
  payload = g_bytes_new_from_bytes (tag, body.payload_offset, body.payload_size);
  if (body.kind == LECTERN_FLV_CONFIG)
    return set_track (self, &body, payload, error);
  return push_frame (self, &body, dts, payload, error);
}

static void
take_script (LecternFlvIngest *self, GBytes *script, gint64 dts)
{
  static const LecternTrack fields = { .media = LECTERN_MEDIA_DATA, .codec = LECTERN_CODEC_SCRIPT };

  if (self->script == NULL)
    {
      self->script = lectern_track_new (&fields);
      lectern_publisher_set_track (self->publisher, self->script);
    }
  lectern_publisher_push (self->publisher, LECTERN_MEDIA_DATA, LECTERN_PACKET_NONE, dts, dts,
                          script);
}

gboolean
lectern_flv_ingest_take (LecternFlvIngest *self, guint8 type, guint32 time_ms, GBytes *body,
                         GError **error)
{
  gint64 dts;

  /* Encoders send empty messages at the end of a track; they mean nothing. */
  if (g_bytes_get_size (body) == 0)
    return TRUE;
  dts = lectern_unwrap_ms (&self->unwrap, time_ms) * NS_PER_MS;
  if (type == LECTERN_FLV_TAG_AUDIO || type == LECTERN_FLV_TAG_VIDEO)
    return take_media (self, type == LECTERN_FLV_TAG_VIDEO, body, dts, error);
  take_script (self, body, dts);
  return TRUE;
}

gboolean
lectern_flv_ingest_count_bad (LecternFlvIngest *self, const GError *why, gint64 now_us,
                              GError **error)
{
  if (self->bad_tags == 0 || now_us - self->bad_since_us > LECTERN_FLV_BAD_TAGS_US)
    {
      self->bad_tags = 0;
      self->bad_since_us = now_us;
    }
  self->bad_tags++;
  if (self->bad_tags <= LECTERN_FLV_MAX_BAD_TAGS)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
               "more than %u broken tags, the last: %s", LECTERN_FLV_MAX_BAD_TAGS,
               why != NULL ? why->message : "broken, or without a publication");
  return FALSE;
}

gboolean
lectern_flv_ingest_count_bytes (LecternFlvIngest *self, gsize bytes, gint64 now_us, GError **error)
{
  gint64 passed_us = now_us - self->rate_since_us;
  double bits;

  self->rate_bytes += bytes;
  if (self->rate_since_us != 0 && passed_us < LECTERN_FLV_RATE_US)
    return TRUE;
  bits = 8.0 * (double) self->rate_bytes;
  if (self->rate_since_us != 0 && self->max_bitrate > 0
      && bits * G_USEC_PER_SEC > (double) self->max_bitrate * (double) passed_us)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                   "more than %" G_GINT64_FORMAT " bits a second", self->max_bitrate);
      return FALSE;
    }
  self->rate_bytes = 0;
  self->rate_since_us = now_us;
  return TRUE;
}
