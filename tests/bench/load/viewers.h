/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bench-common.h"

enum
{
  MESSAGE_HEAD = 96, /* enough for the stamp */
  CHUNK_STREAMS = 8, /* ids a server may use for one player */
};

/* The message being received: only its first bytes are kept. */
typedef struct
{
  guint32 size;
  guint32 left;
  guint8 type;
  guint8 kept;
  guint8 head[MESSAGE_HEAD];
} Message;

typedef struct
{
  Message message;
  guint32 part; /* left of the current chunk */
  int id;
  gboolean extended;
} ChunkStream;

typedef struct _Viewer Viewer;

/* A UDP socket of a viewer. */
typedef struct
{
  Viewer *viewer; /* NULL: none */
  int fd;
  int channel;
} ViewerPort;


/* A way to watch: what to send first, and what to do with bytes. */
typedef struct
{
  const char *name;
  void (*begin) (Viewer *viewer);
  void (*feed) (Viewer *viewer, const guint8 *data, gsize size);
  /* A datagram came; NULL: it has no ports. */
  void (*hear) (Viewer *viewer, int channel, const guint8 *data, gsize size);
} ViewerFormat;

struct _Viewer
{
  int fd; /* -1: gone */
  gboolean stalled;
  int phase;
  gint64 started;
  gint64 first_key;
  gint64 last_frame;
  gboolean numbered;
  guint32 number; /* of the last frame */
  /* of the window: */
  guint64 bytes;
  guint64 media; /* message bodies */
  guint32 frames;
  guint32 lost;
  guint32 stalls;
  /* FLV, WebSocket and RTMP framing */
  guint8 header[20];
  int header_size;
  int header_wanted;
  Message message;
  guint64 body_left; /* of a WebSocket frame or an HTTP chunk */
  guint64 body_size;
  int body_step;
  int opcode;
  gboolean chunked;
  ChunkStream *chunk_streams;
  ChunkStream *current;
  guint32 chunk_size;
  guint32 ack_every;
  guint32 unacked;
  GByteArray *text; /* HTTP head, RTMP handshake, RTSP answer */
  /* RTSP */
  struct _RtspState *rtsp;
  ViewerPort ports[4];
};

extern const ViewerFormat viewer_format_flv;
extern const ViewerFormat viewer_format_ws;
extern const ViewerFormat viewer_format_rtmp;
extern const ViewerFormat viewer_format_rtsp;
extern const ViewerFormat viewer_format_rtsp_udp;
extern BenchUrl viewers_url;

void viewer_message_keep (Message *message, const guint8 *data, gsize size);
/* A whole audio, video or data message has come. */
void viewer_message (Viewer *viewer, const Message *message);
void viewer_send (Viewer *viewer, const void *data, gsize size);
void viewer_drop (Viewer *viewer);
/* Opens ports of neighbouring numbers for channels @channel and the next. Returns: the first. */
guint16 viewer_open_ports (Viewer *viewer, int channel);
