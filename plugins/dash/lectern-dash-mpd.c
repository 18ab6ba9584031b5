/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-dash-mpd.h"

#include "lectern-dash-xml.h"

#define NS_PER_US 1000
/* A player stays so many of the longest segments behind: one that is being made, and one in hand.
 */
#define DELAY_SEGMENTS 2
/* A Period is shown when every rendition has a segment in it, or when one has so many. */
#define ENOUGH_SEGMENTS 2

/* A rendition, and which of its segments are listed. */
typedef struct
{
  char *name;
  LecternRenditionView view;
  guint first; /* index of the first listed segment */
} Row;

typedef struct
{
  GString *xml;
  LecternPresentation *presentation;
  const LecternSegmentTargets *targets;
  const LecternDashRequest *request;
  GArray *rows; /* of Row */
  GArray *eras; /* of LecternEra: the Periods */
  gboolean ended;
  gboolean recorded;
} Writer;

static void
row_clear (gpointer data)
{
  Row *row = data;

  g_free (row->name);
  lectern_rendition_view_clear (&row->view);
}

static LecternSegment *
get_segment (const Row *row, guint index)
{
  return g_ptr_array_index (row->view.segments, index);
}

/* Of one Representation in one Period: segments whose numbers follow one another, up to the newest:
 * a template cannot leave a number out. */
typedef struct
{
  guint begin;
  guint end;
} Range;

static Range
get_range (Writer *writer, const Row *row, guint era)
{
  const LecternEra *eras = (const LecternEra *) writer->eras->data;
  guint64 from = eras[era].number;
  guint64 to = era + 1 < writer->eras->len ? eras[era + 1].number : G_MAXUINT64;
  Range range = { row->view.segments->len, row->view.segments->len };

  while (range.end > row->first && get_segment (row, range.end - 1)->number >= to)
    range.end--;
  range.begin = range.end;
  while (range.begin > row->first && get_segment (row, range.begin - 1)->number >= from
         && (range.begin == range.end
             || get_segment (row, range.begin - 1)->number + 1
                    == get_segment (row, range.begin)->number))
    range.begin--;
  return range;
}

/* Wall time for what is on the air, so that players know where live is; the stream's own time for
 * what was recorded, so that nothing is missing where the teacher was away. µs. */
static gint64
get_era_start (Writer *writer, const LecternEra *era)
{
  const LecternEra *first = &g_array_index (writer->eras, LecternEra, 0);

  if (writer->recorded)
    return (era->start - first->start) / NS_PER_US;
  return era->date_us - lectern_presentation_get_epoch (writer->presentation);
}

/* Segments */

static void
put_template (Writer *writer, const Row *row, Range range, gint64 origin)
{
  const LecternSegment *first = get_segment (row, range.begin);
  guint32 timescale = lectern_cmaf_get_timescale (row->view.track);
  const char *mark = *writer->request->query != '\0' ? "?" : "";
  g_auto (GStrv) dollars = g_strsplit (writer->request->query, "$", -1);
  g_autofree char *query = g_strjoinv ("$$", dollars);
  g_autofree char *init
      = g_strdup_printf ("%s/init-%u.mp4%s%s", row->name, first->init, mark, query);
  g_autofree char *media = g_strdup_printf ("%s/$Number$.m4s%s%s", row->name, mark, query);

  g_string_append (writer->xml, "<SegmentTemplate");
  lectern_dash_xml_put_number (writer->xml, "timescale", timescale);
  lectern_dash_xml_put_number (writer->xml, "presentationTimeOffset",
                               (guint64) MAX (lectern_cmaf_from_ns (origin, timescale), 0));
  lectern_dash_xml_put_number (writer->xml, "startNumber", first->number);
  lectern_dash_xml_put_text (writer->xml, "initialization", init);
  lectern_dash_xml_put_text (writer->xml, "media", media);
  g_string_append (writer->xml, ">\n");
}

/* When the segment's first frame is shown, ticks: later than it is decoded where frames are
 * reordered, by as much as the encoder of that rendition likes. Only this lines renditions up. */
static guint64
get_shown_ticks (const LecternSegment *segment)
{
  g_autoptr (GArray) samples = g_array_new (FALSE, FALSE, sizeof (LecternMp4Sample));
  const LecternPart *part = segment->parts->len > 0 ? g_ptr_array_index (segment->parts, 0) : NULL;
  LecternMp4Fragment fragment;
  const guint8 *data;
  gsize size;

  if (part == NULL)
    return segment->ticks;
  data = g_bytes_get_data (part->bytes, &size);
  if (!lectern_mp4_read_fragment (data, size, &fragment, samples, NULL) || samples->len == 0)
    return segment->ticks;
  return segment->ticks + MAX (g_array_index (samples, LecternMp4Sample, 0).composition, 0);
}

static void
put_timeline (Writer *writer, const Row *row, Range range)
{
  guint64 expected = G_MAXUINT64;

  g_string_append (writer->xml, "<SegmentTimeline>");
  for (guint i = range.begin; i < range.end;)
    {
      const LecternSegment *segment = get_segment (row, i);
      guint repeated = 0;
      guint64 ticks = get_shown_ticks (segment);
      guint64 end = ticks + segment->duration_ticks;

      for (i++; i < range.end && get_segment (row, i)->duration_ticks == segment->duration_ticks
                && get_shown_ticks (get_segment (row, i)) == end;
           i++)
        {
          end += segment->duration_ticks;
          repeated++;
        }
      g_string_append (writer->xml, "<S");
      if (ticks != expected)
        lectern_dash_xml_put_number (writer->xml, "t", ticks);
      lectern_dash_xml_put_number (writer->xml, "d", segment->duration_ticks);
      if (repeated > 0)
        lectern_dash_xml_put_number (writer->xml, "r", repeated);
      g_string_append (writer->xml, "/>");
      expected = end;
    }
  g_string_append (writer->xml, "</SegmentTimeline>\n</SegmentTemplate>\n");
}

/* Representations */

static void
put_frame_rate (GString *xml, double rate)
{
  guint whole = (guint) (rate + 0.5);

  if (rate <= 0)
    return;
  if (ABS (rate - whole) < 0.05)
    g_string_append_printf (xml, " frameRate=\"%u\"", whole);
  else
    g_string_append_printf (xml, " frameRate=\"%u/1000\"", (guint) (rate * 1000 + 0.5));
}

static void
put_representation (Writer *writer, const Row *row, Range range, gint64 origin)
{
  guint init = get_segment (row, range.begin)->init;
  g_autoptr (LecternTrack) track
      = lectern_presentation_get_track (writer->presentation, row->name, init);
  g_autofree char *codecs = track != NULL ? lectern_cmaf_get_codec_string (track) : NULL;
  GString *xml = writer->xml;

  g_string_append (xml, "<Representation");
  lectern_dash_xml_put_text (xml, "id", row->name);
  lectern_dash_xml_put_text (xml, "codecs", codecs != NULL ? codecs : row->view.codecs);
  lectern_dash_xml_put_number (xml, "bandwidth", MAX (row->view.bandwidth, 1));
  if (track != NULL && track->width > 0 && track->height > 0)
    {
      lectern_dash_xml_put_number (xml, "width", track->width);
      lectern_dash_xml_put_number (xml, "height", track->height);
    }
  put_frame_rate (xml, row->view.frame_rate);
  if (track != NULL && track->media == LECTERN_MEDIA_AUDIO && track->rate > 0)
    lectern_dash_xml_put_number (xml, "audioSamplingRate", track->rate);
  g_string_append (xml, ">\n");
  if (track != NULL && track->media == LECTERN_MEDIA_AUDIO && track->channels > 0)
    g_string_append_printf (xml,
                            "<AudioChannelConfiguration schemeIdUri=\"urn:mpeg:dash:23003:3:audio_"
                            "channel_configuration:2011\" value=\"%u\"/>\n",
                            track->channels);
  put_template (writer, row, range, origin);
  put_timeline (writer, row, range);
  g_string_append (xml, "</Representation>\n");
}

static gboolean
are_independent (const Row *row, Range range)
{
  for (guint i = range.begin; i < range.end; i++)
    if (!get_segment (row, i)->independent)
      return FALSE;
  return TRUE;
}

static void
put_adaptation_set (Writer *writer, LecternMedia media, guint era, gint64 origin)
{
  gboolean begun = FALSE;
  gboolean independent = TRUE;
  const char *kind = media == LECTERN_MEDIA_VIDEO ? "video" : "audio";

  for (guint i = 0; i < writer->rows->len; i++)
    {
      const Row *row = &g_array_index (writer->rows, Row, i);

      if (row->view.track->media == media)
        independent = independent && are_independent (row, get_range (writer, row, era));
    }
  for (guint i = 0; i < writer->rows->len; i++)
    {
      const Row *row = &g_array_index (writer->rows, Row, i);
      Range range = get_range (writer, row, era);

      if (row->view.track->media != media || range.begin == range.end)
        continue;
      if (!begun)
        g_string_append_printf (writer->xml,
                                "<AdaptationSet id=\"%d\" contentType=\"%s\" mimeType=\"%s/mp4\" "
                                "segmentAlignment=\"true\"%s>\n",
                                media, kind, kind, independent ? " startWithSAP=\"1\"" : "");
      begun = TRUE;
      put_representation (writer, row, range, origin);
    }
  if (begun)
    g_string_append (writer->xml, "</AdaptationSet>\n");
}

/* Periods */

/* DTS of the first segment of the Period that is listed. */
static gint64
get_first_start (Writer *writer, guint era)
{
  gint64 start = G_MAXINT64;

  for (guint i = 0; i < writer->rows->len; i++)
    {
      const Row *row = &g_array_index (writer->rows, Row, i);
      Range range = get_range (writer, row, era);

      if (range.begin < range.end)
        start = MIN (start, get_segment (row, range.begin)->start);
    }
  return start;
}

/* While the stream is on the air, a Period's start and offset never change. After its end the first
 * one begins where there is something to play; both change alike, so nothing moves. */
static void
put_period (Writer *writer, guint index)
{
  const LecternEra *era = &g_array_index (writer->eras, LecternEra, index);
  gint64 origin = era->start;
  gint64 start_us = get_era_start (writer, era);

  if (writer->ended && index == 0)
    {
      gint64 first = get_first_start (writer, 0);

      start_us += (first - origin) / NS_PER_US;
      origin = first;
    }
  g_string_append (writer->xml, "<Period");
  lectern_dash_xml_put_number (writer->xml, "id", era->number);
  lectern_dash_xml_put_duration (writer->xml, "start", start_us);
  g_string_append (writer->xml, ">\n");
  put_adaptation_set (writer, LECTERN_MEDIA_VIDEO, index, origin);
  put_adaptation_set (writer, LECTERN_MEDIA_AUDIO, index, origin);
  g_string_append (writer->xml, "</Period>\n");
}

/* Whether the newest Period is still without something that others have. */
static gboolean
is_newest_unready (Writer *writer)
{
  guint missing = 0;
  guint most = 0;

  for (guint i = 0; i < writer->rows->len; i++)
    {
      Range range
          = get_range (writer, &g_array_index (writer->rows, Row, i), writer->eras->len - 1);

      missing += range.begin == range.end;
      most = MAX (most, range.end - range.begin);
    }
  return missing > 0 && most < ENOUGH_SEGMENTS;
}

static int
compare_eras (gconstpointer a, gconstpointer b)
{
  const LecternEra *left = a;
  const LecternEra *right = b;

  return (left->number > right->number) - (left->number < right->number);
}

static void
add_era (Writer *writer, guint64 number)
{
  LecternEra era;

  if (!lectern_presentation_find_era (writer->presentation, number, &era))
    return;
  for (guint i = writer->eras->len; i > 0; i--)
    if (g_array_index (writer->eras, LecternEra, i - 1).number == era.number)
      return;
  g_array_append_val (writer->eras, era);
}

static void
find_eras (Writer *writer)
{
  for (guint i = 0; i < writer->rows->len; i++)
    {
      const Row *row = &g_array_index (writer->rows, Row, i);

      for (guint j = row->first; j < row->view.segments->len; j++)
        add_era (writer, get_segment (row, j)->number);
    }
  g_array_sort (writer->eras, compare_eras);
  if (writer->eras->len > 1 && !writer->ended && is_newest_unready (writer))
    g_array_set_size (writer->eras, writer->eras->len - 1);
}

/* The whole */

/* Where the newest segment ends on the MPD's time line; µs. */
static gint64
get_end (Writer *writer)
{
  gint64 end = 0;

  for (guint i = 0; i < writer->rows->len; i++)
    {
      const Row *row = &g_array_index (writer->rows, Row, i);
      guint last = writer->eras->len - 1;
      const LecternEra *era = &g_array_index (writer->eras, LecternEra, last);
      Range range = get_range (writer, row, last);
      const LecternSegment *segment;

      if (range.begin == range.end)
        continue;
      segment = get_segment (row, range.end - 1);
      end = MAX (end, get_era_start (writer, era)
                          + (segment->start + segment->duration - era->start) / NS_PER_US);
    }
  return end;
}

/* The longest listed segment and, in @total, how much is listed; ns. */
static gint64
measure (Writer *writer, gint64 *total)
{
  gint64 longest = writer->targets->segment;

  *total = 0;
  for (guint i = 0; i < writer->rows->len; i++)
    {
      const Row *row = &g_array_index (writer->rows, Row, i);
      gint64 sum = 0;

      for (guint j = row->first; j < row->view.segments->len; j++)
        {
          longest = MAX (longest, get_segment (row, j)->duration);
          sum += get_segment (row, j)->duration;
        }
      *total = MAX (*total, sum);
    }
  return longest;
}

/* A player that joins where no segment begins with a key frame shows nothing. Where they are rare,
 * it is told to begin a little behind the newest one that is far enough back. µs. */
static gint64
choose_delay (Writer *writer, gint64 delay_us, gint64 longest_us)
{
  const Row *row = &g_array_index (writer->rows, Row, 0);
  Range listed = { row->first, row->view.segments->len };

  if (are_independent (row, listed))
    return delay_us;
  for (guint i = listed.end; i > listed.begin; i--)
    {
      const LecternSegment *segment = get_segment (row, i - 1);
      gint64 age_us = writer->request->now_us - segment->date_us;

      if (segment->independent && age_us >= delay_us)
        return age_us - longest_us / 4;
    }
  return delay_us;
}

static void
put_latency (GString *xml, gint64 delay_us)
{
  g_string_append_printf (xml,
                          "<ServiceDescription id=\"0\"><Latency target=\"%" G_GINT64_FORMAT
                          "\"/><PlaybackRate min=\"0.96\" max=\"1.04\"/></ServiceDescription>\n",
                          delay_us / 1000);
}

static void
put_head (Writer *writer)
{
  GString *xml = writer->xml;
  gint64 total = 0;
  gint64 longest_us = measure (writer, &total) / NS_PER_US;
  gint64 delay_us = choose_delay (writer, longest_us * DELAY_SEGMENTS, longest_us);

  g_string_append (xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" "
                        "profiles=\"urn:mpeg:dash:profile:isoff-live:2011\"");
  lectern_dash_xml_put_text (xml, "type", writer->ended ? "static" : "dynamic");
  if (writer->ended)
    lectern_dash_xml_put_duration (xml, "mediaPresentationDuration", get_end (writer));
  else
    {
      lectern_dash_xml_put_date (xml, "availabilityStartTime",
                                 lectern_presentation_get_epoch (writer->presentation));
      lectern_dash_xml_put_date (xml, "publishTime", writer->request->now_us);
      lectern_dash_xml_put_duration (xml, "minimumUpdatePeriod",
                                     writer->targets->segment / 2 / NS_PER_US);
      lectern_dash_xml_put_duration (xml, "timeShiftBufferDepth", total / NS_PER_US);
      lectern_dash_xml_put_duration (xml, "suggestedPresentationDelay", delay_us);
    }
  lectern_dash_xml_put_duration (xml, "maxSegmentDuration", longest_us);
  lectern_dash_xml_put_duration (xml, "minBufferTime", longest_us);
  g_string_append (xml, ">\n");
  if (writer->ended)
    return;
  if (*writer->request->query != '\0')
    {
      g_string_append (xml, "<Location>index.mpd?");
      lectern_dash_xml_put_content (xml, writer->request->query);
      g_string_append (xml, "</Location>\n");
    }
  put_latency (xml, delay_us);
}

static char *
write_mpd (Writer *writer)
{
  find_eras (writer);
  if (writer->eras->len == 0)
    return NULL;
  writer->xml = g_string_sized_new (4096);
  put_head (writer);
  for (guint i = 0; i < writer->eras->len; i++)
    put_period (writer, i);
  if (!writer->ended)
    g_string_append (writer->xml, "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" "
                                  "value=\"../../api/v1/time\"/>\n");
  g_string_append (writer->xml, "</MPD>\n");
  return g_string_free (writer->xml, FALSE);
}

static void
add_row (Writer *writer, const char *name)
{
  Row row = { 0 };

  if (!lectern_presentation_view (writer->presentation, name, &row.view))
    return;
  if (row.view.codecs == NULL || row.view.segments->len == 0)
    {
      lectern_rendition_view_clear (&row.view);
      return;
    }
  row.name = g_strdup (name);
  writer->ended = writer->ended || row.view.ended;
  writer->recorded = row.view.recorded;
  if (!row.view.recorded && row.view.segments->len > writer->targets->window)
    row.first = row.view.segments->len - writer->targets->window;
  g_array_append_val (writer->rows, row);
}

char *
lectern_dash_write_mpd (LecternPresentation *presentation, const LecternDashRequest *request)
{
  g_auto (GStrv) names = lectern_presentation_list (presentation);
  Writer writer = { .presentation = presentation,
                    .targets = lectern_presentation_get_targets (presentation),
                    .request = request };
  char *text;

  writer.rows = g_array_new (FALSE, FALSE, sizeof (Row));
  g_array_set_clear_func (writer.rows, row_clear);
  writer.eras = g_array_new (FALSE, FALSE, sizeof (LecternEra));
  for (guint i = 0; names[i] != NULL; i++)
    add_row (&writer, names[i]);
  text = write_mpd (&writer);
  g_array_unref (writer.rows);
  g_array_unref (writer.eras);
  return text;
}
