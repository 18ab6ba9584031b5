/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dash/lectern-dash-mpd.h"
#include "dash/lectern-dash-xml.h"

#include <string.h>

#define SECOND G_GINT64_CONSTANT (1000000000)

static const LecternSegmentTargets targets
    = { .segment = 2 * SECOND, .segment_limit = 4 * SECOND, .window = 6 };

static LecternPresentation *
make_presentation (void)
{
  g_autoptr (GBytes) config
      = g_bytes_new_static ("\x01\x64\x00\x1f\xff\xe1\x00\x00\x01\x00\x00", 11);
  LecternTrack fields = { .media = LECTERN_MEDIA_VIDEO,
                          .codec = LECTERN_CODEC_H264,
                          .config = config,
                          .width = 1280,
                          .height = 720 };
  g_autoptr (LecternTrack) track = lectern_track_new (&fields);
  LecternPresentation *self = lectern_presentation_new ("replay/a", &targets, 0);

  g_assert_true (lectern_presentation_set_track (self, "video", track, NULL));
  return self;
}

static void
add (LecternPresentation *self, guint64 number, gint64 start, gint64 duration,
     gboolean discontinuity)
{
  LecternSegment plain = { .number = number,
                           .start = start,
                           .duration = duration,
                           .ticks = (guint64) start * 9 / 100000,
                           .duration_ticks = (guint64) duration * 9 / 100000,
                           .date_us = start / 1000,
                           .independent = TRUE,
                           .discontinuity = discontinuity };
  g_autoptr (LecternSegmentFile) file = lectern_segment_file_new (-1);
  g_autoptr (LecternSegment) segment = lectern_segment_new_in_file (&plain, file, 0, 1000);

  lectern_presentation_add_segment (self, "video", segment);
}

static void
assert_has (const char *text, const char *part)
{
  if (strstr (text, part) == NULL)
    g_test_message ("no %s in\n%s", part, text);
  g_assert_nonnull (strstr (text, part));
}

static void
test_recording (void)
{
  g_autoptr (LecternPresentation) presentation = make_presentation ();
  LecternDashRequest request = { .query = "key=$1&session=x" };
  g_autofree char *text = NULL;

  add (presentation, 0, 5 * SECOND, 2 * SECOND, FALSE);
  add (presentation, 1, 7 * SECOND, 2 * SECOND, FALSE);
  add (presentation, 2, 9 * SECOND, SECOND, FALSE);
  add (presentation, 3, 10 * SECOND, 2 * SECOND, TRUE);
  lectern_presentation_end (presentation);
  text = lectern_dash_write_mpd (presentation, &request);
  assert_has (text, "type=\"static\" mediaPresentationDuration=\"PT7S\"");
  assert_has (text, "<Period id=\"0\" start=\"PT0S\">");
  assert_has (text, "codecs=\"avc1.64001f\"");
  assert_has (text, "<S t=\"450000\" d=\"180000\" r=\"1\"/><S d=\"90000\"/>");
  assert_has (text, "<Period id=\"3\" start=\"PT5S\">");
  assert_has (text, "media=\"video/$Number$.m4s?key=$$1&amp;session=x\"");
  assert_has (text, "startWithSAP=\"1\"");
  g_assert_null (strstr (text, "UTCTiming"));
}

static void
test_nothing_yet (void)
{
  g_autoptr (LecternPresentation) presentation = make_presentation ();
  LecternDashRequest request = { .query = "" };

  g_assert_null (lectern_dash_write_mpd (presentation, &request));
}

static void
test_xml (void)
{
  g_autoptr (GString) xml = g_string_new (NULL);

  lectern_dash_xml_put_text (xml, "a", "<&\"'>\x01");
  lectern_dash_xml_put_duration (xml, "b", 12500000);
  lectern_dash_xml_put_duration (xml, "c", -1);
  lectern_dash_xml_put_date (xml, "d", G_GINT64_CONSTANT (1700000000123456));
  g_assert_cmpstr (xml->str, ==,
                   " a=\"&lt;&amp;&quot;&apos;&gt;\" b=\"PT12.5S\" c=\"PT0S\""
                   " d=\"2023-11-14T22:13:20.123Z\"");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/dash/recording", test_recording);
  g_test_add_func ("/dash/nothing-yet", test_nothing_yet);
  g_test_add_func ("/dash/xml", test_xml);
  return g_test_run ();
}
