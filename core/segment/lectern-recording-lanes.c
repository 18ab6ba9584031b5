/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-recording-lanes.h"

#include "formats/lectern-cmaf.h"

/* How long, in the stream's time, a first track waits for the second before the file begins. */
#define MAX_ALONE (1000 * G_GINT64_CONSTANT (1000000))

/* Where a file begins in the stream, or goes on after a pause. */
typedef struct
{
  gint64 origin; /* ns of the stream's clock that is 0 in the file */
  guint64 from;  /* the segment from which parts are taken */
  guint64 base;  /* the number that this segment has in the file */
} Place;

typedef struct
{
  LecternMedia media;
  LecternTrack *track;             /* the newest part's */
  LecternRecordingFile *file;      /* NULL: waits for a segment */
  LecternRecordingFile *last_file; /* where `end` counts; only to compare */
  guint64 end;                     /* of its newest part there, ticks */
  guint64 number;                  /* and that part's segment there */
  Place place;                     /* of `file` */
} Lane;

struct _LecternRecordingLanes
{
  LecternPresentation *presentation;
  int root;
  const LecternRecorderOptions *options;
  const LecternRecordingLaneEvents *events;
  gpointer user_data;

  Lane video;
  Lane audio;
  GQueue held;     /* LecternRecordingItem, until the file begins */
  gint64 held_for; /* ns of the longer track */
  gboolean begun;
  guint generation;
  gboolean waits;             /* after a pause, for the leader */
  GPtrArray *files;           /* those that are open */
  LecternRecordingFile *file; /* the newest of them */
  Place place;                /* its */
};

LecternRecordingItem *
lectern_recording_item_new (const LecternPartNews *news, guint generation)
{
  LecternRecordingItem *self = g_new (LecternRecordingItem, 1);

  *self = (LecternRecordingItem){ .part = lectern_part_ref (news->part),
                                  .track = lectern_track_ref (news->track),
                                  .number = news->number,
                                  .date_us = news->date_us,
                                  .first = news->first,
                                  .discontinuity = news->discontinuity,
                                  .ticks = news->ticks,
                                  .duration_ticks = news->duration_ticks,
                                  .generation = generation };
  return self;
}

void
lectern_recording_item_free (LecternRecordingItem *self)
{
  lectern_part_unref (self->part);
  lectern_track_unref (self->track);
  g_free (self);
}

LecternRecordingLanes *
lectern_recording_lanes_new (LecternPresentation *presentation, int root,
                             const LecternRecorderOptions *options,
                             const LecternRecordingLaneEvents *events, gpointer user_data)
{
  LecternRecordingLanes *self = g_new0 (LecternRecordingLanes, 1);

  self->presentation = presentation;
  self->root = root;
  self->options = options;
  self->events = events;
  self->user_data = user_data;
  self->video.media = LECTERN_MEDIA_VIDEO;
  self->audio.media = LECTERN_MEDIA_AUDIO;
  self->files = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_recording_file_unref);
  g_queue_init (&self->held);
  return self;
}

/* ── files ── */

static void
close_file (LecternRecordingLanes *self, LecternRecordingFile *file, const GError *error)
{
  lectern_recording_file_close (file);
  self->events->closed (file, error, self->user_data);
}

void
lectern_recording_lanes_free (LecternRecordingLanes *self, const GError *error)
{
  for (guint i = 0; i < self->files->len; i++)
    close_file (self, g_ptr_array_index (self->files, i), error);
  g_ptr_array_unref (self->files);
  g_clear_pointer (&self->video.track, lectern_track_unref);
  g_clear_pointer (&self->audio.track, lectern_track_unref);
  g_queue_clear_full (&self->held, (GDestroyNotify) lectern_recording_item_free);
  g_free (self);
}

/* Another file may get its address. */
static void
forget (Lane *lane, LecternRecordingFile *file)
{
  if (lane->last_file == file)
    lane->last_file = NULL;
}

/* Closes the files that no lane writes to any more. */
static gboolean
close_left (LecternRecordingLanes *self, GError **error)
{
  for (guint i = self->files->len; i > 0; i--)
    {
      LecternRecordingFile *file = g_ptr_array_index (self->files, i - 1);

      if (file == self->file || file == self->video.file || file == self->audio.file)
        continue;
      if (!lectern_recording_file_flush (file, error))
        return FALSE;
      close_file (self, file, NULL);
      forget (&self->video, file);
      forget (&self->audio, file);
      g_ptr_array_remove_index (self->files, i - 1);
    }
  return TRUE;
}

static gboolean
check_disk (LecternRecordingLanes *self, guint64 more, GError **error)
{
  if (!lectern_recorder_is_disk_full (self->root, self->options->min_free, more))
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "the disk is nearly full");
  return FALSE;
}

static gint64
get_start (const LecternRecordingItem *item)
{
  return lectern_cmaf_to_ns ((gint64) item->ticks, lectern_cmaf_get_timescale (item->track));
}

/* A file that begins with @item, a part of the leading lane. */
static gboolean
open_file (LecternRecordingLanes *self, const LecternRecordingItem *item, GError **error)
{
  const char *name = lectern_presentation_get_name (self->presentation);
  gint64 origin = get_start (item);
  LecternTrack *tracks[LECTERN_MP4_MAX_TRACKS];
  LecternRecordingFile *file;
  guint n_tracks = 0;

  if (self->video.track != NULL)
    tracks[n_tracks++] = self->video.track;
  if (self->audio.track != NULL)
    tracks[n_tracks++] = self->audio.track;
  if (!check_disk (self, LECTERN_MP4_MAX_INIT, error))
    return FALSE;
  file = lectern_recording_file_new (self->root, name, item->date_us, tracks, n_tracks, error);
  if (file == NULL)
    return FALSE;
  g_ptr_array_add (self->files, file);
  self->file = file;
  self->place = (Place){ .origin = origin, .from = item->number };
  self->events->opened (file, self->user_data);
  return TRUE;
}

/* ── where a part goes ── */

static Lane *
get_leader (LecternRecordingLanes *self)
{
  return self->video.track != NULL ? &self->video : &self->audio;
}

static gboolean
fits (LecternRecordingLanes *self, const Lane *lane)
{
  return lane->track == NULL
         || lectern_track_equal (lane->track,
                                 lectern_recording_file_get_track (self->file, lane->media));
}

static gboolean
is_file_due (LecternRecordingLanes *self)
{
  return self->file == NULL || !fits (self, &self->video) || !fits (self, &self->audio)
         || lectern_recording_file_get_duration (self->file) >= self->options->max_length
         || lectern_recording_file_get_size (self->file) >= self->options->max_size;
}

static void
join (LecternRecordingLanes *self, Lane *lane)
{
  if (lane->last_file != self->file)
    lane->end = lane->number = 0;
  lane->file = self->file;
  lane->last_file = self->file;
  lane->place = self->place;
}

static gint64
get_end (LecternRecordingLanes *self, const Lane *lane)
{
  if (lane->track == NULL || lane->last_file != self->file)
    return 0;
  return lectern_cmaf_to_ns ((gint64) lane->end, lectern_cmaf_get_timescale (lane->track));
}

/* After a pause: the file goes on from where it ends. */
static void
shift_time (LecternRecordingLanes *self, const LecternRecordingItem *item)
{
  gint64 end = MAX (get_end (self, &self->video), get_end (self, &self->audio));

  self->place = (Place){ .origin = get_start (item) - end,
                         .from = item->number,
                         .base = MAX (self->video.number, self->audio.number) + 1 };
}

/* The audio of a segment comes later than its video, but its codec is known by then. */
static void
look_at_audio (LecternRecordingLanes *self)
{
  g_auto (LecternRenditionView) view = { 0 };

  if (!lectern_presentation_view (self->presentation, "audio", &view))
    return;
  g_clear_pointer (&self->audio.track, lectern_track_unref);
  self->audio.track = lectern_track_ref (view.track);
}

/* A segment of the leading lane begins. */
static gboolean
begin_segment (LecternRecordingLanes *self, Lane *lane, const LecternRecordingItem *item,
               GError **error)
{
  gboolean due;

  if (item->discontinuity && lane->media == LECTERN_MEDIA_VIDEO)
    look_at_audio (self);
  due = is_file_due (self);
  if ((!due && lane->file != NULL) || !item->part->independent)
    return TRUE;
  if (due && !open_file (self, item, error))
    return FALSE;
  if (!due)
    shift_time (self, item);
  self->waits = FALSE;
  join (self, lane);
  return TRUE;
}

static gboolean
choose_file (LecternRecordingLanes *self, Lane *lane, const LecternRecordingItem *item,
             GError **error)
{
  if (lane == get_leader (self))
    {
      if (item->first && !begin_segment (self, lane, item, error))
        return FALSE;
    }
  else if (self->file != NULL && !self->waits && lane->file != self->file
           && item->number >= self->place.from)
    join (self, lane);
  return close_left (self, error);
}

/* Gives the part its place and time in the file. */
static void
add_item (LecternRecordingLanes *self, Lane *lane, const LecternRecordingItem *item)
{
  guint32 timescale = lectern_cmaf_get_timescale (item->track);
  gint64 ticks = (gint64) item->ticks - lectern_cmaf_from_ns (lane->place.origin, timescale);
  guint64 number = lane->place.base + item->number - lane->place.from;
  LecternRecordingSegment segment = { .media = lane->media,
                                      .independent = item->part->independent,
                                      .discontinuity = item->discontinuity,
                                      .number = (guint32) number,
                                      .duration_ticks = (guint32) item->duration_ticks,
                                      .frames = item->part->frames,
                                      .date_us = item->date_us };

  /* Shifts by a pause are rounded to a tick. What is older has been told twice, or belongs before
   * the file's start. */
  if (ticks == (gint64) lane->end - 1)
    ticks++;
  if (ticks < (gint64) lane->end || item->duration_ticks == 0)
    return;
  segment.ticks = (guint64) ticks;
  lane->end = segment.ticks + segment.duration_ticks;
  lane->number = number;
  lectern_recording_file_add (lane->file, item->part, &segment);
}

static gboolean
place (LecternRecordingLanes *self, const LecternRecordingItem *item, GError **error)
{
  Lane *lane = item->track->media == LECTERN_MEDIA_VIDEO ? &self->video : &self->audio;

  if (item->generation != self->generation)
    {
      self->generation = item->generation;
      self->video.file = NULL;
      self->audio.file = NULL;
      self->waits = TRUE;
    }
  if (!lectern_track_equal (lane->track, item->track))
    {
      g_clear_pointer (&lane->track, lectern_track_unref);
      lane->track = lectern_track_ref (item->track);
    }
  if (!choose_file (self, lane, item, error))
    return FALSE;
  if (lane->file == NULL
      || !lectern_track_equal (item->track,
                               lectern_recording_file_get_track (lane->file, lane->media)))
    return TRUE;
  add_item (self, lane, item);
  return TRUE;
}

/* ── the beginning: both tracks, if there are two ── */

gboolean
lectern_recording_lanes_begin (LecternRecordingLanes *self, GError **error)
{
  gboolean whole = TRUE;
  LecternRecordingItem *item;

  self->begun = TRUE;
  while ((item = g_queue_pop_head (&self->held)) != NULL)
    {
      whole = whole && place (self, item, error);
      lectern_recording_item_free (item);
    }
  return whole;
}

static void
hold (LecternRecordingLanes *self, LecternRecordingItem *item)
{
  Lane *lane = item->track->media == LECTERN_MEDIA_VIDEO ? &self->video : &self->audio;

  g_clear_pointer (&lane->track, lectern_track_unref);
  lane->track = lectern_track_ref (item->track);
  self->held_for += item->part->duration;
  g_queue_push_tail (&self->held, item);
}

gboolean
lectern_recording_lanes_take (LecternRecordingLanes *self, LecternRecordingItem *item,
                              GError **error)
{
  gboolean whole;

  if (!self->begun)
    {
      hold (self, item);
      if ((self->video.track == NULL || self->audio.track == NULL) && self->held_for < MAX_ALONE)
        return TRUE;
      return lectern_recording_lanes_begin (self, error);
    }
  whole = place (self, item, error);
  lectern_recording_item_free (item);
  return whole;
}

gboolean
lectern_recording_lanes_flush (LecternRecordingLanes *self, GError **error)
{
  guint64 waiting = 0;

  for (guint i = 0; i < self->files->len; i++)
    waiting += lectern_recording_file_get_waiting (g_ptr_array_index (self->files, i));
  if (waiting == 0)
    return TRUE;
  if (!check_disk (self, waiting, error))
    return FALSE;
  for (guint i = 0; i < self->files->len; i++)
    if (!lectern_recording_file_flush (g_ptr_array_index (self->files, i), error))
      return FALSE;
  return TRUE;
}

gboolean
lectern_recording_lanes_sync (LecternRecordingLanes *self, GError **error)
{
  for (guint i = 0; i < self->files->len; i++)
    if (!lectern_recording_file_sync (g_ptr_array_index (self->files, i), error))
      return FALSE;
  return TRUE;
}
