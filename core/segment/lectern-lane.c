/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-lane.h"

#include "base/lectern-error.h"
#include "formats/lectern-cmaf.h"

#define MS G_GINT64_CONSTANT (1000000)
/* A strict lane's first frame may come so long after the cut: less than two frames. */
#define MAX_LATE_START (60 * MS)

LecternLane *
lectern_lane_new (LecternPresentation *presentation, const char *name, LecternMedia media,
                  gboolean strict)
{
  LecternLane *self = g_new0 (LecternLane, 1);

  self->presentation = presentation;
  self->targets = lectern_presentation_get_targets (presentation);
  self->name = g_strdup (name);
  self->media = media;
  self->strict = strict;
  self->number = lectern_presentation_get_newest (presentation, name);
  self->last_dts = G_MININT64;
  g_queue_init (&self->held);
  return self;
}

static void
drop_track (LecternLane *self)
{
  g_clear_pointer (&self->fragmenter, lectern_fragmenter_free);
  g_clear_pointer (&self->track, lectern_track_unref);
}

void
lectern_lane_free (LecternLane *self)
{
  drop_track (self);
  g_queue_clear_full (&self->held, (GDestroyNotify) lectern_packet_unref);
  g_free (self->name);
  g_free (self);
}

static void
on_part (LecternPart *part, guint64 ticks, guint64 duration_ticks, gpointer user_data)
{
  LecternLane *self = user_data;

  if (self->open)
    lectern_presentation_add_part (self->presentation, self->name, part, ticks, duration_ticks);
}

static void
end_segment (LecternLane *self)
{
  if (self->open)
    lectern_presentation_end_segment (self->presentation, self->name);
  self->open = FALSE;
}

/* The end that a segment's last frame may have, so that none is longer than promised. */
static gint64
get_limit (LecternLane *self)
{
  return self->segment_dts + self->targets->segment_limit;
}

void
lectern_lane_close (LecternLane *self)
{
  if (self->fragmenter != NULL)
    lectern_fragmenter_flush (self->fragmenter, get_limit (self));
  end_segment (self);
}

gboolean
lectern_lane_take_track (LecternLane *self, LecternTrack *track, gboolean *changed)
{
  g_autoptr (GError) error = NULL;

  *changed = FALSE;
  if (self->fragmenter != NULL && lectern_track_equal (self->track, track))
    return TRUE;
  *changed = self->fragmenter != NULL;
  lectern_lane_close (self);
  drop_track (self);
  if (!lectern_cmaf_can_carry (track)
      || !lectern_presentation_set_track (self->presentation, self->name, track, &error))
    return FALSE;
  self->track = lectern_track_ref (track);
  self->fragmenter = lectern_fragmenter_new (track, self->targets->part, on_part, self);
  return TRUE;
}

static void
put_gap (LecternLane *self, const LecternCuts *cuts, guint64 number)
{
  const LecternCut *cut = lectern_cuts_get (cuts, number);
  const LecternCut *next = lectern_cuts_get (cuts, number + 1);

  if (cut == NULL || next == NULL)
    return;
  lectern_presentation_add_gap (self->presentation, self->name, cut,
                                CLAMP (next->start - cut->start, MS, self->targets->segment_limit));
}

void
lectern_lane_skip_to (LecternLane *self, const LecternCuts *cuts, guint64 number)
{
  if (self->number < 0)
    return;
  if (self->open)
    lectern_lane_close (self);
  while ((guint64) self->number + 1 < number)
    put_gap (self, cuts, (guint64) ++self->number);
}

static void
begin_segment (LecternLane *self, LecternPacket *packet, const LecternCut *cut)
{
  lectern_presentation_begin_segment (self->presentation, self->name, cut, packet->dts,
                                      packet->pts);
  self->number = (gint64) cut->number;
  self->segment_dts = packet->dts;
  self->open = TRUE;
}

/* Whether a segment can begin with this frame. */
static gboolean
can_begin (LecternLane *self, LecternPacket *packet, const LecternCut *cut)
{
  if (self->media == LECTERN_MEDIA_VIDEO && !(packet->flags & LECTERN_PACKET_KEY))
    return FALSE;
  return !self->strict || packet->pts - cut->start <= MAX_LATE_START;
}

void
lectern_lane_put (LecternLane *self, LecternPacket *packet, const LecternCuts *cuts)
{
  const LecternCut *cut = lectern_cuts_find (cuts, packet->pts);

  if (packet->dts <= self->last_dts && self->strict)
    return;
  self->last_dts = packet->dts;
  if (cut == NULL || (gint64) cut->number <= self->number)
    {
      if (self->open)
        lectern_fragmenter_push (self->fragmenter, packet, FALSE, G_MAXINT64);
      return;
    }
  if (!self->open && !can_begin (self, packet, cut))
    return;
  /* This gives out the last part of the segment before. */
  if (cut->discontinuity || !self->open)
    lectern_fragmenter_flush (self->fragmenter, get_limit (self));
  lectern_fragmenter_push (self->fragmenter, packet, TRUE, get_limit (self));
  end_segment (self);
  lectern_lane_skip_to (self, cuts, cut->number);
  begin_segment (self, packet, cut);
}
