/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-gop-cache.h"
#include "media/lectern-tape-format.h"
#include "net/lectern-reactor.h"

/* LecternTape: one stream in one wire format: blocks of ready bytes, written by one thread at a
 * time (under the stream's lock), read by every reactor. Bytes below a block's head never change,
 * the head is released after them, so a reader needs the tape's lock only to step to the next block
 * or to find the newest key frame. A message never spans two blocks. */
typedef struct _LecternTape LecternTape;
typedef struct _LecternTapeBlock LecternTapeBlock;

/* Which part of the stream: a tape each. */
typedef struct
{
  gboolean no_video;
  gboolean no_audio;
} LecternTapeParts;

/* LecternTapePosition: where a viewer stands: a held block and an offset in it. */
typedef struct
{
  LecternTapeBlock *block; /* NULL: nowhere */
  gsize offset;
} LecternTapePosition;

LecternTape *lectern_tape_new (const LecternTapeFormat *format, LecternTapeParts parts,
                               gsize max_bytes, gint64 keep_us);
LecternTape *lectern_tape_ref (LecternTape *self);
void lectern_tape_unref (LecternTape *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternTape, lectern_tape_unref)
gboolean lectern_tape_matches (LecternTape *self, const LecternTapeFormat *format,
                               LecternTapeParts parts);

/* Whether its format cannot tell of other codecs. */
gboolean lectern_tape_has_fixed_codecs (LecternTape *self);

/* Appends @packet; @key: viewers may begin here, with the tracks of @setup. Before the first key
 * nothing is kept. Under the stream's lock. */
void lectern_tape_write (LecternTape *self, LecternPacket *packet, gboolean key,
                         const LecternTapeSetup *setup, gint64 now_us);

/* Moves @position to the newest key frame. Returns: (transfer full) (nullable): the header to send
 * first; NULL: there is none yet. @join: see LecternTapeFormat. Thread: any. */
GBytes *lectern_tape_seek_newest_key (LecternTape *self, LecternTapePosition *position,
                                      gboolean join);
/* Whether the newest key frame lies beyond @position. Thread: any. */
gboolean lectern_tape_is_key_ahead (LecternTape *self, const LecternTapePosition *position);
/* Returns: the number of the newest key frame, 0 none; it grows with each. Thread: any. */
guint64 lectern_tape_get_key_number (LecternTape *self);
/* Returns: how many ready bytes lie at @position, stepping to the next block at a block's end; 0:
 * none now. *@lost: the tape no longer holds what comes next; seek. */
gsize lectern_tape_get_bytes (LecternTape *self, LecternTapePosition *position, const guint8 **data,
                              gboolean *lost);
/* Whether the block at @position is full and another follows it. */
gboolean lectern_tape_is_followed (LecternTape *self, const LecternTapePosition *position);
/* Bytes from @position to the end of the message it is in; 0 at a message's start. */
gsize lectern_tape_get_message_rest (const LecternTapePosition *position);
/* Bytes of the whole message that begins at @position; 0 at the head. */
gsize lectern_tape_get_message_size (const LecternTapePosition *position);
/* When the message at @position (or the one it is in) was written; G_MAXINT64 at the head. */
gint64 lectern_tape_get_arrival (const LecternTapePosition *position);
void lectern_tape_position_clear (LecternTapePosition *position);
/* Bytes now held by the tape's blocks. Thread: any. */
gsize lectern_tape_get_size (LecternTape *self);
