/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-resolver.h"

#include <netdb.h>
#include <string.h>

#define MAX_HOST 253 /* RFC 1035, 2.3.4, as text */

struct _LecternResolver
{
  GThreadPool *pool; /* of its own, so that a name server that is silent delays nobody else */
};

/* One name. A thread fills it, then it is the reactor's again. */
struct _LecternResolve
{
  LecternReactor *reactor;
  LecternResolveFunc func; /* NULL: cancelled; the reactor's thread only */
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

  if (self->func != NULL)
    self->func (self->error == NULL ? self->addresses : NULL, self->n_addresses, self->error,
                self->user_data);
  resolve_free (self);
}

static void
post (LecternResolve *self)
{
  lectern_reactor_post (self->reactor, deliver, self, resolve_free);
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
run (gpointer data, gpointer unused)
{
  LecternResolve *self = data;
  int result = look_up (self, 0);

  if (result != 0)
    set_error (self, result);
  post (self);
}

/* The pool ends before this name's turn. */
static void
drop (gpointer data)
{
  LecternResolve *self = data;

  /* GLib wakes the pool's threads with items of its own, and frees like ours those that are left.
   */
  if (data == GUINT_TO_POINTER (1))
    return;
  g_set_error_literal (&self->error, LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the server stops");
  post (self);
}

LecternResolver *
lectern_resolver_new (void)
{
  LecternResolver *self = g_new0 (LecternResolver, 1);

  self->pool = g_thread_pool_new_full (run, NULL, drop, LECTERN_RESOLVER_THREADS, FALSE, NULL);
  return self;
}

void
lectern_resolver_free (LecternResolver *self)
{
  g_thread_pool_free (self->pool, TRUE, FALSE);
  g_free (self);
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
settle_now (LecternResolver *self, LecternResolve *resolve)
{
  if (!is_host (resolve->host))
    g_set_error_literal (&resolve->error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                         "not the name of a host");
  else if (look_up (resolve, AI_NUMERICHOST) == 0)
    return TRUE;
  else if (g_thread_pool_unprocessed (self->pool) >= LECTERN_RESOLVER_MAX_WAITING)
    g_set_error_literal (&resolve->error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                         "too many names are being resolved");
  return resolve->error != NULL;
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
  if (settle_now (self, resolve))
    post (resolve);
  else
    g_thread_pool_push (self->pool, resolve, NULL);
  return resolve;
}

void
lectern_resolve_cancel (LecternResolve *self)
{
  self->func = NULL;
}
