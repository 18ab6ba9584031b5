/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells ThreadSanitizer what GLib's locks and references order. Debian's GLib is not instrumented
 * and its locks are futexes, so that without this every access under a GMutex looks like a race.
 * Linked into the unit tests of a -Db_sanitize=thread build only. */
#include <dlfcn.h>
#include <glib-object.h>

void __tsan_acquire (void *address);
void __tsan_release (void *address);

/* Looked up when first needed: GLib locks before any constructor of ours. */
#define REAL(name) ((__typeof__ (&g_##name)) find (&addresses[INDEX_##name], "g_" #name))

enum
{
  INDEX_mutex_lock,
  INDEX_mutex_trylock,
  INDEX_mutex_unlock,
  INDEX_rw_lock_writer_lock,
  INDEX_rw_lock_writer_unlock,
  INDEX_rw_lock_reader_lock,
  INDEX_rw_lock_reader_unlock,
  INDEX_cond_wait,
  INDEX_cond_wait_until,
  INDEX_once_init_enter,
  INDEX_once_init_leave,
  INDEX_atomic_rc_box_release,
  INDEX_atomic_rc_box_release_full,
  INDEX_bytes_unref,
  INDEX_source_unref,
  INDEX_object_unref,
  N_INDEXES
};

static void *addresses[N_INDEXES];

#undef g_once_init_enter
#undef g_once_init_leave

static void *
find (void **address, const char *name)
{
  void *found = __atomic_load_n (address, __ATOMIC_ACQUIRE);

  if (found == NULL)
    {
      found = dlsym (RTLD_NEXT, name);
      __atomic_store_n (address, found, __ATOMIC_RELEASE);
    }
  return found;
}

void
g_mutex_lock (GMutex *mutex)
{
  REAL (mutex_lock) (mutex);
  __tsan_acquire (mutex);
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
  gboolean locked = REAL (mutex_trylock) (mutex);

  if (locked)
    __tsan_acquire (mutex);
  return locked;
}

void
g_mutex_unlock (GMutex *mutex)
{
  __tsan_release (mutex);
  REAL (mutex_unlock) (mutex);
}

void
g_rw_lock_writer_lock (GRWLock *lock)
{
  REAL (rw_lock_writer_lock) (lock);
  __tsan_acquire (lock);
}

void
g_rw_lock_writer_unlock (GRWLock *lock)
{
  __tsan_release (lock);
  REAL (rw_lock_writer_unlock) (lock);
}

void
g_rw_lock_reader_lock (GRWLock *lock)
{
  REAL (rw_lock_reader_lock) (lock);
  __tsan_acquire (lock);
}

void
g_rw_lock_reader_unlock (GRWLock *lock)
{
  __tsan_release (lock);
  REAL (rw_lock_reader_unlock) (lock);
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  __tsan_release (mutex);
  REAL (cond_wait) (cond, mutex);
  __tsan_acquire (mutex);
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 until)
{
  gboolean signalled;

  __tsan_release (mutex);
  signalled = REAL (cond_wait_until) (cond, mutex, until);
  __tsan_acquire (mutex);
  return signalled;
}

gboolean
g_once_init_enter (volatile void *location)
{
  gboolean first = REAL (once_init_enter) (location);

  if (!first)
    __tsan_acquire ((void *) location);
  return first;
}

void
g_once_init_leave (volatile void *location, gsize result)
{
  __tsan_release ((void *) location);
  REAL (once_init_leave) (location, result);
}

/* A thread that gives back a reference may be the last, and then sees what all others did. */
static void
release_reference (gpointer object)
{
  __tsan_release (object);
  __tsan_acquire (object);
}

void
g_atomic_rc_box_release (gpointer box)
{
  release_reference (box);
  REAL (atomic_rc_box_release) (box);
}

void
g_atomic_rc_box_release_full (gpointer box, GDestroyNotify clear)
{
  release_reference (box);
  REAL (atomic_rc_box_release_full) (box, clear);
}

void
g_bytes_unref (GBytes *bytes)
{
  if (bytes != NULL)
    release_reference (bytes);
  REAL (bytes_unref) (bytes);
}

void
g_source_unref (GSource *source)
{
  release_reference (source);
  REAL (source_unref) (source);
}

void
g_object_unref (gpointer object)
{
  release_reference (object);
  REAL (object_unref) (object);
}
