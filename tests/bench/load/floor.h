/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bench-flv.h"

#include <netinet/in.h>

/* One client's connection; `from` is its place in the endless body. */
typedef struct
{
  int fd; /* -1: gone */
  guint slot;
  gboolean greeted; /* RTMP: the handshake is answered */
  gboolean live;
  gboolean blocked; /* the socket is full */
  guint64 from;
  struct sockaddr_in ports[4]; /* RTSP by UDP, by channel; 0: not set up */
  int asked;                   /* set-ups answered */
} FloorViewer;

/* A wire format: how a message lies in the body, and how a client is let in. */
typedef struct
{
  const char *name;
  /* Writes one message. Returns: bytes written. */
  gsize (*put) (guint8 *to, const BenchTag *tag);
  gsize overhead; /* most bytes it needs beside the message */
  gsize time_at;  /* where the 24 low bits of the time stand, a WebSocket header not counted; 0:
                     nowhere */
  gsize stamp_at; /* where the digits of a frame's stamp stand, counted likewise */
  /* Answers what a client sent. Returns: TRUE when it is to get media from now on. */
  gboolean (*answer) (FloorViewer *viewer, const guint8 *data, gsize size);
  /* Appends what precedes the first message. */
  void (*begin) (GByteArray *out, GArray *tags);
  /* Sends whole packets as datagrams. Returns: bytes of them; NULL: it has a stream. */
  gsize (*send) (FloorViewer *viewer, const guint8 *data, gsize size);
} FloorFormat;

extern const FloorFormat floor_format_flv;
extern const FloorFormat floor_format_ws;
extern const FloorFormat floor_format_rtmp;
extern const FloorFormat floor_format_rtsp;
extern const FloorFormat floor_format_rtsp_udp;

/* Sends the little a handshake needs. */
void floor_send (FloorViewer *viewer, const void *data, gsize size);
