/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-presentation-shelf.h"

#include "base/lectern-clock.h"
#include "base/lectern-mailbox.h"

#include <string.h>

/* Presentations kept; the one unused for longest goes first. */
#define MAX_KEPT 64
/* Names that are being loaded, or wait for it. */
#define MAX_LOADS 256
#define MAX_THREADS 2
#define EXPIRE_SECONDS 5

typedef struct
{
  char *app;
  LecternPresentationLoadFunc func;
  gpointer user_data;
  guint busy; /* calls under way */
} Loader;

typedef struct
{
  LecternPresentation *presentation;
  gint64 used_us;
} Kept;

/* Who waits for a load. */
typedef struct
{
  LecternMailbox *mailbox;
  LecternPresentationFunc func;
  gpointer user_data;
  LecternPresentation *presentation; /* the answer */
} Waiter;

typedef struct
{
  char *name;
  GPtrArray *waiters; /* of Waiter */
  gboolean forgotten; /* what is loaded may be out of date: not kept */
} Load;

struct _LecternPresentationShelf
{
  GMainContext *context; /* the control thread's */
  GThreadPool *pool;
  GSource *timer; /* while there are loaders */

  GMutex lock;        /* guards what follows */
  GCond idle;         /* a loader's call is over */
  GPtrArray *loaders; /* of Loader */
  GHashTable *kept;   /* name → Kept */
  GHashTable *loads;  /* name → Load, borrowed from the pool */
};

static void
loader_free (gpointer data)
{
  Loader *loader = data;

  g_free (loader->app);
  g_free (loader);
}

static void
kept_free (gpointer data)
{
  Kept *kept = data;

  lectern_presentation_unref (kept->presentation);
  g_free (kept);
}

static void
waiter_free (gpointer data)
{
  Waiter *waiter = data;

  g_clear_pointer (&waiter->presentation, lectern_presentation_unref);
  lectern_mailbox_unref (waiter->mailbox);
  g_free (waiter);
}

static void
load_free (Load *load)
{
  g_ptr_array_unref (load->waiters);
  g_free (load->name);
  g_free (load);
}

/* Under the lock. Returns: (nullable). */
static Loader *
find_loader (LecternPresentationShelf *self, const char *name, gsize size)
{
  for (guint i = 0; i < self->loaders->len; i++)
    {
      Loader *loader = g_ptr_array_index (self->loaders, i);

      if (strlen (loader->app) == size && memcmp (loader->app, name, size) == 0)
        return loader;
    }
  return NULL;
}

static void
answer (gpointer data)
{
  Waiter *waiter = data;

  waiter->func (waiter->presentation, waiter->user_data);
  waiter_free (waiter);
}

static gboolean
is_unused (Kept *kept, gint64 now_us)
{
  return now_us - kept->used_us > lectern_presentation_get_targets (kept->presentation)->linger_us;
}

/* Under the lock. */
static void
make_room (LecternPresentationShelf *self)
{
  GHashTableIter iter;
  const char *oldest_name = NULL;
  gpointer name, item;
  gint64 oldest = G_MAXINT64;

  if (g_hash_table_size (self->kept) < MAX_KEPT)
    return;
  g_hash_table_iter_init (&iter, self->kept);
  while (g_hash_table_iter_next (&iter, &name, &item))
    if (((Kept *) item)->used_us < oldest)
      {
        oldest = ((Kept *) item)->used_us;
        oldest_name = name;
      }
  g_hash_table_remove (self->kept, oldest_name);
}

/* Under the lock. */
static void
keep (LecternPresentationShelf *self, const char *name, LecternPresentation *presentation)
{
  Kept *kept = g_new (Kept, 1);

  make_room (self);
  *kept = (Kept){ lectern_presentation_ref (presentation), lectern_clock_now_us () };
  g_hash_table_replace (self->kept, g_strdup (name), kept);
}

/* Under the lock, but for the call itself. Returns: (transfer full) (nullable). */
static LecternPresentation *
call_loader (LecternPresentationShelf *self, const char *name)
{
  Loader *loader = find_loader (self, name, strcspn (name, "/"));
  g_autoptr (GError) error = NULL;
  LecternPresentation *made;

  if (loader == NULL)
    return NULL;
  loader->busy++;
  g_mutex_unlock (&self->lock);
  made = loader->func (name, loader->user_data, &error);
  g_mutex_lock (&self->lock);
  loader->busy--;
  g_cond_broadcast (&self->idle);
  if (made == NULL && error != NULL
      && !g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND))
    g_message ("cannot open '%s': %s", name, error->message);
  return made;
}

static void
run_load (gpointer data, gpointer user_data)
{
  LecternPresentationShelf *self = user_data;
  Load *load = data;
  g_autoptr (LecternPresentation) made = NULL;

  g_mutex_lock (&self->lock);
  made = call_loader (self, load->name);
  if (made != NULL && !load->forgotten)
    keep (self, load->name, made);
  g_hash_table_remove (self->loads, load->name);
  g_mutex_unlock (&self->lock);
  while (load->waiters->len > 0)
    {
      Waiter *waiter = g_ptr_array_steal_index (load->waiters, 0);

      waiter->presentation = made != NULL ? lectern_presentation_ref (made) : NULL;
      lectern_mailbox_post (waiter->mailbox, answer, waiter, waiter_free);
    }
  load_free (load);
}

LecternPresentationShelf *
lectern_presentation_shelf_new (void)
{
  LecternPresentationShelf *self = g_new0 (LecternPresentationShelf, 1);

  self->context = g_main_context_ref_thread_default ();
  self->pool = g_thread_pool_new (run_load, self, MAX_THREADS, FALSE, NULL);
  self->loaders = g_ptr_array_new_with_free_func (loader_free);
  self->kept = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, kept_free);
  self->loads = g_hash_table_new (g_str_hash, g_str_equal);
  g_mutex_init (&self->lock);
  g_cond_init (&self->idle);
  return self;
}

static void
stop_timer (LecternPresentationShelf *self)
{
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

void
lectern_presentation_shelf_free (LecternPresentationShelf *self)
{
  stop_timer (self);
  g_thread_pool_free (self->pool, FALSE, TRUE);
  g_ptr_array_unref (self->loaders);
  g_hash_table_unref (self->kept);
  g_hash_table_unref (self->loads);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->idle);
  g_main_context_unref (self->context);
  g_free (self);
}

static gboolean
on_expire (gpointer user_data)
{
  LecternPresentationShelf *self = user_data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  gint64 now_us = lectern_clock_now_us ();
  GHashTableIter iter;
  gpointer item;

  g_hash_table_iter_init (&iter, self->kept);
  while (g_hash_table_iter_next (&iter, NULL, &item))
    if (is_unused (item, now_us))
      g_hash_table_iter_remove (&iter);
  return G_SOURCE_CONTINUE;
}

void
lectern_presentation_shelf_add_loader (LecternPresentationShelf *self, const char *app,
                                       LecternPresentationLoadFunc func, gpointer user_data)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Loader *loader = g_new0 (Loader, 1);

  loader->app = g_strdup (app);
  loader->func = func;
  loader->user_data = user_data;
  g_ptr_array_add (self->loaders, loader);
  if (self->timer != NULL)
    return;
  self->timer = g_timeout_source_new_seconds (EXPIRE_SECONDS);
  g_source_set_callback (self->timer, on_expire, self, NULL);
  g_source_attach (self->timer, self->context);
}

/* Under the lock. */
static void
drop_app (LecternPresentationShelf *self, const char *app)
{
  g_autofree char *prefix = g_strconcat (app, "/", NULL);
  GHashTableIter iter;
  gpointer name, item;

  g_hash_table_iter_init (&iter, self->kept);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (g_str_has_prefix (name, prefix))
      g_hash_table_iter_remove (&iter);
  g_hash_table_iter_init (&iter, self->loads);
  while (g_hash_table_iter_next (&iter, &name, &item))
    ((Load *) item)->forgotten |= g_str_has_prefix (name, prefix);
}

void
lectern_presentation_shelf_remove_loader (LecternPresentationShelf *self, const char *app)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Loader *loader = find_loader (self, app, strlen (app));
  guint at;

  g_return_if_fail (g_ptr_array_find (self->loaders, loader, &at));
  g_ptr_array_steal_index (self->loaders, at);
  drop_app (self, app);
  while (loader->busy > 0)
    g_cond_wait (&self->idle, &self->lock);
  loader_free (loader);
  if (self->loaders->len == 0)
    stop_timer (self);
}

/* Under the lock. */
static LecternPresentation *
take_kept (LecternPresentationShelf *self, const char *name)
{
  Kept *kept = g_hash_table_lookup (self->kept, name);

  if (kept == NULL)
    return NULL;
  kept->used_us = lectern_clock_now_us ();
  return lectern_presentation_ref (kept->presentation);
}

LecternPresentation *
lectern_presentation_shelf_lookup (LecternPresentationShelf *self, const char *name)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return take_kept (self, name);
}

/* Under the lock. FALSE: it cannot be loaded. */
static gboolean
join_load (LecternPresentationShelf *self, const char *name, LecternPresentationFunc func,
           gpointer user_data)
{
  Load *load = g_hash_table_lookup (self->loads, name);
  g_autoptr (GMainContext) context = NULL;
  gboolean is_new = load == NULL;
  Waiter *waiter;

  if (find_loader (self, name, strcspn (name, "/")) == NULL
      || (is_new && g_hash_table_size (self->loads) >= MAX_LOADS))
    return FALSE;
  if (is_new)
    {
      load = g_new0 (Load, 1);
      load->name = g_strdup (name);
      load->waiters = g_ptr_array_new_with_free_func (waiter_free);
      g_hash_table_insert (self->loads, load->name, load);
    }
  context = g_main_context_ref_thread_default ();
  waiter = g_new0 (Waiter, 1);
  waiter->mailbox = lectern_mailbox_get_shared (context);
  waiter->func = func;
  waiter->user_data = user_data;
  g_ptr_array_add (load->waiters, waiter);
  if (is_new)
    g_thread_pool_push (self->pool, load, NULL);
  return TRUE;
}

gboolean
lectern_presentation_shelf_covers (LecternPresentationShelf *self, const char *name)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return find_loader (self, name, strcspn (name, "/")) != NULL;
}

void
lectern_presentation_shelf_open (LecternPresentationShelf *self, const char *name,
                                 LecternPresentationFunc func, gpointer user_data)
{
  g_autoptr (LecternPresentation) kept = NULL;
  gboolean waits = FALSE;

  g_mutex_lock (&self->lock);
  kept = take_kept (self, name);
  if (kept == NULL && lectern_stream_name_is_valid (name))
    waits = join_load (self, name, func, user_data);
  g_mutex_unlock (&self->lock);
  if (!waits)
    func (kept, user_data);
}

void
lectern_presentation_shelf_forget (LecternPresentationShelf *self, const char *name)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Load *load = g_hash_table_lookup (self->loads, name);

  g_hash_table_remove (self->kept, name);
  if (load != NULL)
    load->forgotten = TRUE;
}
