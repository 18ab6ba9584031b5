/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-track.h"

static const struct
{
  const char *name;
  LecternMedia media;
  gboolean needs_config;
} codecs[] = {
  [LECTERN_CODEC_NONE] = { "none", LECTERN_MEDIA_DATA, FALSE },
  [LECTERN_CODEC_H264] = { "H.264", LECTERN_MEDIA_VIDEO, TRUE },
  [LECTERN_CODEC_H265] = { "H.265", LECTERN_MEDIA_VIDEO, TRUE },
  [LECTERN_CODEC_AV1] = { "AV1", LECTERN_MEDIA_VIDEO, TRUE },
  [LECTERN_CODEC_VP9] = { "VP9", LECTERN_MEDIA_VIDEO, TRUE },
  [LECTERN_CODEC_AAC] = { "AAC", LECTERN_MEDIA_AUDIO, TRUE },
  [LECTERN_CODEC_MP3] = { "MP3", LECTERN_MEDIA_AUDIO, FALSE },
  [LECTERN_CODEC_OPUS] = { "Opus", LECTERN_MEDIA_AUDIO, TRUE },
  [LECTERN_CODEC_SPEEX] = { "Speex", LECTERN_MEDIA_AUDIO, FALSE },
  [LECTERN_CODEC_NELLYMOSER] = { "Nellymoser", LECTERN_MEDIA_AUDIO, FALSE },
  [LECTERN_CODEC_PCMA] = { "G.711 A-law", LECTERN_MEDIA_AUDIO, FALSE },
  [LECTERN_CODEC_PCMU] = { "G.711 mu-law", LECTERN_MEDIA_AUDIO, FALSE },
  [LECTERN_CODEC_SCRIPT] = { "script", LECTERN_MEDIA_DATA, FALSE },
};

const char *
lectern_codec_get_name (LecternCodec codec)
{
  g_return_val_if_fail ((gsize)codec < G_N_ELEMENTS (codecs), "none");
  return codecs[codec].name;
}

LecternMedia
lectern_codec_get_media (LecternCodec codec)
{
  g_return_val_if_fail ((gsize)codec < G_N_ELEMENTS (codecs), LECTERN_MEDIA_DATA);
  return codecs[codec].media;
}

gboolean
lectern_codec_needs_config (LecternCodec codec)
{
  g_return_val_if_fail ((gsize)codec < G_N_ELEMENTS (codecs), FALSE);
  return codecs[codec].needs_config;
}

LecternTrack *
lectern_track_new (const LecternTrack *fields)
{
  LecternTrack *self = g_new (LecternTrack, 1);

  *self = *fields;
  self->refs = 1;
  if (self->config != NULL)
    g_bytes_ref (self->config);
  self->profile[sizeof self->profile - 1] = '\0';
  return self;
}

LecternTrack *
lectern_track_ref (LecternTrack *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
lectern_track_unref (LecternTrack *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_clear_pointer (&self->config, g_bytes_unref);
  g_free (self);
}

gboolean
lectern_track_equal (LecternTrack *a, LecternTrack *b)
{
  if (a == b)
    return TRUE;
  if (a == NULL || b == NULL || a->codec != b->codec || a->fourcc != b->fourcc)
    return FALSE;
  if (a->config != NULL && b->config != NULL)
    return g_bytes_equal (a->config, b->config);
  return a->config == b->config && a->rate == b->rate && a->channels == b->channels
         && a->bits == b->bits;
}
