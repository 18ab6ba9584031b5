/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-wake-queue.h"

#include "base/lectern-clock.h"

typedef struct
{
  LecternWake wake;
  LecternPostFunc func;
  gpointer data;
} Post;

void
lectern_wake_queue_init (LecternWakeQueue *self)
{
  g_mutex_init (&self->lock);
}

void
lectern_wake_queue_clear (LecternWakeQueue *self)
{
  g_mutex_clear (&self->lock);
}

gboolean
lectern_wake_queue_push (LecternWakeQueue *self, LecternWake *wake, gboolean *was_empty)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->closed)
    return FALSE;
  wake->next = NULL;
  *was_empty = self->first == NULL;
  if (self->first == NULL)
    {
      self->first = wake;
      self->since_us = lectern_clock_now_us ();
    }
  else
    self->last->next = wake;
  self->last = wake;
  return TRUE;
}

gboolean
lectern_wake_queue_is_empty (LecternWakeQueue *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->first == NULL;
}

LecternWake *
lectern_wake_queue_take (LecternWakeQueue *self, gint64 *since_us)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  *since_us = self->since_us;
  self->last = NULL;
  return g_steal_pointer (&self->first);
}

LecternWake *
lectern_wake_queue_close (LecternWakeQueue *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  self->closed = TRUE;
  self->last = NULL;
  return g_steal_pointer (&self->first);
}

void
lectern_wake_queue_run (LecternWake *first)
{
  while (first != NULL)
    {
      LecternWake *wake = first;

      /* Cleared before the function runs, so that a wake sent meanwhile is not lost; an exchange,
       * so that what the senders wrote before it is seen. From here the wake may be queued again
       * or freed. */
      first = wake->next;
      (void) g_atomic_int_exchange (&wake->pending, 0);
      wake->func (wake);
    }
}

static void
run_post (LecternWake *wake)
{
  Post *post = (Post *) wake;
  LecternPostFunc func = post->func;
  gpointer data = post->data;

  g_free (post);
  func (data);
}

LecternWake *
lectern_wake_queue_new_post (LecternPostFunc func, gpointer data)
{
  Post *post = g_new0 (Post, 1);

  post->wake.func = run_post;
  post->wake.pending = 1;
  post->func = func;
  post->data = data;
  return &post->wake;
}

void
lectern_wake_queue_free_post (LecternWake *post)
{
  g_free ((Post *) post);
}
