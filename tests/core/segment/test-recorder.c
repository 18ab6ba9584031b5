/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-finisher.h"
#include "segment/lectern-recorder.h"
#include "segment/lectern-segmenter.h"

#include "base/lectern-beneath.h"
#include "formats/lectern-cmaf.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MS G_GINT64_CONSTANT (1000000)
#define FRAME_MS 40

static const LecternSegmentTargets targets = {
  .segment = 1000 * MS,
  .segment_limit = 2000 * MS,
  .part = 200 * MS,
  .window = 4,
  .window_bytes = 8 << 20,
};

typedef struct
{
  char *directory;
  LecternPresentation *presentation;
  LecternSegmenter *segmenter;
  LecternTrack *video;
  LecternTrack *audio;
  LecternRecorder *recorder;
  LecternRecorderOptions options;
  GPtrArray *closed; /* of LecternRecordingFile */
  gboolean ended;
  GError *error;
  gint64 now_ms;
  double audio_ms;
} Fixture;

static LecternTrack *
make_track (LecternCodec codec, const char *config, gsize size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (config, size);
  LecternTrack fields = { .media = lectern_codec_get_media (codec),
                          .codec = codec,
                          .config = bytes,
                          .width = 320,
                          .height = 180,
                          .rate = 44100,
                          .channels = 2 };

  return lectern_track_new (&fields);
}

static void
on_opened (LecternRecorder *recorder, LecternRecordingFile *file, gpointer user_data)
{
}

static void
on_closed (LecternRecorder *recorder, LecternRecordingFile *file, const GError *error,
           gpointer user_data)
{
  g_ptr_array_add (((Fixture *) user_data)->closed, lectern_recording_file_ref (file));
}

static void
on_ended (LecternRecorder *recorder, const GError *error, gpointer user_data)
{
  Fixture *fixture = user_data;

  fixture->ended = TRUE;
  fixture->error = error != NULL ? g_error_copy (error) : NULL;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->directory = g_dir_make_tmp ("lectern-recorder-XXXXXX", NULL);
  fixture->presentation = lectern_presentation_new ("live/a", &targets, 1700000000000000);
  fixture->segmenter = lectern_segmenter_new (fixture->presentation);
  fixture->video = make_track (LECTERN_CODEC_H264, "\1\x64\0\x1f\xff\xe1\0", 7);
  fixture->audio = make_track (LECTERN_CODEC_AAC, "\x12\x10", 2);
  fixture->closed = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_recording_file_unref);
  fixture->options = (LecternRecorderOptions){ .directory = fixture->directory,
                                               .max_length = 3600 * 1000 * MS,
                                               .max_size = 1 << 30 };
  fixture->now_ms = 5000;
  fixture->audio_ms = 5000;
}

static void
remove_all (const char *path)
{
  /* What a link leads to is not ours to remove. */
  g_autoptr (GDir) folder
      = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_all (child);
    }
  g_remove (path);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_pointer (&fixture->recorder, lectern_recorder_free);
  lectern_segmenter_free (fixture->segmenter);
  lectern_presentation_unref (fixture->presentation);
  lectern_track_unref (fixture->video);
  lectern_track_unref (fixture->audio);
  g_ptr_array_unref (fixture->closed);
  g_clear_error (&fixture->error);
  remove_all (fixture->directory);
  g_free (fixture->directory);
}

static void
begin (Fixture *fixture)
{
  static const LecternRecorderEvents events = { on_opened, on_closed, on_ended };
  g_autoptr (GError) error = NULL;

  fixture->recorder
      = lectern_recorder_new (fixture->presentation, &fixture->options, &events, fixture, &error);
  g_assert_no_error (error);
}

static void
push (Fixture *fixture, LecternTrack *track, gboolean key, gint64 dts_ms)
{
  g_autofree char *text
      = g_strdup_printf ("%s frame of %d ms", lectern_codec_get_name (track->codec), (int) dts_ms);
  g_autoptr (GBytes) payload = g_bytes_new (text, strlen (text));
  g_autoptr (LecternPacket) packet = lectern_packet_new (track, key ? LECTERN_PACKET_KEY : 0,
                                                         dts_ms * MS, dts_ms * MS, 0, payload);

  lectern_segmenter_push (fixture->segmenter, packet);
}

/* Pushes @ms more; a key frame each second; audio 7 ms later than video. */
static void
play (Fixture *fixture, guint ms, gboolean with_video, gboolean with_audio)
{
  gint64 end = fixture->now_ms + ms;

  for (; fixture->now_ms < end; fixture->now_ms += FRAME_MS)
    {
      for (; fixture->audio_ms <= fixture->now_ms; fixture->audio_ms += 1024 / 44.1)
        if (with_audio)
          push (fixture, fixture->audio, TRUE, (gint64) fixture->audio_ms + 7);
      if (with_video)
        push (fixture, fixture->video, fixture->now_ms % 1000 == 0, fixture->now_ms);
    }
}

static void
wait_for_end (Fixture *fixture)
{
  while (!fixture->ended)
    g_main_context_iteration (NULL, TRUE);
}

static void
end (Fixture *fixture)
{
  lectern_segmenter_finish (fixture->segmenter);
  lectern_presentation_end (fixture->presentation);
  wait_for_end (fixture);
}

static int
open_folder (Fixture *fixture)
{
  int root = lectern_beneath_open_root (fixture->directory, NULL);
  int folder = lectern_beneath_open_folder (root, "live/a", FALSE);

  close (root);
  g_assert_cmpint (folder, >=, 0);
  return folder;
}

static char *
get_name (Fixture *fixture, guint file)
{
  return g_path_get_basename (
      lectern_recording_file_get_path (g_ptr_array_index (fixture->closed, file)));
}

static gboolean
finish (Fixture *fixture, guint file, LecternFinisherResult *result, GError **error)
{
  g_autofree char *name = get_name (fixture, file);
  int folder = open_folder (fixture);
  gboolean done = lectern_finisher_run (folder, name, 0, NULL, NULL, result, error);

  close (folder);
  return done;
}

static GBytes *
read_file (Fixture *fixture, guint file, const char *suffix)
{
  g_autofree char *name = get_name (fixture, file);
  g_autofree char *full = g_strconcat (name, suffix, NULL);
  int folder = open_folder (fixture);
  int fd = lectern_beneath_open (folder, full, O_RDONLY, 0);
  GBytes *bytes = fd >= 0 ? lectern_beneath_read (fd, 1 << 30) : NULL;

  if (fd >= 0)
    close (fd);
  close (folder);
  return bytes;
}

static void
write_part (Fixture *fixture, guint file, const guint8 *data, gsize size)
{
  g_autofree char *name = get_name (fixture, file);
  g_autofree char *full = g_strconcat (name, LECTERN_RECORDING_PART_SUFFIX, NULL);
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  int folder = open_folder (fixture);

  g_assert_true (lectern_beneath_replace (folder, full, bytes, NULL));
  close (folder);
}

static void
read_index (Fixture *fixture, guint file, LecternRecordingIndex *index)
{
  g_autoptr (GBytes) bytes = read_file (fixture, file, ".index");
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (bytes);
  lectern_recording_index_read (index, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                                TRUE, &error);
  g_assert_no_error (error);
}

/* ftyp, moov, then one mdat to the end; each segment of the index is its fragments, which hold the
 * frames that the index counts. */
static void
check_finished (Fixture *fixture, guint file, const LecternRecordingIndex *index)
{
  g_autoptr (GBytes) mp4 = read_file (fixture, file, ".mp4");
  const char *types[] = { "ftyp", "moov", "mdat" };
  gsize size;
  const guint8 *data = g_bytes_get_data (mp4, &size);
  LecternByteReader reader;
  LecternMp4Box box;

  g_assert_cmpuint (size, ==, index->size);
  lectern_byte_reader_init (&reader, data, size);
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_assert_true (lectern_mp4_peek_box (&reader, &box));
      g_assert_cmpstr (box.type, ==, types[i]);
      g_assert_true (lectern_byte_reader_skip (&reader, box.size));
    }
  g_assert_cmpuint (lectern_byte_reader_get_remaining (&reader), ==, 0);
  for (guint i = 0; i < index->segments->len; i++)
    {
      const LecternRecordingSegment *segment
          = &g_array_index (index->segments, LecternRecordingSegment, i);
      g_autoptr (GArray) samples = g_array_new (FALSE, FALSE, sizeof (LecternMp4Sample));
      guint64 ticks = segment->ticks;

      lectern_byte_reader_init (&reader, data + segment->offset, segment->size);
      while (lectern_mp4_peek_box (&reader, &box))
        {
          LecternMp4Fragment fragment;

          if (g_str_equal (box.type, "moof"))
            {
              g_assert_true (lectern_mp4_read_fragment (reader.data + reader.offset, box.size,
                                                        &fragment, samples, NULL));
              g_assert_cmpuint (fragment.track, ==, segment->media);
              g_assert_cmpuint (fragment.decode_time, >=, ticks);
              ticks = fragment.decode_time + fragment.duration;
            }
          g_assert_true (lectern_byte_reader_skip (&reader, box.size));
        }
      g_assert_cmpuint (samples->len, ==, segment->frames);
      g_assert_cmpuint (ticks, ==, segment->ticks + segment->duration_ticks);
    }
}

static const LecternRecordingSegment *
find_segment (const LecternRecordingIndex *index, LecternMedia media, guint place)
{
  for (guint i = 0; i < index->segments->len; i++)
    {
      const LecternRecordingSegment *segment
          = &g_array_index (index->segments, LecternRecordingSegment, i);

      if (segment->media == media && place-- == 0)
        return segment;
    }
  return NULL;
}

static void
recording_is_whole_and_begins_at_0 (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRecordingIndex) index = { 0 };
  g_autoptr (GError) error = NULL;
  LecternFinisherResult result;

  begin (fixture);
  play (fixture, 5000, TRUE, TRUE);
  end (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->closed->len, ==, 1);
  g_assert_true (finish (fixture, 0, &result, &error));
  g_assert_cmpuint (result.video, ==, 125);
  g_assert_cmpuint (result.left_out, ==, 0);
  read_index (fixture, 0, &index);
  check_finished (fixture, 0, &index);
  g_assert_cmpint (index.started_us, ==, 1700000005000000);
  g_assert_cmpuint (find_segment (&index, LECTERN_MEDIA_VIDEO, 0)->ticks, ==, 0);
  /* Audio came 7 ms later. */
  g_assert_cmpint (ABS ((int) find_segment (&index, LECTERN_MEDIA_AUDIO, 0)->ticks - 7 * 441 / 10),
                   <=, 1);
  g_assert_cmpuint (find_segment (&index, LECTERN_MEDIA_VIDEO, 4)->number, ==, 4);
  g_assert_cmpuint (find_segment (&index, LECTERN_MEDIA_AUDIO, 4)->number, ==, 4);
  g_assert_null (find_segment (&index, LECTERN_MEDIA_VIDEO, 5));
  g_assert_null (read_file (fixture, 0, LECTERN_RECORDING_PART_SUFFIX));
}

static void
begins_with_the_next_segment (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRecordingIndex) index = { 0 };
  LecternFinisherResult result;

  play (fixture, 2600, TRUE, TRUE);
  begin (fixture);
  play (fixture, 1400, TRUE, TRUE);
  end (fixture);
  g_assert_true (finish (fixture, 0, &result, NULL));
  g_assert_cmpuint (result.video, ==, 25);
  read_index (fixture, 0, &index);
  g_assert_cmpint (index.started_us, ==, 1700000008000000);
}

static void
one_track_is_enough (Fixture *fixture, gconstpointer data)
{
  gboolean video = GPOINTER_TO_INT (data);
  g_auto (LecternRecordingIndex) index = { 0 };
  LecternFinisherResult result;

  begin (fixture);
  play (fixture, 3000, video, !video);
  end (fixture);
  g_assert_cmpuint (fixture->closed->len, ==, 1);
  g_assert_true (finish (fixture, 0, &result, NULL));
  g_assert_cmpuint (result.video, ==, video ? 75 : 0);
  if (!video)
    g_assert_cmpuint (result.audio, >=, 128);
  read_index (fixture, 0, &index);
  check_finished (fixture, 0, &index);
  g_assert_cmpuint (index.n_tracks, ==, 1);
}

/* What a crash may leave: the file cut anywhere, or with nonsense or zeros at its end. */
static void
M_01_cut_file_keeps_every_whole_fragment (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GBytes) part = NULL;
  LecternFinisherResult result;
  guint last = 0;
  gsize size;
  const guint8 *bytes;

  begin (fixture);
  play (fixture, 3000, TRUE, TRUE);
  end (fixture);
  part = read_file (fixture, 0, LECTERN_RECORDING_PART_SUFFIX);
  bytes = g_bytes_get_data (part, &size);
  for (gsize cut = 100; cut <= size; cut += 97)
    {
      g_auto (LecternRecordingIndex) index = { 0 };
      g_autoptr (GError) error = NULL;
      g_autofree guint8 *copy = g_malloc0 (size);

      memcpy (copy, bytes, cut);
      write_part (fixture, 0, copy, cut % 2 == 0 ? cut : size);
      if (!finish (fixture, 0, &result, &error))
        {
          g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
          g_assert_cmpuint (last, ==, 0);
          continue;
        }
      read_index (fixture, 0, &index);
      check_finished (fixture, 0, &index);
      g_assert_cmpuint (result.video + result.audio, >=, last);
      if (cut % 2 == 0)
        last = result.video + result.audio;
    }
  g_assert_cmpuint (last, >, 190);
}

static void
damaged_file_is_refused_or_shorter (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  g_autoptr (GBytes) part = NULL;
  gsize size;
  const guint8 *bytes;

  begin (fixture);
  play (fixture, 2000, TRUE, TRUE);
  end (fixture);
  part = read_file (fixture, 0, LECTERN_RECORDING_PART_SUFFIX);
  bytes = g_bytes_get_data (part, &size);
  for (guint i = 0; i < 300; i++)
    {
      g_autofree guint8 *copy = g_memdup2 (bytes, size);
      LecternFinisherResult result;

      for (guint k = 0; k < 3; k++)
        copy[g_rand_int_range (random, 0, (gint32) size)] = (guint8) g_rand_int (random);
      write_part (fixture, 0, copy, size);
      if (finish (fixture, 0, &result, NULL))
        {
          g_auto (LecternRecordingIndex) index = { 0 };

          read_index (fixture, 0, &index);
          check_finished (fixture, 0, &index);
        }
    }
}

static void
S_04_codec_change_begins_another_file (Fixture *fixture, gconstpointer data)
{
  LecternFinisherResult first, second;

  begin (fixture);
  play (fixture, 2000, TRUE, TRUE);
  lectern_track_unref (fixture->video);
  fixture->video = make_track (LECTERN_CODEC_H264, "\1\x4d\0\x1f\xff\xe1\0", 7);
  play (fixture, 2000, TRUE, TRUE);
  end (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->closed->len, ==, 2);
  g_assert_true (finish (fixture, 0, &first, NULL));
  g_assert_true (finish (fixture, 1, &second, NULL));
  g_assert_cmpuint (first.video, ==, 50);
  g_assert_cmpuint (second.video, ==, 50);
  /* No sound is lost between them. */
  g_assert_cmpuint (first.audio + second.audio, >=, 170);
}

static void
late_audio_begins_another_file (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRecordingIndex) index = { 0 };
  LecternFinisherResult result;

  begin (fixture);
  play (fixture, 4000, TRUE, FALSE);
  play (fixture, 4000, TRUE, TRUE);
  end (fixture);
  g_assert_cmpuint (fixture->closed->len, ==, 2);
  g_assert_true (finish (fixture, 1, &result, NULL));
  read_index (fixture, 1, &index);
  g_assert_cmpuint (index.n_tracks, ==, 2);
}

static void
long_recording_goes_on_in_the_next_file (Fixture *fixture, gconstpointer data)
{
  guint video = 0, audio = 0;

  fixture->options.max_length = 2500 * MS;
  begin (fixture);
  /* The files' names are seconds, and so are their lengths. */
  for (guint i = 0; i < 9; i++)
    {
      play (fixture, 1000, TRUE, TRUE);
      g_usleep (300000);
    }
  end (fixture);
  g_assert_cmpuint (fixture->closed->len, ==, 3);
  for (guint i = 0; i < fixture->closed->len; i++)
    {
      LecternFinisherResult result;

      g_assert_true (finish (fixture, i, &result, NULL));
      video += result.video;
      audio += result.audio;
    }
  g_assert_cmpuint (video, ==, 225);
  g_assert_cmpuint (audio, >=, 386);
}

static void
pause_leaves_no_hole (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRecordingIndex) index = { 0 };
  LecternFinisherResult result;

  begin (fixture);
  play (fixture, 2000, TRUE, TRUE);
  lectern_recorder_set_paused (fixture->recorder, TRUE);
  g_assert_true (lectern_recorder_is_paused (fixture->recorder));
  play (fixture, 3000, TRUE, TRUE);
  lectern_recorder_set_paused (fixture->recorder, FALSE);
  play (fixture, 3000, TRUE, TRUE);
  end (fixture);
  g_assert_cmpuint (fixture->closed->len, ==, 1);
  g_assert_true (finish (fixture, 0, &result, NULL));
  read_index (fixture, 0, &index);
  check_finished (fixture, 0, &index);
  g_assert_cmpint (result.duration, >, 4000 * MS);
  g_assert_cmpint (result.duration, <, 5200 * MS);
  for (guint place = 1; find_segment (&index, LECTERN_MEDIA_VIDEO, place) != NULL; place++)
    {
      const LecternRecordingSegment *before = find_segment (&index, LECTERN_MEDIA_VIDEO, place - 1);
      const LecternRecordingSegment *segment = find_segment (&index, LECTERN_MEDIA_VIDEO, place);

      g_assert_cmpuint (segment->ticks - before->ticks - before->duration_ticks, <, 90 * 300);
    }
}

static void
M_04_full_queue_stops_the_recording (Fixture *fixture, gconstpointer data)
{
  LecternFinisherResult result;

  fixture->options.max_queue = 20000;
  begin (fixture);
  play (fixture, 2000, TRUE, TRUE);
  while (fixture->error == NULL)
    {
      play (fixture, 20000, TRUE, TRUE);
      g_main_context_iteration (NULL, FALSE);
    }
  g_assert_error (fixture->error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
  g_assert_cmpuint (fixture->closed->len, ==, 1);
  g_assert_true (finish (fixture, 0, &result, NULL));
}

static void
empty_recording_leaves_nothing (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = g_build_filename (fixture->directory, "live", NULL);

  begin (fixture);
  lectern_recorder_stop (fixture->recorder);
  wait_for_end (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->closed->len, ==, 0);
  g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
}

static void
R_08_links_lead_nowhere (Fixture *fixture, gconstpointer data)
{
  g_autofree char *app = g_build_filename (fixture->directory, "live", NULL);

  g_autofree char *elsewhere = g_dir_make_tmp ("lectern-elsewhere-XXXXXX", NULL);
  g_autofree char *reached = g_build_filename (elsewhere, "a", NULL);

  g_assert_cmpint (symlink (elsewhere, app), ==, 0);
  begin (fixture);
  play (fixture, 2000, TRUE, TRUE);
  wait_for_end (fixture);
  g_assert_nonnull (fixture->error);
  g_assert_false (g_file_test (reached, G_FILE_TEST_EXISTS));
  g_assert_cmpint (g_remove (app), ==, 0);
  g_assert_cmpint (g_rmdir (elsewhere), ==, 0);
}

int
main (int argc, char **argv)
{
#define ADD(name, data, func) g_test_add ("/recorder/" name, Fixture, data, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("recording-is-whole-and-begins-at-0", NULL, recording_is_whole_and_begins_at_0);
  ADD ("begins-with-the-next-segment", NULL, begins_with_the_next_segment);
  ADD ("video-alone-is-enough", GINT_TO_POINTER (TRUE), one_track_is_enough);
  ADD ("audio-alone-is-enough", GINT_TO_POINTER (FALSE), one_track_is_enough);
  ADD ("M-01-cut-file-keeps-every-whole-fragment", NULL, M_01_cut_file_keeps_every_whole_fragment);
  ADD ("damaged-file-is-refused-or-shorter", NULL, damaged_file_is_refused_or_shorter);
  ADD ("S-04-codec-change-begins-another-file", NULL, S_04_codec_change_begins_another_file);
  ADD ("late-audio-begins-another-file", NULL, late_audio_begins_another_file);
  ADD ("long-recording-goes-on-in-the-next-file", NULL, long_recording_goes_on_in_the_next_file);
  ADD ("pause-leaves-no-hole", NULL, pause_leaves_no_hole);
  ADD ("M-04-full-queue-stops-the-recording", NULL, M_04_full_queue_stops_the_recording);
  ADD ("empty-recording-leaves-nothing", NULL, empty_recording_leaves_nothing);
  ADD ("R-08-links-lead-nowhere", NULL, R_08_links_lead_nowhere);
  return g_test_run ();
}
