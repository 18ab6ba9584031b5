/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-audience.h"

#include "base/lectern-clock.h"
#include "media/lectern-viewer-private.h"

#define SLOTS 5
#define CHECK_US G_USEC_PER_SEC
#define BUSY 0.60
#define CALM 0.40

struct _LecternAudience
{
  gint refs; /* atomic */
  LecternWake wake;
  LecternTape *tape;
  LecternReactor *reactor;
  LecternMediaLimits limits;
  gint told; /* atomic: LecternStreamState */

  LecternStreamState state;
  GPtrArray *slots[SLOTS];
  gint size; /* atomic: read by any thread */
  guint next_seat;
  guint tick;       /* the slot whose turn it is */
  guint idle_ticks; /* ticks since the last wake */
  gint64 interval_us;
  gint64 flush_due_us; /* the turn that the timer runs for */
  LecternTimer flush_timer;
  LecternTimer check_timer;
};

static void on_wake (LecternWake *wake);

LecternAudience *
lectern_audience_new (LecternTape *tape, LecternReactor *reactor, const LecternMediaLimits *limits,
                      LecternStreamState state)
{
  LecternAudience *self = g_new0 (LecternAudience, 1);

  self->refs = 1;
  self->wake.func = on_wake;
  self->tape = lectern_tape_ref (tape);
  self->reactor = g_object_ref (reactor);
  self->limits = *limits;
  self->interval_us = limits->flush_interval_us;
  self->state = state;
  self->told = state;
  for (guint i = 0; i < SLOTS; i++)
    self->slots[i] = g_ptr_array_new ();
  return self;
}

LecternAudience *
lectern_audience_ref (LecternAudience *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_audience_unref (LecternAudience *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  for (guint i = 0; i < SLOTS; i++)
    g_ptr_array_unref (self->slots[i]);
  lectern_tape_unref (self->tape);
  g_object_unref (self->reactor);
  g_free (self);
}

LecternTape *
lectern_audience_get_tape (LecternAudience *self)
{
  return self->tape;
}

LecternReactor *
lectern_audience_get_reactor (LecternAudience *self)
{
  return self->reactor;
}

const LecternMediaLimits *
lectern_audience_get_limits (LecternAudience *self)
{
  return &self->limits;
}

LecternStreamState
lectern_audience_get_state (LecternAudience *self)
{
  return self->state;
}

guint
lectern_audience_get_size (LecternAudience *self)
{
  return g_atomic_int_get (&self->size);
}

/* Visits backwards, so that a viewer that leaves, whose place the last one takes, costs nobody a
 * turn. */
static void
flush_slot (LecternAudience *self, guint slot, gint64 now_us)
{
  GPtrArray *viewers = self->slots[slot];

  for (guint i = viewers->len; i > 0; i--)
    if (i <= viewers->len)
      lectern_viewer_flush (g_ptr_array_index (viewers, i - 1), now_us);
}

static void
flush_all (LecternAudience *self)
{
  gint64 now_us = lectern_clock_now_us ();

  for (guint i = 0; i < SLOTS; i++)
    flush_slot (self, i, now_us);
}

static void on_flush_timer (LecternTimer *timer);

/* Turns follow a grid, so that neither the timer's grain nor the sending makes the interval longer;
 * what a busy reactor missed is not made up for. */
static void
plan_flush (LecternAudience *self, gint64 now_us)
{
  self->flush_due_us = MAX (self->flush_due_us + self->interval_us / SLOTS, now_us);
  lectern_timer_start (&self->flush_timer, self->reactor, self->flush_due_us - now_us,
                       on_flush_timer);
}

static void
on_flush_timer (LecternTimer *timer)
{
  LecternAudience *self
      = (LecternAudience *)((char *)timer - G_STRUCT_OFFSET (LecternAudience, flush_timer));

  lectern_audience_ref (self);
  self->tick = (self->tick + 1) % SLOTS;
  flush_slot (self, self->tick, lectern_clock_now_us ());
  if (self->size > 0 && ++self->idle_ticks < 2 * SLOTS && self->interval_us > 0)
    plan_flush (self, lectern_clock_now_us ());
  lectern_audience_unref (self);
}

static void
tell_viewers (LecternAudience *self, LecternStreamState state)
{
  self->state = state;
  for (guint slot = 0; slot < SLOTS; slot++)
    for (guint i = self->slots[slot]->len; i > 0; i--)
      if (i <= self->slots[slot]->len)
        lectern_viewer_tell (g_ptr_array_index (self->slots[slot], i - 1), state);
}

static void
on_wake (LecternWake *wake)
{
  LecternAudience *self
      = (LecternAudience *)((char *)wake - G_STRUCT_OFFSET (LecternAudience, wake));
  LecternStreamState told = g_atomic_int_get (&self->told);

  if (told != self->state)
    tell_viewers (self, told);
  self->idle_ticks = 0;
  if (self->interval_us == 0)
    flush_all (self);
  else if (self->flush_timer.reactor == NULL && self->size > 0)
    {
      self->flush_due_us = lectern_clock_now_us ();
      plan_flush (self, self->flush_due_us);
    }
  lectern_audience_unref (self);
}

void
lectern_audience_wake (LecternAudience *self)
{
  lectern_audience_ref (self);
  if (!lectern_reactor_wake (self->reactor, &self->wake))
    lectern_audience_unref (self);
}

void
lectern_audience_tell (LecternAudience *self, LecternStreamState state)
{
  g_atomic_int_set (&self->told, state);
  lectern_audience_wake (self);
}

/* A busy reactor writes larger pieces less often, by itself: 50, 100, 200 ms; and returns as it
 * calms down. */
static void
adapt_interval (LecternAudience *self)
{
  static const gint64 steps[] = { 0, 50000, 100000, 200000 };
  double load = lectern_reactor_get_load (self->reactor);
  guint step = 0;

  if (!self->limits.flush_stretch)
    return;
  while (step + 1 < G_N_ELEMENTS (steps) && steps[step] < self->interval_us)
    step++;
  if (load > BUSY && step + 1 < G_N_ELEMENTS (steps))
    step++;
  else if (load < CALM && step > 0)
    step--;
  self->interval_us = MAX (steps[step], self->limits.flush_interval_us);
}

static void
on_check_timer (LecternTimer *timer)
{
  LecternAudience *self
      = (LecternAudience *)((char *)timer - G_STRUCT_OFFSET (LecternAudience, check_timer));
  gint64 now_us = lectern_clock_now_us ();

  lectern_audience_ref (self);
  adapt_interval (self);
  for (guint slot = 0; slot < SLOTS; slot++)
    for (guint i = self->slots[slot]->len; i > 0; i--)
      if (i <= self->slots[slot]->len)
        lectern_viewer_check (g_ptr_array_index (self->slots[slot], i - 1), now_us);
  if (self->size > 0)
    lectern_timer_start (timer, self->reactor, CHECK_US, on_check_timer);
  lectern_audience_unref (self);
}

void
lectern_audience_add (LecternAudience *self, LecternViewer *viewer)
{
  LecternViewerSeat *seat = lectern_viewer_get_seat (viewer);

  seat->slot = self->next_seat++ % SLOTS;
  seat->index = self->slots[seat->slot]->len;
  g_ptr_array_add (self->slots[seat->slot], viewer);
  if (g_atomic_int_add (&self->size, 1) == 0)
    lectern_timer_start (&self->check_timer, self->reactor, CHECK_US, on_check_timer);
}

void
lectern_audience_remove (LecternAudience *self, LecternViewer *viewer)
{
  LecternViewerSeat *seat = lectern_viewer_get_seat (viewer);
  GPtrArray *viewers = self->slots[seat->slot];

  g_ptr_array_remove_index_fast (viewers, seat->index);
  if (seat->index < viewers->len)
    lectern_viewer_get_seat (g_ptr_array_index (viewers, seat->index))->index = seat->index;
  if (!g_atomic_int_dec_and_test (&self->size))
    return;
  lectern_timer_stop (&self->flush_timer);
  lectern_timer_stop (&self->check_timer);
}
