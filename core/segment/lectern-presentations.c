/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-presentation.h"

#include "segment/lectern-arrivals.h"
#include "segment/lectern-carried-query.h"
#include "segment/lectern-presentation-shelf.h"
#include "segment/lectern-segment-job.h"
#include "segment/lectern-segment-wait.h"

#include <string.h>

struct _LecternPresentations
{
  GObject parent_instance;

  LecternStreamRegistry *streams;
  LecternReactorPool *reactors;
  GMainContext *context; /* the control thread's */
  guint users;
  gulong live_handler;
  gulong ladder_handler;
  LecternSpool *spool; /* NULL: there is no folder for it */
  LecternPresentationShelf *shelf;
  LecternArrivals *arrivals;

  GMutex lock; /* guards what follows */
  LecternSegmentTargets targets;
  GHashTable *jobs; /* stream's name → LecternSegmentJob */
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
lectern_presentations_finalize (GObject *object)
{
  LecternPresentations *self = LECTERN_PRESENTATIONS (object);

  lectern_presentation_shelf_free (self->shelf);
  lectern_arrivals_free (self->arrivals);
  g_clear_pointer (&self->spool, lectern_spool_unref);
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
  self->jobs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                      (GDestroyNotify) lectern_segment_job_unref);
}

LecternPresentations *
lectern_presentations_new (LecternStreamRegistry *streams, LecternReactorPool *reactors,
                           const LecternSegmentTargets *targets)
{
  LecternPresentations *self = g_object_new (LECTERN_TYPE_PRESENTATIONS, NULL);

  self->streams = g_object_ref (streams);
  self->arrivals = lectern_arrivals_new (streams);
  self->reactors = lectern_reactor_pool_ref (reactors);
  self->targets = *targets;
  return self;
}

void
lectern_presentations_set_folder (LecternPresentations *self, const char *folder)
{
  g_return_if_fail (self->spool == NULL);
  self->spool = lectern_spool_new (folder);
}

void
lectern_presentations_set_targets (LecternPresentations *self, const LecternSegmentTargets *targets)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->targets = *targets;
}

/* An ended job whose presentation can no longer be asked for. */
typedef struct
{
  LecternPresentations *owner;
  LecternSegmentJob *job;
} Linger;

static void
linger_free (gpointer data)
{
  Linger *linger = data;

  lectern_segment_job_unref (linger->job);
  g_object_unref (linger->owner);
  g_free (linger);
}

static void
drop_job (LecternPresentations *self, LecternSegmentJob *job)
{
  const char *name = lectern_stream_get_name (lectern_segment_job_get_stream (job));
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (g_hash_table_lookup (self->jobs, name) == job)
    g_hash_table_remove (self->jobs, name);
}

static gboolean
on_lingered (gpointer user_data)
{
  Linger *linger = user_data;

  drop_job (linger->owner, linger->job);
  return G_SOURCE_REMOVE;
}

static void
start_lingering (LecternPresentations *self, LecternSegmentJob *job, gint64 linger_us)
{
  g_autoptr (GSource) source = g_timeout_source_new (linger_us / 1000);
  Linger *linger = g_new (Linger, 1);

  linger->owner = g_object_ref (self);
  linger->job = lectern_segment_job_ref (job);
  g_source_set_callback (source, on_lingered, linger, linger_free);
  g_source_attach (source, self->context);
}

static void
on_job (LecternSegmentJob *job, gboolean ended, gpointer user_data)
{
  LecternPresentations *self = user_data;
  g_autoptr (LecternPresentation) presentation = lectern_segment_job_get_presentation (job);

  if (presentation == NULL)
    {
      drop_job (self, job);
      return;
    }
  g_signal_emit (self, signals[ended ? ENDED : STARTED], 0, presentation);
  if (!ended)
    lectern_arrivals_tell (self->arrivals, presentation);
  if (ended)
    start_lingering (self, job, lectern_presentation_get_targets (presentation)->linger_us);
}

/* A rendition belongs to its source's presentation. */
static void
update_source (LecternPresentations *self, const char *name)
{
  g_autofree char *source = g_strndup (name, strcspn (name, "@"));
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternSegmentJob *job = g_hash_table_lookup (self->jobs, source);

  if (job != NULL)
    lectern_segment_job_update (job);
}

static void
start_job (LecternPresentations *self, LecternStream *stream)
{
  const char *name = lectern_stream_get_name (stream);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternSegmentJob *job = g_hash_table_lookup (self->jobs, name);

  if (job != NULL && lectern_segment_job_get_stream (job) == stream)
    return;
  job = lectern_segment_job_new (self->streams, stream, lectern_reactor_pool_pick (self->reactors),
                                 &self->targets, self->targets.rewind > 0 ? self->spool : NULL,
                                 on_job, self);
  g_hash_table_replace (self->jobs, g_strdup (name), job);
}

static void
on_live (LecternStreamRegistry *registry, LecternStream *stream, gpointer user_data)
{
  const char *name = lectern_stream_get_name (stream);

  if (strchr (name, '@') != NULL)
    update_source (user_data, name);
  else
    start_job (user_data, stream);
}

static void
on_ladder (LecternStreamRegistry *registry, LecternStream *stream, gpointer user_data)
{
  update_source (user_data, lectern_stream_get_name (stream));
}

void
lectern_presentations_use (LecternPresentations *self)
{
  g_autoptr (GPtrArray) streams = NULL;

  if (self->users++ > 0)
    return;
  g_signal_emit (self, signals[USED], 0);
  self->live_handler = g_signal_connect (self->streams, "live", G_CALLBACK (on_live), self);
  self->ladder_handler = g_signal_connect (self->streams, "ladder", G_CALLBACK (on_ladder), self);
  streams = lectern_stream_registry_list (self->streams);
  for (guint i = 0; i < streams->len; i++)
    if (lectern_stream_get_state (g_ptr_array_index (streams, i)) != LECTERN_STREAM_IDLE)
      on_live (self->streams, g_ptr_array_index (streams, i), self);
}

void
lectern_presentations_unuse (LecternPresentations *self)
{
  GHashTableIter iter;
  gpointer job;

  if (--self->users > 0)
    return;
  g_clear_signal_handler (&self->live_handler, self->streams);
  g_clear_signal_handler (&self->ladder_handler, self->streams);
  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->jobs);
  while (g_hash_table_iter_next (&iter, NULL, &job))
    lectern_segment_job_stop (job);
  g_hash_table_remove_all (self->jobs);
  g_mutex_unlock (&self->lock);
  lectern_arrivals_end (self->arrivals, FALSE);
  g_signal_emit (self, signals[UNUSED], 0);
}

void
lectern_presentations_close (LecternPresentations *self)
{
  lectern_arrivals_end (self->arrivals, TRUE);
}

static LecternPresentation *
lookup_live (LecternPresentations *self, const char *stream)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternSegmentJob *job = g_hash_table_lookup (self->jobs, stream);

  return job != NULL ? lectern_segment_job_get_presentation (job) : NULL;
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

static gboolean
has_session (const LecternAccessRequest *request)
{
  gsize size;

  return lectern_carried_query_find_session (request->query, &size) != NULL;
}

static gboolean
is_live (LecternPresentations *self, const char *name)
{
  g_autoptr (LecternStream) stream = lectern_stream_registry_lookup (self->streams, name);
  LecternStreamState state;

  if (stream == NULL)
    return FALSE;
  state = lectern_stream_get_state (stream);
  return state == LECTERN_STREAM_LIVE || state == LECTERN_STREAM_AWAY;
}

static gint64
get_first_segment_limit (LecternPresentations *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return lectern_segment_wait_limit (&self->targets);
}

/* Returns: how long @request may wait for its presentation, µs; 0: it need not, there is @found
 * (nullable), or what loaders bring. Players that have been here before must hear of the end. */
static gint64
get_patience (LecternPresentations *self, const LecternAccessRequest *request, gboolean begins,
              LecternPresentation *found)
{
  if (strchr (request->thing, '@') != NULL || !lectern_stream_name_is_valid (request->thing))
    return 0;
  if (is_live (self, request->thing))
    return get_first_segment_limit (self);
  if (!begins || (found != NULL && has_session (request)))
    return 0;
  if (lectern_stream_registry_want (self->streams, request->thing, request)
      || (found == NULL && !has_session (request)
          && !lectern_presentation_shelf_covers (self->shelf, request->thing)))
    return lectern_stream_registry_get_wait (self->streams);
  return 0;
}

static gboolean
wait_for_arrival (LecternPresentations *self, LecternHttpExchange *exchange, gint64 patience_us,
                  LecternPresentation *instead, LecternPresentationFunc func, gpointer user_data)
{
  const char *name = lectern_http_exchange_get_access (exchange)->thing;
  g_autoptr (LecternPresentation) now = NULL;

  if (patience_us == 0
      || !lectern_arrivals_wait (self->arrivals, name, exchange, patience_us, instead, func,
                                 user_data))
    return FALSE;
  /* It may have come before we waited. */
  now = lookup_live (self, name);
  if (now != NULL && now != instead)
    lectern_arrivals_tell (self->arrivals, now);
  return TRUE;
}

void
lectern_presentations_want (LecternPresentations *self, LecternHttpExchange *exchange,
                            gboolean begins, LecternPresentationFunc func, gpointer user_data)
{
  const LecternAccessRequest *request = lectern_http_exchange_get_access (exchange);
  g_autoptr (LecternPresentation) found = lookup_live (self, request->thing);

  if (found != NULL && !lectern_presentation_is_ended (found))
    func (found, user_data);
  else if (!wait_for_arrival (self, exchange, get_patience (self, request, begins, found), found,
                              func, user_data))
    lectern_presentations_open (self, request->thing, func, user_data);
}

void
lectern_presentations_forget (LecternPresentations *self, const char *name)
{
  lectern_presentation_shelf_forget (self->shelf, name);
}
