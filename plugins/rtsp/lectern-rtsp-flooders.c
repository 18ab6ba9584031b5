/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-flooders.h"

#include <string.h>

#define MAX_FLOODERS 64
/* An address that has been good for so long is one like any other. */
#define FORGIVE_US (10 * G_USEC_PER_SEC)

typedef struct
{
  LecternAddress address;
  LecternRateLimiter limiter;
  gint64 until_us;
} Flooder;

struct _LecternRtspFlooders
{
  GMutex lock;
  Flooder flooders[MAX_FLOODERS];
  gint count; /* read without the lock: mostly there are none */
};

LecternRtspFlooders *
lectern_rtsp_flooders_new (void)
{
  LecternRtspFlooders *self = g_new0 (LecternRtspFlooders, 1);

  g_mutex_init (&self->lock);
  return self;
}

void
lectern_rtsp_flooders_free (LecternRtspFlooders *self)
{
  g_mutex_clear (&self->lock);
  g_free (self);
}

static gboolean
is_same (const LecternAddress *a, const LecternAddress *b)
{
  return memcmp (a->ip, b->ip, lectern_address_is_ipv4 (a) ? sizeof a->ip : 8) == 0;
}

static Flooder *
find (LecternRtspFlooders *self, const LecternAddress *from)
{
  for (gint i = 0; i < self->count; i++)
    if (is_same (&self->flooders[i].address, from))
      return &self->flooders[i];
  return NULL;
}

static Flooder *
get_free (LecternRtspFlooders *self)
{
  Flooder *oldest = &self->flooders[0];

  if (self->count < MAX_FLOODERS)
    {
      Flooder *next = &self->flooders[self->count];

      g_atomic_int_inc (&self->count);
      return next;
    }
  for (guint i = 1; i < MAX_FLOODERS; i++)
    if (self->flooders[i].until_us < oldest->until_us)
      oldest = &self->flooders[i];
  return oldest;
}

void
lectern_rtsp_flooders_note (LecternRtspFlooders *self, const LecternAddress *from, guint rate,
                            gint64 now_us)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);
  Flooder *flooder = find (self, from);

  if (flooder == NULL)
    {
      flooder = get_free (self);
      flooder->address = *from;
      flooder->until_us = 0;
    }
  if (flooder->until_us <= now_us)
    lectern_rate_limiter_init (&flooder->limiter, rate, MAX (1, rate / 2), now_us);
  flooder->until_us = now_us + FORGIVE_US;
}

gboolean
lectern_rtsp_flooders_take (LecternRtspFlooders *self, const LecternAddress *from, gint64 now_us)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = NULL;
  Flooder *flooder;

  if (g_atomic_int_get (&self->count) == 0)
    return TRUE;
  locker = g_mutex_locker_new (&self->lock);
  flooder = find (self, from);
  return flooder == NULL || flooder->until_us <= now_us
         || lectern_rate_limiter_take (&flooder->limiter, now_us);
}
