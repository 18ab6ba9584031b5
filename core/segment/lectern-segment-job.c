/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-segment-job.h"

#include "base/lectern-log.h"
#include "media/lectern-feed.h"
#include "segment/lectern-segmenter.h"

#define FEED_BYTES (16 * 1024 * 1024)
/* Rungs come later than their source, and so does their end. */
#define RUNGS_END_US (3 * G_USEC_PER_SEC)
#define NS_PER_SECOND 1e9

/* A rendition that a transcoder publishes. */
typedef struct
{
  LecternSegmentJob *job;
  char *name;
  LecternFeed *feed; /* NULL: it is not published now */
} Rung;

/* Lives on its reactor, but for what is said otherwise. */
struct _LecternSegmentJob
{
  gint refs;
  GObject *owner;
  GMainContext *context; /* the control thread's */
  LecternSegmentJobFunc func;
  LecternStreamRegistry *streams;
  LecternStream *stream;
  LecternReactor *reactor;
  LecternSegmentTargets targets;
  LecternSpool *spool; /* or NULL */
  LecternFeed *feed;
  GPtrArray *rungs;            /* of Rung */
  LecternSegmenter *segmenter; /* NULL before the first frame */
  LecternTimer timer;          /* for the rungs' end */
  gboolean ending;             /* only rungs are waited for */
  gboolean over;
  gboolean away;
  gboolean warned;

  GMutex lock;
  LecternPresentation *presentation; /* lock */
};

static void
rung_free (gpointer data)
{
  Rung *rung = data;

  g_clear_pointer (&rung->feed, lectern_feed_free);
  g_free (rung->name);
  g_free (rung);
}

LecternSegmentJob *
lectern_segment_job_ref (LecternSegmentJob *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_segment_job_unref (LecternSegmentJob *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_clear_pointer (&self->presentation, lectern_presentation_unref);
  g_clear_pointer (&self->spool, lectern_spool_unref);
  g_ptr_array_unref (self->rungs);
  lectern_stream_unref (self->stream);
  g_object_unref (self->streams);
  g_object_unref (self->reactor);
  g_object_unref (self->owner);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_free (self);
}

LecternStream *
lectern_segment_job_get_stream (LecternSegmentJob *self)
{
  return self->stream;
}

LecternPresentation *
lectern_segment_job_get_presentation (LecternSegmentJob *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->presentation != NULL ? lectern_presentation_ref (self->presentation) : NULL;
}

static gboolean
on_began (gpointer user_data)
{
  LecternSegmentJob *self = user_data;

  self->func (self, FALSE, self->owner);
  return G_SOURCE_REMOVE;
}

static gboolean
on_over (gpointer user_data)
{
  LecternSegmentJob *self = user_data;

  self->func (self, TRUE, self->owner);
  return G_SOURCE_REMOVE;
}

static void
tell (LecternSegmentJob *self, GSourceFunc func)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, lectern_segment_job_ref (self),
                         (GDestroyNotify) lectern_segment_job_unref);
  g_source_attach (source, self->context);
}

/* The rungs are what the ladder says: */

static void on_rung_feed (LecternFeed *feed, gpointer user_data);

/* Listens to the stream that the rung is published as now. */
static void
attach (LecternSegmentJob *self, Rung *rung)
{
  g_autofree char *name
      = g_strdup_printf ("%s@%s", lectern_stream_get_name (self->stream), rung->name);
  g_autoptr (LecternStream) stream = lectern_stream_registry_lookup (self->streams, name);

  if (stream == NULL || lectern_stream_get_state (stream) == LECTERN_STREAM_ENDED
      || (rung->feed != NULL && lectern_feed_get_stream (rung->feed) == stream))
    return;
  g_clear_pointer (&rung->feed, lectern_feed_free);
  if (self->segmenter != NULL)
    lectern_segmenter_break_rung (self->segmenter, rung->name);
  rung->feed = lectern_feed_new (stream, self->reactor, FEED_BYTES, on_rung_feed, rung);
}

static Rung *
find_rung (LecternSegmentJob *self, const char *name)
{
  for (guint i = 0; i < self->rungs->len; i++)
    if (g_str_equal (((Rung *) g_ptr_array_index (self->rungs, i))->name, name))
      return g_ptr_array_index (self->rungs, i);
  return NULL;
}

static void
add_rung (LecternSegmentJob *self, const char *name)
{
  Rung *rung = g_new0 (Rung, 1);

  rung->job = self;
  rung->name = g_strdup (name);
  g_ptr_array_add (self->rungs, rung);
}

static void
update (LecternSegmentJob *self)
{
  g_autoptr (LecternLadder) ladder = lectern_stream_get_ladder (self->stream);

  /* A transcoder that ends with its source takes its rungs down; they stay in what was presented.
   */
  if (self->over || lectern_stream_get_state (self->stream) == LECTERN_STREAM_ENDED)
    return;
  for (guint i = self->rungs->len; i > 0; i--)
    if (ladder == NULL
        || lectern_ladder_find (ladder, ((Rung *) g_ptr_array_index (self->rungs, i - 1))->name)
               == NULL)
      g_ptr_array_remove_index (self->rungs, i - 1);
  if (self->segmenter != NULL)
    lectern_segmenter_set_ladder (self->segmenter, ladder);
  for (guint i = 0; ladder != NULL && i < ladder->rungs->len; i++)
    {
      const LecternRung *wanted = g_ptr_array_index (ladder->rungs, i);

      if (find_rung (self, wanted->name) == NULL)
        add_rung (self, wanted->name);
      attach (self, find_rung (self, wanted->name));
    }
}

/* The stream's clock was 0 when it was first published. */
static void
make_presentation (LecternSegmentJob *self)
{
  g_auto (LecternStreamInfo) info = { 0 };
  LecternPresentation *made;

  lectern_stream_get_info (self->stream, &info);
  made = lectern_presentation_new (lectern_stream_get_name (self->stream), &self->targets,
                                   info.started_us);
  if (self->spool != NULL)
    lectern_presentation_set_spool (made, self->spool);
  self->segmenter = lectern_segmenter_new (made);
  g_mutex_lock (&self->lock);
  self->presentation = made;
  g_mutex_unlock (&self->lock);
  update (self);
  tell (self, on_began);
}

static void
finish (LecternSegmentJob *self)
{
  if (self->over)
    return;
  self->over = TRUE;
  lectern_timer_stop (&self->timer);
  if (self->segmenter != NULL)
    {
      lectern_segmenter_finish (self->segmenter);
      lectern_presentation_end (self->presentation);
    }
  g_ptr_array_set_size (self->rungs, 0);
  g_clear_pointer (&self->segmenter, lectern_segmenter_free);
  g_clear_pointer (&self->feed, lectern_feed_free);
  tell (self, on_over);
  lectern_segment_job_unref (self);
}

/* Once the source has ended: whether a rung may still have something to come. */
static gboolean
is_rung_on_its_way (LecternSegmentJob *self)
{
  for (guint i = 0; i < self->rungs->len; i++)
    {
      Rung *rung = g_ptr_array_index (self->rungs, i);

      if (rung->feed != NULL && lectern_feed_get_state (rung->feed) == LECTERN_STREAM_LIVE)
        return TRUE;
    }
  return FALSE;
}

static void
on_rungs_late (LecternTimer *timer)
{
  finish ((LecternSegmentJob *) ((char *) timer - G_STRUCT_OFFSET (LecternSegmentJob, timer)));
}

static void
finish_with_rungs (LecternSegmentJob *self)
{
  gboolean was_ending = self->ending;

  self->ending = TRUE;
  if (!is_rung_on_its_way (self))
    finish (self); /* may free it */
  else if (!was_ending)
    lectern_timer_start (&self->timer, self->reactor, RUNGS_END_US, on_rungs_late);
}

static void
on_rung_feed (LecternFeed *feed, gpointer user_data)
{
  Rung *rung = user_data;
  LecternSegmentJob *self = rung->job;
  LecternPacket *packet;

  if (self->segmenter == NULL)
    return;
  if (lectern_feed_take_lost (feed) > 0)
    lectern_segmenter_break_rung (self->segmenter, rung->name);
  while ((packet = lectern_feed_pop (feed)) != NULL)
    {
      lectern_segmenter_push_rung (self->segmenter, rung->name, packet);
      lectern_packet_unref (packet);
    }
  if (lectern_stream_get_state (self->stream) == LECTERN_STREAM_ENDED)
    finish_with_rungs (self);
}

/* Teachers are told when joining and changing quality cannot be quick. */
static void
check_keys (LecternSegmentJob *self)
{
  gint64 distance = lectern_segmenter_get_far_keys (self->segmenter);
  g_autofree char *text = NULL;

  if (distance == 0 && self->warned)
    lectern_stream_set_warning (self->stream, NULL);
  if ((distance > 0) == self->warned)
    return;
  self->warned = distance > 0;
  if (distance == 0)
    return;
  text = g_strdup_printf ("key frames are %.1f s apart; %.0f s or less is better",
                          (double) distance / NS_PER_SECOND,
                          (double) self->targets.segment / NS_PER_SECOND);
  g_message ("'%s': %s", lectern_stream_get_name (self->stream), text);
  lectern_stream_set_warning (self->stream, text);
}

static void
on_feed (LecternFeed *feed, gpointer user_data)
{
  LecternSegmentJob *self = user_data;
  LecternStreamState state = lectern_feed_get_state (feed);
  LecternPacket *packet;

  if (lectern_feed_take_lost (feed) > 0 && self->segmenter != NULL)
    {
      g_message ("'%s' could not be segmented in time: some frames are left out",
                 lectern_stream_get_name (self->stream));
      lectern_segmenter_break (self->segmenter);
    }
  while ((packet = lectern_feed_pop (feed)) != NULL)
    {
      if (self->segmenter == NULL)
        make_presentation (self);
      lectern_segmenter_push (self->segmenter, packet);
      lectern_packet_unref (packet);
    }
  if (self->segmenter != NULL)
    check_keys (self);
  /* Players get what there is while they wait for the publisher's return. */
  if (state == LECTERN_STREAM_AWAY && !self->away && self->segmenter != NULL)
    lectern_segmenter_break (self->segmenter);
  self->away = state == LECTERN_STREAM_AWAY;
  if (state == LECTERN_STREAM_ENDED)
    finish_with_rungs (self);
}

static void
begin (gpointer data)
{
  LecternSegmentJob *self = data;

  self->feed = lectern_feed_new (self->stream, self->reactor, FEED_BYTES, on_feed, self);
}

LecternSegmentJob *
lectern_segment_job_new (LecternStreamRegistry *streams, LecternStream *stream,
                         LecternReactor *reactor, const LecternSegmentTargets *targets,
                         LecternSpool *spool, LecternSegmentJobFunc func, gpointer owner)
{
  LecternSegmentJob *self = g_new0 (LecternSegmentJob, 1);

  self->refs = 2; /* the caller's, and the reactor's until the end */
  self->owner = g_object_ref (owner);
  self->context = g_main_context_ref_thread_default ();
  self->func = func;
  self->streams = g_object_ref (streams);
  self->stream = lectern_stream_ref (stream);
  self->reactor = g_object_ref (reactor);
  self->targets = *targets;
  self->spool = spool != NULL ? lectern_spool_ref (spool) : NULL;
  self->rungs = g_ptr_array_new_with_free_func (rung_free);
  g_mutex_init (&self->lock);
  lectern_reactor_post (reactor, begin, self, (GDestroyNotify) lectern_segment_job_unref);
  return self;
}

static void
run_update (gpointer data)
{
  LecternSegmentJob *self = data;

  update (self);
  lectern_segment_job_unref (self);
}

void
lectern_segment_job_update (LecternSegmentJob *self)
{
  lectern_reactor_post (self->reactor, run_update, lectern_segment_job_ref (self),
                        (GDestroyNotify) lectern_segment_job_unref);
}

static void
run_stop (gpointer data)
{
  LecternSegmentJob *self = data;

  finish (self);
  lectern_segment_job_unref (self);
}

void
lectern_segment_job_stop (LecternSegmentJob *self)
{
  lectern_reactor_post (self->reactor, run_stop, lectern_segment_job_ref (self),
                        (GDestroyNotify) lectern_segment_job_unref);
}
