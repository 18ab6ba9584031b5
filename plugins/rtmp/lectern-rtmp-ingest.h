/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtmp-message.h"

/* More broken tags than so many in so long, and the publisher is sent away. */
#define LECTERN_RTMP_MAX_BAD_TAGS 100
#define LECTERN_RTMP_BAD_TAGS_US (10 * G_USEC_PER_SEC)
/* Over how long a publisher's bit rate is taken. */
#define LECTERN_RTMP_RATE_US (5 * G_USEC_PER_SEC)

/* LecternRtmpIngest: a publisher's messages → packets. Plain memory, zero-initialised.
 * Thread: any, one at a time. */
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
} LecternRtmpIngest;

void lectern_rtmp_ingest_clear (LecternRtmpIngest *self);

/* Takes an audio, video or data message. Errors: INVALID_DATA, NOT_SUPPORTED: this tag is dropped;
 * tell lectern_rtmp_ingest_count_bad. */
gboolean lectern_rtmp_ingest_take (LecternRtmpIngest *self, const LecternRtmpMessage *message,
                                   GError **error);

/* Counts a dropped tag. @why: (nullable). Errors: INVALID_DATA: these were too many. */
gboolean lectern_rtmp_ingest_count_bad (LecternRtmpIngest *self, const GError *why, gint64 now_us,
                                        GError **error);

/* Counts bytes. Errors: LIMIT: these were too many. */
gboolean lectern_rtmp_ingest_count_bytes (LecternRtmpIngest *self, gsize bytes, gint64 now_us,
                                          GError **error);
