/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an RTSP client sends: requests, answers and packets, and what is read out of requests. */
#include "rtsp/lectern-rtsp-message.h"
#include "rtsp/lectern-rtsp-target.h"
#include "rtsp/lectern-rtsp-transport.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_target (const char *url)
{
  g_auto (LecternRtspTarget) target = { NULL };

  if (!lectern_rtsp_target_parse (&target, url, NULL))
    g_assert (target.thing == NULL);
  else if (target.thing != NULL)
    {
      g_assert (lectern_stream_name_is_valid (target.thing));
      g_assert (g_str_has_prefix (url, target.base));
    }
}

static void
check_request (const LecternRtspRequest *request)
{
  const char *transport = lectern_rtsp_request_get_header (request, "Transport");
  const char *credential = lectern_rtsp_request_get_header (request, "Authorization");
  LecternRtspTransport way;

  g_assert (request->headers->len <= 2 * LECTERN_RTSP_MAX_HEADERS);
  check_target (request->url);
  if (transport != NULL && lectern_rtsp_transport_parse (&way, transport, TRUE, TRUE, NULL))
    g_assert (way.tcp ? way.channel < 255 : way.client_rtp > 0 && way.client_rtcp > 0);
  if (credential != NULL)
    {
      g_auto (LecternCredential) parsed = { NULL };
      guint8 hash[LECTERN_CREDENTIAL_HASH_SIZE] = { 0 };

      if (lectern_credential_parse (credential, &parsed, NULL))
        lectern_credential_matches (&parsed, request->word, hash);
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  gsize offset = 0;

  while (offset < size)
    {
      LecternRtspInput input;
      g_autoptr (GError) error = NULL;
      gsize taken = lectern_rtsp_read (data + offset, size - offset, &input, &error);
      g_autoptr (LecternRtspRequest) request = input.request;

      g_assert (taken <= size - offset && (error == NULL || taken == 0));
      if (request != NULL && error == NULL)
        check_request (request);
      if (taken == 0)
        break;
      offset += taken;
    }
  return 0;
}
