/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtmp/lectern-rtmp-handshake.h"
#include "rtmp/lectern-rtmp-server.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
shake_hands (LecternRtmpServer *server)
{
  static const guint8 hello[1 + 2 * LECTERN_RTMP_HANDSHAKE_SIZE] = { 3 };
  g_auto (LecternRtmpEvent) event = { LECTERN_RTMP_EVENT_NONE };

  lectern_rtmp_server_input (server, hello, sizeof hello, &event, NULL);
}

static void
handle (LecternRtmpServer *server, LecternRtmpEvent *event, gboolean refuse)
{
  g_autoptr (GError) denied = NULL;
  LecternFlvBody body;
  gsize size;
  const guint8 *data;

  if (lectern_rtmp_server_is_waiting (server))
    {
      if (refuse && event->type != LECTERN_RTMP_EVENT_CONNECT)
        denied = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_DENIED, "denied");
      lectern_rtmp_server_answer (server, denied);
      return;
    }
  if (event->type != LECTERN_RTMP_EVENT_MEDIA)
    return;
  data = g_bytes_get_data (event->message.payload, &size);
  if (event->message.type == LECTERN_RTMP_VIDEO)
    lectern_flv_parse_video (data, size, &body, NULL);
  else
    lectern_flv_parse_audio (data, size, &body, NULL);
}

/* What follows the handshake. The first byte says in how large pieces it arrives, and whether the
 * server refuses. */
int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (LecternRtmpServer) server = lectern_rtmp_server_new ();
  g_autoptr (GError) error = NULL;
  gboolean refuse;
  gsize piece;
  gsize at = 0;
  gsize end = 0;

  if (size == 0)
    return 0;
  refuse = data[0] & 1;
  piece = 1 + 8 * (gsize) (data[0] >> 1);
  data++;
  size--;
  shake_hands (server);
  while (end < size && error == NULL)
    {
      g_autoptr (GBytes) output = NULL;
      gboolean more = TRUE;

      end = MIN (end + piece, size);
      while (more && error == NULL)
        {
          g_auto (LecternRtmpEvent) event = { LECTERN_RTMP_EVENT_NONE };

          at += lectern_rtmp_server_input (server, data + at, end - at, &event, &error);
          more = event.type != LECTERN_RTMP_EVENT_NONE;
          handle (server, &event, refuse);
        }
      output = lectern_rtmp_server_take_output (server);
    }
  lectern_rtmp_server_end (server, NULL);
  return 0;
}
