/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-reactor-private.h"

#include <errno.h>

gboolean
lectern_watch_start (LecternWatch *self, LecternReactor *reactor, int fd, guint32 events,
                     LecternWatchFunc func, GError **error)
{
  struct epoll_event event = { .events = events, .data.ptr = self };

  g_return_val_if_fail (self->reactor == NULL, FALSE);

  if (epoll_ctl (reactor->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
    {
      lectern_error_set_errno (error, errno, "cannot watch a descriptor");
      return FALSE;
    }
  self->func = func;
  self->fd = fd;
  self->reactor = reactor;
  return TRUE;
}

void
lectern_watch_set_events (LecternWatch *self, guint32 events)
{
  struct epoll_event event = { .events = events, .data.ptr = self };

  g_return_if_fail (self->reactor != NULL);

  (void) epoll_ctl (self->reactor->epoll_fd, EPOLL_CTL_MOD, self->fd, &event);
}

void
lectern_watch_stop (LecternWatch *self)
{
  LecternReactor *reactor = g_steal_pointer (&self->reactor);

  if (reactor == NULL)
    return;
  if (reactor->epoll_fd >= 0)
    (void) epoll_ctl (reactor->epoll_fd, EPOLL_CTL_DEL, self->fd, NULL);
  /* What the running batch still holds for it must not be delivered: the owner may be gone. */
  for (int i = reactor->batch_next; i < reactor->batch_size; i++)
    if (reactor->batch[i].data.ptr == self)
      reactor->batch[i].data.ptr = NULL;
}

void
lectern_reactor_run_watches (LecternReactor *self)
{
  if (!self->fetched)
    {
      self->batch_next = 0;
      self->batch_size = epoll_wait (self->epoll_fd, self->batch, LECTERN_REACTOR_BATCH, 0);
    }
  self->fetched = FALSE;
  while (self->batch_next < self->batch_size)
    {
      const struct epoll_event *event = &self->batch[self->batch_next++];
      LecternWatch *watch = event->data.ptr;

      /* GLib's wake-up may be among them; GLib takes it back itself. */
      if (watch != NULL && event->data.ptr != &self->loop_fd)
        watch->func (watch, event->events);
    }
  self->batch_size = 0;
}
