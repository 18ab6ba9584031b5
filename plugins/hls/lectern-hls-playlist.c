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
put_query (GString *text, const char *query)
{
  if (query != NULL && *query != '\0')
    g_string_append_printf (text, "?%s", query);
}

static void
put_frame_rate (GString *text, double frame_rate)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (frame_rate > 0)
    g_string_append_printf (text, ",FRAME-RATE=%s",
                            g_ascii_formatd (number, sizeof number, "%.3f", frame_rate));
}

static guint
get_target_seconds (const LecternSegmentTargets *targets)
{
  return (guint) ((targets->segment_limit + 999999999) / 1000000000);
}

/* Multivariant */

static void
put_audio_group (GString *text, const LecternRenditionView *audio, const char *query)
{
  g_string_append_printf (text,
                          "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"audio\",DEFAULT=YES,"
                          "AUTOSELECT=YES,CHANNELS=\"%u\",URI=\"audio.m3u8",
                          MAX (audio->track->channels, 1));
  put_query (text, query);
  g_string_append (text, "\"\n");
}

static void
put_variant (GString *text, const char *name, const LecternRenditionView *view,
             const LecternRenditionView *audio, const char *query)
{
  guint64 peak = view->bandwidth + (audio != NULL ? audio->bandwidth : 0);
  guint64 average = view->average_bandwidth + (audio != NULL ? audio->average_bandwidth : 0);

  g_string_append_printf (text,
                          "#EXT-X-STREAM-INF:BANDWIDTH=%" G_GUINT64_FORMAT
                          ",AVERAGE-BANDWIDTH=%" G_GUINT64_FORMAT,
                          MAX (peak, 1), MAX (average, 1));
  g_string_append_printf (text, ",CODECS=\"%s%s%s\"", view->codecs, audio != NULL ? "," : "",
                          audio != NULL ? audio->codecs : "");
  if (view->track->width > 0 && view->track->height > 0)
    g_string_append_printf (text, ",RESOLUTION=%ux%u", view->track->width, view->track->height);
  put_frame_rate (text, view->frame_rate);
  if (audio != NULL)
    g_string_append (text, ",AUDIO=\"audio\"");
  g_string_append_printf (text, "\n%s.m3u8", name);
  put_query (text, query);
  g_string_append_c (text, '\n');
}

static gboolean
is_playable (const LecternRenditionView *view)
{
  return view->codecs != NULL && view->segments->len > 0;
}

char *
lectern_hls_find_unready (LecternPresentation *presentation, guint64 *number)
{
  g_auto (GStrv) names = lectern_presentation_list (presentation);

  for (guint i = 0; names[i] != NULL; i++)
    {
      g_auto (LecternRenditionView) view = { 0 };

      if (!lectern_presentation_view (presentation, names[i], &view) || view.segments->len > 0)
        continue;
      *number = view.next_number;
      return g_strdup (names[i]);
    }
  return NULL;
}

char *
lectern_hls_write_master (LecternPresentation *presentation, const char *query)
{
  g_auto (GStrv) names = lectern_presentation_list (presentation);
  g_auto (LecternRenditionView) audio = { 0 };
  g_autoptr (GString) text = g_string_new ("#EXTM3U\n#EXT-X-VERSION:9\n");
  gboolean has_audio
      = lectern_presentation_view (presentation, "audio", &audio) && is_playable (&audio);
  guint variants = 0;

  for (guint i = 0; names[i] != NULL; i++)
    {
      g_auto (LecternRenditionView) view = { 0 };

      if (!lectern_presentation_view (presentation, names[i], &view) || !is_playable (&view)
          || view.track->media != LECTERN_MEDIA_VIDEO)
        continue;
      if (variants++ == 0 && has_audio)
        put_audio_group (text, &audio, query);
      put_variant (text, names[i], &view, has_audio ? &audio : NULL, query);
    }
  if (variants == 0 && has_audio)
    put_variant (text, "audio", &audio, NULL, query);
  else if (variants == 0)
    return NULL;
  return g_string_free (g_steal_pointer (&text), FALSE);
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
  put_query (writer->text, writer->request->query);
}

static void
put_header (Writer *writer)
{
  const LecternSegmentTargets *targets = writer->targets;
  LecternSegment *first = g_ptr_array_index (writer->view.segments, writer->first);
  guint64 discontinuities = writer->view.discontinuities;

  for (guint i = 0; i < writer->first; i++)
    discontinuities
        += ((LecternSegment *) g_ptr_array_index (writer->view.segments, i))->discontinuity;
  g_string_append_printf (writer->text, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:%u\n",
                          get_target_seconds (targets));
  if (writer->view.recorded)
    g_string_append (writer->text, "#EXT-X-PLAYLIST-TYPE:VOD\n");
  if (!writer->view.ended && writer->request->low_latency)
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
  if (discontinuities > 0)
    g_string_append_printf (writer->text, "#EXT-X-DISCONTINUITY-SEQUENCE:%" G_GUINT64_FORMAT "\n",
                            discontinuities);
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
                 !writer->view.ended && writer->request->low_latency && i >= without_parts);
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
      put_query (writer->text, writer->request->query);
      g_string_append_printf (writer->text, "\",LAST-MSN=%" G_GUINT64_FORMAT, number);
      if (view.parts->len > 0)
        g_string_append_printf (writer->text, ",LAST-PART=%u", view.parts->len - 1);
      g_string_append_c (writer->text, '\n');
    }
}

static char *
write_media (Writer *writer)
{
  guint held = writer->view.segments->len;
  guint listed = writer->view.recorded ? held : MIN (held, writer->targets->window);

  if (writer->view.segments->len == 0)
    return NULL;
  writer->first = writer->view.segments->len - listed;
  writer->init = -1;
  writer->text = g_string_new (NULL);
  put_header (writer);
  put_segments (writer);
  if (writer->view.ended)
    g_string_append (writer->text, "#EXT-X-ENDLIST\n");
  else if (writer->request->low_latency)
    {
      put_open_segment (writer);
      put_reports (writer);
    }
  return g_string_free (writer->text, FALSE);
}

char *
lectern_hls_write_media (LecternPresentation *presentation, const LecternHlsRequest *request)
{
  Writer writer = { .presentation = presentation,
                    .targets = lectern_presentation_get_targets (presentation),
                    .request = request };
  char *text;

  if (!lectern_presentation_view (presentation, request->rendition, &writer.view))
    return NULL;
  text = write_media (&writer);
  lectern_rendition_view_clear (&writer.view);
  return text;
}
