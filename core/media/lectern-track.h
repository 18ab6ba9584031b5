/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

typedef enum
{
  LECTERN_MEDIA_VIDEO = 1, /* also the track's id, fixed for every stream */
  LECTERN_MEDIA_AUDIO = 2,
  LECTERN_MEDIA_DATA = 3,
} LecternMedia;

typedef enum
{
  LECTERN_CODEC_NONE,
  LECTERN_CODEC_H264, /* config: AVCDecoderConfigurationRecord (ISO 14496-15, 5.3.3.1) */
  LECTERN_CODEC_H265, /* config: HEVCDecoderConfigurationRecord (ISO 14496-15, 8.3.3.1) */
  LECTERN_CODEC_AV1,  /* config: AV1CodecConfigurationRecord */
  LECTERN_CODEC_VP9,  /* config: VPCodecConfigurationRecord */
  LECTERN_CODEC_AAC,  /* config: AudioSpecificConfig (ISO 14496-3, 1.6.2.1) */
  LECTERN_CODEC_MP3,
  LECTERN_CODEC_OPUS, /* config: OpusHead (RFC 7845, 5.1) */
  LECTERN_CODEC_SPEEX,
  LECTERN_CODEC_NELLYMOSER,
  LECTERN_CODEC_PCMA,
  LECTERN_CODEC_PCMU,
  LECTERN_CODEC_SCRIPT, /* data: an AMF0 name and value, as FLV script tags carry (cue points,
                           captions) */
} LecternCodec;

/* Returns: "H.264", "AAC", …; static. Thread: any. */
LECTERN_API const char *lectern_codec_get_name (LecternCodec codec);
LECTERN_API LecternMedia lectern_codec_get_media (LecternCodec codec);
/* Whether packets are of no use without a config. Thread: any. */
LECTERN_API gboolean lectern_codec_needs_config (LecternCodec codec);

/* LecternTrack: what is constant about one track until its codec changes. Immutable, atomically
 * reference-counted. Thread: any. */
typedef struct
{
  LecternMedia media;
  LecternCodec codec;
  GBytes *config; /* or NULL */
  guint width;    /* pixels, 0 unknown */
  guint height;
  guint rate;       /* Hz, 0 unknown */
  guint channels;   /* 0 unknown */
  guint bits;       /* of a sample, as signalled: 8 or 16; 0 unknown */
  gboolean fourcc;  /* the publisher named the codec by fourcc (Enhanced RTMP), not by number */
  char profile[24]; /* "High 4.0", "LC", "" unknown */
  /*< private >*/
  gint refs;
} LecternTrack;

/* Copies @fields and takes a reference on its config. */
LECTERN_API LecternTrack *lectern_track_new (const LecternTrack *fields);
LECTERN_API LecternTrack *lectern_track_ref (LecternTrack *self);
LECTERN_API void lectern_track_unref (LecternTrack *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternTrack, lectern_track_unref)
/* Same codec, named alike, and same config bytes; without a config also same rate, channels and
 * bits. NULLs are allowed. Thread: any. */
LECTERN_API gboolean lectern_track_equal (LecternTrack *a, LecternTrack *b);
