/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtp-clock.h"

#define SECOND G_GINT64_CONSTANT (1000000000)
#define MS G_GINT64_CONSTANT (1000000)
/* One step further back than pictures are ever reordered, or further ahead than the time that
 * passed, is a jump of the clock. */
#define MAX_BACK (2 * SECOND)
#define MAX_AHEAD (3 * SECOND)
#define RESTART_STEP (20 * MS)
/* Sound and picture that arrive together are not so far apart: the report is wrong. */
#define MAX_APART (5 * SECOND)
/* Less is not corrected: at first, and later, when reports only wander. */
#define FIRST_TOLERANCE (1 * MS)
#define LATER_TOLERANCE (15 * MS)
#define ENOUGH_REPORTS 3 /* two of one lane, one of the other between them */

static gint64
to_ns (gint64 ticks, guint rate)
{
  return ticks / rate * SECOND + ticks % rate * SECOND / rate;
}

static gint64
get_mapped (const LecternRtpClockLane *lane, gint64 ticks)
{
  return lane->anchor + to_ns (ticks - lane->anchor_ticks, lane->rate);
}

static gboolean
has_report (const LecternRtpClockLane *lane)
{
  return lane->reported && lane->report_ssrc == lane->ssrc;
}

/* The sender's wall clock at @ticks. */
static gint64
get_ntp (const LecternRtpClockLane *lane, gint64 ticks)
{
  return lane->report_ntp + to_ns ((gint32) ((guint32) ticks - lane->report_time), lane->rate);
}

/* What the sender's wall clock shows at our 0, by this lane. */
static gint64
get_epoch (const LecternRtpClockLane *lane)
{
  return get_ntp (lane, lane->newest_ticks) - get_mapped (lane, lane->newest_ticks);
}

/* A single report of a sender whose clock is uneven proves nothing: each step is forward, and so
 * they would add up. */
static gboolean
agrees (LecternRtpClock *self, gint64 apart)
{
  self->agreed = self->ahead == (apart > 0) ? self->agreed + 1 : 1;
  self->ahead = apart > 0;
  return self->agreed >= ENOUGH_REPORTS;
}

/* Of the two, the one that lags behind is moved. */
static void
move (LecternRtpClock *self, gint64 apart)
{
  self->agreed = 0;
  if (apart > 0)
    self->lanes[0].correction += apart;
  else
    self->lanes[1].correction -= apart;
}

static void
align (LecternRtpClock *self)
{
  LecternRtpClockLane *a = &self->lanes[0];
  LecternRtpClockLane *b = &self->lanes[1];
  gboolean first = !self->aligned;
  gint64 apart;

  if (!a->mapped || !b->mapped || a->remap || b->remap || !has_report (a) || !has_report (b))
    return;
  apart = get_epoch (a) - a->correction - (get_epoch (b) - b->correction);
  if (ABS (apart) > MAX_APART)
    return;
  self->aligned = TRUE;
  if (ABS (apart) < (first ? FIRST_TOLERANCE : LATER_TOLERANCE))
    self->agreed = 0;
  else if (first || agrees (self, apart))
    move (self, apart);
}

void
lectern_rtp_clock_note_report (LecternRtpClock *self, guint lane, const LecternRtcp *report)
{
  LecternRtpClockLane *at = &self->lanes[lane];
  guint32 fraction = (guint32) report->ntp;

  if (!report->sender_report || report->ntp == 0)
    return;
  at->reported = TRUE;
  at->report_ssrc = report->ssrc;
  at->report_time = report->rtp_time;
  at->report_ntp = (gint64) (report->ntp >> 32) * SECOND
                   + (gint64) ((guint64) fraction * (guint64) SECOND >> 32);
  align (self);
}

void
lectern_rtp_clock_restart (LecternRtpClock *self, guint lane, guint32 ssrc)
{
  self->lanes[lane].ssrc = ssrc;
  self->lanes[lane].remap = TRUE;
}

/* What arrives together belongs together. */
static gint64
get_time_by_arrival (const LecternRtpClock *self, guint lane, gint64 arrival_us)
{
  const LecternRtpClockLane *at = &self->lanes[lane];
  const LecternRtpClockLane *other = &self->lanes[1 - lane];
  const LecternRtpClockLane *known = other->mapped ? other : at;

  if (!known->mapped)
    return 0;
  return known->newest + (arrival_us - known->newest_us) * 1000;
}

static void
map (LecternRtpClock *self, guint lane, gint64 ticks, gint64 arrival_us)
{
  LecternRtpClockLane *at = &self->lanes[lane];
  const LecternRtpClockLane *other = &self->lanes[1 - lane];
  gint64 time = get_time_by_arrival (self, lane, arrival_us);

  self->aligned = FALSE; /* the first reports that come then are believed at once */
  if (has_report (at) && other->mapped && !other->remap && has_report (other))
    {
      gint64 exact = get_ntp (at, ticks) - get_epoch (other) + other->correction;

      if (ABS (exact - time) <= MAX_APART)
        time = exact;
    }
  if (at->mapped)
    time = MAX (time, at->newest + RESTART_STEP);
  at->mapped = TRUE;
  at->remap = FALSE;
  at->correction = 0;
  at->anchor_ticks = at->newest_ticks = ticks;
  at->anchor = time;
  align (self);
}

static gboolean
jumps (const LecternRtpClockLane *lane, gint64 time, gint64 arrival_us)
{
  gint64 passed = (arrival_us - lane->newest_us) * 1000;

  return time < lane->newest - MAX_BACK || time > lane->newest + passed + MAX_AHEAD;
}

gint64
lectern_rtp_clock_get_time (LecternRtpClock *self, guint lane, gint64 ticks, gint64 arrival_us,
                            gboolean may_step)
{
  LecternRtpClockLane *at = &self->lanes[lane];
  gint64 time;

  if (!at->mapped || at->remap || jumps (at, get_mapped (at, ticks), arrival_us))
    map (self, lane, ticks, arrival_us);
  if (at->correction > 0 && may_step)
    {
      at->anchor += at->correction;
      at->correction = 0;
    }
  time = get_mapped (at, ticks);
  at->newest_ticks = ticks;
  if (time >= at->newest || at->newest_us == 0)
    {
      at->newest = time;
      at->newest_us = arrival_us;
    }
  return time;
}
