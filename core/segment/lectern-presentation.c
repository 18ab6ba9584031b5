/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-eras.h"
#include "segment/lectern-part-listeners.h"
#include "segment/lectern-rendition.h"

#include "base/lectern-clock.h"
#include "net/lectern-reactor.h"

#define MAX_WAITING 4096
/* What has left the ladder can be had for so long: the playlist, and the segments it lists. */
#define LEFT_PLAYLIST_US (6 * G_USEC_PER_SEC)
#define LEFT_SEGMENTS_US (30 * G_USEC_PER_SEC)
/* How long the list of renditions waits for rungs after the first segment. */
#define RUNG_PATIENCE_US (5 * G_USEC_PER_SEC)

typedef struct
{
  guint id;
  char *rendition;
  guint64 number;
  guint part;
  LecternReactor *reactor;
  LecternPresentationFunc func;
  gpointer user_data;
  gboolean answered; /* on its way */
} Waiter;

struct _LecternPresentation
{
  gint refs;
  char *name;
  LecternSegmentTargets targets;
  gint64 epoch_us;
  LecternPartListeners *listeners;
  LecternSpool *spool; /* or NULL */

  GMutex lock;           /* guards what follows */
  GPtrArray *renditions; /* in the order of their making */
  LecternEras *eras;
  LecternLadder *ladder; /* or NULL */
  gint64 ready_us;       /* when the first segment was whole; 0 not yet */
  guint64 stamp;
  gboolean ended;
  gboolean recorded;   /* made of whole segments */
  GHashTable *waiters; /* id → Waiter */
  guint last_id;
};

G_DEFINE_BOXED_TYPE (LecternPresentation, lectern_presentation, lectern_presentation_ref,
                     lectern_presentation_unref)

static void
waiter_free (Waiter *waiter)
{
  g_object_unref (waiter->reactor);
  g_free (waiter->rendition);
  g_free (waiter);
}

/* Under the lock. */
static void
touch (LecternPresentation *self)
{
  static guint64 last; /* atomic: no two presentations have the same stamp */

  self->stamp = __atomic_add_fetch (&last, 1, __ATOMIC_RELAXED);
}

LecternPresentation *
lectern_presentation_new (const char *name, const LecternSegmentTargets *targets, gint64 epoch_us)
{
  LecternPresentation *self = g_new0 (LecternPresentation, 1);

  self->refs = 1;
  self->name = g_strdup (name);
  self->targets = *targets;
  self->epoch_us = epoch_us;
  self->listeners = lectern_part_listeners_new ();
  self->renditions = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_rendition_free);
  self->eras = lectern_eras_new ();
  self->waiters = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) waiter_free);
  g_mutex_init (&self->lock);
  touch (self);
  return self;
}

LecternPresentation *
lectern_presentation_ref (LecternPresentation *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_presentation_unref (LecternPresentation *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_ptr_array_unref (self->renditions);
  lectern_eras_free (self->eras);
  g_clear_pointer (&self->ladder, lectern_ladder_unref);
  g_clear_pointer (&self->spool, lectern_spool_unref);
  g_hash_table_unref (self->waiters);
  lectern_part_listeners_free (self->listeners);
  g_mutex_clear (&self->lock);
  g_free (self->name);
  g_free (self);
}

const char *
lectern_presentation_get_name (LecternPresentation *self)
{
  return self->name;
}

const LecternSegmentTargets *
lectern_presentation_get_targets (LecternPresentation *self)
{
  return &self->targets;
}

gint64
lectern_presentation_get_epoch (LecternPresentation *self)
{
  return self->epoch_us;
}

gboolean
lectern_presentation_is_ended (LecternPresentation *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->ended;
}

guint64
lectern_presentation_get_stamp (LecternPresentation *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->stamp;
}

/* Under the lock. */
static LecternRendition *
find (LecternPresentation *self, const char *name)
{
  for (guint i = 0; i < self->renditions->len; i++)
    {
      LecternRendition *rendition = g_ptr_array_index (self->renditions, i);

      if (g_str_equal (rendition->name, name))
        return rendition;
    }
  return NULL;
}

/* Waiters that are answered, by way of their reactors. */
typedef struct
{
  LecternPresentation *presentation;
  guint id;
} Answer;

static void
answer_free (gpointer data)
{
  Answer *answer = data;

  lectern_presentation_unref (answer->presentation);
  g_free (answer);
}

static void
run_answer (gpointer data)
{
  Answer *answer = data;
  LecternPresentation *self = answer->presentation;
  gpointer waiter = NULL;

  g_mutex_lock (&self->lock);
  g_hash_table_steal_extended (self->waiters, GUINT_TO_POINTER (answer->id), NULL, &waiter);
  g_mutex_unlock (&self->lock);
  /* It may have been cancelled on the way. */
  if (waiter != NULL)
    {
      ((Waiter *) waiter)->func (self, ((Waiter *) waiter)->user_data);
      waiter_free (waiter);
    }
  answer_free (answer);
}

static void
answer (LecternPresentation *self, Waiter *waiter)
{
  Answer *errand;

  if (waiter->answered)
    return;
  waiter->answered = TRUE;
  errand = g_new (Answer, 1);
  errand->presentation = lectern_presentation_ref (self);
  errand->id = waiter->id;
  lectern_reactor_post (waiter->reactor, run_answer, errand, answer_free);
}

/* Under the lock. Whether @waiter's wish is there in @rendition. */
static gboolean
is_served (const Waiter *waiter, LecternRendition *rendition)
{
  if (waiter->rendition == NULL)
    return rendition->segments.length > 0;
  return g_str_equal (waiter->rendition, rendition->name)
         && lectern_rendition_has (rendition, waiter->number, waiter->part);
}

/* Under the lock. */
static void
answer_waiters (LecternPresentation *self, LecternRendition *changed)
{
  GHashTableIter iter;
  gpointer item;

  g_hash_table_iter_init (&iter, self->waiters);
  while (g_hash_table_iter_next (&iter, NULL, &item))
    {
      Waiter *waiter = item;

      if (self->ended || is_served (waiter, changed))
        answer (self, waiter);
    }
}

guint
lectern_presentation_wait (LecternPresentation *self, const char *rendition, guint64 number,
                           guint part, LecternPresentationFunc func, gpointer user_data)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Waiter *waiter;

  if (g_hash_table_size (self->waiters) >= MAX_WAITING)
    return 0;
  waiter = g_new0 (Waiter, 1);
  waiter->id = ++self->last_id;
  waiter->rendition = g_strdup (rendition);
  waiter->number = number;
  waiter->part = part;
  waiter->reactor = g_object_ref (lectern_reactor_get_current ());
  waiter->func = func;
  waiter->user_data = user_data;
  g_hash_table_insert (self->waiters, GUINT_TO_POINTER (waiter->id), waiter);
  for (guint i = 0; i < self->renditions->len; i++)
    if (is_served (waiter, g_ptr_array_index (self->renditions, i)))
      answer (self, waiter);
  if (self->ended)
    answer (self, waiter);
  return waiter->id;
}

void
lectern_presentation_cancel_wait (LecternPresentation *self, guint id)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  g_hash_table_remove (self->waiters, GUINT_TO_POINTER (id));
}

static gboolean
is_source (const char *rendition)
{
  return g_str_equal (rendition, "video") || g_str_equal (rendition, "audio");
}

gboolean
lectern_presentation_set_track (LecternPresentation *self, const char *rendition,
                                LecternTrack *track, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);
  LecternRendition *made;

  touch (self);
  if (found != NULL)
    return lectern_rendition_set_track (found, track, error);
  made = lectern_rendition_new (rendition);
  if (!lectern_rendition_set_track (made, track, error))
    {
      lectern_rendition_free (made);
      return FALSE;
    }
  made->spool = self->spool;
  made->order = is_source (rendition) ? 0 : self->renditions->len + 1;
  g_ptr_array_add (self->renditions, made);
  return TRUE;
}

/* Under the lock. After an absence the stream's clock goes on where it was, the wall's did not
 * wait. Returns: wall time, µs. */
static gint64
note_segment (LecternPresentation *self, guint64 number, gint64 start, gboolean discontinuity)
{
  gint64 date_us = discontinuity ? lectern_clock_wall_us () : self->epoch_us + start / 1000;

  return lectern_eras_begin_segment (self->eras, number, start, date_us, discontinuity);
}

/* Under the lock. */
static void
forget_eras (LecternPresentation *self)
{
  guint64 oldest = G_MAXUINT64;

  for (guint i = 0; i < self->renditions->len; i++)
    oldest = MIN (oldest, lectern_rendition_get_oldest (g_ptr_array_index (self->renditions, i)));
  lectern_eras_forget (self->eras, oldest);
}

gboolean
lectern_presentation_find_era (LecternPresentation *self, guint64 number, LecternEra *era)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return lectern_eras_find (self->eras, number, era);
}

void
lectern_presentation_begin_segment (LecternPresentation *self, const char *rendition,
                                    const LecternCut *cut, gint64 start, gint64 shown)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  gint64 date_us;

  touch (self);
  date_us = note_segment (self, cut->number, start, cut->discontinuity) + (shown - start) / 1000;
  lectern_rendition_begin_segment (find (self, rendition), cut, start, date_us);
}

void
lectern_presentation_add_gap (LecternPresentation *self, const char *rendition,
                              const LecternCut *cut, gint64 duration)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);
  gint64 date_us = note_segment (self, cut->number, cut->start, cut->discontinuity);

  touch (self);
  lectern_rendition_add_gap (found, cut, duration, date_us, &self->targets);
  answer_waiters (self, found);
}

void
lectern_presentation_set_listed (LecternPresentation *self, const char *rendition, gboolean listed)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);

  touch (self);
  if (found == NULL || found->listed == listed)
    return;
  found->listed = listed;
  found->left_us = lectern_clock_now_us ();
  answer_waiters (self, found);
}

void
lectern_presentation_set_rungs (LecternPresentation *self, LecternLadder *ladder)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  touch (self);
  g_clear_pointer (&self->ladder, lectern_ladder_unref);
  self->ladder = ladder != NULL ? lectern_ladder_ref (ladder) : NULL;
}

gint64
lectern_presentation_get_newest (LecternPresentation *self, const char *rendition)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);

  return found != NULL && found->version > 0 ? (gint64) found->next.number : -1;
}

guint
lectern_presentation_listen (LecternPresentation *self, const LecternPartListener *listener,
                             gpointer user_data, GDestroyNotify free_user_data)
{
  return lectern_part_listeners_add (self->listeners, listener, user_data, free_user_data);
}

void
lectern_presentation_unlisten (LecternPresentation *self, guint id)
{
  lectern_part_listeners_remove (self->listeners, id);
}

void
lectern_presentation_add_part (LecternPresentation *self, const char *rendition, LecternPart *part,
                               guint64 ticks, guint64 duration_ticks)
{
  LecternPartNews news = { .part = part, .ticks = ticks, .duration_ticks = duration_ticks };
  g_autoptr (LecternTrack) track = NULL;

  g_mutex_lock (&self->lock);
  {
    LecternRendition *found = find (self, rendition);

    touch (self);
    lectern_rendition_add_part (found, part, ticks, duration_ticks);
    answer_waiters (self, found);
    track = lectern_track_ref (found->track);
    news.number = found->next.number;
    news.date_us = found->next.date_us;
    news.first = found->parts->len == 1;
    news.discontinuity = news.first && found->next.discontinuity;
  }
  g_mutex_unlock (&self->lock);
  news.rendition = rendition;
  news.track = track;
  lectern_part_listeners_tell_part (self->listeners, &news);
}

void
lectern_presentation_set_spool (LecternPresentation *self, LecternSpool *spool)
{
  self->spool = lectern_spool_ref (spool);
}

LecternSegmentFile *
lectern_presentation_get_disk_file (LecternPresentation *self, const char *rendition)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);

  return found->disk != NULL ? lectern_segment_file_ref (found->disk) : NULL;
}

void
lectern_presentation_set_disk_file (LecternPresentation *self, const char *rendition,
                                    LecternSegmentFile *file)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  find (self, rendition)->disk = lectern_segment_file_ref (file);
}

void
lectern_presentation_take_twin (LecternPresentation *self, const char *rendition,
                                LecternSegment *twin)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  g_queue_push_tail (&find (self, rendition)->twins, lectern_segment_ref (twin));
}

/* Under the lock. */
static void
clear_left (LecternPresentation *self)
{
  gint64 now_us = lectern_clock_now_us ();

  for (guint i = 0; i < self->renditions->len; i++)
    {
      LecternRendition *rendition = g_ptr_array_index (self->renditions, i);

      if (!rendition->listed && now_us - rendition->left_us > LEFT_SEGMENTS_US)
        lectern_rendition_clear (rendition);
    }
}

void
lectern_presentation_end_segment (LecternPresentation *self, const char *rendition)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);

  touch (self);
  lectern_rendition_end_segment (found, &self->targets);
  if (self->spool != NULL && found->memory != NULL)
    lectern_spool_write (self->spool, self, rendition, found->segments.tail->data);
  if (self->ready_us == 0)
    self->ready_us = lectern_clock_now_us ();
  clear_left (self);
  forget_eras (self);
  answer_waiters (self, found);
}

void
lectern_presentation_add_segment (LecternPresentation *self, const char *rendition,
                                  LecternSegment *segment)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  touch (self);
  self->recorded = TRUE;
  lectern_eras_begin_segment (self->eras, segment->number, segment->start, segment->date_us,
                              segment->discontinuity);
  lectern_rendition_add_segment (find (self, rendition), segment);
}

void
lectern_presentation_end (LecternPresentation *self)
{
  g_mutex_lock (&self->lock);
  self->ended = TRUE;
  touch (self);
  answer_waiters (self, NULL);
  g_mutex_unlock (&self->lock);
  lectern_part_listeners_tell_ended (self->listeners);
}

static int
compare_renditions (gconstpointer a, gconstpointer b)
{
  const LecternRendition *left_rendition = *(LecternRendition *const *) a;
  const LecternRendition *right_rendition = *(LecternRendition *const *) b;
  const LecternTrack *left = left_rendition->track;
  const LecternTrack *right = right_rendition->track;

  if (left->media != right->media)
    return left->media < right->media ? -1 : 1;
  if (left->height != right->height)
    return left->height > right->height ? -1 : 1;
  return left_rendition->order < right_rendition->order ? -1 : 1;
}

GStrv
lectern_presentation_list (LecternPresentation *self)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  for (guint i = 0; i < self->renditions->len; i++)
    if (((LecternRendition *) g_ptr_array_index (self->renditions, i))->listed)
      g_ptr_array_add (sorted, g_ptr_array_index (self->renditions, i));
  g_ptr_array_sort (sorted, compare_renditions);
  for (guint i = 0; i < sorted->len; i++)
    g_strv_builder_add (names, ((LecternRendition *) g_ptr_array_index (sorted, i))->name);
  return g_strv_builder_end (names);
}

gboolean
lectern_presentation_view (LecternPresentation *self, const char *rendition,
                           LecternRenditionView *view)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);
  const LecternRung *rung;

  if (found == NULL
      || (!found->listed && lectern_clock_now_us () - found->left_us > LEFT_PLAYLIST_US))
    return FALSE;
  lectern_rendition_get_view (found, view);
  view->name = found->name;
  view->ended = self->ended;
  view->recorded = self->recorded;
  rung = self->ladder != NULL ? lectern_ladder_find (self->ladder, rendition) : NULL;
  view->rung = rung != NULL;
  if (rung != NULL)
    view->bandwidth = MAX (view->bandwidth, rung->bitrate);
  return TRUE;
}

/* Under the lock. FALSE: there is a segment, or nobody should wait for one. */
static gboolean
is_awaited (LecternPresentation *self, const char *name, gint64 patience_us, guint64 *number)
{
  LecternRendition *found = find (self, name);

  *number = found != NULL && found->version > 0 ? found->next.number + !found->under_way : 0;
  if (found != NULL && (!found->listed || found->segments.length > 0))
    return FALSE;
  return is_source (name) ? found != NULL : patience_us > 0;
}

/* Under the lock. */
static gboolean
is_unready (LecternPresentation *self, const char *name, const char *only, LecternUnready *unready)
{
  if ((only != NULL && !g_str_equal (name, only))
      || !is_awaited (self, name, unready->patience_us, &unready->number))
    return FALSE;
  unready->rendition = g_strdup (name);
  if (is_source (name))
    unready->patience_us = G_MAXINT64;
  return TRUE;
}

gboolean
lectern_presentation_find_unready (LecternPresentation *self, const char *rendition,
                                   LecternUnready *unready)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  *unready = (LecternUnready){ .patience_us = G_MAXINT64 };
  if (self->ended || self->ready_us == 0)
    return !self->ended;
  unready->patience_us = self->ready_us + RUNG_PATIENCE_US - lectern_clock_now_us ();
  for (guint i = 0; i < self->renditions->len; i++)
    if (is_unready (self, ((LecternRendition *) g_ptr_array_index (self->renditions, i))->name,
                    rendition, unready))
      return TRUE;
  for (guint i = 0; self->ladder != NULL && i < self->ladder->rungs->len; i++)
    if (is_unready (self, ((LecternRung *) g_ptr_array_index (self->ladder->rungs, i))->name,
                    rendition, unready))
      return TRUE;
  return FALSE;
}

void
lectern_unready_clear (LecternUnready *unready)
{
  g_clear_pointer (&unready->rendition, g_free);
}

void
lectern_rendition_view_clear (LecternRenditionView *view)
{
  g_clear_pointer (&view->track, lectern_track_unref);
  g_clear_pointer (&view->codecs, g_free);
  g_clear_pointer (&view->segments, g_ptr_array_unref);
  g_clear_pointer (&view->parts, g_ptr_array_unref);
}

LecternMedia
lectern_presentation_get_media (LecternPresentation *self, const char *rendition)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);

  return found != NULL ? found->track->media : LECTERN_MEDIA_VIDEO;
}

gboolean
lectern_presentation_is_next_part (LecternPresentation *self, const char *rendition, guint64 number,
                                   guint part)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);

  return found != NULL && !self->ended && number == found->next.number + !found->under_way
         && (part == found->parts->len || part == G_MAXUINT);
}

GBytes *
lectern_presentation_get_init (LecternPresentation *self, const char *rendition, guint number)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);
  GBytes *init = NULL;

  if (found != NULL && number < found->inits->len)
    init = g_ptr_array_index (found->inits, number);
  return init != NULL ? g_bytes_ref (init) : NULL;
}

LecternTrack *
lectern_presentation_get_track (LecternPresentation *self, const char *rendition, guint init)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);
  LecternTrack *track = NULL;

  if (found != NULL && init < found->tracks->len)
    track = g_ptr_array_index (found->tracks, init);
  return track != NULL ? lectern_track_ref (track) : NULL;
}

LecternSegment *
lectern_presentation_get_segment (LecternPresentation *self, const char *rendition, guint64 number)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);

  return found != NULL ? lectern_rendition_find_segment (found, number) : NULL;
}

LecternPart *
lectern_presentation_get_part (LecternPresentation *self, const char *rendition, guint64 number,
                               guint part)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternRendition *found = find (self, rendition);

  return found != NULL ? lectern_rendition_find_part (found, number, part) : NULL;
}
