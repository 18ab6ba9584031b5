/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-packet.h"

/* LecternTapeSetup: what a viewer must know before its first packet. */
typedef struct
{
  LecternTrack *video; /* NULL: none, or not wanted */
  LecternTrack *audio;
  GVariant *metadata; /* a{sv} or NULL */
  gint64 dts;         /* of the packet that follows */
} LecternTapeSetup;

/* LecternTapeFormat: a wire format, a constant table. The bytes depend on nothing but the packets of
 * the tape, so that one tape serves all viewers. @state: the format's own memory for one tape (RTP
 * numbers its packets), NULL when @state_size is 0. Thread: any, one call at a time for each tape. */
typedef struct
{
  const char *name; /* "flv" */
  /* Returns: (transfer full): what precedes the first packet; @join: at the very beginning, else
   * after a jump within a running reply. */
  GBytes *(*header) (const LecternTapeSetup *setup, gboolean join, gpointer state);
  /* Most bytes `write` can need for @packet. */
  gsize (*bound) (const LecternPacket *packet);
  /* Writes @packet, which may be CONFIG or METADATA; returns the bytes written, 0 to leave it out.
   */
  gsize (*write) (const LecternPacket *packet, guint8 *to, gpointer state);
  gsize state_size; /* bytes; zeroed before the first call */
  /* Players learn the codecs before they begin, and never again (RTSP): when a track of another
   * codec, or one more, comes, what they play ends in order, so that they ask anew. */
  gboolean fixed_codecs;
} LecternTapeFormat;
