/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/lectern-link.h"

#include <string.h>

static LecternTrack *
make_track (LecternCodec codec, const char *config)
{
  g_autoptr (GBytes) bytes = config != NULL ? g_bytes_new (config, strlen (config)) : NULL;
  const LecternTrack fields = { .media = lectern_codec_get_media (codec),
                                .codec = codec,
                                .config = bytes,
                                .width = 1920,
                                .height = 1080,
                                .rate = 48000,
                                .channels = 2,
                                .bits = 16,
                                .fourcc = TRUE,
                                .profile = "High 4.0" };

  return lectern_track_new (&fields);
}

static void
put (GByteArray *wire, GBytes *bytes)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  g_byte_array_append (wire, data, size);
  g_bytes_unref (bytes);
}

/* Reads one frame from the front of @wire, @step bytes at a time, and takes it away. */
static gboolean
read_frame (LecternLinkReader *reader, GByteArray *wire, gsize step, LecternLinkFrame *frame,
            GError **error)
{
  gsize at = 0;

  while (at < wire->len)
    {
      LecternByteReader bytes;
      GError *reason = NULL;
      gboolean whole;

      lectern_byte_reader_init (&bytes, wire->data + at, MIN (step, wire->len - at));
      whole = lectern_link_reader_read (reader, &bytes, frame, &reason);
      at += bytes.offset;
      if (whole || reason != NULL)
        {
          g_byte_array_remove_range (wire, 0, at);
          if (reason != NULL)
            g_propagate_error (error, reason);
          return whole;
        }
    }
  g_byte_array_set_size (wire, 0);
  return FALSE;
}

static void
put_stream (GByteArray *wire, LecternTrack *track, LecternPacket *packet, JsonObject *object)
{
  GError *error = NULL;

  put (wire, lectern_link_write (LECTERN_LINK_READY));
  put (wire, lectern_link_write_object (LECTERN_LINK_MESSAGE, object, &error));
  put (wire, lectern_link_write_track (3, track, &error));
  put (wire, lectern_link_write_packet_header (3, packet, &error));
  put (wire, g_bytes_ref (packet->payload));
  put (wire, lectern_link_write (LECTERN_LINK_DONE));
  g_assert_no_error (error);
}

static void
check_packet (LecternPacket *packet, LecternPacket *original, LecternTrack *track)
{
  g_assert_true (packet->track == track);
  g_assert_cmpint (packet->flags, ==, LECTERN_PACKET_KEY | LECTERN_PACKET_DISCONTINUITY);
  g_assert_cmpint (packet->dts, ==, original->dts);
  g_assert_cmpint (packet->pts, ==, original->pts);
  g_assert_cmpint (packet->duration, ==, original->duration);
  g_assert_true (g_bytes_equal (packet->payload, original->payload));
}

static void
round_trip (gconstpointer data)
{
  gsize step = GPOINTER_TO_SIZE (data);
  g_autoptr (LecternTrack) track = make_track (LECTERN_CODEC_H264, "config");
  g_autoptr (GBytes) payload = g_bytes_new ("0123456789", 10);
  g_autoptr (LecternPacket) packet = lectern_packet_new (
      track, LECTERN_PACKET_KEY | LECTERN_PACKET_DISCONTINUITY, -5, G_MAXINT64, 40000000, payload);
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (LecternLinkReader) reader = lectern_link_reader_new ();
  g_autoptr (GByteArray) wire = g_byte_array_new ();
  g_auto (LecternLinkFrame) ready = { 0 };
  g_auto (LecternLinkFrame) message = { 0 };
  g_auto (LecternLinkFrame) told = { 0 };
  g_auto (LecternLinkFrame) given = { 0 };
  g_auto (LecternLinkFrame) done = { 0 };

  json_object_set_string_member (object, "word", "tür");
  put_stream (wire, track, packet, object);
  g_assert_true (read_frame (reader, wire, step, &ready, NULL));
  g_assert_cmpint (ready.type, ==, LECTERN_LINK_READY);
  g_assert_true (read_frame (reader, wire, step, &message, NULL));
  g_assert_cmpstr (json_object_get_string_member (message.object, "word"), ==, "tür");
  g_assert_true (read_frame (reader, wire, step, &told, NULL));
  g_assert_cmpuint (told.lane, ==, 3);
  g_assert_true (lectern_track_equal (told.track, track));
  g_assert_cmpstr (told.track->profile, ==, "High 4.0");
  g_assert_cmpuint (told.track->height, ==, 1080);
  g_assert_true (told.track->fourcc);
  g_assert_true (read_frame (reader, wire, step, &given, NULL));
  check_packet (given.packet, packet, told.track);
  g_assert_true (read_frame (reader, wire, step, &done, NULL));
  g_assert_cmpint (done.type, ==, LECTERN_LINK_DONE);
  g_assert_cmpuint (wire->len, ==, 0);
}

/* The header of a frame that is right, with one byte changed. */
static void
check_refused (guint offset, guint8 value, LecternError code)
{
  g_autoptr (LecternLinkReader) reader = lectern_link_reader_new ();
  g_autoptr (GByteArray) wire = g_byte_array_new ();
  g_auto (LecternLinkFrame) frame = { 0 };
  g_autoptr (GError) error = NULL;

  put (wire, lectern_link_write (LECTERN_LINK_TICK));
  wire->data[offset] = value;
  g_assert_false (read_frame (reader, wire, 1000, &frame, &error));
  g_assert_error (error, LECTERN_ERROR, (int) code);
}

static void
refuses_bad_headers (void)
{
  check_refused (0, 'X', LECTERN_ERROR_INVALID_DATA);
  check_refused (4, 0, LECTERN_ERROR_INVALID_DATA);
  check_refused (4, LECTERN_LINK_FAILED + 1, LECTERN_ERROR_INVALID_DATA);
  check_refused (5, LECTERN_LINK_MAX_LANES, LECTERN_ERROR_INVALID_DATA);
  check_refused (6, 4, LECTERN_ERROR_INVALID_DATA);
  check_refused (7, LECTERN_PACKET_CONFIG, LECTERN_ERROR_INVALID_DATA);
  check_refused (11, 1, LECTERN_ERROR_LIMIT);
}

/* Sizes are refused before any memory is taken for them. */
static void
refuses_what_is_too_large (void)
{
  static const LecternLinkType types[]
      = { LECTERN_LINK_START, LECTERN_LINK_MESSAGE, LECTERN_LINK_TRACK, LECTERN_LINK_PACKET };

  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autoptr (LecternLinkReader) reader = lectern_link_reader_new ();
      g_autoptr (GByteArray) wire = g_byte_array_new ();
      g_auto (LecternLinkFrame) frame = { 0 };
      g_autoptr (GError) error = NULL;

      put (wire, lectern_link_write (types[i]));
      memset (wire->data + 8, 0xff, 4);
      g_assert_false (read_frame (reader, wire, 1000, &frame, &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
    }
}

static void
refuse_wire (GByteArray *wire)
{
  g_autoptr (LecternLinkReader) reader = lectern_link_reader_new ();
  g_auto (LecternLinkFrame) frame = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_false (read_frame (reader, wire, 1000, &frame, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
}

static void
refuses_bad_contents (void)
{
  g_autoptr (LecternTrack) track = make_track (LECTERN_CODEC_AAC, "x");
  g_autoptr (GBytes) payload = g_bytes_new ("x", 1);
  g_autoptr (LecternPacket) packet = lectern_packet_new (track, 0, 0, 0, 0, payload);
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (GByteArray) wire = g_byte_array_new ();

  /* A packet before its track. */
  put (wire, lectern_link_write_packet_header (0, packet, NULL));
  put (wire, g_bytes_ref (payload));
  refuse_wire (wire);
  /* A track whose codec is not of its media, or that is no codec. */
  g_byte_array_set_size (wire, 0);
  put (wire, lectern_link_write_track (0, track, NULL));
  wire->data[6] = LECTERN_MEDIA_VIDEO;
  refuse_wire (wire);
  g_byte_array_set_size (wire, 0);
  put (wire, lectern_link_write_track (0, track, NULL));
  wire->data[LECTERN_LINK_HEADER] = 0xff;
  refuse_wire (wire);
  /* A message that is no JSON, and one that is no object. */
  g_byte_array_set_size (wire, 0);
  put (wire, lectern_link_write_object (LECTERN_LINK_MESSAGE, object, NULL));
  memcpy (wire->data + LECTERN_LINK_HEADER, "[]", 2);
  refuse_wire (wire);
  g_byte_array_set_size (wire, 0);
  put (wire, lectern_link_write_object (LECTERN_LINK_MESSAGE, object, NULL));
  memcpy (wire->data + LECTERN_LINK_HEADER, "{x", 2);
  refuse_wire (wire);
}

static void
writes_no_more_than_is_read (void)
{
  g_autofree char *text = g_strnfill (LECTERN_JSON_MAX_SIZE, 'x');
  g_autoptr (JsonObject) object = json_object_new ();
  g_autofree char *config = g_strnfill (LECTERN_LINK_MAX_CONFIG + 1, 'x');
  g_autoptr (LecternTrack) track = make_track (LECTERN_CODEC_H264, config);
  g_autoptr (GBytes) large
      = g_bytes_new_take (g_malloc (LECTERN_LINK_MAX_PAYLOAD + 1), LECTERN_LINK_MAX_PAYLOAD + 1);
  g_autoptr (LecternPacket) packet = lectern_packet_new (track, 0, 0, 0, 0, large);
  g_autoptr (LecternPacket) told
      = lectern_packet_new (track, LECTERN_PACKET_CONFIG, 0, 0, 0, track->config);
  g_autoptr (GError) error = NULL;

  json_object_set_string_member (object, "text", text);
  g_assert_null (lectern_link_write_object (LECTERN_LINK_MESSAGE, object, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
  g_clear_error (&error);
  g_assert_null (lectern_link_write_track (0, track, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
  g_clear_error (&error);
  g_assert_null (lectern_link_write_packet_header (0, packet, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
  g_clear_error (&error);
  g_assert_null (lectern_link_write_packet_header (0, told, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/link/round-trip", GSIZE_TO_POINTER (1000), round_trip);
  g_test_add_data_func ("/link/round-trip-byte-by-byte", GSIZE_TO_POINTER (1), round_trip);
  g_test_add_func ("/link/refuses-bad-headers", refuses_bad_headers);
  g_test_add_func ("/link/refuses-what-is-too-large", refuses_what_is_too_large);
  g_test_add_func ("/link/refuses-bad-contents", refuses_bad_contents);
  g_test_add_func ("/link/writes-no-more-than-is-read", writes_no_more_than_is_read);
  return g_test_run ();
}
