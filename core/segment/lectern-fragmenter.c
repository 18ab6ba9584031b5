/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-fragmenter.h"

#include "formats/lectern-cmaf.h"

#define AAC_FRAME 1024
/* A wire time of whole milliseconds that differs more than this from the count is a real gap. */
#define RESYNC_NS (50 * G_GINT64_CONSTANT (1000000))
/* One that differs more than this for a second is steady, not the wire's jitter: sound that was
 * aligned anew, or whose clock is another. */
#define STEADY_NS (8 * G_GINT64_CONSTANT (1000000))
#define STEADY_FRAMES 32
/* An AAC frame that is to end earlier lasts at least so long. */
#define AAC_SHORTEST (AAC_FRAME / 2)
/* What a frame may last; a longer pause is left as a hole. */
#define MAX_FRAME_NS (2000 * G_GINT64_CONSTANT (1000000))

struct _LecternFragmenter
{
  LecternTrack *track;
  guint32 timescale;
  gint64 part_ticks;
  LecternFragmenterFunc func;
  gpointer user_data;

  guint32 sequence;
  GArray *samples; /* LecternCmafSample of the part under way */
  guint64 part_start;
  guint64 part_duration;

  LecternPacket *held; /* its duration is not known yet */
  gint64 held_ticks;
  gint64 last_duration;
  double late; /* how much the wire is behind the count, in ticks, averaged over STEADY_FRAMES */
};

static void
clear_sample (LecternCmafSample *sample)
{
  g_bytes_unref (sample->payload);
}

LecternFragmenter *
lectern_fragmenter_new (LecternTrack *track, gint64 part_target, LecternFragmenterFunc func,
                        gpointer user_data)
{
  LecternFragmenter *self = g_new0 (LecternFragmenter, 1);

  self->track = lectern_track_ref (track);
  self->timescale = lectern_cmaf_get_timescale (track);
  self->part_ticks = lectern_cmaf_from_ns (part_target, self->timescale);
  self->func = func;
  self->user_data = user_data;
  self->samples = g_array_new (FALSE, FALSE, sizeof (LecternCmafSample));
  g_array_set_clear_func (self->samples, (GDestroyNotify) clear_sample);
  return self;
}

void
lectern_fragmenter_free (LecternFragmenter *self)
{
  g_clear_pointer (&self->held, lectern_packet_unref);
  g_array_unref (self->samples);
  lectern_track_unref (self->track);
  g_free (self);
}

static void
give_part (LecternFragmenter *self)
{
  LecternCmafSample *samples = (LecternCmafSample *) self->samples->data;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (LecternPart) part = NULL;

  if (self->samples->len == 0)
    return;
  bytes = lectern_cmaf_write_fragment (self->track, ++self->sequence, self->part_start, samples,
                                       self->samples->len);
  part = lectern_part_new (bytes, lectern_cmaf_to_ns (self->part_duration, self->timescale),
                           self->samples->len, samples[0].key);
  self->func (part, self->part_start, self->part_duration, self->user_data);
  g_array_set_size (self->samples, 0);
  self->part_duration = 0;
}

static gboolean
is_video (LecternFragmenter *self)
{
  return self->track->media == LECTERN_MEDIA_VIDEO;
}

static void
commit (LecternFragmenter *self, gint64 duration)
{
  gint64 composition = self->held->pts - self->held->dts;
  LecternCmafSample sample = {
    .payload = g_bytes_ref (self->held->payload),
    .duration = duration,
    .composition = lectern_cmaf_from_ns (composition, self->timescale),
    .key = !is_video (self) || (self->held->flags & LECTERN_PACKET_KEY) != 0,
  };
  gboolean full = self->part_duration + duration > (guint64) self->part_ticks;
  gboolean hole = self->samples->len > 0
                  && (guint64) self->held_ticks != self->part_start + self->part_duration;

  /* A part that ends early must not be shorter than this (RFC 8216bis, 4.4.4.9). */
  gboolean long_enough = self->part_duration >= (guint64) self->part_ticks * 85 / 100;

  if (full || hole || (is_video (self) && sample.key && long_enough))
    give_part (self);
  if (self->samples->len == 0)
    self->part_start = self->held_ticks;
  g_array_append_val (self->samples, sample);
  self->part_duration += duration;
  self->last_duration = duration;
  g_clear_pointer (&self->held, lectern_packet_unref);
}

/* Counted time while the wire agrees with it. */
static gint64
count (LecternFragmenter *self, gint64 ticks)
{
  gint64 counted = self->held_ticks + AAC_FRAME;
  gint64 late = ticks - counted;
  double steady = (double) lectern_cmaf_from_ns (STEADY_NS, self->timescale);

  if (late > lectern_cmaf_from_ns (RESYNC_NS, self->timescale))
    {
      self->late = 0;
      return ticks;
    }
  self->late += ((double) late - self->late) / STEADY_FRAMES;
  if (ABS (self->late) < steady || ABS ((double) late - self->late) > steady / 2)
    return counted;
  counted = MAX (counted + (gint64) self->late, self->held_ticks + AAC_SHORTEST);
  self->late = 0;
  return counted;
}

static gint64
get_ticks (LecternFragmenter *self, LecternPacket *packet)
{
  gint64 ticks = lectern_cmaf_from_ns (packet->dts, self->timescale);

  if (self->held == NULL)
    return ticks;
  if (self->track->codec != LECTERN_CODEC_AAC)
    return MAX (ticks, self->held_ticks + 1);
  return count (self, ticks);
}

static gint64
get_duration (LecternFragmenter *self, gint64 next_ticks)
{
  gint64 duration = next_ticks - self->held_ticks;

  /* A gap in the sound is left as a hole; where time was only put right there is none. */
  if (self->track->codec == LECTERN_CODEC_AAC)
    return duration <= AAC_FRAME + lectern_cmaf_from_ns (RESYNC_NS, self->timescale) ? duration
                                                                                     : AAC_FRAME;
  if (duration <= lectern_cmaf_from_ns (MAX_FRAME_NS, self->timescale))
    return duration;
  return self->last_duration > 0 ? self->last_duration : self->timescale / 25;
}

/* The held frame ends before @limit (ns); G_MAXINT64: none. */
static gint64
limit_duration (LecternFragmenter *self, gint64 duration, gint64 limit)
{
  if (limit == G_MAXINT64 || self->track->codec == LECTERN_CODEC_AAC)
    return duration;
  return CLAMP (lectern_cmaf_from_ns (limit, self->timescale) - self->held_ticks, 1, duration);
}

void
lectern_fragmenter_push (LecternFragmenter *self, LecternPacket *packet, gboolean cut, gint64 limit)
{
  gint64 ticks = get_ticks (self, packet);

  if (self->held != NULL)
    commit (self, limit_duration (self, get_duration (self, ticks), limit));
  if (cut)
    give_part (self);
  self->held = lectern_packet_ref (packet);
  self->held_ticks = ticks;
}

void
lectern_fragmenter_flush (LecternFragmenter *self, gint64 end)
{
  if (self->held != NULL)
    {
      gint64 duration = self->last_duration > 0 ? self->last_duration : self->timescale / 25;

      if (self->track->codec == LECTERN_CODEC_AAC)
        duration = AAC_FRAME;
      commit (self, limit_duration (self, duration, end));
    }
  give_part (self);
}
