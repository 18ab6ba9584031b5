/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-resolver.h"

#include <netdb.h>
#include <string.h>

#define MAX_HOST 253                  /* RFC 1035, 2.3.4, as text */
#define IDLE_US (10 * G_USEC_PER_SEC) /* then a thread ends */

/* Threads of its own, so that a name server that is silent delays nobody else. Each keeps this. */
struct _LecternResolver
{
  GMutex lock; /* of all below */
  GCond changed;
  GQueue waiting; /* of LecternResolve */
  guint threads;
  guint idle;
  gboolean ended;
};

/* One name. A thread fills it, then it is the reactor's again. */
struct _LecternResolve
{
  LecternReactor *reactor;
  LecternResolveFunc func; /* the reactor's thread only */
  gint cancelled;          /* atomic */
  gpointer user_data;
  char *host;
  guint16 port;
  LecternAddress addresses[LECTERN_RESOLVER_MAX_ADDRESSES];
  guint n_addresses;
  GError *error;
};

static void
resolve_free (gpointer data)
{
  LecternResolve *self = data;

  g_object_unref (self->reactor);
  g_clear_error (&self->error);
  g_free (self->host);
  g_free (self);
}

static void
deliver (gpointer data)
{
  LecternResolve *self = data;

  if (!g_atomic_int_get (&self->cancelled))
    self->func (self->error == NULL ? self->addresses : NULL, self->n_addresses, self->error,
                self->user_data);
  resolve_free (self);
}

static void
post (LecternResolve *self)
{
  /* The name may be gone, with its reference, before this call is over. */
  g_autoptr (LecternReactor) reactor = g_object_ref (self->reactor);

  lectern_reactor_post (reactor, deliver, self, resolve_free);
}

static void
set_error (LecternResolve *self, int result)
{
  gboolean unknown = result == EAI_NONAME || result == EAI_NODATA || result == EAI_ADDRFAMILY;

  g_set_error (&self->error, LECTERN_ERROR,
               unknown ? LECTERN_ERROR_NOT_FOUND : LECTERN_ERROR_FAILED, "cannot resolve '%s': %s",
               self->host, gai_strerror (result));
}

static gboolean
has (const LecternResolve *self, const LecternAddress *address)
{
  for (guint i = 0; i < self->n_addresses; i++)
    if (memcmp (self->addresses[i].ip, address->ip, sizeof address->ip) == 0)
      return TRUE;
  return FALSE;
}

/* Returns: getaddrinfo's result. */
static int
look_up (LecternResolve *self, int flags)
{
  const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
  struct addrinfo *found = NULL;
  int result = getaddrinfo (self->host, NULL, &hints, &found);

  if (result != 0)
    return result;
  for (const struct addrinfo *each = found; each != NULL; each = each->ai_next)
    {
      LecternAddress *address = &self->addresses[self->n_addresses];

      if (self->n_addresses == LECTERN_RESOLVER_MAX_ADDRESSES)
        break;
      if (!lectern_address_from_socket (each->ai_addr, address) || has (self, address))
        continue;
      address->port = self->port;
      self->n_addresses++;
    }
  freeaddrinfo (found);
  return self->n_addresses > 0 ? 0 : EAI_NODATA;
}

static void
clear (gpointer data)
{
  LecternResolver *self = data;

  g_cond_clear (&self->changed);
  g_mutex_clear (&self->lock);
}

/* Under the lock. Returns: (nullable): NULL: the thread is not needed any more. */
static LecternResolve *
wait_for_name (LecternResolver *self)
{
  gint64 until_us = g_get_monotonic_time () + IDLE_US;
  gboolean in_time = TRUE;

  self->idle++;
  while (g_queue_is_empty (&self->waiting) && !self->ended && in_time)
    in_time = g_cond_wait_until (&self->changed, &self->lock, until_us);
  self->idle--;
  return g_queue_pop_head (&self->waiting);
}

static gpointer
run (gpointer data)
{
  LecternResolver *self = data;
  LecternResolve *resolve;

  g_mutex_lock (&self->lock);
  while ((resolve = wait_for_name (self)) != NULL)
    {
      int result = 0;

      g_mutex_unlock (&self->lock);
      if (!g_atomic_int_get (&resolve->cancelled))
        result = look_up (resolve, 0);
      if (result != 0)
        set_error (resolve, result);
      post (resolve);
      g_mutex_lock (&self->lock);
    }
  self->threads--;
  g_mutex_unlock (&self->lock);
  g_atomic_rc_box_release_full (self, clear);
  return NULL;
}

LecternResolver *
lectern_resolver_new (void)
{
  LecternResolver *self = g_atomic_rc_box_new0 (LecternResolver);

  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->waiting);
  return self;
}

void
lectern_resolver_free (LecternResolver *self)
{
  LecternResolve *resolve;
  GQueue left;

  g_mutex_lock (&self->lock);
  self->ended = TRUE;
  left = self->waiting;
  g_queue_init (&self->waiting);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  while ((resolve = g_queue_pop_head (&left)) != NULL)
    {
      g_set_error_literal (&resolve->error, LECTERN_ERROR, LECTERN_ERROR_CLOSED,
                           "the server stops");
      post (resolve);
    }
  g_atomic_rc_box_release_full (self, clear);
}

/* Under the lock. FALSE: the system gives no thread, and there is none. */
static gboolean
call_thread (LecternResolver *self)
{
  GThread *thread;

  g_cond_signal (&self->changed);
  if (self->waiting.length < self->idle || self->threads == LECTERN_RESOLVER_THREADS)
    return TRUE;
  thread = g_thread_try_new ("lectern-resolve", run, g_atomic_rc_box_acquire (self), NULL);
  if (thread == NULL)
    {
      g_atomic_rc_box_release_full (self, clear);
      return self->threads > 0;
    }
  self->threads++;
  g_thread_unref (thread);
  return TRUE;
}

/* FALSE: too many wait. */
static gboolean
enqueue (LecternResolver *self, LecternResolve *resolve)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->waiting.length >= LECTERN_RESOLVER_MAX_WAITING || !call_thread (self))
    return FALSE;
  g_queue_push_tail (&self->waiting, resolve);
  return TRUE;
}

static gboolean
is_host (const char *host)
{
  gsize length = strlen (host);

  if (length == 0 || length > MAX_HOST)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if ((guchar) host[i] <= ' ' || host[i] == 0x7f)
      return FALSE;
  return TRUE;
}

/* What can be said without asking anybody. */
static gboolean
settle_now (LecternResolve *self)
{
  if (is_host (self->host))
    return look_up (self, AI_NUMERICHOST) == 0;
  g_set_error_literal (&self->error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                       "not the name of a host");
  return TRUE;
}

LecternResolve *
lectern_resolver_resolve (LecternResolver *self, LecternReactor *reactor, const char *host,
                          guint16 port, LecternResolveFunc func, gpointer user_data)
{
  LecternResolve *resolve = g_new0 (LecternResolve, 1);

  resolve->reactor = g_object_ref (reactor);
  resolve->func = func;
  resolve->user_data = user_data;
  resolve->host = g_strdup (host);
  resolve->port = port;
  if (settle_now (resolve))
    post (resolve);
  else if (!enqueue (self, resolve))
    {
      g_set_error_literal (&resolve->error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                           "too many names are being resolved");
      post (resolve);
    }
  return resolve;
}

void
lectern_resolve_cancel (LecternResolve *self)
{
  g_atomic_int_set (&self->cancelled, TRUE);
}
