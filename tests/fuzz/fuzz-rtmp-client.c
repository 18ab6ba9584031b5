/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtmp/lectern-rtmp-client.h"
#include "rtmp/lectern-rtmp-login.h"
#include "rtmp/lectern-rtmp-url.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* As one who has a login does, and goes where he is sent. */
static void
take_event (const LecternRtmpEvent *event)
{
  LecternRtmpLogin login = { .user = (char *) "me", .password = (char *) "secret" };
  const LecternRtmpUrl url = { .host = (char *) "host", .name = (char *) "physics?key=abc" };
  g_auto (LecternRtmpUrl) target = { .host = NULL };
  g_autofree char *answer = NULL;

  if (event->type == LECTERN_RTMP_EVENT_LOGIN)
    answer = lectern_rtmp_login_answer (&login, g_variant_get_string (event->value, NULL), "live",
                                        "00000001", NULL);
  else if (event->type == LECTERN_RTMP_EVENT_REDIRECT)
    answer = lectern_rtmp_url_redirect (&url, g_variant_get_string (event->value, NULL), &target,
                                        NULL);
}

/* What a server says behind the handshake. The first byte says whether the client publishes, and in
 * how large pieces it arrives. */
int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const guint8 hello[1 + 2 * LECTERN_RTMP_HANDSHAKE_SIZE] = { 3 };
  const LecternRtmpClientTarget target = { .publish = size > 0 && (data[0] & 1),
                                           .app = "live",
                                           .name = "physics?key=abc",
                                           .tc_url = "rtmp://host/live",
                                           .via = "one,two" };
  g_autoptr (LecternRtmpClient) client = lectern_rtmp_client_new (&target);
  g_auto (LecternRtmpEvent) none = { LECTERN_RTMP_EVENT_NONE };
  g_autoptr (GError) error = NULL;
  gsize piece;
  gsize at = 0;
  gsize end = 0;

  if (size == 0)
    return 0;
  piece = 1 + 8 * (gsize) (data[0] >> 1);
  data++;
  size--;
  lectern_rtmp_client_input (client, hello, sizeof hello, &none, NULL);
  while (end < size && error == NULL)
    {
      g_autoptr (GBytes) output = NULL;
      gboolean more = TRUE;

      end = MIN (end + piece, size);
      while (more && error == NULL)
        {
          g_auto (LecternRtmpEvent) event = { LECTERN_RTMP_EVENT_NONE };

          at += lectern_rtmp_client_input (client, data + at, end - at, &event, &error);
          take_event (&event);
          more = event.type != LECTERN_RTMP_EVENT_NONE;
        }
      output = lectern_rtmp_client_take_output (client);
    }
  lectern_rtmp_client_end (client);
  return 0;
}
