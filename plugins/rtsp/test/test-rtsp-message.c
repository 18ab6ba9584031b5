/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtsp/lectern-rtsp-message.h"
#include "rtsp/lectern-rtsp-target.h"
#include "rtsp/lectern-rtsp-transport.h"

#include <string.h>

static gsize
read_text (const char *text, gsize length, LecternRtspInput *input, GError **error)
{
  return lectern_rtsp_read ((const guint8 *) text, length, input, error);
}

static void
test_request (void)
{
  static const char text[] = "ANNOUNCE rtsp://h/live/a RTSP/1.0\r\nCSeq: 4294967295\r\n"
                             "X-Thing:  two words \r\ncontent-length: 3\r\n\r\nabcNEXT";
  LecternRtspInput input;
  g_autoptr (LecternRtspRequest) request = NULL;
  g_autoptr (GError) error = NULL;
  gsize whole = strlen (text) - 4;

  for (gsize length = 0; length < whole; length++)
    {
      g_assert_cmpuint (read_text (text, length, &input, &error), ==, 0);
      g_assert_no_error (error);
      g_assert_null (input.request);
    }
  g_assert_cmpuint (read_text (text, strlen (text), &input, &error), ==, whole);
  request = input.request;
  g_assert_cmpint (input.kind, ==, LECTERN_RTSP_REQUEST);
  g_assert_cmpint (request->method, ==, LECTERN_RTSP_ANNOUNCE);
  g_assert_cmpstr (request->url, ==, "rtsp://h/live/a");
  g_assert_cmpuint (request->cseq, ==, G_MAXUINT32);
  g_assert_cmpstr (lectern_rtsp_request_get_header (request, "x-thing"), ==, "two words");
  g_assert_null (lectern_rtsp_request_get_header (request, "Session"));
  g_assert_cmpmem (g_bytes_get_data (request->body, NULL), g_bytes_get_size (request->body), "abc",
                   3);
}

static void
test_others (void)
{
  static const char frame[] = "$\3\0\4abcd$";
  static const char answer[] = "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\nxyREST";
  LecternRtspInput input;
  g_autoptr (GError) error = NULL;

  for (gsize length = 0; length < 8; length++)
    g_assert_cmpuint (read_text (frame, length, &input, &error), ==, 0);
  g_assert_cmpuint (read_text (frame, 9, &input, &error), ==, 8);
  g_assert_cmpint (input.kind, ==, LECTERN_RTSP_FRAME);
  g_assert_cmpuint (input.channel, ==, 3);
  g_assert_cmpmem (input.data, input.size, "abcd", 4);
  g_assert_cmpuint (read_text (answer, strlen (answer), &input, &error), ==, strlen (answer) - 4);
  g_assert_cmpint (input.kind, ==, LECTERN_RTSP_NOTHING);
  g_assert_cmpuint (read_text ("\r\nO", 3, &input, &error), ==, 2);
  g_assert_no_error (error);
}

static void
refuse (const char *text, gsize length, LecternError code)
{
  LecternRtspInput input;
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (read_text (text, length, &input, &error), ==, 0);
  g_assert_error (error, LECTERN_ERROR, (int) code);
  g_clear_pointer (&input.request, lectern_rtsp_request_free);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *text;
    LecternError code;
  } cases[] = {
    { "OPTIONS * RTSP/1.0\r\n\r\n", LECTERN_ERROR_INVALID_DATA }, /* no CSeq */
    { "OPTIONS * RTSP/1.0\r\nCSeq: 4294967296\r\n\r\n", LECTERN_ERROR_INVALID_DATA },
    { "OPTIONS * RTSP/1.0\r\nCSeq: -1\r\n\r\n", LECTERN_ERROR_INVALID_DATA },
    { "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nCSeq: 2\r\n\r\n", LECTERN_ERROR_INVALID_DATA },
    { "OPTIONS * RTSP/1.0\r\nCSeq: 1\nX: 2\r\n\r\n", LECTERN_ERROR_INVALID_DATA },
    { "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n folded\r\n\r\n", LECTERN_ERROR_INVALID_DATA },
    { "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX : 2\r\n\r\n", LECTERN_ERROR_INVALID_DATA },
    { "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: \1\r\n\r\n", LECTERN_ERROR_INVALID_DATA },
    { "OPTIONS  * RTSP/1.0\r\nCSeq: 1\r\n\r\n", LECTERN_ERROR_INVALID_DATA },
    { "OPTIONS\r\nCSeq: 1\r\n\r\n", LECTERN_ERROR_INVALID_DATA },
    { "OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n", LECTERN_ERROR_NOT_SUPPORTED },
    { "GET /live HTTP/1.1\r\nCSeq: 1\r\n\r\n", LECTERN_ERROR_NOT_SUPPORTED },
    { "ANNOUNCE rtsp://h/a/b RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 65537\r\n\r\n",
      LECTERN_ERROR_LIMIT },
    { "ANNOUNCE rtsp://h/a/b RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 2000000000\r\n\r\n",
      LECTERN_ERROR_LIMIT },
    { "ANNOUNCE rtsp://h/a/b RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n",
      LECTERN_ERROR_INVALID_DATA },
    { "\x16\x03\x01", LECTERN_ERROR_INVALID_DATA }, /* TLS */
  };
  static const char with_0[] = "OPTIONS *\0 RTSP/1.0\r\nCSeq: 1\r\n\r\n";
  static const char method_0[] = "PLAY\0x * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
  static const char name_0[] = "OPTIONS * RTSP/1.0\r\nCSeq\0x: 1\r\n\r\n";
  g_autofree char *endless = g_strnfill (LECTERN_RTSP_MAX_HEAD, 'A');
  g_autoptr (GString) many = g_string_new ("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n");
  g_autofree char *long_url = g_strnfill (LECTERN_RTSP_MAX_URL + 1, 'a');
  g_autofree char *address
      = g_strconcat ("OPTIONS ", long_url, " RTSP/1.0\r\nCSeq: 1\r\n\r\n", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    refuse (cases[i].text, strlen (cases[i].text), cases[i].code);
  refuse (method_0, sizeof method_0 - 1, LECTERN_ERROR_INVALID_DATA);
  refuse (name_0, sizeof name_0 - 1, LECTERN_ERROR_INVALID_DATA);
  refuse (endless, LECTERN_RTSP_MAX_HEAD, LECTERN_ERROR_INVALID_DATA);
  refuse (address, strlen (address), LECTERN_ERROR_INVALID_DATA);
  for (guint i = 0; i < LECTERN_RTSP_MAX_HEADERS; i++)
    g_string_append (many, "X: y\r\n");
  g_string_append (many, "\r\n");
  refuse (many->str, many->len, LECTERN_ERROR_INVALID_DATA);
  refuse (with_0, sizeof with_0 - 1, LECTERN_ERROR_INVALID_DATA);
}

static void
test_response (void)
{
  LecternRtspRequest request = { .has_cseq = TRUE, .cseq = 7 };
  g_autoptr (GString) answer = lectern_rtsp_begin_response (454, &request);

  g_assert_true (
      g_str_has_prefix (answer->str, "RTSP/1.0 454 Session Not Found\r\nCSeq: 7\r\nDate: "));
  g_assert_true (g_str_has_suffix (answer->str, " GMT\r\nServer: Lectern\r\n"));
}

static void
test_target (void)
{
  static const struct
  {
    const char *url;
    const char *thing;
    const char *query;
    const char *control;
  } cases[] = {
    { "*", NULL, NULL, NULL },
    { "rtsp://h", NULL, NULL, NULL },
    { "rtsp://h:8554/", NULL, NULL, NULL },
    { "rtsp://h/live/a", "live/a", NULL, NULL },
    { "RTSPS://h/live/a/", "live/a", NULL, NULL },
    { "rtsp://[::1]:8554/live/a@480p", "live/a@480p", NULL, NULL },
    { "rtsp://h/live/a%40480p", "live/a@480p", NULL, NULL },
    { "rtsp://h/live/a?key=x", "live/a", "key=x", NULL },
    { "rtsp://h/live/a/trackID=1", "live/a", NULL, "trackID=1" },
    { "rtsp://h/live/a/stream=0?key=x", "live/a", "key=x", "stream=0" },
    { "rtsp://h/live/a?key=x/streamid=12", "live/a", "key=x", "streamid=12" },
    { "rtsp://h/live/a?key=x/", "live/a", "key=x", NULL },
    { "rtsp://h/live/a?from=b/c", "live/a", "from=b/c", NULL },
    { "rtsp://h/live/a?from=b/c=", "live/a", "from=b/c=", NULL },
  };
  static const char *const bad[] = { "http://h/live/a",
                                     "live/a",
                                     "",
                                     "rtsp://h/live",
                                     "rtsp://h/live/..",
                                     "rtsp://h//a",
                                     "rtsp://h/live/a%00",
                                     "rtsp://h/live/a%2",
                                     "rtsp://h/live/a#x",
                                     "rtsp://h/l%2fa/b" };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (LecternRtspTarget) target = { NULL };
      g_autoptr (GError) error = NULL;

      g_assert_true (lectern_rtsp_target_parse (&target, cases[i].url, &error));
      g_assert_no_error (error);
      g_assert_cmpstr (target.thing, ==, cases[i].thing);
      g_assert_cmpstr (target.query, ==, cases[i].query);
      g_assert_cmpstr (target.control, ==, cases[i].control);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_auto (LecternRtspTarget) target = { NULL };
      g_autoptr (GError) error = NULL;

      g_assert_false (lectern_rtsp_target_parse (&target, bad[i], &error));
      g_assert_nonnull (error);
      g_assert_null (target.thing);
    }
}

static void
test_target_base (void)
{
  g_auto (LecternRtspTarget) target = { NULL };

  g_assert_true (lectern_rtsp_target_parse (&target, "rtsp://h:8554/live/a/trackID=1?key=x", NULL));
  g_assert_cmpstr (target.base, ==, "rtsp://h:8554/live/a");
}

static void
test_transport (void)
{
  LecternRtspTransport way;
  g_autoptr (GError) error = NULL;

  g_assert_true (lectern_rtsp_transport_parse (
      &way, "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record", TRUE, TRUE, &error));
  g_assert_true (way.tcp && way.record);
  g_assert_cmpint (way.channel, ==, 2);
  g_assert_true (lectern_rtsp_transport_parse (
      &way, "RTP/AVP ; unicast ; client_port=5000-5001;destination=192.0.2.1", TRUE, TRUE, &error));
  g_assert_true (!way.tcp && !way.record);
  g_assert_cmpuint (way.client_rtp, ==, 5000);
  g_assert_cmpuint (way.client_rtcp, ==, 5001);
  g_assert_true (lectern_rtsp_transport_parse (
      &way, "RTP/SAVP;unicast;client_port=1-2, RTP/AVP/UDP;multicast, RTP/AVP/TCP;unicast", TRUE,
      TRUE, &error));
  g_assert_true (way.tcp);
  g_assert_cmpint (way.channel, ==, -1);
  g_assert_true (lectern_rtsp_transport_parse (&way, "RTP/AVP;unicast;client_port=5000,RTP/AVP/TCP",
                                               TRUE, FALSE, &error));
  g_assert_true (way.tcp);
  g_assert_no_error (error);
}

static void
test_transport_refused (void)
{
  static const struct
  {
    const char *header;
    LecternError code;
  } cases[] = {
    { "", LECTERN_ERROR_NOT_SUPPORTED },
    { "RTP/AVP;unicast", LECTERN_ERROR_NOT_SUPPORTED },
    { "RTP/AVP;multicast;client_port=5000-5001", LECTERN_ERROR_NOT_SUPPORTED },
    { "RTP/SAVP;unicast;client_port=5000-5001", LECTERN_ERROR_NOT_SUPPORTED },
    { "RTP/AVP/TCP;interleaved=255-256", LECTERN_ERROR_INVALID_DATA }, /* P-03 */
    { "RTP/AVP/TCP;interleaved=3-2", LECTERN_ERROR_INVALID_DATA },
    { "RTP/AVP/TCP;interleaved=a", LECTERN_ERROR_INVALID_DATA },
    { "RTP/AVP;client_port=0-1", LECTERN_ERROR_INVALID_DATA },
    { "RTP/AVP;client_port=65535-65536", LECTERN_ERROR_INVALID_DATA },
    { "RTP/AVP;client_port=1-2-3", LECTERN_ERROR_INVALID_DATA },
  };
  g_autofree char *many = g_strnfill (200, ';');
  g_autofree char *parameters = g_strconcat ("RTP/AVP", many, NULL);

  for (gsize i = 0; i <= G_N_ELEMENTS (cases); i++)
    {
      LecternRtspTransport way;
      g_autoptr (GError) error = NULL;
      gboolean last = i == G_N_ELEMENTS (cases);

      g_assert_false (lectern_rtsp_transport_parse (&way, last ? parameters : cases[i].header, TRUE,
                                                    TRUE, &error));
      g_assert_error (error, LECTERN_ERROR,
                      (int) (last ? LECTERN_ERROR_INVALID_DATA : cases[i].code));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtsp/message/request", test_request);
  g_test_add_func ("/rtsp/message/frames-and-answers", test_others);
  g_test_add_func ("/rtsp/message/refuses", test_refused);
  g_test_add_func ("/rtsp/message/response", test_response);
  g_test_add_func ("/rtsp/target/parts", test_target);
  g_test_add_func ("/rtsp/target/base", test_target_base);
  g_test_add_func ("/rtsp/transport/takes-the-first-that-fits", test_transport);
  g_test_add_func ("/rtsp/transport/refuses", test_transport_refused);
  return g_test_run ();
}
