/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "formats/lectern-flv.h"
#include "media/lectern-publisher.h"

/* More broken tags than so many in so long, and the publisher is sent away. */
#define LECTERN_FLV_MAX_BAD_TAGS 100
#define LECTERN_FLV_BAD_TAGS_US (10 * G_USEC_PER_SEC)
/* Over how long a publisher's bit rate is taken. */
#define LECTERN_FLV_RATE_US (5 * G_USEC_PER_SEC)

/* LecternFlvIngest: the tags of FLV, or the messages of RTMP → a publisher's packets. Plain memory,
 * zero-initialised. Thread: any, one at a time. */
typedef struct
{
  LecternPublisher *publisher; /* borrowed */
  gint64 max_bitrate;          /* bits a second, 0: any */
  /* Shared by audio and video, so that they wrap together even if one begins behind the wrap. */
  LecternUnwrap unwrap;
  LecternTrack *video;
  LecternTrack *audio;
  LecternTrack *script;
  guint nal_length_size; /* 0: the video is not made of NAL units */
  guint bad_tags;        /* since @bad_since_us */
  gint64 bad_since_us;
  guint64 rate_bytes; /* since @rate_since_us */
  gint64 rate_since_us;
} LecternFlvIngest;

LECTERN_API void lectern_flv_ingest_clear (LecternFlvIngest *self);

/* Takes the body of an audio or video tag, or a script that LecternFlvScript has found sound (any
 * other type). @time_ms: as on the wire: it may wrap. Errors: INVALID_DATA, NOT_SUPPORTED: this tag
 * is dropped; tell lectern_flv_ingest_count_bad. */
LECTERN_API gboolean lectern_flv_ingest_take (LecternFlvIngest *self, guint8 type, guint32 time_ms,
                                              GBytes *body, GError **error);

/* Counts a dropped tag. @why: (nullable). Errors: INVALID_DATA: these were too many. */
LECTERN_API gboolean lectern_flv_ingest_count_bad (LecternFlvIngest *self, const GError *why,
                                                   gint64 now_us, GError **error);

/* Counts bytes. Errors: LIMIT: these were too many. */
LECTERN_API gboolean lectern_flv_ingest_count_bytes (LecternFlvIngest *self, gsize bytes,
                                                     gint64 now_us, GError **error);
