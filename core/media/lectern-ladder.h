/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-track.h"

/* LecternRung: one rendition that a transcoder makes of a stream, published as the stream
 * "app/name@RUNG" on the source's clock. */
typedef struct
{
  char *name; /* "480p", "audio-64k" */
  LecternMedia media;
  guint height;    /* pixels; 0 for audio */
  guint64 bitrate; /* bits a second, at most */
} LecternRung;

/* LecternLadder: all renditions that are made of a stream now, and what they replace. Immutable,
 * atomically reference-counted. Thread: any. */
typedef struct
{
  GPtrArray *rungs; /* element-type LecternRung, video from the largest, then audio */
  /* (nullable): the rung whose key frames decide where segments begin, because the source's are too
   * far apart or cannot be used; NULL: the source's own. */
  char *leader;
  gboolean replaces_video; /* presentations leave the source's picture out */
  gboolean replaces_audio; /* and its sound */
  /*< private >*/
  gint refs;
} LecternLadder;

/* Begins without rungs, and is changed only until it is given away. */
LECTERN_API LecternLadder *lectern_ladder_new (const char *leader, gboolean replaces_video,
                                               gboolean replaces_audio);
LECTERN_API void lectern_ladder_add (LecternLadder *self, const char *name, LecternMedia media,
                                     guint height, guint64 bitrate);
LECTERN_API LecternLadder *lectern_ladder_ref (LecternLadder *self);
LECTERN_API void lectern_ladder_unref (LecternLadder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternLadder, lectern_ladder_unref)
/* Returns: (transfer none) (nullable). */
LECTERN_API const LecternRung *lectern_ladder_find (LecternLadder *self, const char *name);
