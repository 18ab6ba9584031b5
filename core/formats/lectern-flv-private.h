/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The numbers of annex E and of Enhanced RTMP that reading and writing share. */
enum
{
  FLV_FRAME_KEY = 1,
  FLV_FRAME_INTER = 2,
  FLV_FRAME_DISPOSABLE = 3,
  FLV_FRAME_GENERATED_KEY = 4,
  FLV_FRAME_COMMAND = 5,

  FLV_VIDEO_H264 = 7,
  FLV_VIDEO_H265 = 12,

  FLV_PACKET_CONFIG = 0, /* of H.264, H.265 and AAC by number */
  FLV_PACKET_FRAME = 1,
  FLV_PACKET_END = 2,

  FLV_EX_SEQUENCE_START = 0,
  FLV_EX_CODED_FRAMES = 1,
  FLV_EX_SEQUENCE_END = 2,
  FLV_EX_CODED_FRAMES_X = 3, /* video: no composition time */
  FLV_EX_METADATA = 4,       /* video */
  FLV_EX_MULTICHANNEL = 4,   /* audio: the speakers' order */
  FLV_EX_MPEG2TS_START = 5,  /* video */
  FLV_EX_MULTITRACK_AUDIO = 5,
  FLV_EX_MULTITRACK_VIDEO = 6,
  FLV_EX_MODIFIER = 7,

  FLV_SOUND_MP3 = 2,
  FLV_SOUND_NELLYMOSER_16K = 4,
  FLV_SOUND_NELLYMOSER_8K = 5,
  FLV_SOUND_NELLYMOSER = 6,
  FLV_SOUND_PCMA = 7,
  FLV_SOUND_PCMU = 8,
  FLV_SOUND_EX = 9,
  FLV_SOUND_AAC = 10,
  FLV_SOUND_SPEEX = 11,
  FLV_SOUND_MP3_8K = 14,
};

#define FLV_FOURCC(a, b, c, d)                                                                     \
  ((guint32)(a) << 24 | (guint32)(b) << 16 | (guint32)(c) << 8 | (guint32)(d))
#define FLV_FOURCC_AVC1 FLV_FOURCC ('a', 'v', 'c', '1')
#define FLV_FOURCC_HVC1 FLV_FOURCC ('h', 'v', 'c', '1')
#define FLV_FOURCC_AV01 FLV_FOURCC ('a', 'v', '0', '1')
#define FLV_FOURCC_VP09 FLV_FOURCC ('v', 'p', '0', '9')
#define FLV_FOURCC_OPUS FLV_FOURCC ('O', 'p', 'u', 's')
#define FLV_FOURCC_MP4A FLV_FOURCC ('m', 'p', '4', 'a')
#define FLV_FOURCC_MP3 FLV_FOURCC ('.', 'm', 'p', '3')

#define FLV_HEADER_SIZE 9
#define FLV_TAG_HEADER_SIZE 11
#define FLV_PREVIOUS_SIZE 4
#define FLV_MAX_BODY_SIZE 0xffffff
