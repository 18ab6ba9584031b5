/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-arrivals.h"

struct _LecternArrivals
{
  LecternStreamRegistry *streams;

  GMutex lock;         /* guards what follows; taken before the registry's */
  GHashTable *waiting; /* name → GPtrArray of Arrival */
  gboolean over;
};

/* Whoever takes it out of the table calls its function, on its reactor. */
typedef struct
{
  LecternTimer timer;
  LecternArrivals *owner;
  LecternReactor *reactor;
  LecternHttpExchange *exchange; /* held by user_data; or NULL */
  char *name;
  LecternPresentation *presentation; /* what it gets; or NULL */
  LecternPresentationFunc func;
  gpointer user_data;
} Arrival;

LecternArrivals *
lectern_arrivals_new (LecternStreamRegistry *streams)
{
  LecternArrivals *self = g_new0 (LecternArrivals, 1);

  self->streams = streams;
  g_mutex_init (&self->lock);
  self->waiting
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  return self;
}

void
lectern_arrivals_free (LecternArrivals *self)
{
  g_hash_table_unref (self->waiting);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static void
arrival_free (gpointer data)
{
  Arrival *arrival = data;

  g_clear_pointer (&arrival->presentation, lectern_presentation_unref);
  g_object_unref (arrival->reactor);
  g_free (arrival->name);
  g_free (arrival);
}

static void
ignore_peer (Arrival *arrival)
{
  if (arrival->exchange != NULL)
    lectern_http_exchange_set_gone (arrival->exchange, NULL, NULL);
}

static void
arrive (gpointer data)
{
  Arrival *arrival = data;

  lectern_timer_stop (&arrival->timer);
  ignore_peer (arrival);
  arrival->func (arrival->presentation, arrival->user_data);
  arrival_free (arrival);
}

/* FALSE: somebody else has taken it out. */
static gboolean
take_out (LecternArrivals *self, Arrival *arrival)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GPtrArray *list = g_hash_table_lookup (self->waiting, arrival->name);

  if (list == NULL || !g_ptr_array_remove_fast (list, arrival))
    return FALSE;
  lectern_stream_registry_add_waiting (self->streams, -1, NULL);
  if (list->len == 0)
    g_hash_table_remove (self->waiting, arrival->name);
  return TRUE;
}

static void
on_late (LecternTimer *timer)
{
  Arrival *arrival = (Arrival *) timer;

  if (take_out (arrival->owner, arrival))
    arrive (arrival);
}

static void
on_gone (gpointer user_data)
{
  Arrival *arrival = user_data;

  if (take_out (arrival->owner, arrival))
    arrive (arrival);
}

/* FALSE: the peer has left. */
static gboolean
heed_peer (Arrival *arrival)
{
  return arrival->exchange == NULL
         || lectern_http_exchange_set_gone (arrival->exchange, on_gone, arrival);
}

static gboolean
put_in (LecternArrivals *self, Arrival *arrival)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GPtrArray *list = g_hash_table_lookup (self->waiting, arrival->name);

  if (self->over || !lectern_stream_registry_add_waiting (self->streams, 1, NULL))
    return FALSE;
  if (list == NULL)
    {
      list = g_ptr_array_new ();
      g_hash_table_insert (self->waiting, g_strdup (arrival->name), list);
    }
  g_ptr_array_add (list, arrival);
  return TRUE;
}

gboolean
lectern_arrivals_wait (LecternArrivals *self, const char *name, LecternHttpExchange *exchange,
                       gint64 limit_us, LecternPresentation *instead, LecternPresentationFunc func,
                       gpointer user_data)
{
  LecternReactor *reactor = lectern_reactor_get_current ();
  Arrival *arrival;

  if (reactor == NULL)
    return FALSE;
  arrival = g_new0 (Arrival, 1);
  arrival->owner = self;
  arrival->reactor = g_object_ref (reactor);
  arrival->exchange = exchange;
  arrival->name = g_strdup (name);
  arrival->presentation = instead != NULL ? lectern_presentation_ref (instead) : NULL;
  arrival->func = func;
  arrival->user_data = user_data;
  /* Before anybody may take it out, which then is told on this thread. */
  lectern_timer_start (&arrival->timer, reactor, limit_us, on_late);
  if (heed_peer (arrival) && put_in (self, arrival))
    return TRUE;
  ignore_peer (arrival);
  lectern_timer_stop (&arrival->timer);
  arrival_free (arrival);
  return FALSE;
}

void
lectern_arrivals_tell (LecternArrivals *self, LecternPresentation *presentation)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  const char *name = lectern_presentation_get_name (presentation);
  GPtrArray *list = g_hash_table_lookup (self->waiting, name);

  if (list == NULL)
    return;
  for (guint i = 0; i < list->len; i++)
    {
      Arrival *arrival = g_ptr_array_index (list, i);

      g_clear_pointer (&arrival->presentation, lectern_presentation_unref);
      arrival->presentation = lectern_presentation_ref (presentation);
      lectern_reactor_post (arrival->reactor, arrive, arrival, arrival_free);
    }
  lectern_stream_registry_add_waiting (self->streams, -(int) list->len, NULL);
  g_hash_table_remove (self->waiting, name);
}

void
lectern_arrivals_end (LecternArrivals *self, gboolean for_good)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GHashTableIter iter;
  gpointer list;

  self->over = self->over || for_good;
  g_hash_table_iter_init (&iter, self->waiting);
  while (g_hash_table_iter_next (&iter, NULL, &list))
    {
      GPtrArray *arrivals = list;

      for (guint i = 0; i < arrivals->len; i++)
        {
          Arrival *arrival = g_ptr_array_index (arrivals, i);

          lectern_reactor_post (arrival->reactor, arrive, arrival, arrival_free);
        }
      lectern_stream_registry_add_waiting (self->streams, -(int) arrivals->len, NULL);
    }
  g_hash_table_remove_all (self->waiting);
}
