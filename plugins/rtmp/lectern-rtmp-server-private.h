/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtmp-command.h"
#include "lectern-rtmp-server.h"

struct _LecternRtmpServer
{
  LecternRtmpPeer peer; /* first */
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
};

/* Does what a command says. FALSE with @error: the connection is over. */
gboolean lectern_rtmp_server_handle_command (LecternRtmpServer *self,
                                             const LecternRtmpMessage *message,
                                             LecternRtmpEvent *event, GError **error);

/* Writes the answer to connect. */
void lectern_rtmp_server_answer_connect (LecternRtmpServer *self, const GError *error);
