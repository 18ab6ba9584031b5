/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-byte-reader.h"
#include "media/lectern-packet.h"
#include "media/lectern-tape-format.h"

/* FLV (Adobe, "Adobe Flash Video File Format Specification", version 10.1, annex E) and its
 * extensions: codec id 12 for H.265, and Enhanced RTMP (Veovera, v1: fourcc hvc1, av01, vp09; v2: fourcc Opus, mp4a,
 * .mp3). The bodies of audio and video tags are the bodies of RTMP messages 8 and 9. */

typedef enum
{
  LECTERN_FLV_TAG_AUDIO = 8,
  LECTERN_FLV_TAG_VIDEO = 9,
  LECTERN_FLV_TAG_SCRIPT = 18,
} LecternFlvTagType;

/* LecternFlvBody: what one audio or video tag body says. */
typedef struct
{
  LecternCodec codec;
  enum
  {
    LECTERN_FLV_FRAME,
    LECTERN_FLV_CONFIG,   /* payload is the codec's config record */
    LECTERN_FLV_END,      /* end of sequence; no payload */
    LECTERN_FLV_IGNORE,   /* legal, nothing to carry (Flash's video commands, colour metadata) */
  } kind;
  gboolean key;
  gboolean fourcc;
  gint32 composition_ms; /* pts - dts */
  guint rate;            /* Hz, channels, bits: audio, as signalled */
  guint channels;
  guint bits;
  gsize payload_offset; /* of the payload within the body */
  gsize payload_size;
} LecternFlvBody;

/* Reads the first bytes of a tag body. Errors: INVALID_DATA; NOT_SUPPORTED: an unknown codec, or
 * multitrack. Thread: any. */
LECTERN_API gboolean lectern_flv_parse_video (const guint8 *data, gsize size,
                                              LecternFlvBody *body, GError **error);
LECTERN_API gboolean lectern_flv_parse_audio (const guint8 *data, gsize size,
                                              LecternFlvBody *body, GError **error);

/* Makes the track a config (or, for codecs without one, the first frame) describes: size, rate,
 * channels and profile are read from the parameter sets. @config: (nullable).
 * Returns: (transfer full). Errors: INVALID_DATA. Thread: any. */
LECTERN_API LecternTrack *lectern_flv_make_track (const LecternFlvBody *body, GBytes *config,
                                                  GError **error);

/* Most bytes a body of @packet can have, and its writing (type of the tag in *@type). Returns: the
 * body's size, 0 when FLV cannot carry it. CONFIG and METADATA packets are sequence headers and onMetaData.
 * Thread: any. */
LECTERN_API gsize lectern_flv_body_bound (const LecternPacket *packet);
LECTERN_API gsize lectern_flv_write_body (const LecternPacket *packet, guint8 *to,
                                          LecternFlvTagType *type);
/* Writes only what precedes the payload in the body (at most 16 bytes); the payload itself follows as
 * it is. 0 for METADATA. */
LECTERN_API gsize lectern_flv_write_body_prefix (const LecternPacket *packet, guint8 *to);

/* The tape formats of FLV over HTTP and over WebSocket (one binary frame a tag). */
LECTERN_API extern const LecternTapeFormat lectern_flv_tape_format;
LECTERN_API extern const LecternTapeFormat lectern_websocket_flv_tape_format;

/* LecternFlvReader: an FLV byte stream or file, sans I/O (import, pull, tests). */
typedef struct
{
  LecternFlvTagType type;
  guint32 timestamp_ms;
  const guint8 *body; /* into the data given */
  gsize body_size;
} LecternFlvTag;

/* Reads the 9-byte header and the first previous-tag-size. FALSE without @error set: more bytes are
 * needed. *@flags: 4 audio, 1 video. Errors: INVALID_DATA. */
LECTERN_API gboolean lectern_flv_read_header (LecternByteReader *reader, guint8 *flags,
                                              GError **error);
/* Reads one tag and the size after it. FALSE without @error set: more bytes are needed. Errors:
 * INVALID_DATA: unknown type, encrypted, wrong previous-tag-size. */
LECTERN_API gboolean lectern_flv_read_tag (LecternByteReader *reader, LecternFlvTag *tag,
                                           GError **error);
