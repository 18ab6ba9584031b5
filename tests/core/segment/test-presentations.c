/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-presentation.h"

#include "base/lectern-error.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define MS G_GINT64_CONSTANT (1000000)

static const LecternSegmentTargets targets = { .segment = 2000 * MS,
                                               .segment_limit = 4000 * MS,
                                               .part = 300 * MS,
                                               .window = 3,
                                               .window_bytes = 1 << 20,
                                               .linger_us = 60 * G_USEC_PER_SEC };

typedef struct
{
  LecternSessions *sessions;
  LecternStreamRegistry *streams;
  LecternReactorPool *reactors;
  LecternPresentations *presentations;
  gint calls; /* of the loader; atomic */
  guint answers;
  LecternPresentation *got;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  static const LecternMediaLimits limits = { .max_streams = 10 };

  fixture->sessions = lectern_sessions_new ();
  fixture->streams = lectern_stream_registry_new (fixture->sessions, &limits);
  fixture->reactors = lectern_reactor_pool_new (1, NULL);
  fixture->presentations
      = lectern_presentations_new (fixture->streams, fixture->reactors, &targets);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_pointer (&fixture->got, lectern_presentation_unref);
  g_object_unref (fixture->presentations);
  lectern_reactor_pool_stop (fixture->reactors);
  lectern_reactor_pool_unref (fixture->reactors);
  g_object_unref (fixture->streams);
  g_object_unref (fixture->sessions);
}

static LecternPresentation *
make_recorded (const char *name)
{
  g_autoptr (GBytes) config = g_bytes_new ("\x12\x10", 2);
  LecternTrack fields = { .media = LECTERN_MEDIA_AUDIO,
                          .codec = LECTERN_CODEC_AAC,
                          .config = config,
                          .rate = 44100,
                          .channels = 2 };
  g_autoptr (LecternTrack) track = lectern_track_new (&fields);
  LecternPresentation *made = lectern_presentation_new (name, &targets, 5000000);
  g_autofree char *path = NULL;
  g_autoptr (LecternSegmentFile) file
      = lectern_segment_file_new (g_file_open_tmp (NULL, &path, NULL));

  g_assert_cmpint (write (file->fd, "0123456789", 10), ==, 10);
  g_unlink (path);
  g_assert_true (lectern_presentation_set_track (made, "audio", track, NULL));
  for (guint i = 0; i < 10; i++)
    {
      LecternSegment plain = { .number = i, .start = i * 2000 * MS, .duration = 2000 * MS };
      g_autoptr (LecternSegment) segment = lectern_segment_new_in_file (&plain, file, i, 1);

      lectern_presentation_add_segment (made, "audio", segment);
    }
  lectern_presentation_end (made);
  return made;
}

static LecternPresentation *
load (const char *name, gpointer user_data, GError **error)
{
  Fixture *fixture = user_data;

  g_atomic_int_inc (&fixture->calls);
  if (g_str_equal (name, "replay/nothing"))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "nothing there");
      return NULL;
    }
  return make_recorded (name);
}

static void
take (LecternPresentation *presentation, gpointer user_data)
{
  Fixture *fixture = user_data;

  fixture->answers++;
  g_clear_pointer (&fixture->got, lectern_presentation_unref);
  fixture->got = presentation != NULL ? lectern_presentation_ref (presentation) : NULL;
}

static void
open_all (Fixture *fixture, const char *name, guint times)
{
  fixture->answers = 0;
  for (guint i = 0; i < times; i++)
    lectern_presentations_open (fixture->presentations, name, take, fixture);
  while (fixture->answers < times)
    g_main_context_iteration (NULL, TRUE);
}

static void
many_ask_and_one_load_answers (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LecternPresentation) found = NULL;
  g_autoptr (LecternSegment) segment = NULL;
  g_auto (LecternRenditionView) view = { 0 };
  char byte;

  lectern_presentations_add_loader (fixture->presentations, "replay", load, fixture);
  open_all (fixture, "replay/a", 5);
  g_assert_nonnull (fixture->got);
  g_assert_cmpint (g_atomic_int_get (&fixture->calls), ==, 1);
  found = lectern_presentations_lookup (fixture->presentations, "replay/a");
  g_assert_true (found == fixture->got);
  g_assert_true (lectern_presentation_view (found, "audio", &view));
  g_assert_true (view.recorded && view.ended);
  g_assert_cmpuint (view.segments->len, ==, 10);
  g_assert_cmpuint (view.bandwidth, ==, 4);
  segment = lectern_presentation_get_segment (found, "audio", 7);
  g_assert_null (segment->bytes);
  g_assert_cmpint (pread (segment->file->fd, &byte, segment->size, segment->offset), ==, 1);
  g_assert_cmpint (byte, ==, '7');
  lectern_presentations_remove_loader (fixture->presentations, "replay");
}

static void
what_is_forgotten_is_loaded_anew (Fixture *fixture, gconstpointer data)
{
  lectern_presentations_add_loader (fixture->presentations, "replay", load, fixture);
  open_all (fixture, "replay/a", 1);
  open_all (fixture, "replay/a", 1);
  g_assert_cmpint (g_atomic_int_get (&fixture->calls), ==, 1);
  lectern_presentations_forget (fixture->presentations, "replay/a");
  open_all (fixture, "replay/a", 1);
  g_assert_cmpint (g_atomic_int_get (&fixture->calls), ==, 2);
  lectern_presentations_remove_loader (fixture->presentations, "replay");
  g_assert_null (lectern_presentations_lookup (fixture->presentations, "replay/a"));
}

static void
what_is_not_there_is_told (Fixture *fixture, gconstpointer data)
{
  lectern_presentations_add_loader (fixture->presentations, "replay", load, fixture);
  open_all (fixture, "replay/nothing", 2);
  g_assert_null (fixture->got);
  open_all (fixture, "live/a", 1);
  g_assert_null (fixture->got);
  open_all (fixture, "replay/../x", 1);
  g_assert_null (fixture->got);
  g_assert_cmpint (g_atomic_int_get (&fixture->calls), <=, 2);
  lectern_presentations_remove_loader (fixture->presentations, "replay");
  open_all (fixture, "replay/a", 1);
  g_assert_null (fixture->got);
}

static void
count (LecternPresentations *presentations, gpointer user_data)
{
  ++*(guint *) user_data;
}

static void
use_is_told_once (Fixture *fixture, gconstpointer data)
{
  guint used = 0;
  guint unused = 0;

  g_signal_connect (fixture->presentations, "used", G_CALLBACK (count), &used);
  g_signal_connect (fixture->presentations, "unused", G_CALLBACK (count), &unused);
  lectern_presentations_use (fixture->presentations);
  lectern_presentations_use (fixture->presentations);
  lectern_presentations_unuse (fixture->presentations);
  g_assert_cmpuint (used, ==, 1);
  g_assert_cmpuint (unused, ==, 0);
  lectern_presentations_unuse (fixture->presentations);
  g_assert_cmpuint (unused, ==, 1);
}

int
main (int argc, char **argv)
{
#define ADD(name, func) g_test_add ("/presentations/" name, Fixture, NULL, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("many-ask-and-one-load-answers", many_ask_and_one_load_answers);
  ADD ("what-is-forgotten-is-loaded-anew", what_is_forgotten_is_loaded_anew);
  ADD ("what-is-not-there-is-told", what_is_not_there_is_told);
  ADD ("use-is-told-once", use_is_told_once);
  return g_test_run ();
}
