/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtcp.h"

/* LecternRtpClock: the RTP clocks of a picture and a sound → one clock, in ns. Until sender reports
 * came of both, what arrives together belongs together; then they are aligned exactly. Only steps
 * forward are taken for that, of the picture at key frames, so that nothing is out of order. ffmpeg
 * sends a report before the first packet of each, and is exact from the start; GStreamer's come
 * after one or two seconds. Plain memory. Thread: any, one at a time. */

typedef struct
{
  guint rate; /* Hz, 0: there is no such lane */
  gboolean mapped;
  gboolean remap;      /* its RTP time has no relation to before */
  gint64 anchor_ticks; /* these are … */
  gint64 anchor;       /* … this */
  gint64 newest_ticks; /* of the frame before */
  gint64 newest;       /* largest time given out */
  gint64 newest_us;    /* when that was */
  gint64 correction;   /* to be added at the next opportunity, never below 0 */
  guint32 ssrc;        /* whose packets come */
  gboolean reported;
  guint32 report_ssrc;
  guint32 report_time;
  gint64 report_ntp; /* ns */
} LecternRtpClockLane;

typedef struct
{
  LecternRtpClockLane lanes[2];
  gboolean aligned; /* by reports, once */
  guint agreed;     /* reports in a row that tell lane 0 to move, or not to */
  gboolean ahead;   /* which */
} LecternRtpClock;

/* A sender report. One without a clock in it is ignored. */
void lectern_rtp_clock_note_report (LecternRtpClock *self, guint lane, const LecternRtcp *report);

/* The packets of @lane come from @ssrc from now on. */
void lectern_rtp_clock_restart (LecternRtpClock *self, guint lane, guint32 ssrc);

/* Returns: the time of @ticks, which came at @arrival_us. @may_step: a gap before this frame puts
 * nothing out of order. Jumps of the ticks are taken out. */
gint64 lectern_rtp_clock_get_time (LecternRtpClock *self, guint lane, gint64 ticks,
                                   gint64 arrival_us, gboolean may_step);
