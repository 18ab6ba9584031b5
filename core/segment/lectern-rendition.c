/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-rendition.h"

#include "formats/lectern-cmaf.h"
#include "segment/lectern-segment-private.h"

#define NS_PER_SECOND G_GINT64_CONSTANT (1000000000)
/* What is no longer listed can be had for so long. */
#define SLACK_NS (30 * NS_PER_SECOND)

static void
unref_init (gpointer init)
{
  if (init != NULL)
    g_bytes_unref (init);
}

static void
unref_track (gpointer track)
{
  if (track != NULL)
    lectern_track_unref (track);
}

LecternRendition *
lectern_rendition_new (const char *name)
{
  LecternRendition *self = g_new0 (LecternRendition, 1);

  self->name = g_strdup (name);
  self->inits = g_ptr_array_new_with_free_func (unref_init);
  self->tracks = g_ptr_array_new_with_free_func (unref_track);
  self->parts = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_part_unref);
  self->all_independent = TRUE;
  self->listed = TRUE;
  g_queue_init (&self->segments);
  g_queue_init (&self->twins);
  return self;
}

void
lectern_rendition_free (LecternRendition *self)
{
  g_queue_clear_full (&self->segments, (GDestroyNotify) lectern_segment_unref);
  g_queue_clear_full (&self->twins, (GDestroyNotify) lectern_segment_unref);
  g_clear_pointer (&self->disk, lectern_segment_file_unref);
  g_clear_pointer (&self->file, lectern_segment_file_unref);
  g_ptr_array_unref (self->parts);
  g_ptr_array_unref (self->inits);
  g_ptr_array_unref (self->tracks);
  g_clear_pointer (&self->track, lectern_track_unref);
  g_free (self->name);
  g_free (self);
}

gboolean
lectern_rendition_set_track (LecternRendition *self, LecternTrack *track, GError **error)
{
  GBytes *init;

  if (lectern_track_equal (self->track, track))
    return TRUE;
  init = lectern_cmaf_write_init (&track, 1, error);
  if (init == NULL)
    return FALSE;
  g_clear_pointer (&self->track, lectern_track_unref);
  self->track = lectern_track_ref (track);
  g_ptr_array_add (self->inits, init);
  g_ptr_array_add (self->tracks, lectern_track_ref (track));
  return TRUE;
}

/* Segments are numbered without holes; what lies before one cannot be listed any more. */
static void
begin_at (LecternRendition *self, const LecternCut *cut, gint64 start, gint64 date_us)
{
  LecternSegment *newest = g_queue_peek_tail (&self->segments);

  if (newest != NULL && newest->number + 1 != cut->number)
    lectern_rendition_clear (self);
  self->next = (LecternSegment){ .number = cut->number,
                                 .init = self->inits->len - 1,
                                 .start = start,
                                 .date_us = date_us,
                                 .discontinuity = cut->discontinuity,
                                 .timeline = cut->timeline };
  self->version++;
}

void
lectern_rendition_begin_segment (LecternRendition *self, const LecternCut *cut, gint64 start,
                                 gint64 date_us)
{
  begin_at (self, cut, start, date_us);
  self->under_way = TRUE;
}

void
lectern_rendition_add_part (LecternRendition *self, LecternPart *part, guint64 ticks,
                            guint64 duration_ticks)
{
  if (self->parts->len == 0)
    {
      self->next.ticks = ticks;
      self->next.independent = part->independent;
    }
  self->next.duration_ticks = ticks + duration_ticks - self->next.ticks;
  g_ptr_array_add (self->parts, lectern_part_ref (part));
  self->version++;
}

static void
measure (LecternRendition *self, LecternSegment *segment)
{
  guint64 bits = (guint64) segment->size * 8;

  self->sum_frames += segment->frames;
  self->sum_bits += bits;
  self->sum_ns += segment->duration;
  /* What is much shorter than usual says nothing of the rate. */
  if (segment->duration >= NS_PER_SECOND / 2 || (self->bandwidth == 0 && segment->duration > 0))
    self->bandwidth
        = MAX (self->bandwidth, (guint64) ((__int128) bits * NS_PER_SECOND / segment->duration));
  self->all_independent = self->all_independent && segment->independent;
}

/* Init segments that no kept segment needs any more. */
static void
drop_old_inits (LecternRendition *self)
{
  LecternSegment *oldest = g_queue_peek_head (&self->segments);

  for (guint i = 0; oldest != NULL && i < oldest->init; i++)
    {
      g_clear_pointer ((GBytes **) &self->inits->pdata[i], g_bytes_unref);
      g_clear_pointer ((LecternTrack **) &self->tracks->pdata[i], lectern_track_unref);
    }
}

/* Returns: (transfer full) (nullable): what lies on the disk of @segment. */
static LecternSegment *
take_twin (LecternRendition *self, LecternSegment *segment)
{
  LecternSegment *twin;

  if (self->spool == NULL)
    return NULL;
  if (segment->gap)
    return lectern_segment_ref (segment);
  while ((twin = g_queue_peek_head (&self->twins)) != NULL && twin->number <= segment->number)
    {
      g_queue_pop_head (&self->twins);
      if (twin->number == segment->number)
        return twin;
      lectern_spool_drop (self->spool, twin);
    }
  return NULL;
}

static void
drop_oldest (LecternRendition *self)
{
  LecternSegment *segment = g_queue_pop_head (&self->segments);

  if (self->spool != NULL && segment->bytes == NULL)
    lectern_spool_drop (self->spool, segment);
  else
    lectern_segment_unref (segment);
}

/* The oldest segment leaves memory, for its twin on the disk. Without that, what lies before it
 * cannot be listed either. */
static void
leave_memory (LecternRendition *self)
{
  GList *link = self->memory;
  LecternSegment *segment = link->data;
  LecternSegment *twin = take_twin (self, segment);

  self->memory = link->next;
  self->n_memory--;
  self->bytes -= segment->size;
  if (twin != NULL)
    {
      link->data = twin;
      self->old_ns += segment->duration;
      lectern_segment_unref (segment);
      return;
    }
  while (self->segments.head != self->memory)
    drop_oldest (self);
  self->old_ns = 0;
}

/* A segment stays for as long again as it was listed (RFC 8216, 6.2.2), so the window is twice what
 * playlists show. */
static void
drop_old_segments (LecternRendition *self, const LecternSegmentTargets *targets)
{
  while (self->n_memory > targets->window * 2
         || (self->bytes > targets->window_bytes && self->n_memory > 1))
    leave_memory (self);
  while (self->segments.head != self->memory && self->old_ns > targets->rewind + SLACK_NS)
    {
      self->old_ns -= ((LecternSegment *) self->segments.head->data)->duration;
      drop_oldest (self);
    }
  drop_old_inits (self);
}

static void
append (LecternRendition *self, LecternSegment *segment)
{
  g_queue_push_tail (&self->segments, segment);
  if (self->memory == NULL)
    self->memory = self->segments.tail;
  self->n_memory++;
  self->bytes += segment->size;
}

void
lectern_rendition_end_segment (LecternRendition *self, const LecternSegmentTargets *targets)
{
  guint32 timescale = lectern_cmaf_get_timescale (self->track);
  LecternSegment *segment;

  self->under_way = FALSE;
  self->version++;
  if (self->parts->len == 0)
    return;
  self->next.duration = lectern_cmaf_to_ns (self->next.duration_ticks, timescale);
  if (self->file == NULL)
    self->file = lectern_segment_file_new_in_memory ();
  segment = lectern_segment_new (&self->next, self->parts, self->file);
  g_ptr_array_set_size (self->parts, 0);
  measure (self, segment);
  append (self, segment);
  drop_old_segments (self, targets);
}

void
lectern_rendition_add_gap (LecternRendition *self, const LecternCut *cut, gint64 duration,
                           gint64 date_us, const LecternSegmentTargets *targets)
{
  guint32 timescale = lectern_cmaf_get_timescale (self->track);

  begin_at (self, cut, cut->start, date_us);
  self->next.duration = duration;
  self->next.ticks = lectern_cmaf_from_ns (cut->start, timescale);
  self->next.duration_ticks = lectern_cmaf_from_ns (duration, timescale);
  append (self, lectern_segment_new_gap (&self->next));
  drop_old_segments (self, targets);
}

void
lectern_rendition_clear (LecternRendition *self)
{
  while (self->segments.head != NULL)
    drop_oldest (self);
  self->memory = NULL;
  self->n_memory = 0;
  self->bytes = 0;
  self->old_ns = 0;
}

void
lectern_rendition_add_segment (LecternRendition *self, LecternSegment *segment)
{
  self->next.number = segment->number;
  self->next.start = segment->start + segment->duration;
  self->version++;
  measure (self, segment);
  g_queue_push_tail (&self->segments, lectern_segment_ref (segment));
}

static double
get_frame_rate (LecternRendition *self)
{
  if (self->track->media != LECTERN_MEDIA_VIDEO || self->sum_ns == 0)
    return 0;
  return (double) self->sum_frames * NS_PER_SECOND / self->sum_ns;
}

void
lectern_rendition_get_view (LecternRendition *self, LecternRenditionView *view)
{
  *view = (LecternRenditionView){
    .track = lectern_track_ref (self->track),
    .codecs = lectern_cmaf_get_codec_string (self->track),
    .bandwidth = self->bandwidth,
    .average_bandwidth
    = self->sum_ns > 0 ? (guint64) ((__int128) self->sum_bits * NS_PER_SECOND / self->sum_ns) : 0,
    .frame_rate = get_frame_rate (self),
    .version = self->version,
    .next_number = self->next.number + !self->under_way,
    .next_start = self->next.start,
    .next_date_us = self->next.date_us,
    .next_init = self->next.init,
    .next_discontinuity = self->next.discontinuity,
    .next_timeline = self->next.timeline,
    .all_independent = self->all_independent,
  };
  view->segments = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_segment_unref);
  for (GList *item = self->segments.head; item != NULL; item = item->next)
    g_ptr_array_add (view->segments, lectern_segment_ref (item->data));
  view->parts = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_part_unref);
  for (guint i = 0; i < self->parts->len; i++)
    g_ptr_array_add (view->parts, lectern_part_ref (g_ptr_array_index (self->parts, i)));
}

guint64
lectern_rendition_get_oldest (LecternRendition *self)
{
  LecternSegment *oldest = g_queue_peek_head (&self->segments);

  return oldest != NULL ? oldest->number : self->next.number;
}

LecternSegment *
lectern_rendition_find_segment (LecternRendition *self, guint64 number)
{
  for (GList *item = self->segments.tail; item != NULL; item = item->prev)
    if (((LecternSegment *) item->data)->number == number)
      return lectern_segment_ref (item->data);
  return NULL;
}

LecternPart *
lectern_rendition_find_part (LecternRendition *self, guint64 number, guint part)
{
  g_autoptr (LecternSegment) segment = NULL;
  GPtrArray *parts = self->parts;

  if (!self->under_way || number != self->next.number)
    {
      segment = lectern_rendition_find_segment (self, number);
      parts = segment != NULL ? segment->parts : NULL;
    }
  if (parts == NULL || part >= parts->len)
    return NULL;
  return lectern_part_ref (g_ptr_array_index (parts, part));
}

gboolean
lectern_rendition_has (LecternRendition *self, guint64 number, guint part)
{
  if (self->version == 0)
    return FALSE;
  if (!self->listed || number < self->next.number
      || (number == self->next.number && !self->under_way))
    return TRUE;
  return number == self->next.number && part != G_MAXUINT && part < self->parts->len;
}
