/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtmp-chunk-reader.h"
#include "lectern-rtmp-handshake.h"

typedef enum
{
  LECTERN_RTMP_EVENT_NONE,
  /* A server's: */
  LECTERN_RTMP_EVENT_CONNECT, /* somebody wants to connect: answer */
  LECTERN_RTMP_EVENT_PUBLISH, /* … to publish: answer */
  LECTERN_RTMP_EVENT_PLAY,    /* … to play: answer */
  LECTERN_RTMP_EVENT_PAUSE,
  LECTERN_RTMP_EVENT_RESUME,
  /* A client's: */
  LECTERN_RTMP_EVENT_STARTED,  /* the server lets it publish or play */
  LECTERN_RTMP_EVENT_LOGIN,    /* value: s: connect anew with what this asks for, and close */
  LECTERN_RTMP_EVENT_REDIRECT, /* value: s: connect to the application there, and close */
  /* Of both: */
  LECTERN_RTMP_EVENT_MEDIA,    /* message: an audio or video tag of the publisher's */
  LECTERN_RTMP_EVENT_METADATA, /* value: a{sv} */
  LECTERN_RTMP_EVENT_SCRIPT,   /* message: a name and values in AMF0, of the publisher's */
  LECTERN_RTMP_EVENT_STRAY,    /* media or data that is broken or that nobody asked for */
  LECTERN_RTMP_EVENT_STOP,     /* the peer stopped to publish or to play, and said so */
} LecternRtmpEventType;

typedef struct
{
  LecternRtmpEventType type;
  LecternRtmpMessage message;
  GVariant *value;
} LecternRtmpEvent;

void lectern_rtmp_event_clear (LecternRtmpEvent *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRtmpEvent, lectern_rtmp_event_clear)

/* LecternRtmpPeer: what both ends of a connection do alike: handshake, chunks, acknowledgements,
 * pongs, aggregates. First member of LecternRtmpServer and LecternRtmpClient. */
typedef struct _LecternRtmpPeer LecternRtmpPeer;

typedef struct
{
  /* Does what a command says. FALSE with @error: the connection is over. */
  gboolean (*command) (LecternRtmpPeer *peer, const LecternRtmpMessage *message,
                       LecternRtmpEvent *event, GError **error);
  /* Whether media and data messages may come at all (an error else), and whether they are wanted.
   */
  gboolean (*is_connected) (LecternRtmpPeer *peer);
  gboolean (*wants_media) (LecternRtmpPeer *peer);
  /* (nullable): a user control event but for pings. */
  void (*control) (LecternRtmpPeer *peer, LecternRtmpControlEvent event, guint32 value);
} LecternRtmpPeerClass;

struct _LecternRtmpPeer
{
  const LecternRtmpPeerClass *class;
  LecternRtmpHandshake handshake;
  LecternRtmpChunkReader *reader;
  LecternByteWriter out;

  guint64 received;
  guint64 acknowledged;
  guint32 window;
  gboolean pong_due;
  guint32 pong;

  GBytes *aggregate; /* NULL: none is being taken apart */
  gsize aggregate_offset;
  guint32 aggregate_shift; /* from its tags' times to ours */
};

/* Of unfinished messages, as the other end is trusted more. */
#define LECTERN_RTMP_STRANGER_BUDGET (8 * 1024)
#define LECTERN_RTMP_GUEST_BUDGET (64 * 1024)
#define LECTERN_RTMP_VIDEO_BUDGET LECTERN_RTMP_MAX_VIDEO
#define LECTERN_RTMP_OTHER_BUDGET (4 * 1024 * 1024)

/* With a stranger's budget; the handshake is the owner's to begin. */
void lectern_rtmp_peer_init (LecternRtmpPeer *self, const LecternRtmpPeerClass *class);
void lectern_rtmp_peer_clear (LecternRtmpPeer *self);

/* See lectern_rtmp_server_input. */
gsize lectern_rtmp_peer_input (LecternRtmpPeer *self, const guint8 *data, gsize length,
                               LecternRtmpEvent *event, GError **error);
/* See lectern_rtmp_server_take_output. */
GBytes *lectern_rtmp_peer_take_output (LecternRtmpPeer *self);
