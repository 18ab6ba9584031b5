/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-ladder.h"
#include "media/lectern-packet.h"
#include "media/lectern-session.h"

typedef enum
{
  LECTERN_STREAM_IDLE, /* nobody has published yet; viewers may wait */
  LECTERN_STREAM_LIVE,
  LECTERN_STREAM_AWAY,  /* the publisher was lost and may return within the grace period */
  LECTERN_STREAM_ENDED, /* over; a new publication is a new stream object */
} LecternStreamState;

/* LecternStream: one live stream, "app/name". Atomically reference-counted; guarded by one short
 * lock of its own. Thread: any. */
typedef struct _LecternStream LecternStream;

typedef struct
{
  LecternStreamState state;
  gboolean settled;  /* its tracks are known, so that viewers can begin */
  gint64 started_us; /* wall time of the first publication */
  guint64 bytes_in;
  guint64 packets_in;
  guint64 bitrate; /* bits a second over the last seconds */
  double fps;
  guint viewers;
  guint waiting;
  guint64 gop_bytes;   /* now in the GOP cache */
  gint64 gop_duration; /* ns between the last two key frames, 0 unknown */
  LecternTrack *video; /* (transfer full), NULL none */
  LecternTrack *audio;
  GVariant *metadata; /* (transfer full), NULL none */
  char *warning;      /* (transfer full), NULL none: what the publisher should better change */
  gboolean is_received; /* `reception` is known: the publisher's protocol numbers its packets */
  LecternReception reception;
} LecternStreamInfo;
LECTERN_API void lectern_stream_info_clear (LecternStreamInfo *info);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternStreamInfo, lectern_stream_info_clear)

LECTERN_API LecternStream *lectern_stream_ref (LecternStream *self);
LECTERN_API void lectern_stream_unref (LecternStream *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternStream, lectern_stream_unref)
LECTERN_API const char *lectern_stream_get_name (LecternStream *self);
LECTERN_API LecternStreamState lectern_stream_get_state (LecternStream *self);
LECTERN_API const char *lectern_stream_state_get_name (LecternStreamState state);
/* Says which renditions are made of the stream now; NULL: none. The registry's signal "ladder"
 * follows. */
LECTERN_API void lectern_stream_set_ladder (LecternStream *self, LecternLadder *ladder);
/* Returns: (transfer full) (nullable). */
LECTERN_API LecternLadder *lectern_stream_get_ladder (LecternStream *self);
/* Says what the publisher should better change; NULL: nothing. The registry's signal "warning"
 * follows. */
LECTERN_API void lectern_stream_set_warning (LecternStream *self, const char *warning);
/* Fills @info; free with lectern_stream_info_clear. */
LECTERN_API void lectern_stream_get_info (LecternStream *self, LecternStreamInfo *info);
