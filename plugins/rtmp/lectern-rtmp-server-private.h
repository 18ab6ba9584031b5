/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtmp-chunk-reader.h"
#include "lectern-rtmp-command.h"
#include "lectern-rtmp-handshake.h"
#include "lectern-rtmp-server.h"

struct _LecternRtmpServer
{
  LecternRtmpHandshake handshake;
  LecternRtmpChunkReader *reader;
  LecternByteWriter out;
  gboolean connected;
  LecternRtmpRole role;
  LecternRtmpEventType waiting; /* the question that is not yet answered, or NONE */
  double transaction;           /* of connect, for its answer */
  GVariant *connect_object;     /* until the answer */
  char *app;
  char *app_query; /* NULL: none */
  char *page_url;
  char *via;
  char *thing;
  char *query;
  guint32 streams;      /* bit n: message stream n exists */
  guint32 media_stream; /* of the role */
  gboolean no_video;
  gboolean no_audio;

  guint64 received;
  guint64 acknowledged;
  guint32 window;
  gboolean pong_due;
  guint32 pong;

  GBytes *aggregate; /* NULL: none is being taken apart */
  gsize aggregate_offset;
  guint32 aggregate_shift; /* from its tags' times to ours */
};

/* Does what a command says. FALSE with @error: the connection is over. */
gboolean lectern_rtmp_server_handle_command (LecternRtmpServer *self,
                                             const LecternRtmpMessage *message,
                                             LecternRtmpEvent *event, GError **error);

/* Writes the answer to connect. */
void lectern_rtmp_server_answer_connect (LecternRtmpServer *self, const GError *error);
