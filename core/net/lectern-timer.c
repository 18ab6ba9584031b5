/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-reactor-private.h"

#include "base/lectern-clock.h"

static LecternTimer *
timer_at (GPtrArray *heap, guint index)
{
  return g_ptr_array_index (heap, index);
}

static void
put (GPtrArray *heap, guint index, LecternTimer *timer)
{
  heap->pdata[index] = timer;
  timer->index = index;
}

static void
sift_up (GPtrArray *heap, guint index)
{
  LecternTimer *timer = timer_at (heap, index);

  while (index > 0)
    {
      guint parent = (index - 1) / 2;

      if (timer_at (heap, parent)->due_us <= timer->due_us)
        break;
      put (heap, index, timer_at (heap, parent));
      index = parent;
    }
  put (heap, index, timer);
}

static void
sift_down (GPtrArray *heap, guint index)
{
  LecternTimer *timer = timer_at (heap, index);

  for (;;)
    {
      guint child = 2 * index + 1;

      if (child >= heap->len)
        break;
      if (child + 1 < heap->len
          && timer_at (heap, child + 1)->due_us < timer_at (heap, child)->due_us)
        child++;
      if (timer->due_us <= timer_at (heap, child)->due_us)
        break;
      put (heap, index, timer_at (heap, child));
      index = child;
    }
  put (heap, index, timer);
}

static void
take_out (GPtrArray *heap, LecternTimer *timer)
{
  guint index = timer->index;
  LecternTimer *last = timer_at (heap, heap->len - 1);

  g_ptr_array_set_size (heap, (gint) heap->len - 1);
  if (last != timer)
    {
      put (heap, index, last);
      sift_up (heap, index);
      sift_down (heap, last->index);
    }
  timer->reactor = NULL;
}

void
lectern_timer_start (LecternTimer *self, LecternReactor *reactor, gint64 delay_us,
                     LecternTimerFunc func)
{
  g_return_if_fail (self->reactor == NULL || self->reactor == reactor);

  if (self->reactor != NULL)
    take_out (reactor->timers, self);
  self->func = func;
  self->reactor = reactor;
  self->due_us = lectern_clock_now_us () + MAX (delay_us, 0);
  g_ptr_array_add (reactor->timers, self);
  sift_up (reactor->timers, reactor->timers->len - 1);
}

void
lectern_timer_stop (LecternTimer *self)
{
  if (self->reactor != NULL)
    take_out (self->reactor->timers, self);
}

void
lectern_reactor_run_timers (LecternReactor *self)
{
  GPtrArray *heap = self->timers;

  /* As many as there are now: one that starts itself again without delay waits for the next round.
   */
  for (guint left = heap->len; left > 0 && heap->len > 0; left--)
    {
      LecternTimer *timer = timer_at (heap, 0);

      if (timer->due_us > self->now_us)
        return;
      lectern_reactor_note_lag (self, self->now_us - timer->due_us);
      take_out (heap, timer);
      timer->func (timer);
    }
}

void
lectern_reactor_drop_timers (LecternReactor *self)
{
  while (self->timers->len > 0)
    take_out (self->timers, timer_at (self->timers, self->timers->len - 1));
}
