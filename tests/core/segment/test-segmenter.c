/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-clock.h"
#include "segment/lectern-segmenter.h"

#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)
#define FRAME_MS 40
#define AAC_MS 23.219954648526077

static const LecternSegmentTargets targets = {
  .segment = 2000 * MS,
  .segment_limit = 4000 * MS,
  .part = 300 * MS,
  .window = 4,
  .window_bytes = 8 << 20,
};

typedef struct
{
  LecternPresentation *presentation;
  LecternSegmenter *segmenter;
  LecternTrack *video;
  LecternTrack *audio;
  guint video_frames;
  guint audio_frames;
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
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->presentation = lectern_presentation_new ("live/a", &targets, 1000000);
  fixture->segmenter = lectern_segmenter_new (fixture->presentation);
  fixture->video = make_track (LECTERN_CODEC_H264, "\1\x64\0\x1f\xff\xe1\0", 7);
  fixture->audio = make_track (LECTERN_CODEC_AAC, "\x12\x10", 2);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  lectern_segmenter_free (fixture->segmenter);
  lectern_presentation_unref (fixture->presentation);
  lectern_track_unref (fixture->video);
  lectern_track_unref (fixture->audio);
}

static void
push (Fixture *fixture, LecternTrack *track, gboolean key, gint64 dts_ms)
{
  g_autoptr (GBytes) payload = g_bytes_new_static ("payload", 7);
  g_autoptr (LecternPacket) packet = lectern_packet_new (track, key ? LECTERN_PACKET_KEY : 0,
                                                         dts_ms * MS, dts_ms * MS, 0, payload);

  lectern_segmenter_push (fixture->segmenter, packet);
}

/* Pushes @ms more of both, interleaved by time; a key frame each @gop frames. */
static void
run (Fixture *fixture, guint ms, guint gop, gboolean with_video, gboolean with_audio)
{
  gint64 end = fixture->video_frames * FRAME_MS + ms;

  while (fixture->video_frames * FRAME_MS < end)
    {
      gint64 now = fixture->video_frames * FRAME_MS;

      while (with_audio && fixture->audio_frames * AAC_MS <= now)
        {
          push (fixture, fixture->audio, TRUE, (gint64) (fixture->audio_frames * AAC_MS));
          fixture->audio_frames++;
        }
      if (with_video)
        push (fixture, fixture->video, fixture->video_frames % gop == 0, now);
      fixture->video_frames++;
    }
}

static void
check_chain (const LecternRenditionView *view)
{
  for (guint i = 0; i < view->segments->len; i++)
    {
      LecternSegment *segment = g_ptr_array_index (view->segments, i);
      gint64 sum = 0;

      g_assert_cmpint (segment->duration, <=, targets.segment_limit);
      for (guint k = 0; k < segment->parts->len; k++)
        {
          LecternPart *part = g_ptr_array_index (segment->parts, k);

          g_assert_cmpint (part->duration, <=, targets.part);
          if (k + 1 < segment->parts->len)
            g_assert_cmpint (part->duration, >=, targets.part * 85 / 100);
          sum += part->duration;
        }
      g_assert_cmpint (ABS (sum - segment->duration), <, MS);
      if (i > 0)
        {
          LecternSegment *before = g_ptr_array_index (view->segments, i - 1);

          g_assert_cmpuint (segment->number, ==, before->number + 1);
          g_assert_cmpuint (segment->ticks, ==, before->ticks + before->duration_ticks);
        }
    }
}

static void
cuts_at_key_frames (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRenditionView) video = { 0 };
  g_auto (LecternRenditionView) audio = { 0 };

  run (fixture, 11000, 50, TRUE, TRUE);
  g_assert_true (lectern_presentation_view (fixture->presentation, "video", &video));
  g_assert_true (lectern_presentation_view (fixture->presentation, "audio", &audio));
  g_assert_cmpuint (video.segments->len, ==, 5);
  g_assert_cmpuint (audio.segments->len, ==, 5);
  check_chain (&video);
  check_chain (&audio);
  for (guint i = 0; i < 5; i++)
    {
      LecternSegment *picture = g_ptr_array_index (video.segments, i);
      LecternSegment *sound = g_ptr_array_index (audio.segments, i);

      g_assert_cmpint (picture->duration, ==, 2000 * MS);
      g_assert_cmpuint (picture->ticks, ==, i * 180000);
      g_assert_true (picture->independent);
      g_assert_cmpuint (sound->number, ==, picture->number);
      g_assert_cmpint (sound->start, >=, picture->start);
      g_assert_cmpint (sound->start - picture->start, <, 24 * MS);
      g_assert_cmpint (picture->date_us, ==, 1000000 + i * 2000000);
    }
  g_assert_true (video.all_independent);
  g_assert_cmpfloat_with_epsilon (video.frame_rate, 25, 0.01);
  g_assert_cmpstr (video.codecs, ==, "avc1.64001f");
  g_assert_cmpuint (video.next_number, ==, 5);
  g_assert_cmpuint (video.parts->len, ==, 3);
}

static void
long_groups_are_cut_at_the_limit (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRenditionView) view = { 0 };
  guint independent = 0;

  run (fixture, 25000, 200, TRUE, TRUE);
  g_assert_true (lectern_presentation_view (fixture->presentation, "video", &view));
  check_chain (&view);
  for (guint i = 0; i < view.segments->len; i++)
    independent += ((LecternSegment *) g_ptr_array_index (view.segments, i))->independent;
  g_assert_cmpuint (independent, <, view.segments->len);
  g_assert_cmpuint (independent, >, 0);
  g_assert_false (view.all_independent);
}

static void
audio_alone_cuts_itself (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRenditionView) view = { 0 };

  run (fixture, 9000, 50, FALSE, TRUE);
  g_assert_true (lectern_presentation_view (fixture->presentation, "audio", &view));
  g_assert_cmpuint (view.segments->len, >=, 3);
  check_chain (&view);
  g_assert_false (lectern_presentation_view (fixture->presentation, "video", &view));
}

static void
window_moves (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRenditionView) view = { 0 };
  LecternSegment *oldest;

  run (fixture, 60000, 50, TRUE, FALSE);
  g_assert_true (lectern_presentation_view (fixture->presentation, "video", &view));
  g_assert_cmpuint (view.segments->len, ==, targets.window * 2);
  oldest = g_ptr_array_index (view.segments, 0);
  g_assert_cmpuint (oldest->number, ==, view.next_number - targets.window * 2);
  g_assert_null (lectern_presentation_get_segment (fixture->presentation, "video", 0));
}

static gint64 wall_us;

static gint64
get_wall (void)
{
  return wall_us;
}

static void
wall_clock_moves_no_duration (Fixture *fixture, gconstpointer data)
{
  static const gint64 steps[] = { 3600, -7200, 1, 86400, -86400 };
  g_auto (LecternRenditionView) view = { 0 };

  lectern_clock_set_for_test (NULL, get_wall);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      wall_us += steps[i] * G_USEC_PER_SEC;
      run (fixture, 2000, 50, TRUE, TRUE);
    }
  lectern_clock_set_for_test (NULL, NULL);
  g_assert_true (lectern_presentation_view (fixture->presentation, "video", &view));
  g_assert_cmpuint (view.segments->len, >=, 4);
  for (guint i = 0; i < view.segments->len; i++)
    {
      LecternSegment *segment = g_ptr_array_index (view.segments, i);

      g_assert_cmpint (segment->duration, ==, 2000 * MS);
      g_assert_cmpint (segment->start, ==, (gint64) i * 2000 * MS);
      g_assert_false (segment->discontinuity);
    }
}

static void
codec_change_is_a_discontinuity (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRenditionView) view = { 0 };
  g_autoptr (GBytes) first = NULL;
  g_autoptr (GBytes) second = NULL;
  LecternSegment *after;

  run (fixture, 4000, 50, TRUE, TRUE);
  lectern_track_unref (fixture->video);
  fixture->video = make_track (LECTERN_CODEC_H264, "\1\x4d\0\x1f\xff\xe1\0", 7);
  run (fixture, 6000, 50, TRUE, TRUE);
  g_assert_true (lectern_presentation_view (fixture->presentation, "video", &view));
  g_assert_cmpstr (view.codecs, ==, "avc1.4d001f");
  after = g_ptr_array_index (view.segments, 2);
  g_assert_cmpuint (after->init, ==, 1);
  g_assert_true (after->discontinuity);
  first = lectern_presentation_get_init (fixture->presentation, "video", 0);
  second = lectern_presentation_get_init (fixture->presentation, "video", 1);
  g_assert_nonnull (first);
  g_assert_nonnull (second);
  g_assert_false (g_bytes_equal (first, second));
}

static void
loss_is_a_discontinuity (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRenditionView) view = { 0 };
  LecternSegment *after;

  run (fixture, 3000, 50, TRUE, TRUE);
  lectern_segmenter_break (fixture->segmenter);
  run (fixture, 5000, 50, TRUE, TRUE);
  g_assert_true (lectern_presentation_view (fixture->presentation, "video", &view));
  after = g_ptr_array_index (view.segments, 2);
  g_assert_true (after->discontinuity);
  g_assert_true (after->independent);
  g_assert_cmpint (after->start, ==, 4000 * MS);
}

static void
finish_gives_out_the_rest (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRenditionView) view = { 0 };
  gint64 sum = 0;

  run (fixture, 5000, 50, TRUE, TRUE);
  lectern_segmenter_finish (fixture->segmenter);
  lectern_presentation_end (fixture->presentation);
  g_assert_true (lectern_presentation_view (fixture->presentation, "video", &view));
  for (guint i = 0; i < view.segments->len; i++)
    sum += ((LecternSegment *) g_ptr_array_index (view.segments, i))->duration;
  g_assert_cmpint (sum, ==, 5000 * MS);
  g_assert_cmpuint (view.parts->len, ==, 0);
  g_assert_true (view.ended);
}

/* A transcoder's side: rungs come a second later than the source. */
#define LAG_MS 1000

static LecternLadder *
make_ladder (const char *leader)
{
  LecternLadder *ladder = lectern_ladder_new (leader, leader != NULL, FALSE);

  lectern_ladder_add (ladder, "480p", LECTERN_MEDIA_VIDEO, 480, 800000);
  lectern_ladder_add (ladder, "audio-64k", LECTERN_MEDIA_AUDIO, 0, 64000);
  return ladder;
}

static void
push_rung (Fixture *fixture, const char *rung, LecternTrack *track, gboolean key, gint64 dts_ms)
{
  g_autoptr (GBytes) payload = g_bytes_new_static ("payload", 7);
  g_autoptr (LecternPacket) packet = lectern_packet_new (track, key ? LECTERN_PACKET_KEY : 0,
                                                         dts_ms * MS, dts_ms * MS, 0, payload);

  lectern_segmenter_push_rung (fixture->segmenter, rung, packet);
}

/* The frames of sound that belong to the picture at @now. */
static void
sound (Fixture *fixture, const char *rung, gint64 now)
{
  for (guint i = now > 0 ? (guint) ((now - 1) / AAC_MS) : 0; (gint64) (i * AAC_MS) < now + FRAME_MS;
       i++)
    if ((gint64) (i * AAC_MS) < now)
      continue;
    else if (rung != NULL)
      push_rung (fixture, rung, fixture->audio, TRUE, (gint64) (i * AAC_MS));
    else
      push (fixture, fixture->audio, TRUE, (gint64) (i * AAC_MS));
}

typedef struct
{
  guint gop;      /* of the source, frames */
  guint rung_gop; /* of 480p */
  gint64 lost;    /* ms: the rungs have nothing from here … */
  gint64 back;    /* … to here */
} Show;

/* Pushes the frames of @from … @to ms, all tracks interleaved by time. */
static void
show (Fixture *fixture, const Show *how, gint64 from, gint64 to)
{
  for (gint64 now = from; now < to; now += FRAME_MS)
    {
      gint64 late = now - LAG_MS;
      gboolean there = late >= 0 && (late < how->lost || late >= how->back);

      push (fixture, fixture->video, now / FRAME_MS % how->gop == 0, now);
      sound (fixture, NULL, now);
      if (!there)
        continue;
      push_rung (fixture, "480p", fixture->video, late / FRAME_MS % how->rung_gop == 0, late);
      sound (fixture, "audio-64k", late);
    }
}

static LecternSegment *
get_segment (const LecternRenditionView *view, guint64 number)
{
  for (guint i = 0; i < view->segments->len; i++)
    if (((LecternSegment *) g_ptr_array_index (view->segments, i))->number == number)
      return g_ptr_array_index (view->segments, i);
  return NULL;
}

/* Numbers have no holes, and the same number is the same moment. */
static void
check_lines (Fixture *fixture, const char *first, const char *second)
{
  g_auto (LecternRenditionView) one = { 0 };
  g_auto (LecternRenditionView) two = { 0 };
  guint compared = 0;

  g_assert_true (lectern_presentation_view (fixture->presentation, first, &one));
  g_assert_true (lectern_presentation_view (fixture->presentation, second, &two));
  for (guint i = 0; i < two.segments->len; i++)
    {
      LecternSegment *segment = g_ptr_array_index (two.segments, i);
      LecternSegment *other = get_segment (&one, segment->number);

      if (i > 0)
        g_assert_cmpuint (segment->number, ==,
                          ((LecternSegment *) g_ptr_array_index (two.segments, i - 1))->number + 1);
      g_assert_cmpint (segment->duration, <=, targets.segment_limit);
      if (other == NULL || segment->gap || other->gap)
        continue;
      g_assert_cmpuint (segment->timeline, ==, other->timeline);
      g_assert_cmpint (segment->discontinuity, ==, other->discontinuity);
      g_assert_cmpint (ABS (segment->start - other->start), <, 24 * MS);
      if (two.track->media == LECTERN_MEDIA_VIDEO && one.track->media == two.track->media)
        g_assert_cmpuint (segment->ticks, ==, other->ticks);
      compared++;
    }
  g_assert_cmpuint (compared, >, 1);
}

static void
rungs_line_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternLadder) ladder = make_ladder (NULL);
  g_auto (GStrv) names = NULL;
  g_auto (LecternUnready) unready = { 0 };

  g_assert_true (lectern_presentation_find_unready (fixture->presentation, NULL, &unready));
  g_assert_null (unready.rendition); /* any */
  lectern_segmenter_set_ladder (fixture->segmenter, ladder);
  show (fixture, &(Show){ .gop = 50, .rung_gop = 50 }, 0, 2520);
  g_assert_true (lectern_presentation_find_unready (fixture->presentation, NULL, &unready));
  g_assert_cmpstr (unready.rendition, ==, "480p");
  g_assert_cmpint (unready.patience_us, >, 0);
  lectern_unready_clear (&unready);
  g_assert_false (lectern_presentation_find_unready (fixture->presentation, "video", &unready));
  g_assert_false (lectern_presentation_find_unready (fixture->presentation, "1080p", &unready));
  show (fixture, &(Show){ .gop = 50, .rung_gop = 50 }, 2520, 11000);
  g_assert_false (lectern_presentation_find_unready (fixture->presentation, NULL, &unready));
  check_lines (fixture, "video", "480p");
  check_lines (fixture, "video", "audio");
  check_lines (fixture, "video", "audio-64k");
  names = lectern_presentation_list (fixture->presentation);
  g_assert_cmpstr (names[0], ==, "video");
  g_assert_cmpstr (names[1], ==, "480p");
  g_assert_cmpstr (names[2], ==, "audio");
  g_assert_cmpstr (names[3], ==, "audio-64k");
}

static void
lost_rung_has_gaps_and_goes_on (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternLadder) ladder = make_ladder (NULL);
  g_auto (LecternRenditionView) view = { 0 };
  Show how = { .gop = 25, .rung_gop = 50, .lost = 5000, .back = 13000 };
  guint gaps = 0;

  lectern_segmenter_set_ladder (fixture->segmenter, ladder);
  show (fixture, &how, 0, 12480);
  g_assert_true (lectern_presentation_view (fixture->presentation, "480p", &view));
  g_assert_true (
      ((LecternSegment *) g_ptr_array_index (view.segments, view.segments->len - 1))->gap);
  lectern_rendition_view_clear (&view);
  lectern_segmenter_break_rung (fixture->segmenter, "480p");
  lectern_segmenter_break_rung (fixture->segmenter, "audio-64k");
  show (fixture, &how, 12480, 18000);
  check_lines (fixture, "video", "480p");
  check_lines (fixture, "audio", "audio-64k");
  g_assert_true (lectern_presentation_view (fixture->presentation, "480p", &view));
  for (guint i = 0; i < view.segments->len; i++)
    gaps += ((LecternSegment *) g_ptr_array_index (view.segments, i))->gap;
  g_assert_cmpuint (gaps, >=, 3);
  g_assert_cmpuint (gaps, <=, 5);
  g_assert_false (
      ((LecternSegment *) g_ptr_array_index (view.segments, view.segments->len - 1))->gap);
  g_assert_cmpuint (view.next_number, ==, 8);
}

static void
shed_rung_leaves_and_comes_back (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternLadder) ladder = make_ladder (NULL);
  g_autoptr (LecternLadder) less = lectern_ladder_new (NULL, FALSE, FALSE);
  g_auto (GStrv) names = NULL;
  g_auto (GStrv) after = NULL;
  Show how = { .gop = 50, .rung_gop = 50 };

  lectern_ladder_add (less, "audio-64k", LECTERN_MEDIA_AUDIO, 0, 64000);
  lectern_segmenter_set_ladder (fixture->segmenter, ladder);
  show (fixture, &how, 0, 6000);
  lectern_segmenter_set_ladder (fixture->segmenter, less);
  names = lectern_presentation_list (fixture->presentation);
  g_assert_cmpuint (g_strv_length (names), ==, 3);
  g_assert_false (g_strv_contains ((const char *const *) names, "480p"));
  show (fixture, &how, 6000, 10000);
  lectern_segmenter_set_ladder (fixture->segmenter, ladder);
  show (fixture, &how, 10000, 16000);
  after = lectern_presentation_list (fixture->presentation);
  g_assert_true (g_strv_contains ((const char *const *) after, "480p"));
  check_lines (fixture, "video", "480p");
}

static void
leading_rung_cuts_for_all (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternLadder) ladder = make_ladder ("480p");
  g_auto (LecternRenditionView) view = { 0 };

  lectern_segmenter_set_ladder (fixture->segmenter, ladder);
  show (fixture, &(Show){ .gop = 200, .rung_gop = 50 }, 0, 11000);
  g_assert_false (lectern_presentation_view (fixture->presentation, "video", &view));
  g_assert_true (lectern_presentation_view (fixture->presentation, "480p", &view));
  g_assert_true (view.all_independent);
  check_chain (&view);
  g_assert_cmpuint (view.segments->len, ==, 4);
  check_lines (fixture, "480p", "audio");
  check_lines (fixture, "480p", "audio-64k");
}

static void
break_reaches_rungs_at_the_same_number (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternLadder) ladder = make_ladder (NULL);
  g_auto (LecternRenditionView) view = { 0 };
  Show how = { .gop = 50, .rung_gop = 50 };

  lectern_segmenter_set_ladder (fixture->segmenter, ladder);
  show (fixture, &how, 0, 7000);
  lectern_segmenter_break (fixture->segmenter);
  show (fixture, &how, 7000, 14000);
  check_lines (fixture, "video", "480p");
  check_lines (fixture, "video", "audio");
  check_lines (fixture, "video", "audio-64k");
  g_assert_true (lectern_presentation_view (fixture->presentation, "480p", &view));
  g_assert_cmpuint (view.next_timeline, ==, 1);
}

static void
frozen_picture_does_not_stop_the_sound (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRenditionView) view = { 0 };
  g_auto (LecternRenditionView) video = { 0 };

  run (fixture, 5000, 50, TRUE, TRUE);
  run (fixture, 12000, 50, FALSE, TRUE);
  g_assert_true (lectern_presentation_view (fixture->presentation, "audio", &view));
  check_chain (&view);
  g_assert_cmpuint (view.next_number, >=, 6);
  /* Its key frame comes back at a new number, without a hole before it. */
  fixture->video_frames = (fixture->video_frames / 50 + 1) * 50;
  run (fixture, 6000, 50, TRUE, TRUE);
  g_assert_true (lectern_presentation_view (fixture->presentation, "video", &video));
  for (guint i = 1; i < video.segments->len; i++)
    g_assert_cmpuint (((LecternSegment *) g_ptr_array_index (video.segments, i))->number, ==,
                      ((LecternSegment *) g_ptr_array_index (video.segments, i - 1))->number + 1);
}

/* A day and more on the air: 32 bits of ticks are over after 13 hours and a quarter. */
static void
times_go_on_past_32_bits (Fixture *fixture, gconstpointer data)
{
  const guint64 hours = 28 * 3600 + 28 * 60;
  g_auto (LecternRenditionView) video = { 0 };
  g_auto (LecternRenditionView) audio = { 0 };
  g_autoptr (LecternSegment) segment = NULL;
  const guint8 *data_of_it;
  guint64 time;

  fixture->video_frames = (guint) (hours * 25);
  fixture->audio_frames = (guint) (hours * 44100 / 1024);
  run (fixture, 7000, 50, TRUE, TRUE);
  g_assert_true (lectern_presentation_view (fixture->presentation, "video", &video));
  g_assert_true (lectern_presentation_view (fixture->presentation, "audio", &audio));
  check_chain (&video);
  check_chain (&audio);
  segment = lectern_presentation_get_segment (fixture->presentation, "video", 0);
  g_assert_cmpuint (segment->ticks, ==, hours * 90000);
  /* moof, mfhd, traf and tfhd before it; version 1. */
  data_of_it = g_bytes_get_data (segment->bytes, NULL);
  g_assert_cmpmem (data_of_it + 8 + 16 + 8 + 16 + 4, 4, "tfdt", 4);
  g_assert_cmpint (data_of_it[8 + 16 + 8 + 16 + 8], ==, 1);
  memcpy (&time, data_of_it + 8 + 16 + 8 + 16 + 12, sizeof time);
  g_assert_cmpuint (GUINT64_FROM_BE (time), ==, hours * 90000);
}

static void
picture_alone_needs_no_sound (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRenditionView) view = { 0 };

  run (fixture, 9000, 50, TRUE, FALSE);
  g_assert_true (lectern_presentation_view (fixture->presentation, "video", &view));
  g_assert_cmpuint (view.segments->len, ==, 4);
  check_chain (&view);
  g_assert_false (lectern_presentation_view (fixture->presentation, "audio", &view));
}

static void
far_key_frames_are_told (Fixture *fixture, gconstpointer data)
{
  g_auto (LecternRenditionView) view = { 0 };

  run (fixture, 7000, 50, TRUE, TRUE);
  g_assert_cmpint (lectern_segmenter_get_far_keys (fixture->segmenter), ==, 0);
  fixture->video_frames = 200;
  run (fixture, 24000, 200, TRUE, TRUE);
  g_assert_cmpint (lectern_segmenter_get_far_keys (fixture->segmenter), ==, 8000 * MS);
  g_assert_true (lectern_presentation_view (fixture->presentation, "video", &view));
  check_chain (&view);
}

static void
parts_are_found_by_number (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternPart) whole = NULL;
  g_autoptr (LecternPart) open = NULL;

  run (fixture, 5000, 50, TRUE, TRUE);
  whole = lectern_presentation_get_part (fixture->presentation, "video", 1, 2);
  open = lectern_presentation_get_part (fixture->presentation, "video", 2, 0);
  g_assert_nonnull (whole);
  g_assert_nonnull (open);
  g_assert_true (open->independent);
  g_assert_null (lectern_presentation_get_part (fixture->presentation, "video", 2, 99));
  g_assert_null (lectern_presentation_get_part (fixture->presentation, "video", 99, 0));
}

typedef struct
{
  guint parts;
  guint firsts;
  guint64 next_ticks; /* of the video */
  guint ended;
  guint freed;
} Heard;

static void
hear_part (const LecternPartNews *news, gpointer user_data)
{
  Heard *heard = user_data;

  if (!g_str_equal (news->rendition, "video"))
    return;
  g_assert_cmpuint (news->ticks, ==, heard->next_ticks);
  g_assert_cmpint (news->track->codec, ==, LECTERN_CODEC_H264);
  heard->next_ticks += news->duration_ticks;
  heard->firsts += news->first;
  heard->parts++;
}

static void
hear_end (gpointer user_data)
{
  ((Heard *) user_data)->ended++;
}

static void
hear_no_more (gpointer user_data)
{
  ((Heard *) user_data)->freed++;
}

static void
listener_hears_every_part (Fixture *fixture, gconstpointer data)
{
  static const LecternPartListener listener = { hear_part, hear_end };
  Heard heard = { 0 };
  Heard gone = { 0 };
  guint id = lectern_presentation_listen (fixture->presentation, &listener, &gone, hear_no_more);
  guint other
      = lectern_presentation_listen (fixture->presentation, &listener, &heard, hear_no_more);
  guint parts;

  run (fixture, 5000, 50, TRUE, TRUE);
  g_assert_cmpuint (heard.parts, >=, 5000 / 300);
  g_assert_cmpuint (heard.firsts, ==, 3);
  parts = gone.parts;
  lectern_presentation_unlisten (fixture->presentation, id);
  g_assert_cmpuint (gone.freed, ==, 1);
  lectern_segmenter_finish (fixture->segmenter);
  lectern_presentation_end (fixture->presentation);
  g_assert_cmpuint (heard.next_ticks, ==, 5 * 90000);
  g_assert_cmpuint (heard.ended, ==, 1);
  g_assert_cmpuint (gone.parts, ==, parts);
  g_assert_cmpuint (gone.ended, ==, 0);
  lectern_presentation_unlisten (fixture->presentation, other);
  g_assert_cmpuint (heard.freed, ==, 1);
}

int
main (int argc, char **argv)
{
#define ADD(name, func) g_test_add ("/segmenter/" name, Fixture, NULL, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("cuts-at-key-frames", cuts_at_key_frames);
  ADD ("long-groups-are-cut-at-the-limit", long_groups_are_cut_at_the_limit);
  ADD ("T-03-audio-alone-cuts-itself", audio_alone_cuts_itself);
  ADD ("window-moves", window_moves);
  ADD ("T-05-steps-of-the-wall-clock-move-no-duration", wall_clock_moves_no_duration);
  ADD ("S-04-codec-change-is-a-discontinuity", codec_change_is_a_discontinuity);
  ADD ("loss-is-a-discontinuity", loss_is_a_discontinuity);
  ADD ("finish-gives-out-the-rest", finish_gives_out_the_rest);
  ADD ("rungs-line-up", rungs_line_up);
  ADD ("lost-rung-has-gaps-and-goes-on", lost_rung_has_gaps_and_goes_on);
  ADD ("shed-rung-leaves-and-comes-back", shed_rung_leaves_and_comes_back);
  ADD ("leading-rung-cuts-for-all", leading_rung_cuts_for_all);
  ADD ("break-reaches-rungs-at-the-same-number", break_reaches_rungs_at_the_same_number);
  ADD ("frozen-picture-does-not-stop-the-sound", frozen_picture_does_not_stop_the_sound);
  ADD ("T-04-times-go-on-past-32-bits", times_go_on_past_32_bits);
  ADD ("T-03-picture-alone-needs-no-sound", picture_alone_needs_no_sound);
  ADD ("far-key-frames-are-told", far_key_frames_are_told);
  ADD ("parts-are-found-by-number", parts_are_found_by_number);
  ADD ("listener-hears-every-part", listener_hears_every_part);
  return g_test_run ();
}
