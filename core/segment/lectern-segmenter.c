/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-segmenter.h"

#include "base/lectern-error.h"
#include "formats/lectern-cmaf.h"
#include "segment/lectern-fragmenter.h"

/* Audio waits for video that is so far behind at most, then goes its own way. */
#define MAX_AUDIO_WAIT (1000 * G_GINT64_CONSTANT (1000000))
#define MAX_HELD_AUDIO 512

/* One of the two tracks. */
typedef struct
{
  LecternSegmenter *segmenter;
  const char *name;
  LecternTrack *track;
  LecternFragmenter *fragmenter; /* NULL: nothing begun */
  gboolean open;                 /* a segment is under way */
  gint64 number;                 /* of the newest segment; -1 none */
} Lane;

/* Where a segment began. */
typedef struct
{
  guint64 number;
  gint64 start; /* PTS, ns */
  gboolean discontinuity;
} Cut;

struct _LecternSegmenter
{
  LecternPresentation *presentation;
  const LecternSegmentTargets *targets;
  Lane video;
  Lane audio;
  GArray *cuts;        /* of Cut, ascending; the last is the newest segment's */
  GQueue held_audio;   /* LecternPacket, ahead of the video */
  gint64 newest_video; /* DTS */
  gint64 last_step;    /* between the last two video frames */
  gboolean has_video;
  gboolean broken; /* wait for a key frame, then mark a discontinuity */
};

LecternSegmenter *
lectern_segmenter_new (LecternPresentation *presentation)
{
  LecternSegmenter *self = g_new0 (LecternSegmenter, 1);

  self->presentation = lectern_presentation_ref (presentation);
  self->targets = lectern_presentation_get_targets (presentation);
  self->video = (Lane){ .segmenter = self, .name = "video", .number = -1 };
  self->audio = (Lane){ .segmenter = self, .name = "audio", .number = -1 };
  self->cuts = g_array_new (FALSE, FALSE, sizeof (Cut));
  g_queue_init (&self->held_audio);
  return self;
}

static void
lane_clear (Lane *lane)
{
  g_clear_pointer (&lane->fragmenter, lectern_fragmenter_free);
  g_clear_pointer (&lane->track, lectern_track_unref);
}

void
lectern_segmenter_free (LecternSegmenter *self)
{
  lane_clear (&self->video);
  lane_clear (&self->audio);
  g_queue_clear_full (&self->held_audio, (GDestroyNotify) lectern_packet_unref);
  g_array_unref (self->cuts);
  lectern_presentation_unref (self->presentation);
  g_free (self);
}

static void
on_part (LecternPart *part, guint64 ticks, guint64 duration_ticks, gpointer user_data)
{
  Lane *lane = user_data;

  if (lane->open)
    lectern_presentation_add_part (lane->segmenter->presentation, lane->name, part, ticks,
                                   duration_ticks);
}

static void
end_segment (Lane *lane)
{
  if (lane->open)
    lectern_presentation_end_segment (lane->segmenter->presentation, lane->name);
  lane->open = FALSE;
}

/* The track changed, or comes for the first time. FALSE: a file cannot carry it. */
static gboolean
take_track (Lane *lane, LecternTrack *track)
{
  g_autoptr (GError) error = NULL;

  if (lane->fragmenter != NULL && lectern_track_equal (lane->track, track))
    return TRUE;
  if (lane->fragmenter != NULL)
    {
      lectern_fragmenter_flush (lane->fragmenter, G_MAXINT64);
      lane->segmenter->broken = TRUE;
    }
  end_segment (lane);
  lane_clear (lane);
  if (!lectern_cmaf_can_carry (track)
      || !lectern_presentation_set_track (lane->segmenter->presentation, lane->name, track, &error))
    return FALSE;
  lane->track = lectern_track_ref (track);
  lane->fragmenter = lectern_fragmenter_new (track, lane->segmenter->targets->part, on_part, lane);
  return TRUE;
}

static Cut *
get_newest_cut (LecternSegmenter *self)
{
  return self->cuts->len > 0 ? &g_array_index (self->cuts, Cut, self->cuts->len - 1) : NULL;
}

static void
add_cut (LecternSegmenter *self, gint64 start, gboolean discontinuity)
{
  Cut *newest = get_newest_cut (self);
  Cut cut = { newest != NULL ? newest->number + 1 : 0, start, discontinuity };

  g_array_append_val (self->cuts, cut);
  /* Audio is never more than a few segments behind. */
  if (self->cuts->len > 16)
    g_array_remove_index (self->cuts, 0);
}

/* The newest cut that begins at or before @time. */
static const Cut *
find_cut (LecternSegmenter *self, gint64 time)
{
  for (guint i = self->cuts->len; i > 0; i--)
    if (g_array_index (self->cuts, Cut, i - 1).start <= time)
      return &g_array_index (self->cuts, Cut, i - 1);
  return NULL;
}

/* Gives the frame to its lane; @cut: (nullable): where the segment it belongs to began. */
static void
put_frame (Lane *lane, LecternPacket *packet, const Cut *cut)
{
  if (cut == NULL || (gint64) cut->number <= lane->number)
    {
      if (lane->open)
        lectern_fragmenter_push (lane->fragmenter, packet, FALSE);
      return;
    }
  /* This gives out the last part of the segment before. */
  lectern_fragmenter_push (lane->fragmenter, packet, TRUE);
  end_segment (lane);
  lectern_presentation_begin_segment (lane->segmenter->presentation, lane->name, cut->number,
                                      packet->dts, cut->discontinuity);
  lane->number = cut->number;
  lane->open = TRUE;
}

static gboolean
is_cut_due (LecternSegmenter *self, LecternPacket *packet)
{
  const Cut *newest = get_newest_cut (self);
  gboolean key = (packet->flags & LECTERN_PACKET_KEY) != 0;
  gint64 length;

  if (newest == NULL || self->broken)
    return key;
  length = packet->pts - newest->start;
  return (key && length >= self->targets->segment)
         || length + self->last_step > self->targets->segment_limit;
}

static void
put_audio (LecternSegmenter *self, LecternPacket *packet)
{
  const Cut *newest = get_newest_cut (self);

  if (!take_track (&self->audio, packet->track))
    return;
  if (!self->has_video
      && (newest == NULL || self->broken || packet->pts - newest->start >= self->targets->segment))
    {
      add_cut (self, packet->pts, self->broken);
      self->broken = FALSE;
    }
  put_frame (&self->audio, packet, find_cut (self, packet->pts));
}

/* Audio goes as far as the video has come, so that every cut is known before its frames. */
static void
release_audio (LecternSegmenter *self)
{
  LecternPacket *newest = g_queue_peek_tail (&self->held_audio);
  LecternPacket *oldest;

  while ((oldest = g_queue_peek_head (&self->held_audio)) != NULL)
    {
      gint64 ahead = newest->dts - (self->has_video ? self->newest_video : oldest->dts);

      if ((!self->has_video || oldest->dts > self->newest_video) && ahead < MAX_AUDIO_WAIT
          && self->held_audio.length < MAX_HELD_AUDIO)
        return;
      g_queue_pop_head (&self->held_audio);
      put_audio (self, oldest);
      lectern_packet_unref (oldest);
    }
}

static void
put_video (LecternSegmenter *self, LecternPacket *packet)
{
  if (!take_track (&self->video, packet->track))
    return;
  if (packet->flags & LECTERN_PACKET_DISCONTINUITY)
    lectern_segmenter_break (self);
  if (is_cut_due (self, packet))
    {
      add_cut (self, packet->pts, self->broken && self->cuts->len > 0);
      self->broken = FALSE;
    }
  else if (self->broken)
    return;
  if (self->has_video)
    self->last_step = MAX (packet->dts - self->newest_video, 0);
  self->has_video = TRUE;
  self->newest_video = packet->dts;
  put_frame (&self->video, packet, get_newest_cut (self));
}

void
lectern_segmenter_push (LecternSegmenter *self, LecternPacket *packet)
{
  if (packet->track == NULL)
    return;
  if (packet->track->media == LECTERN_MEDIA_VIDEO)
    put_video (self, packet);
  else if (packet->track->media == LECTERN_MEDIA_AUDIO)
    g_queue_push_tail (&self->held_audio, lectern_packet_ref (packet));
  release_audio (self);
}

static void
close_lane (Lane *lane)
{
  if (lane->fragmenter != NULL)
    lectern_fragmenter_flush (lane->fragmenter, G_MAXINT64);
  end_segment (lane);
}

void
lectern_segmenter_break (LecternSegmenter *self)
{
  close_lane (&self->video);
  close_lane (&self->audio);
  g_queue_clear_full (&self->held_audio, (GDestroyNotify) lectern_packet_unref);
  g_queue_init (&self->held_audio);
  self->broken = TRUE;
}

void
lectern_segmenter_finish (LecternSegmenter *self)
{
  LecternPacket *packet;

  while ((packet = g_queue_pop_head (&self->held_audio)) != NULL)
    {
      put_audio (self, packet);
      lectern_packet_unref (packet);
    }
  close_lane (&self->video);
  close_lane (&self->audio);
}
