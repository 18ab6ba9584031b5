/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-reactor.h"

#include <sched.h>

#define MAX_THREADS 256

struct _LecternReactorPool
{
  GPtrArray *reactors;
};

static guint
count_cores (void)
{
  cpu_set_t set;

  if (sched_getaffinity (0, sizeof set, &set) != 0)
    return g_get_num_processors ();
  return (guint) CPU_COUNT (&set);
}

static void
clear (gpointer data)
{
  LecternReactorPool *self = data;

  lectern_reactor_pool_stop (self);
  g_ptr_array_unref (self->reactors);
}

LecternReactorPool *
lectern_reactor_pool_new (guint threads, GError **error)
{
  g_autoptr (LecternReactorPool) self = g_atomic_rc_box_new0 (LecternReactorPool);
  guint count = threads > 0 ? threads : count_cores ();

  self->reactors = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < MIN (count, MAX_THREADS); i++)
    {
      g_autofree char *name = g_strdup_printf ("reactor-%u", i);
      LecternReactor *reactor = lectern_reactor_new (name, error);

      if (reactor == NULL)
        return NULL;
      g_ptr_array_add (self->reactors, reactor);
    }
  return g_steal_pointer (&self);
}

LecternReactorPool *
lectern_reactor_pool_ref (LecternReactorPool *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
lectern_reactor_pool_unref (LecternReactorPool *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

void
lectern_reactor_pool_stop (LecternReactorPool *self)
{
  for (guint i = 0; i < self->reactors->len; i++)
    lectern_reactor_stop (g_ptr_array_index (self->reactors, i));
}

guint
lectern_reactor_pool_get_size (LecternReactorPool *self)
{
  return self->reactors->len;
}

LecternReactor *
lectern_reactor_pool_get (LecternReactorPool *self, guint index)
{
  g_return_val_if_fail (index < self->reactors->len, NULL);

  return g_ptr_array_index (self->reactors, index);
}

LecternReactor *
lectern_reactor_pool_pick (LecternReactorPool *self)
{
  LecternReactor *best = g_ptr_array_index (self->reactors, 0);
  guint fewest = lectern_reactor_get_connections (best);

  for (guint i = 1; i < self->reactors->len && fewest > 0; i++)
    {
      LecternReactor *reactor = g_ptr_array_index (self->reactors, i);
      guint count = lectern_reactor_get_connections (reactor);

      if (count < fewest)
        {
          best = reactor;
          fewest = count;
        }
    }
  return best;
}
