/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-byte-reader.h"
#include "base/lectern-json.h"
#include "media/lectern-packet.h"

/* The link between the server and one `lectern-worker`: frames over a stream socket, the same both
 * ways, without I/O here. A frame is a header of 32 bytes, integers big-endian, and a payload:
 *
 *   0  "LWK1"      4  type        5  lane       6  media      7  flags (KEY, DISCONTINUITY)
 *   8  payload's bytes, 32 bits  12  duration, ns, 32 bits, 0: unknown or longer than 4.29 s
 *  16  dts, ns, signed 64 bits   24  pts, ns, signed 64 bits
 *
 * Lane and what follows it are 0 where they mean nothing. START, MESSAGE and FAILED carry a JSON
 * object; TRACK carries codec (16 bits), bits (16), width, height, rate, channels (32 each), fourcc
 * (8), 24 bytes of profile, and the config, which is absent when nothing follows. */
#define LECTERN_LINK_HEADER 32
#define LECTERN_LINK_MAX_LANES 32
#define LECTERN_LINK_MAX_PAYLOAD (16 * 1024 * 1024)
#define LECTERN_LINK_MAX_CONFIG (64 * 1024)

typedef enum
{
  LECTERN_LINK_START = 1, /* server: job, parameters and limits: the first frame */
  LECTERN_LINK_READY,     /* worker: give tracks and packets */
  LECTERN_LINK_MESSAGE,   /* between job and plugin */
  LECTERN_LINK_TRACK,
  LECTERN_LINK_PACKET,
  LECTERN_LINK_TICK,   /* worker: it works */
  LECTERN_LINK_FINISH, /* server: nothing more is given */
  LECTERN_LINK_DONE,   /* worker: the job is over */
  LECTERN_LINK_FAILED, /* worker: {"code": …, "text": …, "refused": whether to try again is vain} */
} LecternLinkType;

/* One frame as it came. */
typedef struct
{
  LecternLinkType type;
  guint lane;
  JsonObject *object;    /* (transfer full), else NULL */
  LecternTrack *track;   /* (transfer full), else NULL */
  LecternPacket *packet; /* (transfer full), else NULL */
} LecternLinkFrame;
LECTERN_API void lectern_link_frame_clear (LecternLinkFrame *frame);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternLinkFrame, lectern_link_frame_clear)

/* Turns bytes into frames. Thread: any, one at a time. */
typedef struct _LecternLinkReader LecternLinkReader;
LECTERN_API LecternLinkReader *lectern_link_reader_new (void);
LECTERN_API void lectern_link_reader_free (LecternLinkReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternLinkReader, lectern_link_reader_free)
/* Takes from @bytes up to the end of one frame. Returns: TRUE with @frame filled; FALSE without
 * @error: all was taken, more is needed; FALSE with @error: the peer broke a rule, read no more.
 * A packet's track is the latest TRACK of its lane and media; a packet without one is refused.
 * Errors: INVALID_DATA, LIMIT. */
LECTERN_API gboolean lectern_link_reader_read (LecternLinkReader *self, LecternByteReader *bytes,
                                               LecternLinkFrame *frame, GError **error);

/* Returns: (transfer full): a whole frame of a type without content. Thread: any, as all below. */
LECTERN_API GBytes *lectern_link_write (LecternLinkType type);
/* @type: START, MESSAGE or FAILED. Errors: LIMIT: longer than LECTERN_JSON_MAX_SIZE. */
LECTERN_API GBytes *lectern_link_write_object (LecternLinkType type, JsonObject *object,
                                               GError **error);
/* Errors: LIMIT: a config longer than LECTERN_LINK_MAX_CONFIG. */
LECTERN_API GBytes *lectern_link_write_track (guint lane, LecternTrack *track, GError **error);
/* Returns: (transfer full): the header alone; the packet's payload follows it as it is.
 * Errors: INVALID_DATA: CONFIG or METADATA, which are no frames; LIMIT. */
LECTERN_API GBytes *lectern_link_write_packet_header (guint lane, LecternPacket *packet,
                                                      GError **error);
