/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtp-unpacker-private.h"

static gboolean
is_video (LecternRtpUnpacker *self)
{
  return lectern_codec_get_media (self->parameters.codec) == LECTERN_MEDIA_VIDEO;
}

LecternRtpUnpacker *
lectern_rtp_unpacker_new (const LecternRtpFormat *format, LecternRtpFrameFunc frame,
                          gpointer user_data, GError **error)
{
  LecternRtpUnpacker *self;
  LecternRtpParameters parameters;

  if (!lectern_rtp_parameters_init (&parameters, format, error))
    return NULL;
  self = g_new0 (LecternRtpUnpacker, 1);
  self->parameters = parameters;
  self->frame = frame;
  self->user_data = user_data;
  self->pending = g_byte_array_new ();
  if (is_video (self))
    lectern_rtp_unpacker_init_video (self);
  else
    lectern_rtp_unpacker_init_audio (self);
  return self;
}

void
lectern_rtp_unpacker_free (LecternRtpUnpacker *self)
{
  lectern_rtp_parameters_clear (&self->parameters);
  g_clear_pointer (&self->track, lectern_track_unref);
  g_clear_pointer (&self->sets, lectern_parameter_sets_free);
  g_byte_array_unref (self->pending);
  g_free (self);
}

gboolean
lectern_rtp_unpacker_take (LecternRtpUnpacker *self, const LecternRtpUnit *unit)
{
  return is_video (self) ? lectern_rtp_unpacker_take_video (self, unit)
                         : lectern_rtp_unpacker_take_audio (self, unit);
}

void
lectern_rtp_unpacker_flush (LecternRtpUnpacker *self)
{
  if (is_video (self))
    lectern_rtp_unpacker_flush_video (self);
}

void
lectern_rtp_unpacker_emit (LecternRtpUnpacker *self, LecternPacketFlags flags, gint64 time,
                           const guint8 *data, gsize size)
{
  g_autoptr (GBytes) payload = g_bytes_new (data, size);

  self->frame (self->track, flags, time, payload, self->user_data);
}

LecternTrack *
lectern_rtp_unpacker_get_track (LecternRtpUnpacker *self)
{
  return self->track;
}

gint
lectern_rtp_unpacker_get_reorder (LecternRtpUnpacker *self)
{
  return self->sets != NULL ? lectern_parameter_sets_get_reorder (self->sets) : 0;
}

guint64
lectern_rtp_unpacker_get_damaged (LecternRtpUnpacker *self)
{
  return self->damaged;
}
