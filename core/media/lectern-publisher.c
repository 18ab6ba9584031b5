/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-publisher.h"

#include "media/lectern-stream-private.h"

LecternPublisher *
lectern_publisher_new (LecternStream *stream, LecternPublisherLostFunc lost, gpointer user_data)
{
  LecternPublisher *self = g_new0 (LecternPublisher, 1);

  self->refs = 1;
  self->stream = lectern_stream_ref (stream);
  self->context = g_main_context_ref_thread_default ();
  self->lost = lost;
  self->user_data = user_data;
  return self;
}

LecternPublisher *
lectern_publisher_ref (LecternPublisher *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_publisher_unref (LecternPublisher *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  lectern_stream_unref (self->stream);
  g_main_context_unref (self->context);
  g_free (self);
}

LecternStream *
lectern_publisher_get_stream (LecternPublisher *self)
{
  return self->stream;
}

void
lectern_publisher_set_track (LecternPublisher *self, LecternTrack *track)
{
  lectern_stream_set_track (self->stream, self, track);
}

void
lectern_publisher_set_metadata (LecternPublisher *self, GVariant *metadata)
{
  lectern_stream_set_metadata (self->stream, self, metadata);
}

void
lectern_publisher_set_yielding (LecternPublisher *self)
{
  lectern_stream_set_yielding (self->stream, self);
}

void
lectern_publisher_set_grace (LecternPublisher *self, gint64 grace_us)
{
  lectern_stream_set_grace (self->stream, self, grace_us);
}

void
lectern_publisher_set_reception (LecternPublisher *self, const LecternReception *reception)
{
  lectern_stream_set_reception (self->stream, self, reception);
}

void
lectern_publisher_push (LecternPublisher *self, LecternMedia media, LecternPacketFlags flags,
                        gint64 dts, gint64 pts, GBytes *payload)
{
  lectern_stream_push (self->stream, self, media, flags, dts, pts, payload);
}

void
lectern_publisher_end (LecternPublisher *self, gboolean lost)
{
  self->lost = NULL;
  lectern_stream_unpublish (self->stream, self, lost);
}

typedef struct
{
  LecternPublisher *publisher;
  GError *reason;
} Loss;

static void
loss_free (Loss *loss)
{
  lectern_publisher_unref (loss->publisher);
  g_error_free (loss->reason);
  g_free (loss);
}

static gboolean
on_lost (gpointer user_data)
{
  Loss *loss = user_data;
  LecternPublisherLostFunc lost = g_steal_pointer (&loss->publisher->lost);

  if (lost != NULL)
    lost (loss->publisher, loss->reason, loss->publisher->user_data);
  return G_SOURCE_REMOVE;
}

void
lectern_publisher_tell_lost (LecternPublisher *self, const GError *reason)
{
  g_autoptr (GSource) source = g_idle_source_new ();
  Loss *loss = g_new (Loss, 1);

  loss->publisher = lectern_publisher_ref (self);
  loss->reason = g_error_copy (reason);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_lost, loss, (GDestroyNotify)loss_free);
  g_source_attach (source, self->context);
}

gint64
lectern_unwrap_ms (LecternUnwrap *self, guint32 wire)
{
  if (!self->started)
    {
      self->started = TRUE;
      self->last = wire;
      return wire;
    }
  self->last += (gint32)(wire - (guint32)self->last);
  return self->last;
}
