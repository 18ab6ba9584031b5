/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-segmenter.h"

#include "segment/lectern-lane.h"

#define MS G_GINT64_CONSTANT (1000000)
/* The others wait for a leader that is so far behind at most, then go their own way; a rung comes
 * later than the source. */
#define MAX_WAIT (1000 * MS)
#define MAX_WAIT_RUNG (3000 * MS)
#define MAX_HELD 512
/* A rendition that is so far behind the newest segment is not waited for. */
#define MAX_BEHIND (4000 * MS)
/* A segment that began between key frames ends at the next one, if it is not too short. */
#define MIN_SEGMENT_FRACTION 4
/* Without a key frame for so long, none is waited for to say how far apart they are. */
#define LONG_WAIT (30000 * MS)

struct _LecternSegmenter
{
  LecternPresentation *presentation;
  const LecternSegmentTargets *targets;
  LecternLane *video;
  LecternLane *audio;
  GPtrArray *rungs;    /* of LecternLane */
  LecternLane *leader; /* the lane whose picture decides; borrowed */
  LecternCuts cuts;
  gint64 newest; /* DTS of the leader */
  gint64 last_step;
  gint64 last_key;
  gint64 key_distance;  /* of the leader, at least; 0 unknown */
  gint64 full_distance; /* between its last two */
  gboolean key_cut;     /* the newest cut is at a key frame */
  gboolean has_leader;  /* it has come */
  gboolean broken;      /* from `broken_from` on: a key frame, then, with a discontinuity */
  gint64 broken_from;   /* PTS */
};

LecternSegmenter *
lectern_segmenter_new (LecternPresentation *presentation)
{
  LecternSegmenter *self = g_new0 (LecternSegmenter, 1);

  self->presentation = lectern_presentation_ref (presentation);
  self->targets = lectern_presentation_get_targets (presentation);
  self->video = lectern_lane_new (presentation, "video", LECTERN_MEDIA_VIDEO, FALSE);
  self->audio = lectern_lane_new (presentation, "audio", LECTERN_MEDIA_AUDIO, FALSE);
  self->rungs = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_lane_free);
  self->leader = self->video;
  lectern_cuts_init (&self->cuts);
  return self;
}

void
lectern_segmenter_free (LecternSegmenter *self)
{
  g_ptr_array_unref (self->rungs);
  lectern_lane_free (self->video);
  lectern_lane_free (self->audio);
  lectern_cuts_clear (&self->cuts);
  lectern_presentation_unref (self->presentation);
  g_free (self);
}

static LecternLane *
find_rung (LecternSegmenter *self, const char *name)
{
  for (guint i = 0; i < self->rungs->len; i++)
    {
      LecternLane *lane = g_ptr_array_index (self->rungs, i);

      if (g_str_equal (lane->name, name))
        return lane;
    }
  return NULL;
}

/* Leaves a source lane out of the presentation, or lets it in again. */
static void
set_silent (LecternSegmenter *self, LecternLane *lane, gboolean silent)
{
  if (lane->silent == silent)
    return;
  lane->silent = silent;
  if (silent)
    lectern_lane_close (lane);
  lectern_presentation_set_listed (self->presentation, lane->name, !silent);
}

static void
set_leader (LecternSegmenter *self, LecternLane *leader)
{
  if (self->leader == leader)
    return;
  self->leader = leader;
  self->has_leader = FALSE;
  self->last_step = 0;
  self->last_key = 0;
  self->key_distance = 0;
  self->full_distance = 0;
}

static void
remove_rungs (LecternSegmenter *self, LecternLadder *ladder)
{
  for (guint i = self->rungs->len; i > 0; i--)
    {
      LecternLane *lane = g_ptr_array_index (self->rungs, i - 1);

      if (ladder != NULL && lectern_ladder_find (ladder, lane->name) != NULL)
        continue;
      if (lane == self->leader)
        set_leader (self, self->video);
      lectern_lane_close (lane);
      lectern_presentation_set_listed (self->presentation, lane->name, FALSE);
      g_ptr_array_remove_index (self->rungs, i - 1);
    }
}

void
lectern_segmenter_set_ladder (LecternSegmenter *self, LecternLadder *ladder)
{
  LecternLane *leader = NULL;

  remove_rungs (self, ladder);
  lectern_presentation_set_rungs (self->presentation, ladder);
  for (guint i = 0; ladder != NULL && i < ladder->rungs->len; i++)
    {
      const LecternRung *rung = g_ptr_array_index (ladder->rungs, i);

      if (find_rung (self, rung->name) != NULL)
        continue;
      g_ptr_array_add (self->rungs,
                       lectern_lane_new (self->presentation, rung->name, rung->media, TRUE));
      lectern_presentation_set_listed (self->presentation, rung->name, TRUE);
    }
  if (ladder != NULL && ladder->leader != NULL)
    leader = find_rung (self, ladder->leader);
  set_silent (self, self->video, ladder != NULL && (ladder->replaces_video || leader != NULL));
  set_silent (self, self->audio, ladder != NULL && ladder->replaces_audio);
  set_leader (self, leader != NULL ? leader : self->video);
}

/* Renditions that have nothing for what lies far back will not get it any more. */
static void
leave_behind (LecternSegmenter *self, LecternLane *lane)
{
  const LecternCut *newest = lectern_cuts_get_newest (&self->cuts);
  const LecternCut *missing;
  guint64 number = (guint64) (lane->number + 1);

  if (lane->silent || lane->number < 0 || (guint64) lane->number >= newest->number)
    return;
  while ((missing = lectern_cuts_get (&self->cuts, number)) == NULL
         || newest->start - missing->start > MAX_BEHIND)
    number++;
  if (number > (guint64) lane->number + 1)
    lectern_lane_skip_to (lane, &self->cuts, number);
}

static gboolean
is_broken (LecternSegmenter *self, gint64 time)
{
  return self->broken && time >= self->broken_from;
}

static void
add_cut (LecternSegmenter *self, gint64 start, gboolean key)
{
  gboolean broken = is_broken (self, start);

  lectern_cuts_add (&self->cuts, start, broken && self->cuts.cuts->len > 0);
  self->broken = self->broken && !broken;
  self->key_cut = key;
  leave_behind (self, self->video);
  leave_behind (self, self->audio);
  for (guint i = 0; i < self->rungs->len; i++)
    leave_behind (self, g_ptr_array_index (self->rungs, i));
}

/* With key frames far apart segments are as long as the target and begin at any frame; only a key
 * frame's segment claims to be independent. */
static gboolean
is_cut_due (LecternSegmenter *self, LecternPacket *packet)
{
  const LecternCut *newest = lectern_cuts_get_newest (&self->cuts);
  gboolean key = (packet->flags & LECTERN_PACKET_KEY) != 0;
  gint64 length;

  if (newest == NULL || is_broken (self, packet->pts))
    return key;
  length = packet->pts - newest->start;
  if (key)
    return length >= self->targets->segment
           || (!self->key_cut && length >= self->targets->segment / MIN_SEGMENT_FRACTION);
  if (self->key_distance > self->targets->segment_limit && length >= self->targets->segment)
    return TRUE;
  return length + self->last_step > self->targets->segment_limit;
}

gint64
lectern_segmenter_get_far_keys (LecternSegmenter *self)
{
  gint64 known = MAX (self->full_distance, self->key_distance > LONG_WAIT ? self->key_distance : 0);

  return known > self->targets->segment_limit ? known : 0;
}

static void
note_leader (LecternSegmenter *self, LecternPacket *packet)
{
  if (self->has_leader)
    self->last_step = MAX (packet->dts - self->newest, 0);
  self->newest = packet->dts;
  if (packet->flags & LECTERN_PACKET_KEY)
    {
      self->key_distance = self->has_leader ? packet->pts - self->last_key : 0;
      self->full_distance = self->key_distance;
      self->last_key = packet->pts;
    }
  else if (self->has_leader && packet->pts - self->last_key > self->key_distance)
    self->key_distance = packet->pts - self->last_key;
  self->has_leader = TRUE;
}

static void
set_broken (LecternSegmenter *self, gint64 from)
{
  self->broken = TRUE;
  self->broken_from = from;
}

/* FALSE: the lane cannot use the frame. */
static gboolean
take_track (LecternSegmenter *self, LecternLane *lane, LecternTrack *track)
{
  gboolean changed;

  if (lane->silent)
    return TRUE;
  if (!lectern_lane_take_track (lane, track, &changed))
    return FALSE;
  if (changed && !lane->strict)
    set_broken (self, G_MININT64);
  return TRUE;
}

static void
put (LecternSegmenter *self, LecternLane *lane, LecternPacket *packet)
{
  if (!lane->silent)
    lectern_lane_put (lane, packet, &self->cuts);
}

static void
put_leader (LecternSegmenter *self, LecternLane *lane, LecternPacket *packet)
{
  if (!take_track (self, lane, packet->track))
    return;
  if (is_cut_due (self, packet))
    add_cut (self, packet->pts, (packet->flags & LECTERN_PACKET_KEY) != 0);
  note_leader (self, packet);
  if (!is_broken (self, packet->pts))
    put (self, lane, packet);
}

/* @alone: there is no leader to wait for. */
static void
put_follower (LecternSegmenter *self, LecternLane *lane, LecternPacket *packet, gboolean alone)
{
  const LecternCut *newest = lectern_cuts_get_newest (&self->cuts);

  if (!take_track (self, lane, packet->track))
    return;
  if (alone && lane == self->audio
      && (newest == NULL || is_broken (self, packet->pts)
          || packet->pts - newest->start >= self->targets->segment))
    add_cut (self, packet->pts, TRUE);
  put (self, lane, packet);
}

/* A follower goes as far as the leader has come, so that every cut is known before its frames. */
static void
release (LecternSegmenter *self, LecternLane *lane)
{
  gint64 max_wait = self->leader == self->video ? MAX_WAIT : MAX_WAIT_RUNG;
  LecternPacket *newest = g_queue_peek_tail (&lane->held);
  LecternPacket *oldest;

  while ((oldest = g_queue_peek_head (&lane->held)) != NULL)
    {
      gboolean ahead = !self->has_leader || oldest->dts > self->newest;
      gboolean hopeless = !self->has_leader && lectern_cuts_get_newest (&self->cuts) != NULL;
      gint64 waited = newest->dts - (self->has_leader ? self->newest : oldest->dts);

      if (ahead && !hopeless && waited < max_wait && lane->held.length < MAX_HELD)
        return;
      g_queue_pop_head (&lane->held);
      put_follower (self, lane, oldest, ahead);
      lectern_packet_unref (oldest);
    }
}

static void
release_all (LecternSegmenter *self)
{
  if (self->leader != self->video)
    release (self, self->video);
  release (self, self->audio);
  for (guint i = 0; i < self->rungs->len; i++)
    release (self, g_ptr_array_index (self->rungs, i));
}

static void
push (LecternSegmenter *self, LecternLane *lane, LecternPacket *packet)
{
  if (lane == self->leader)
    {
      put_leader (self, lane, packet);
      release_all (self);
      return;
    }
  if (lane->silent && lane == self->video)
    return;
  g_queue_push_tail (&lane->held, lectern_packet_ref (packet));
  release (self, lane);
}

void
lectern_segmenter_push (LecternSegmenter *self, LecternPacket *packet)
{
  if (packet->track == NULL || packet->track->media > LECTERN_MEDIA_AUDIO)
    return;
  if ((packet->flags & LECTERN_PACKET_DISCONTINUITY)
      && (packet->track->media == LECTERN_MEDIA_VIDEO || !self->has_leader))
    {
      lectern_segmenter_break (self);
      set_broken (self, self->leader == self->video ? G_MININT64 : packet->pts);
    }
  push (self, packet->track->media == LECTERN_MEDIA_VIDEO ? self->video : self->audio, packet);
}

void
lectern_segmenter_push_rung (LecternSegmenter *self, const char *rung, LecternPacket *packet)
{
  LecternLane *lane = find_rung (self, rung);

  if (lane != NULL && packet->track != NULL && packet->track->media == lane->media)
    push (self, lane, packet);
}

static void
break_lane (LecternLane *lane)
{
  lectern_lane_close (lane);
  g_queue_clear_full (&lane->held, (GDestroyNotify) lectern_packet_unref);
  g_queue_init (&lane->held);
}

void
lectern_segmenter_break (LecternSegmenter *self)
{
  break_lane (self->video);
  break_lane (self->audio);
  if (self->leader == self->video)
    set_broken (self, G_MININT64);
}

void
lectern_segmenter_break_rung (LecternSegmenter *self, const char *rung)
{
  LecternLane *lane = find_rung (self, rung);

  if (lane == NULL)
    return;
  break_lane (lane);
  /* Frames between key frames would have nothing to build on. */
  if (lane == self->leader)
    set_broken (self, G_MININT64);
}

static void
finish_lane (LecternSegmenter *self, LecternLane *lane)
{
  LecternPacket *packet;

  while ((packet = g_queue_pop_head (&lane->held)) != NULL)
    {
      put_follower (self, lane, packet, !self->has_leader);
      lectern_packet_unref (packet);
    }
  lectern_lane_close (lane);
}

void
lectern_segmenter_finish (LecternSegmenter *self)
{
  finish_lane (self, self->video);
  finish_lane (self, self->audio);
  for (guint i = 0; i < self->rungs->len; i++)
    finish_lane (self, g_ptr_array_index (self->rungs, i));
}
