/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-presentation.h"

#include "media/lectern-feed.h"
#include "segment/lectern-presentation-shelf.h"
#include "segment/lectern-segmenter.h"

#include <string.h>

#define FEED_BYTES (16 * 1024 * 1024)

/* One stream being segmented. Lives on its reactor; the table's lock guards `presentation`. */
typedef struct
{
  gint refs; /* the table's and the reactor's */
  LecternPresentations *owner;
  LecternStream *stream;
  LecternReactor *reactor;
  LecternPresentation *presentation; /* NULL before the first frame */
  LecternFeed *feed;
  LecternSegmenter *segmenter;
  gboolean over;
} Job;

struct _LecternPresentations
{
  GObject parent_instance;

  LecternStreamRegistry *streams;
  LecternReactorPool *reactors;
  GMainContext *context; /* the control thread's */
  guint users;
  gulong live_handler;
  LecternPresentationShelf *shelf;

  GMutex lock; /* guards what follows */
  LecternSegmentTargets targets;
  GHashTable *jobs; /* stream's name → Job, held */
};

G_DEFINE_FINAL_TYPE (LecternPresentations, lectern_presentations, G_TYPE_OBJECT)

enum
{
  STARTED,
  ENDED,
  USED,
  UNUSED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static void
job_unref (Job *job)
{
  if (!g_atomic_int_dec_and_test (&job->refs))
    return;
  g_clear_pointer (&job->presentation, lectern_presentation_unref);
  lectern_stream_unref (job->stream);
  g_object_unref (job->reactor);
  g_object_unref (job->owner);
  g_free (job);
}

static Job *
job_ref (Job *job)
{
  g_atomic_int_inc (&job->refs);
  return job;
}

static void
lectern_presentations_finalize (GObject *object)
{
  LecternPresentations *self = LECTERN_PRESENTATIONS (object);

  lectern_presentation_shelf_free (self->shelf);
  g_hash_table_unref (self->jobs);
  g_mutex_clear (&self->lock);
  g_object_unref (self->streams);
  lectern_reactor_pool_unref (self->reactors);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (lectern_presentations_parent_class)->finalize (object);
}

static void
lectern_presentations_class_init (LecternPresentationsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lectern_presentations_finalize;
  signals[STARTED] = g_signal_new ("started", LECTERN_TYPE_PRESENTATIONS, G_SIGNAL_RUN_LAST, 0,
                                   NULL, NULL, NULL, G_TYPE_NONE, 1, LECTERN_TYPE_PRESENTATION);
  signals[ENDED] = g_signal_new ("ended", LECTERN_TYPE_PRESENTATIONS, G_SIGNAL_RUN_LAST, 0, NULL,
                                 NULL, NULL, G_TYPE_NONE, 1, LECTERN_TYPE_PRESENTATION);
  signals[USED] = g_signal_new ("used", LECTERN_TYPE_PRESENTATIONS, G_SIGNAL_RUN_LAST, 0, NULL,
                                NULL, NULL, G_TYPE_NONE, 0);
  signals[UNUSED] = g_signal_new ("unused", LECTERN_TYPE_PRESENTATIONS, G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 0);
}

static void
lectern_presentations_init (LecternPresentations *self)
{
  g_mutex_init (&self->lock);
  self->context = g_main_context_ref_thread_default ();
  self->shelf = lectern_presentation_shelf_new ();
  self->jobs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) job_unref);
}

LecternPresentations *
lectern_presentations_new (LecternStreamRegistry *streams, LecternReactorPool *reactors,
                           const LecternSegmentTargets *targets)
{
  LecternPresentations *self = g_object_new (LECTERN_TYPE_PRESENTATIONS, NULL);

  self->streams = g_object_ref (streams);
  self->reactors = lectern_reactor_pool_ref (reactors);
  self->targets = *targets;
  return self;
}

void
lectern_presentations_set_targets (LecternPresentations *self, const LecternSegmentTargets *targets)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->targets = *targets;
}

static gboolean
on_started (gpointer user_data)
{
  Job *job = user_data;

  g_signal_emit (job->owner, signals[STARTED], 0, job->presentation);
  return G_SOURCE_REMOVE;
}

static gboolean
on_lingered (gpointer user_data)
{
  Job *job = user_data;
  LecternPresentations *self = job->owner;
  const char *name = lectern_stream_get_name (job->stream);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (g_hash_table_lookup (self->jobs, name) == job)
    g_hash_table_remove (self->jobs, name);
  return G_SOURCE_REMOVE;
}

static void
run_later (Job *job, gint64 delay_us, GSourceFunc func)
{
  g_autoptr (GSource) source = g_timeout_source_new (delay_us / 1000);

  g_source_set_callback (source, func, job_ref (job), (GDestroyNotify) job_unref);
  g_source_attach (source, job->owner->context);
}

static gboolean
on_ended (gpointer user_data)
{
  Job *job = user_data;

  if (job->presentation == NULL)
    return on_lingered (job);
  g_signal_emit (job->owner, signals[ENDED], 0, job->presentation);
  run_later (job, lectern_presentation_get_targets (job->presentation)->linger_us, on_lingered);
  return G_SOURCE_REMOVE;
}

/* The stream's clock was 0 when it was first published. */
static void
make_presentation (Job *job)
{
  g_auto (LecternStreamInfo) info = { 0 };
  LecternPresentations *self = job->owner;

  lectern_stream_get_info (job->stream, &info);
  g_mutex_lock (&self->lock);
  job->presentation = lectern_presentation_new (lectern_stream_get_name (job->stream),
                                                &self->targets, info.started_us);
  g_mutex_unlock (&self->lock);
  job->segmenter = lectern_segmenter_new (job->presentation);
  run_later (job, 0, on_started);
}

static void
finish_job (Job *job)
{
  if (job->over)
    return;
  job->over = TRUE;
  if (job->segmenter != NULL)
    {
      lectern_segmenter_finish (job->segmenter);
      lectern_presentation_end (job->presentation);
    }
  g_clear_pointer (&job->segmenter, lectern_segmenter_free);
  g_clear_pointer (&job->feed, lectern_feed_free);
  run_later (job, 0, on_ended);
  job_unref (job);
}

static void
on_feed (LecternFeed *feed, gpointer user_data)
{
  Job *job = user_data;
  LecternStreamState state = lectern_feed_get_state (feed);
  LecternPacket *packet;

  if (lectern_feed_take_lost (feed) > 0 && job->segmenter != NULL)
    {
      g_message ("'%s' could not be segmented in time: some frames are left out",
                 lectern_stream_get_name (job->stream));
      lectern_segmenter_break (job->segmenter);
    }
  while ((packet = lectern_feed_pop (feed)) != NULL)
    {
      if (job->segmenter == NULL)
        make_presentation (job);
      lectern_segmenter_push (job->segmenter, packet);
      lectern_packet_unref (packet);
    }
  if (state == LECTERN_STREAM_ENDED)
    finish_job (job);
}

static void
begin_job (gpointer data)
{
  Job *job = data;

  job->feed = lectern_feed_new (job->stream, job->reactor, FEED_BYTES, on_feed, job);
}

static void
start_job (LecternPresentations *self, LecternStream *stream)
{
  const char *name = lectern_stream_get_name (stream);
  Job *job;

  /* Renditions belong to their source's presentation. */
  if (strchr (name, '@') != NULL)
    return;
  g_mutex_lock (&self->lock);
  job = g_hash_table_lookup (self->jobs, name);
  if (job != NULL && job->stream == stream)
    {
      g_mutex_unlock (&self->lock);
      return;
    }
  job = g_new0 (Job, 1);
  job->refs = 2;
  job->owner = g_object_ref (self);
  job->stream = lectern_stream_ref (stream);
  job->reactor = g_object_ref (lectern_reactor_pool_pick (self->reactors));
  g_hash_table_replace (self->jobs, g_strdup (name), job);
  g_mutex_unlock (&self->lock);
  lectern_reactor_post (job->reactor, begin_job, job, (GDestroyNotify) job_unref);
}

static void
on_live (LecternStreamRegistry *registry, LecternStream *stream, gpointer user_data)
{
  start_job (user_data, stream);
}

void
lectern_presentations_use (LecternPresentations *self)
{
  g_autoptr (GPtrArray) streams = NULL;

  if (self->users++ > 0)
    return;
  g_signal_emit (self, signals[USED], 0);
  self->live_handler = g_signal_connect (self->streams, "live", G_CALLBACK (on_live), self);
  streams = lectern_stream_registry_list (self->streams);
  for (guint i = 0; i < streams->len; i++)
    if (lectern_stream_get_state (g_ptr_array_index (streams, i)) != LECTERN_STREAM_IDLE)
      start_job (self, g_ptr_array_index (streams, i));
}

static void
stop_job (gpointer data)
{
  Job *job = data;

  finish_job (job);
  job_unref (job);
}

void
lectern_presentations_unuse (LecternPresentations *self)
{
  GHashTableIter iter;
  gpointer job;

  if (--self->users > 0)
    return;
  g_clear_signal_handler (&self->live_handler, self->streams);
  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->jobs);
  while (g_hash_table_iter_next (&iter, NULL, &job))
    lectern_reactor_post (((Job *) job)->reactor, stop_job, job_ref (job),
                          (GDestroyNotify) job_unref);
  g_hash_table_remove_all (self->jobs);
  g_mutex_unlock (&self->lock);
  g_signal_emit (self, signals[UNUSED], 0);
}

static LecternPresentation *
lookup_live (LecternPresentations *self, const char *stream)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Job *job = g_hash_table_lookup (self->jobs, stream);

  if (job == NULL || job->presentation == NULL)
    return NULL;
  return lectern_presentation_ref (job->presentation);
}

LecternPresentation *
lectern_presentations_lookup (LecternPresentations *self, const char *stream)
{
  LecternPresentation *live = lookup_live (self, stream);

  return live != NULL ? live : lectern_presentation_shelf_lookup (self->shelf, stream);
}

void
lectern_presentations_add_loader (LecternPresentations *self, const char *app,
                                  LecternPresentationLoadFunc func, gpointer user_data)
{
  lectern_presentation_shelf_add_loader (self->shelf, app, func, user_data);
}

void
lectern_presentations_remove_loader (LecternPresentations *self, const char *app)
{
  lectern_presentation_shelf_remove_loader (self->shelf, app);
}

void
lectern_presentations_open (LecternPresentations *self, const char *name,
                            LecternPresentationFunc func, gpointer user_data)
{
  g_autoptr (LecternPresentation) live = lookup_live (self, name);

  if (live != NULL)
    func (live, user_data);
  else
    lectern_presentation_shelf_open (self->shelf, name, func, user_data);
}

void
lectern_presentations_forget (LecternPresentations *self, const char *name)
{
  lectern_presentation_shelf_forget (self->shelf, name);
}
