/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-cmaf.h"
#include "formats/lectern-mp4-movie.h"
#include "formats/lectern-recording-index.h"

#include <string.h>

static LecternTrack *
make_track (LecternCodec codec, const char *config, gsize size)
{
  g_autoptr (GBytes) bytes = config != NULL ? g_bytes_new (config, size) : NULL;
  LecternTrack fields
      = { .media = lectern_codec_get_media (codec), .codec = codec, .config = bytes };

  if (fields.media == LECTERN_MEDIA_VIDEO)
    {
      fields.width = 1280;
      fields.height = 720;
    }
  else
    {
      fields.rate = codec == LECTERN_CODEC_AAC ? 96000 : 48000;
      fields.channels = 2;
    }
  return lectern_track_new (&fields);
}

static const struct
{
  LecternCodec codec;
  const char *config;
  gsize size;
} codecs[] = {
  { LECTERN_CODEC_H264, "\1\x64\0\x1f\xff\xe1\0", 7 },
  { LECTERN_CODEC_H265, "\1\1\x60\0\0\0\x90\0\0\0\0\0\x5d\xf0\0\xfc", 16 },
  { LECTERN_CODEC_AV1, "\x81\4\x0c\0", 4 },
  { LECTERN_CODEC_VP9, "\0\x1f\x80\2\2\2\0\0", 8 },
  { LECTERN_CODEC_AAC, "\x10\x10", 2 },
  { LECTERN_CODEC_OPUS, "OpusHead\1\2\x38\1\x80\xbb\0\0\0\0\0", 19 },
  { LECTERN_CODEC_MP3, NULL, 0 },
};

static void
init_is_read_as_written (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (codecs); i++)
    {
      g_autoptr (LecternTrack) track
          = make_track (codecs[i].codec, codecs[i].config, codecs[i].size);
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) init = lectern_cmaf_write_init (&track, 1, &error);
      LecternTrack *tracks[LECTERN_MP4_MAX_TRACKS];
      guint n_tracks;
      gsize size;
      const guint8 *data;

      g_assert_no_error (error);
      data = g_bytes_get_data (init, &size);
      g_assert_true (lectern_mp4_read_init (data, size, tracks, &n_tracks, &error));
      g_assert_cmpuint (n_tracks, ==, 1);
      g_assert_true (lectern_track_equal (tracks[0], track));
      g_assert_cmpuint (tracks[0]->width, ==, track->width);
      g_assert_cmpuint (tracks[0]->rate, ==, track->rate);
      g_assert_cmpuint (tracks[0]->channels, ==, track->channels);
      lectern_track_unref (tracks[0]);
      /* Cut anywhere it is refused. */
      for (gsize cut = 0; cut < size; cut++)
        g_assert_false (lectern_mp4_read_init (data, cut, tracks, &n_tracks, NULL));
    }
}

static GBytes *
make_fragment (LecternTrack *track, guint64 time, guint n_samples)
{
  g_autoptr (GBytes) payload = g_bytes_new_static ("abcdefg", 7);
  g_autofree LecternCmafSample *samples = g_new0 (LecternCmafSample, n_samples);

  for (guint i = 0; i < n_samples; i++)
    samples[i] = (LecternCmafSample){ payload, 3600, i == 1 ? 7200 : 3600, i == 0 };
  return lectern_cmaf_write_fragment (track, 1, time, samples, n_samples);
}

static gsize
get_moof_size (GBytes *fragment)
{
  LecternByteReader reader;
  LecternMp4Box box;

  lectern_byte_reader_init (&reader, g_bytes_get_data (fragment, NULL),
                            g_bytes_get_size (fragment));
  g_assert_true (lectern_mp4_peek_box (&reader, &box));
  return box.size;
}

static void
fragment_is_read_as_written (void)
{
  g_autoptr (LecternTrack) track = make_track (LECTERN_CODEC_H264, codecs[0].config, 7);
  g_autoptr (GBytes) bytes = make_fragment (track, 1234567890123, 3);
  g_autoptr (GArray) samples = g_array_new (FALSE, FALSE, sizeof (LecternMp4Sample));
  const guint8 *data = g_bytes_get_data (bytes, NULL);
  gsize size = get_moof_size (bytes);
  LecternMp4Fragment fragment;
  guint8 stamp[LECTERN_CMAF_STAMP_SIZE];

  g_assert_true (lectern_mp4_read_fragment (data, size, &fragment, samples, NULL));
  g_assert_cmpuint (fragment.track, ==, 1);
  g_assert_cmpuint (fragment.decode_time, ==, 1234567890123);
  g_assert_cmpuint (fragment.duration, ==, 3 * 3600);
  g_assert_cmpuint (fragment.data_size, ==, 21);
  g_assert_cmpuint (fragment.data_offset, ==, size + 8);
  g_assert_cmpuint (samples->len, ==, 3);
  g_assert_true (g_array_index (samples, LecternMp4Sample, 0).key);
  g_assert_false (g_array_index (samples, LecternMp4Sample, 1).key);
  g_assert_cmpint (g_array_index (samples, LecternMp4Sample, 1).composition, ==, 7200);
  for (gsize cut = 0; cut < size; cut++)
    g_assert_false (lectern_mp4_read_fragment (data, cut, &fragment, samples, NULL));
  g_assert_cmpuint (samples->len, ==, 3);

  g_assert_true (lectern_cmaf_restamp (bytes, stamp, 77, 5));
  g_assert_cmpint (stamp[23], ==, 77);
  g_assert_cmpint (stamp[67], ==, 5);
  g_assert_cmpmem (stamp, 20, data, 20);
}

static void
reference_time_is_read_as_written (void)
{
  guint8 box[LECTERN_MP4_PRFT_SIZE];
  gint64 date_us;
  guint32 track;

  lectern_mp4_write_reference_time (box, 2, 1700000000123456, 42);
  g_assert_true (lectern_mp4_read_reference_time (box, sizeof box, &track, &date_us));
  g_assert_cmpuint (track, ==, 2);
  g_assert_cmpint (ABS (date_us - 1700000000123456), <=, 1);
  g_assert_false (lectern_mp4_read_reference_time (box, sizeof box - 1, &track, &date_us));
}

static gboolean
contains (GBytes *bytes, const char *text)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);

  return memmem (data, size, text, strlen (text)) != NULL;
}

static LecternMp4Movie *
make_movie (LecternTrack *video, guint64 offset)
{
  g_autoptr (GArray) samples = g_array_new (FALSE, FALSE, sizeof (LecternMp4Sample));
  g_autoptr (GBytes) first = make_fragment (video, 0, 3);
  g_autoptr (GBytes) second = make_fragment (video, 90000, 3);
  LecternMp4Movie *movie = lectern_mp4_movie_new (&video, 1);
  LecternMp4Fragment fragment;

  g_assert_true (lectern_mp4_read_fragment (g_bytes_get_data (first, NULL), get_moof_size (first),
                                            &fragment, samples, NULL));
  g_assert_true (
      lectern_mp4_movie_add (movie, &fragment, (LecternMp4Sample *) samples->data, offset, NULL));
  g_array_set_size (samples, 0);
  g_assert_true (lectern_mp4_read_fragment (g_bytes_get_data (second, NULL), get_moof_size (second),
                                            &fragment, samples, NULL));
  g_assert_true (lectern_mp4_movie_add (movie, &fragment, (LecternMp4Sample *) samples->data,
                                        offset + 100, NULL));
  /* Time does not go back. */
  g_assert_false (lectern_mp4_movie_add (movie, &fragment, (LecternMp4Sample *) samples->data,
                                         offset + 200, NULL));
  return movie;
}

static void
movie_is_small_or_large_as_needed (void)
{
  g_autoptr (LecternTrack) video = make_track (LECTERN_CODEC_H264, codecs[0].config, 7);
  g_autoptr (LecternMp4Movie) movie = make_movie (video, 100);
  g_autoptr (LecternMp4Movie) large = make_movie (video, G_GUINT64_CONSTANT (5000000000));
  g_autoptr (GBytes) header = lectern_mp4_movie_write (movie, 1000, 1, NULL);
  g_autoptr (GBytes) large_header
      = lectern_mp4_movie_write (large, G_GUINT64_CONSTANT (6000000000), 1, NULL);
  gsize size = g_bytes_get_size (header);
  const guint8 *data = g_bytes_get_data (header, NULL);

  g_assert_true (contains (header, "stco"));
  g_assert_false (contains (header, "co64"));
  g_assert_cmpmem (data + size - 8, 8, "\0\0\3\xf0mdat", 8);
  g_assert_true (contains (large_header, "co64"));
  data = g_bytes_get_data (large_header, &size);
  g_assert_cmpmem (data + size - 16, 8, "\0\0\0\1mdat", 8);
  /* The hole of a second is the third frame's; the first frame is shown a frame late. */
  g_assert_cmpint (lectern_mp4_movie_get_duration (movie), ==,
                   G_GINT64_CONSTANT (1000000000) + 3 * 40000000);
  g_assert_true (contains (header, "elst"));
  g_assert_true (contains (header, "ctts"));
  g_assert_true (contains (header, "stss"));
}

static void
fill_index (LecternRecordingIndex *index)
{
  LecternTrack *video = make_track (LECTERN_CODEC_H264, codecs[0].config, 7);

  *index = (LecternRecordingIndex){ .started_us = 5, .duration = 6, .size = 1000, .frames = 7 };
  index->tracks[index->n_tracks++] = video;
  index->init = lectern_cmaf_write_init (&video, 1, NULL);
  index->segments = g_array_new (FALSE, FALSE, sizeof (LecternRecordingSegment));
  for (guint i = 0; i < 3; i++)
    {
      LecternRecordingSegment segment = { .media = LECTERN_MEDIA_VIDEO,
                                          .independent = TRUE,
                                          .discontinuity = i == 1,
                                          .number = i,
                                          .ticks = 180000 * i,
                                          .duration_ticks = 180000,
                                          .frames = 50,
                                          .date_us = 9,
                                          .offset = 100 * i,
                                          .size = 100 };

      g_array_append_val (index->segments, segment);
    }
}

static void
index_is_read_as_written (void)
{
  g_auto (LecternRecordingIndex) index = { 0 };
  g_auto (LecternRecordingIndex) read = { 0 };
  g_autoptr (GBytes) bytes = NULL;
  gsize size;
  const guint8 *data;

  fill_index (&index);
  bytes = lectern_recording_index_write (&index, NULL);
  data = g_bytes_get_data (bytes, &size);
  g_assert_true (lectern_recording_index_read (&read, data, size, TRUE, NULL));
  g_assert_cmpint (read.started_us, ==, 5);
  g_assert_cmpint (read.duration, ==, 6);
  g_assert_cmpuint (read.size, ==, 1000);
  g_assert_cmpuint (read.frames, ==, 7);
  g_assert_true (g_bytes_equal (read.init, index.init));
  g_assert_cmpmem (read.segments->data, 3 * sizeof (LecternRecordingSegment), index.segments->data,
                   3 * sizeof (LecternRecordingSegment));
  for (gsize cut = 0; cut < size; cut++)
    {
      LecternRecordingIndex broken;

      g_assert_false (lectern_recording_index_read (&broken, data, cut, TRUE, NULL));
    }
}

static void
index_with_nonsense_is_refused (void)
{
  for (guint i = 0; i < 5; i++)
    {
      g_auto (LecternRecordingIndex) index = { 0 };
      LecternRecordingIndex read;
      LecternRecordingSegment *segment;
      g_autoptr (GBytes) bytes = NULL;

      fill_index (&index);
      segment = &g_array_index (index.segments, LecternRecordingSegment, 1);
      if (i == 0)
        segment->media = LECTERN_MEDIA_AUDIO;
      else if (i == 1)
        segment->offset = 950;
      else if (i == 2)
        segment->ticks = 170000;
      else if (i == 3)
        segment->number = 0;
      else
        segment->duration_ticks = 0;
      bytes = lectern_recording_index_write (&index, NULL);
      g_assert_false (lectern_recording_index_read (&read, g_bytes_get_data (bytes, NULL),
                                                    g_bytes_get_size (bytes), TRUE, NULL));
      g_assert_true (lectern_recording_index_read (&read, g_bytes_get_data (bytes, NULL),
                                                   g_bytes_get_size (bytes), FALSE, NULL));
      lectern_recording_index_clear (&read);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mp4/init-is-read-as-written", init_is_read_as_written);
  g_test_add_func ("/mp4/fragment-is-read-as-written", fragment_is_read_as_written);
  g_test_add_func ("/mp4/reference-time-is-read-as-written", reference_time_is_read_as_written);
  g_test_add_func ("/mp4/movie-is-small-or-large-as-needed", movie_is_small_or_large_as_needed);
  g_test_add_func ("/mp4/index-is-read-as-written", index_is_read_as_written);
  g_test_add_func ("/mp4/index-with-nonsense-is-refused", index_with_nonsense_is_refused);
  return g_test_run ();
}
