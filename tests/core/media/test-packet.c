/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-packet.h"

#include <string.h>

static LecternTrack *
make_track (LecternCodec codec, const char *config, guint rate)
{
  g_autoptr (GBytes) bytes = config != NULL ? g_bytes_new (config, strlen (config)) : NULL;

  return lectern_track_new (&(LecternTrack){
      .media = lectern_codec_get_media (codec), .codec = codec, .config = bytes, .rate = rate });
}

static void
test_names_every_codec (void)
{
  for (LecternCodec codec = LECTERN_CODEC_NONE; codec <= LECTERN_CODEC_SCRIPT; codec++)
    g_assert_nonnull (lectern_codec_get_name (codec));
  g_assert_cmpstr (lectern_codec_get_name (LECTERN_CODEC_H265), ==, "H.265");
  g_assert_cmpint (lectern_codec_get_media (LECTERN_CODEC_SPEEX), ==, LECTERN_MEDIA_AUDIO);
  g_assert_cmpint (lectern_codec_get_media (LECTERN_CODEC_AV1), ==, LECTERN_MEDIA_VIDEO);
  g_assert_cmpint (lectern_codec_get_media (LECTERN_CODEC_SCRIPT), ==, LECTERN_MEDIA_DATA);
  g_assert_true (lectern_codec_needs_config (LECTERN_CODEC_AAC));
  g_assert_false (lectern_codec_needs_config (LECTERN_CODEC_MP3));
}

static void
test_equal_compares_what_decoders_see (void)
{
  g_autoptr (LecternTrack) a = make_track (LECTERN_CODEC_AAC, "one", 48000);
  g_autoptr (LecternTrack) b = make_track (LECTERN_CODEC_AAC, "one", 48000);
  g_autoptr (LecternTrack) c = make_track (LECTERN_CODEC_AAC, "two", 48000);
  g_autoptr (LecternTrack) d = make_track (LECTERN_CODEC_AAC, NULL, 48000);
  g_autoptr (LecternTrack) e = make_track (LECTERN_CODEC_MP3, NULL, 44100);
  g_autoptr (LecternTrack) f = make_track (LECTERN_CODEC_MP3, NULL, 22050);
  g_autoptr (LecternTrack) g = make_track (LECTERN_CODEC_MP3, NULL, 44100);

  g_assert_true (lectern_track_equal (NULL, NULL));
  g_assert_true (lectern_track_equal (a, a));
  g_assert_true (lectern_track_equal (a, b));
  g_assert_true (lectern_track_equal (e, g));
  g_assert_false (lectern_track_equal (a, NULL));
  g_assert_false (lectern_track_equal (NULL, a));
  g_assert_false (lectern_track_equal (a, c));
  g_assert_false (lectern_track_equal (a, d));
  g_assert_false (lectern_track_equal (a, e));
  g_assert_false (lectern_track_equal (e, f));
}

static void
test_packet_holds_what_it_needs (void)
{
  LecternTrack *track = make_track (LECTERN_CODEC_H264, "avcC", 0);
  GBytes *payload = g_bytes_new_static ("frame", 5);
  LecternPacket *packet = lectern_packet_new (track, LECTERN_PACKET_KEY, 10, 20, 30, payload);
  g_autoptr (LecternPacket) moved = NULL;

  lectern_track_unref (track);
  g_bytes_unref (payload);
  moved = lectern_packet_retime (packet, LECTERN_PACKET_DISCONTINUITY, 100, 110);
  lectern_packet_unref (lectern_packet_ref (packet));
  lectern_packet_unref (packet);
  g_assert_cmpint (moved->flags, ==, LECTERN_PACKET_DISCONTINUITY);
  g_assert_cmpint (moved->dts, ==, 100);
  g_assert_cmpint (moved->pts, ==, 110);
  g_assert_cmpint (moved->duration, ==, 30);
  g_assert_cmpuint (lectern_packet_get_size (moved), ==, 5);
  g_assert_true (lectern_packet_is_video (moved));
  g_assert_cmpint (moved->track->codec, ==, LECTERN_CODEC_H264);
}

static void
test_metadata_has_no_track (void)
{
  g_autoptr (LecternPacket) packet
      = lectern_packet_new_metadata (7, g_variant_new_parsed ("{'width': <640.0>}"));
  g_autoptr (LecternPacket) moved = lectern_packet_retime (packet, LECTERN_PACKET_METADATA, 8, 8);

  g_assert_false (g_variant_is_floating (packet->metadata));
  g_assert_true (moved->metadata == packet->metadata);
  g_assert_cmpint (packet->pts, ==, 7);
  g_assert_cmpuint (lectern_packet_get_size (moved), ==, 0);
  g_assert_false (lectern_packet_is_video (moved));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/media/codec/names-every-codec", test_names_every_codec);
  g_test_add_func ("/media/track/equal-compares-what-decoders-see",
                   test_equal_compares_what_decoders_see);
  g_test_add_func ("/media/packet/holds-what-it-needs", test_packet_holds_what_it_needs);
  g_test_add_func ("/media/packet/metadata-has-no-track", test_metadata_has_no_track);
  return g_test_run ();
}
