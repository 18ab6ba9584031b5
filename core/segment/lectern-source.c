/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-source.h"

#include "media/lectern-feed.h"
#include "segment/lectern-segmenter.h"

#define FEED_BYTES (16 * 1024 * 1024)

/* On its reactor once it has started. */
struct _LecternSource
{
  gint refs; /* the owner's, and the reactor's until the end */
  LecternStream *stream;
  LecternReactor *reactor;
  LecternPresentation *presentation;
  LecternSegmenter *segmenter;
  LecternFeed *feed;
  gboolean begun;
  gboolean away;
  gboolean over;
  gboolean started; /* the owner's thread */
};

static void
source_unref (gpointer data)
{
  LecternSource *self = data;

  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_clear_pointer (&self->segmenter, lectern_segmenter_free);
  lectern_presentation_unref (self->presentation);
  lectern_stream_unref (self->stream);
  g_object_unref (self->reactor);
  g_free (self);
}

LecternSource *
lectern_source_new (LecternStream *stream, LecternReactorPool *reactors,
                    const LecternSegmentTargets *targets)
{
  LecternSource *self = g_new0 (LecternSource, 1);
  LecternSegmentTargets own = *targets;
  g_auto (LecternStreamInfo) info = { 0 };

  own.window = 1;
  lectern_stream_get_info (stream, &info);
  self->refs = 1;
  self->stream = lectern_stream_ref (stream);
  self->reactor = g_object_ref (lectern_reactor_pool_pick (reactors));
  self->presentation
      = lectern_presentation_new (lectern_stream_get_name (stream), &own, info.started_us);
  self->segmenter = lectern_segmenter_new (self->presentation);
  return self;
}

LecternPresentation *
lectern_source_get_presentation (LecternSource *self)
{
  return self->presentation;
}

static void
finish (LecternSource *self)
{
  if (self->over)
    return;
  self->over = TRUE;
  lectern_segmenter_finish (self->segmenter);
  lectern_presentation_end (self->presentation);
  g_clear_pointer (&self->feed, lectern_feed_free);
  source_unref (self);
}

static void
on_feed (LecternFeed *feed, gpointer user_data)
{
  LecternSource *self = user_data;
  LecternStreamState state = lectern_feed_get_state (feed);
  LecternPacket *packet;

  /* Before the first key frame there is nothing to lose. */
  if (lectern_feed_take_lost (feed) > 0 && self->begun)
    {
      g_message ("'%s' could not be kept in time: some frames are left out",
                 lectern_stream_get_name (self->stream));
      lectern_segmenter_break (self->segmenter);
    }
  while ((packet = lectern_feed_pop (feed)) != NULL)
    {
      lectern_segmenter_push (self->segmenter, packet);
      self->begun = TRUE;
      lectern_packet_unref (packet);
    }
  /* What there is is safe before the publisher is back, who may never be. */
  if (state == LECTERN_STREAM_AWAY && !self->away)
    lectern_segmenter_break (self->segmenter);
  self->away = state == LECTERN_STREAM_AWAY;
  if (state == LECTERN_STREAM_ENDED)
    finish (self);
}

static void
begin (gpointer data)
{
  LecternSource *self = data;

  self->feed = lectern_feed_new (self->stream, self->reactor, FEED_BYTES, on_feed, self);
}

void
lectern_source_start (LecternSource *self)
{
  self->started = TRUE;
  g_atomic_int_inc (&self->refs);
  lectern_reactor_post (self->reactor, begin, self, source_unref);
}

static void
end (gpointer data)
{
  finish (data);
  source_unref (data);
}

void
lectern_source_free (LecternSource *self)
{
  if (self->started)
    lectern_reactor_post (self->reactor, end, self, source_unref);
  else
    source_unref (self);
}
