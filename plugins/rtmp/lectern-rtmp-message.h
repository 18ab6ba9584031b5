/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* RTMP (Adobe, "Real Time Messaging Protocol Specification", 1.0, 2012), section 7.1 and 5.4. */
typedef enum
{
  LECTERN_RTMP_SET_CHUNK_SIZE = 1,
  LECTERN_RTMP_ABORT = 2,
  LECTERN_RTMP_ACKNOWLEDGEMENT = 3,
  LECTERN_RTMP_USER_CONTROL = 4,
  LECTERN_RTMP_WINDOW_SIZE = 5,
  LECTERN_RTMP_PEER_BANDWIDTH = 6,
  LECTERN_RTMP_AUDIO = 8,
  LECTERN_RTMP_VIDEO = 9,
  LECTERN_RTMP_DATA_AMF3 = 15,
  LECTERN_RTMP_COMMAND_AMF3 = 17,
  LECTERN_RTMP_DATA = 18,
  LECTERN_RTMP_COMMAND = 20,
  LECTERN_RTMP_AGGREGATE = 22,
} LecternRtmpMessageType;

/* User control events (7.1.7). */
typedef enum
{
  LECTERN_RTMP_STREAM_BEGIN = 0,
  LECTERN_RTMP_STREAM_EOF = 1,
  LECTERN_RTMP_SET_BUFFER_LENGTH = 3,
  LECTERN_RTMP_PING_REQUEST = 6,
  LECTERN_RTMP_PING_RESPONSE = 7,
} LecternRtmpControlEvent;

/* Chunk streams of what we send; a peer may use any. */
enum
{
  LECTERN_RTMP_CSID_CONTROL = 2,
  LECTERN_RTMP_CSID_COMMAND = 3,
  LECTERN_RTMP_CSID_AUDIO = 4,
  LECTERN_RTMP_CSID_DATA = 5,
  LECTERN_RTMP_CSID_VIDEO = 6,
};

#define LECTERN_RTMP_INITIAL_CHUNK_SIZE 128
/* What we send in: most frames are then one chunk, and 65536 is the largest that Flash takes. */
#define LECTERN_RTMP_CHUNK_SIZE 65536

#define LECTERN_RTMP_MAX_COMMAND (64 * 1024)

/* LecternRtmpMessage: one message, whole. */
typedef struct
{
  guint8 type;
  guint32 stream;    /* message stream id */
  guint32 timestamp; /* ms, as on the wire: it wraps */
  GBytes *payload;   /* NULL: there is no message here */
} LecternRtmpMessage;

static inline void
lectern_rtmp_message_clear (LecternRtmpMessage *self)
{
  g_clear_pointer (&self->payload, g_bytes_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRtmpMessage, lectern_rtmp_message_clear)
