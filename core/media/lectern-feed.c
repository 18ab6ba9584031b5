/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-feed-private.h"

#include "media/lectern-stream-private.h"

struct _LecternFeed
{
  gint refs; /* the reader's, and one of a wake under way */
  LecternWake wake;
  LecternStream *stream;
  LecternReactor *reactor;
  gsize max_bytes;
  LecternFeedFunc func; /* the reactor's thread only; NULL once freed */
  gpointer user_data;

  GMutex lock; /* guards what follows */
  GQueue packets;
  gsize bytes;
  guint lost;        /* since it was last asked */
  gboolean skipping; /* until a group begins */
  LecternStreamState state;
};

static void
feed_unref (LecternFeed *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_queue_clear_full (&self->packets, (GDestroyNotify) lectern_packet_unref);
  lectern_stream_unref (self->stream);
  g_object_unref (self->reactor);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static void
on_wake (LecternWake *wake)
{
  LecternFeed *self = (LecternFeed *) ((char *) wake - G_STRUCT_OFFSET (LecternFeed, wake));

  if (self->func != NULL)
    self->func (self, self->user_data);
  feed_unref (self);
}

static void
wake (LecternFeed *self)
{
  g_atomic_int_inc (&self->refs);
  if (!lectern_reactor_wake (self->reactor, &self->wake))
    feed_unref (self);
}

LecternFeed *
lectern_feed_new (LecternStream *stream, LecternReactor *reactor, gsize max_bytes,
                  LecternFeedFunc func, gpointer user_data)
{
  LecternFeed *self = g_new0 (LecternFeed, 1);

  self->refs = 1;
  self->wake.func = on_wake;
  self->stream = lectern_stream_ref (stream);
  self->reactor = g_object_ref (reactor);
  self->max_bytes = max_bytes;
  self->func = func;
  self->user_data = user_data;
  self->skipping = TRUE;
  g_queue_init (&self->packets);
  g_mutex_init (&self->lock);
  lectern_stream_add_feed (stream, self);
  return self;
}

/* Under the lock. */
static void
lose_all (LecternFeed *self)
{
  self->lost += self->packets.length;
  g_queue_clear_full (&self->packets, (GDestroyNotify) lectern_packet_unref);
  self->bytes = 0;
  self->skipping = TRUE;
}

void
lectern_feed_push (LecternFeed *self, LecternPacket *packet, gboolean begins_group)
{
  gsize size = lectern_packet_get_size (packet);

  g_mutex_lock (&self->lock);
  if (self->bytes + size > self->max_bytes && self->packets.length > 0)
    lose_all (self);
  if (begins_group)
    self->skipping = FALSE;
  if (self->skipping)
    self->lost++;
  else
    {
      g_queue_push_tail (&self->packets, lectern_packet_ref (packet));
      self->bytes += size;
    }
  g_mutex_unlock (&self->lock);
  wake (self);
}

void
lectern_feed_tell (LecternFeed *self, LecternStreamState state)
{
  g_mutex_lock (&self->lock);
  self->state = state;
  g_mutex_unlock (&self->lock);
  wake (self);
}

LecternPacket *
lectern_feed_pop (LecternFeed *self)
{
  LecternPacket *packet;

  g_mutex_lock (&self->lock);
  packet = g_queue_pop_head (&self->packets);
  if (packet != NULL)
    self->bytes -= lectern_packet_get_size (packet);
  g_mutex_unlock (&self->lock);
  return packet;
}

guint
lectern_feed_take_lost (LecternFeed *self)
{
  guint lost; /* since it was last asked */

  g_mutex_lock (&self->lock);
  lost = self->skipping ? 0 : self->lost;
  if (!self->skipping)
    self->lost = 0;
  g_mutex_unlock (&self->lock);
  return lost;
}

LecternStreamState
lectern_feed_get_state (LecternFeed *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->state;
}

LecternStream *
lectern_feed_get_stream (LecternFeed *self)
{
  return self->stream;
}

void
lectern_feed_free (LecternFeed *self)
{
  self->func = NULL;
  lectern_stream_remove_feed (self->stream, self);
  feed_unref (self);
}
