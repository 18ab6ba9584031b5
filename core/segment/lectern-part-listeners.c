/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-part-listeners.h"

/* Held by the list and by each call under way, so that one who goes is freed after the last. */
typedef struct
{
  gint refs;
  guint id;
  LecternPartListener functions;
  gpointer user_data;
  GDestroyNotify free_user_data;
} Entry;

struct _LecternPartListeners
{
  GMutex lock;
  GPtrArray *entries; /* of Entry */
  guint last_id;
};

static void
entry_unref (gpointer data)
{
  Entry *entry = data;

  if (!g_atomic_int_dec_and_test (&entry->refs))
    return;
  if (entry->free_user_data != NULL)
    entry->free_user_data (entry->user_data);
  g_free (entry);
}

static gpointer
entry_ref (gconstpointer data, gpointer unused)
{
  Entry *entry = (Entry *) data;

  g_atomic_int_inc (&entry->refs);
  return entry;
}

LecternPartListeners *
lectern_part_listeners_new (void)
{
  LecternPartListeners *self = g_new0 (LecternPartListeners, 1);

  g_mutex_init (&self->lock);
  self->entries = g_ptr_array_new_with_free_func (entry_unref);
  return self;
}

void
lectern_part_listeners_free (LecternPartListeners *self)
{
  g_ptr_array_unref (self->entries);
  g_mutex_clear (&self->lock);
  g_free (self);
}

guint
lectern_part_listeners_add (LecternPartListeners *self, const LecternPartListener *listener,
                            gpointer user_data, GDestroyNotify free_user_data)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Entry *entry = g_new (Entry, 1);

  *entry = (Entry){ 1, ++self->last_id, *listener, user_data, free_user_data };
  g_ptr_array_add (self->entries, entry);
  return entry->id;
}

void
lectern_part_listeners_remove (LecternPartListeners *self, guint id)
{
  Entry *found = NULL;

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->entries->len && found == NULL; i++)
    if (((Entry *) g_ptr_array_index (self->entries, i))->id == id)
      found = g_ptr_array_steal_index (self->entries, i);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&found, entry_unref);
}

/* Returns: (transfer full): those there are now. */
static GPtrArray *
copy_entries (LecternPartListeners *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GPtrArray *copy = g_ptr_array_copy (self->entries, (GCopyFunc) entry_ref, NULL);

  g_ptr_array_set_free_func (copy, entry_unref);
  return copy;
}

void
lectern_part_listeners_tell_part (LecternPartListeners *self, const LecternPartNews *news)
{
  g_autoptr (GPtrArray) entries = copy_entries (self);

  for (guint i = 0; i < entries->len; i++)
    {
      Entry *entry = g_ptr_array_index (entries, i);

      entry->functions.part (news, entry->user_data);
    }
}

void
lectern_part_listeners_tell_ended (LecternPartListeners *self)
{
  g_autoptr (GPtrArray) entries = copy_entries (self);

  for (guint i = 0; i < entries->len; i++)
    {
      Entry *entry = g_ptr_array_index (entries, i);

      entry->functions.ended (entry->user_data);
    }
}
