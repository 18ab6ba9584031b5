/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media-fixture.h"
#include "media/lectern-gop-cache.h"

static gboolean
push (LecternGopCache *cache, LecternTrack *of, gboolean key, gint64 ms, gsize size,
      LecternTrack *video, LecternTrack *audio)
{
  g_autoptr (LecternPacket) packet = fixture_packet (of, key, ms, size);

  return lectern_gop_cache_push (cache, packet, video, audio);
}

static void
holds_the_newest_group (void)
{
  g_autoptr (LecternTrack) video = fixture_track (LECTERN_CODEC_H264, "v");
  g_autoptr (LecternTrack) audio = fixture_track (LECTERN_CODEC_AAC, "a");
  LecternGopCache cache;

  lectern_gop_cache_init (&cache, 1024 * 1024);
  g_assert_false (push (&cache, video, FALSE, 0, 10, video, audio));
  g_assert_cmpuint (cache.packets->len, ==, 0);
  g_assert_true (push (&cache, video, TRUE, 40, 10, video, audio));
  push (&cache, audio, TRUE, 50, 5, video, audio);
  push (&cache, video, FALSE, 80, 10, video, audio);
  g_assert_cmpuint (cache.packets->len, ==, 3);
  g_assert_cmpuint (cache.bytes, ==, 25);
  g_assert_true (push (&cache, video, TRUE, 2040, 10, video, audio));
  g_assert_cmpuint (cache.packets->len, ==, 1);
  g_assert_cmpint (cache.duration, ==, 2000 * MS);
  g_assert_true (cache.video == video && cache.audio == audio);
  lectern_gop_cache_clear (&cache);
}

/* S-07: a 60 s group at 20 Mbit/s is dropped whole, and the next key frame begins anew. */
static void
too_large_group_is_dropped_whole (void)
{
  g_autoptr (LecternTrack) video = fixture_track (LECTERN_CODEC_H264, "v");
  LecternGopCache cache;

  lectern_gop_cache_init (&cache, 1024 * 1024);
  for (guint i = 0; i < 1500; i++)
    {
      push (&cache, video, i == 0, i * 40, 100000, video, NULL);
      g_assert_cmpuint (cache.bytes, <=, 1024 * 1024);
      if (i >= 10)
        g_assert_cmpuint (cache.packets->len, ==, 0);
    }
  g_assert_true (push (&cache, video, TRUE, 60000, 100000, video, NULL));
  g_assert_cmpuint (cache.packets->len, ==, 1);
  lectern_gop_cache_clear (&cache);
}

static void
audio_alone_keeps_a_second (void)
{
  g_autoptr (LecternTrack) audio = fixture_track (LECTERN_CODEC_AAC, "a");
  LecternGopCache cache;

  lectern_gop_cache_init (&cache, 1024 * 1024);
  for (guint i = 0; i < 1000; i++)
    {
      push (&cache, audio, TRUE, i * 20, 100, NULL, audio);
      g_assert_cmpuint (cache.packets->len, <=, 51);
      g_assert_cmpuint (cache.packets->len, >, 0);
    }
  lectern_gop_cache_clear (&cache);
}

static void
a_late_track_joins (void)
{
  g_autoptr (LecternTrack) video = fixture_track (LECTERN_CODEC_H264, "v");
  g_autoptr (LecternTrack) audio = fixture_track (LECTERN_CODEC_AAC, "a");
  g_autoptr (LecternTrack) other = fixture_track (LECTERN_CODEC_AAC, "b");
  LecternGopCache cache;

  lectern_gop_cache_init (&cache, 1024 * 1024);
  g_assert_true (lectern_gop_cache_add_track (&cache, audio));
  g_assert_null (cache.audio);
  push (&cache, video, TRUE, 0, 10, video, NULL);
  g_assert_true (lectern_gop_cache_add_track (&cache, audio));
  g_assert_true (cache.audio == audio);
  g_assert_false (lectern_gop_cache_add_track (&cache, other));
  g_assert_true (cache.audio == audio);
  lectern_gop_cache_clear (&cache);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gop-cache/holds-the-newest-group", holds_the_newest_group);
  g_test_add_func ("/gop-cache/S-07-too-large-group-is-dropped-whole",
                   too_large_group_is_dropped_whole);
  g_test_add_func ("/gop-cache/audio-alone-keeps-a-second", audio_alone_keeps_a_second);
  g_test_add_func ("/gop-cache/a-late-track-joins", a_late_track_joins);
  return g_test_run ();
}
