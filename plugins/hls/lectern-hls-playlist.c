/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-hls-playlist.h"

#define NS 1e9
/* Parts are listed for the newest three target durations (RFC 8216bis, 4.4.4.9). */
#define PART_TARGETS 3
#define SKIP_TARGETS 6

typedef struct
{
  GString *text;
  LecternPresentation *presentation;
  const LecternSegmentTargets *targets;
  const LecternHlsRequest *request;
  LecternRenditionView view;
  gboolean low_latency;
  guint first; /* index of the first listed segment */
  gint64 init; /* number of the init segment last named; -1 none */
} Writer;

static void
put_seconds (GString *text, gint64 ns)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append (text, g_ascii_formatd (number, sizeof number, "%.5f", (double) ns / NS));
}

static void
put_query (GString *text)
{
  g_string_append_c (text, LECTERN_HLS_QUERY_MARK);
}

static void
put_frame_rate (GString *text, double frame_rate)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (frame_rate > 0)
    g_string_append_printf (text, ",FRAME-RATE=%s",
                            g_ascii_formatd (number, sizeof number, "%.3f", frame_rate));
}

/* Segments' lengths are rounded to the nearest second where they are compared with this (RFC
 * 8216bis, 4.4.3.1). */
static guint
get_target_seconds (const LecternSegmentTargets *targets)
{
  return MAX ((guint) ((targets->segment_limit + 500000000) / 1000000000), 1);
}

/* Multivariant */

/* What a multivariant playlist is written from. */
typedef struct
{
  GArray *views; /* of LecternRenditionView: those that can be played, in the order of the list */
  const LecternRenditionView *audio; /* the sound that goes with the pictures; NULL: none */
  gboolean has_video;
  GString *text;
} Master;

static gboolean
is_playable (const LecternRenditionView *view)
{
  return view->codecs != NULL && view->segments->len > 0;
}

static gboolean
is_audio (const LecternRenditionView *view)
{
  return view->track->media == LECTERN_MEDIA_AUDIO;
}

static void
read_master (Master *master, LecternPresentation *presentation)
{
  g_auto (GStrv) names = lectern_presentation_list (presentation);

  master->views = g_array_new (FALSE, FALSE, sizeof (LecternRenditionView));
  g_array_set_clear_func (master->views, (GDestroyNotify) lectern_rendition_view_clear);
  for (guint i = 0; names[i] != NULL; i++)
    {
      LecternRenditionView view;

      if (!lectern_presentation_view (presentation, names[i], &view))
        continue;
      if (is_playable (&view))
        g_array_append_val (master->views, view);
      else
        lectern_rendition_view_clear (&view);
    }
  for (guint i = master->views->len; i > 0; i--)
    {
      const LecternRenditionView *view
          = &g_array_index (master->views, LecternRenditionView, i - 1);

      if (is_audio (view))
        master->audio = view;
      else
        master->has_video = TRUE;
    }
}

static void
put_audio (Master *master, const LecternRenditionView *view)
{
  const char *how
      = view == master->audio ? "DEFAULT=YES,AUTOSELECT=YES" : "DEFAULT=NO,AUTOSELECT=NO";

  g_string_append_printf (master->text,
                          "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"%s\",%s,"
                          "CHANNELS=\"%u\",URI=\"%s.m3u8",
                          view->name, how, MAX (view->track->channels, 1), view->name);
  put_query (master->text);
  g_string_append (master->text, "\"\n");
}

static void
put_variant (Master *master, const LecternRenditionView *view)
{
  const LecternRenditionView *audio = is_audio (view) ? NULL : master->audio;
  guint64 peak = view->bandwidth + (audio != NULL ? audio->bandwidth : 0);
  guint64 average = view->average_bandwidth + (audio != NULL ? audio->average_bandwidth : 0);

  g_string_append_printf (master->text,
                          "#EXT-X-STREAM-INF:BANDWIDTH=%" G_GUINT64_FORMAT
                          ",AVERAGE-BANDWIDTH=%" G_GUINT64_FORMAT,
                          MAX (peak, 1), MAX (average, 1));
  g_string_append_printf (master->text, ",CODECS=\"%s%s%s\"", view->codecs,
                          audio != NULL ? "," : "", audio != NULL ? audio->codecs : "");
  if (view->track->width > 0 && view->track->height > 0)
    g_string_append_printf (master->text, ",RESOLUTION=%ux%u", view->track->width,
                            view->track->height);
  put_frame_rate (master->text, view->frame_rate);
  if (audio != NULL)
    g_string_append (master->text, ",AUDIO=\"audio\"");
  g_string_append_printf (master->text, "\n%s.m3u8", view->name);
  put_query (master->text);
  g_string_append_c (master->text, '\n');
}

/* Sound alone is for players without room for a picture: made for that by a transcoder, or all
 * there is. */
static gboolean
is_variant (const Master *master, const LecternRenditionView *view)
{
  return !is_audio (view) || view->rung || !master->has_video;
}

LecternHlsText *
lectern_hls_write_master (LecternPresentation *presentation)
{
  Master master = { .text = g_string_new ("#EXTM3U\n#EXT-X-VERSION:9\n") };
  gboolean any;

  read_master (&master, presentation);
  any = master.views->len > 0;
  for (guint i = 0; master.has_video && i < master.views->len; i++)
    if (is_audio (&g_array_index (master.views, LecternRenditionView, i)))
      put_audio (&master, &g_array_index (master.views, LecternRenditionView, i));
  for (guint i = 0; i < master.views->len; i++)
    if (is_variant (&master, &g_array_index (master.views, LecternRenditionView, i)))
      put_variant (&master, &g_array_index (master.views, LecternRenditionView, i));
  g_array_unref (master.views);
  if (any)
    return lectern_hls_text_new (master.text);
  g_string_free (master.text, TRUE);
  return NULL;
}

/* Media */

static void put_uri (Writer *writer, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
put_uri (Writer *writer, const char *format, ...)
{
  va_list args;

  g_string_append_printf (writer->text, "%s/", writer->request->rendition);
  va_start (args, format);
  g_string_append_vprintf (writer->text, format, args);
  va_end (args);
  put_query (writer->text);
}

/* Of all that the playlist lists. */
static gboolean
is_independent (Writer *writer)
{
  for (guint i = writer->first; i < writer->view.segments->len; i++)
    {
      const LecternSegment *segment = g_ptr_array_index (writer->view.segments, i);

      if (!segment->independent && !segment->gap)
        return FALSE;
    }
  return TRUE;
}

/* With key frames far apart: where one can begin, so that joining is quick; as far from the end as
 * players begin by themselves. */
static void
put_start (Writer *writer)
{
  gint64 least = writer->low_latency ? writer->targets->part * 3
                                     : (gint64) get_target_seconds (writer->targets) * 3000000000;
  gint64 back = 0;

  for (guint i = 0; i < writer->view.parts->len; i++)
    back += ((LecternPart *) g_ptr_array_index (writer->view.parts, i))->duration;
  for (guint i = writer->view.segments->len; i > writer->first; i--)
    {
      const LecternSegment *segment = g_ptr_array_index (writer->view.segments, i - 1);

      back += segment->duration;
      if (segment->independent && back >= least)
        {
          g_string_append (writer->text, "#EXT-X-START:TIME-OFFSET=-");
          put_seconds (writer->text, back);
          g_string_append (writer->text, ",PRECISE=YES\n");
          return;
        }
    }
}

static void
put_header (Writer *writer)
{
  const LecternSegmentTargets *targets = writer->targets;
  LecternSegment *first = g_ptr_array_index (writer->view.segments, writer->first);

  g_string_append_printf (writer->text, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:%u\n",
                          get_target_seconds (targets));
  if (is_independent (writer))
    g_string_append (writer->text, "#EXT-X-INDEPENDENT-SEGMENTS\n");
  else if (!writer->view.ended)
    put_start (writer);
  if (writer->view.recorded)
    g_string_append (writer->text, "#EXT-X-PLAYLIST-TYPE:VOD\n");
  if (!writer->view.ended && writer->low_latency)
    {
      g_string_append (writer->text, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=");
      put_seconds (writer->text, targets->part * 3);
      g_string_append_printf (writer->text, ",HOLD-BACK=%u.0,CAN-SKIP-UNTIL=%u.0\n",
                              get_target_seconds (targets) * 3,
                              get_target_seconds (targets) * SKIP_TARGETS);
      g_string_append (writer->text, "#EXT-X-PART-INF:PART-TARGET=");
      put_seconds (writer->text, targets->part);
      g_string_append_c (writer->text, '\n');
    }
  g_string_append_printf (writer->text, "#EXT-X-MEDIA-SEQUENCE:%" G_GUINT64_FORMAT "\n",
                          first->number);
  if (first->timeline > 0)
    g_string_append_printf (writer->text, "#EXT-X-DISCONTINUITY-SEQUENCE:%" G_GUINT64_FORMAT "\n",
                            first->timeline);
}

static void
put_date (Writer *writer, gint64 date_us)
{
  g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (date_us / G_USEC_PER_SEC);
  g_autofree char *text = g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S");

  g_string_append_printf (writer->text, "#EXT-X-PROGRAM-DATE-TIME:%s.%03dZ\n", text,
                          (int) (date_us % G_USEC_PER_SEC / 1000));
}

/* What changes before a segment: a break, and the init segment it needs. */
static void
put_break (Writer *writer, gboolean discontinuity, guint init, gboolean is_first)
{
  if (discontinuity && !is_first)
    g_string_append (writer->text, "#EXT-X-DISCONTINUITY\n");
  if (writer->init == init)
    return;
  writer->init = init;
  g_string_append (writer->text, "#EXT-X-MAP:URI=\"");
  put_uri (writer, "init-%u.mp4", init);
  g_string_append (writer->text, "\"\n");
}

static void
put_parts (Writer *writer, GPtrArray *parts, guint64 number)
{
  for (guint i = 0; i < parts->len; i++)
    {
      LecternPart *part = g_ptr_array_index (parts, i);

      g_string_append (writer->text, "#EXT-X-PART:DURATION=");
      put_seconds (writer->text, part->duration);
      g_string_append (writer->text, ",URI=\"");
      put_uri (writer, "%" G_GUINT64_FORMAT ".%u.m4s", number, i);
      g_string_append (writer->text, part->independent ? "\",INDEPENDENT=YES\n" : "\"\n");
    }
}

static void
put_segment (Writer *writer, LecternSegment *segment, gboolean is_first, gboolean with_parts)
{
  put_break (writer, segment->discontinuity, segment->init, is_first);
  put_date (writer, segment->date_us);
  if (with_parts)
    put_parts (writer, segment->parts, segment->number);
  if (segment->gap)
    g_string_append (writer->text, "#EXT-X-GAP\n");
  g_string_append (writer->text, "#EXTINF:");
  put_seconds (writer->text, segment->duration);
  g_string_append (writer->text, ",\n");
  put_uri (writer, "%" G_GUINT64_FORMAT ".m4s", segment->number);
  g_string_append_c (writer->text, '\n');
}

/* How many of the listed segments lie further back than @targets target durations. */
static guint
count_older_than (Writer *writer, guint targets)
{
  gint64 limit = (gint64) targets * get_target_seconds (writer->targets) * 1000000000;
  gint64 sum = 0;
  guint count = writer->view.segments->len;

  while (count > writer->first && sum < limit)
    sum += ((LecternSegment *) g_ptr_array_index (writer->view.segments, --count))->duration;
  return count - writer->first;
}

static void
put_segments (Writer *writer)
{
  guint skipped
      = writer->request->skip && !writer->view.ended ? count_older_than (writer, SKIP_TARGETS) : 0;
  guint without_parts = count_older_than (writer, PART_TARGETS);

  if (skipped > 0)
    g_string_append_printf (writer->text, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%u\n", skipped);
  for (guint i = skipped; i < writer->view.segments->len - writer->first; i++)
    put_segment (writer, g_ptr_array_index (writer->view.segments, writer->first + i), i == 0,
                 !writer->view.ended && writer->low_latency && i >= without_parts);
}

static void
put_open_segment (Writer *writer)
{
  const LecternRenditionView *view = &writer->view;

  if (view->parts->len > 0)
    {
      put_break (writer, view->next_discontinuity, view->next_init, FALSE);
      put_date (writer, view->next_date_us);
      put_parts (writer, view->parts, view->next_number);
    }
  g_string_append (writer->text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"");
  put_uri (writer, "%" G_GUINT64_FORMAT ".%u.m4s", view->next_number, view->parts->len);
  g_string_append (writer->text, "\"\n");
}

static void
put_reports (Writer *writer)
{
  g_auto (GStrv) names = lectern_presentation_list (writer->presentation);

  for (guint i = 0; names[i] != NULL; i++)
    {
      g_auto (LecternRenditionView) view = { 0 };
      guint64 number;

      if (g_str_equal (names[i], writer->request->rendition)
          || !lectern_presentation_view (writer->presentation, names[i], &view)
          || (view.parts->len == 0 && view.next_number == 0))
        continue;
      number = view.parts->len > 0 ? view.next_number : view.next_number - 1;
      g_string_append_printf (writer->text, "#EXT-X-RENDITION-REPORT:URI=\"%s.m3u8", names[i]);
      put_query (writer->text);
      g_string_append_printf (writer->text, "\",LAST-MSN=%" G_GUINT64_FORMAT, number);
      if (view.parts->len > 0)
        g_string_append_printf (writer->text, ",LAST-PART=%u", view.parts->len - 1);
      g_string_append_c (writer->text, '\n');
    }
}

/* All of a recording; of a live stream the window, or what can be rewound. */
static guint
count_listed (Writer *writer)
{
  guint held = writer->view.segments->len;
  guint listed = MIN (held, writer->targets->window);
  gint64 sum = 0;

  if (writer->view.recorded)
    return held;
  for (guint i = 0; i < listed; i++)
    sum += ((LecternSegment *) g_ptr_array_index (writer->view.segments, held - 1 - i))->duration;
  for (; listed < held && writer->targets->rewind > 0; listed++)
    {
      sum += ((LecternSegment *) g_ptr_array_index (writer->view.segments, held - 1 - listed))
                 ->duration;
      if (sum > writer->targets->rewind)
        break;
    }
  return listed;
}

/* A frame may last longer than the parts that are promised; until none is listed any more there
 * are no parts to show. */
static gboolean
has_long_part (Writer *writer, GPtrArray *parts)
{
  for (guint i = 0; i < parts->len; i++)
    if (((LecternPart *) g_ptr_array_index (parts, i))->duration > writer->targets->part)
      return TRUE;
  return FALSE;
}

static gboolean
has_fine_parts (Writer *writer)
{
  for (guint i = writer->first + count_older_than (writer, PART_TARGETS);
       i < writer->view.segments->len; i++)
    {
      const LecternSegment *segment = g_ptr_array_index (writer->view.segments, i);

      if (has_long_part (writer, segment->parts))
        return FALSE;
    }
  return !has_long_part (writer, writer->view.parts);
}

static LecternHlsText *
write_media (Writer *writer)
{
  guint listed = count_listed (writer);

  if (writer->view.segments->len == 0)
    return NULL;
  writer->first = writer->view.segments->len - listed;
  writer->low_latency = writer->request->low_latency && has_fine_parts (writer);
  writer->init = -1;
  writer->text = g_string_new (NULL);
  put_header (writer);
  put_segments (writer);
  if (writer->view.ended)
    g_string_append (writer->text, "#EXT-X-ENDLIST\n");
  else if (writer->low_latency)
    {
      put_open_segment (writer);
      put_reports (writer);
    }
  return lectern_hls_text_new (writer->text);
}

LecternHlsText *
lectern_hls_write_media (LecternPresentation *presentation, const LecternHlsRequest *request)
{
  Writer writer = { .presentation = presentation,
                    .targets = lectern_presentation_get_targets (presentation),
                    .request = request };
  LecternHlsText *text;

  if (!lectern_presentation_view (presentation, request->rendition, &writer.view))
    return NULL;
  text = write_media (&writer);
  lectern_rendition_view_clear (&writer.view);
  return text;
}
