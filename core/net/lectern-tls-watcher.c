/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-tls-private.h"

#include <string.h>

/* A change is taken up when it was seen twice, so that a certificate and its key are both in place.
 */
#define LOOK_MS 500

/* Shared by the certificate and the timeout, which may end in different threads. */
struct _LecternTlsWatcher
{
  GMutex lock;
  LecternTls *tls; /* NULL: gone */
  GSource *source;
  LecternTlsFiles seen;
};

static void
clear (gpointer data)
{
  LecternTlsWatcher *self = data;

  g_mutex_clear (&self->lock);
}

static void
unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, clear);
}

static gboolean
is_same (const LecternTlsFiles *a, const LecternTlsFiles *b)
{
  return memcmp (a, b, sizeof *a) == 0;
}

static void
reload (LecternTls *tls)
{
  g_autoptr (GError) error = NULL;

  if (lectern_tls_reload (tls, &error))
    g_message ("certificate '%s' was replaced; new connections use it", tls->certificate);
  else
    g_warning ("the old certificate stays in use: %s", error->message);
}

static gboolean
look (gpointer data)
{
  LecternTlsWatcher *self = data;
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);
  LecternTlsFiles now;
  gboolean settled;

  if (self->tls == NULL)
    return G_SOURCE_REMOVE;
  lectern_tls_look (self->tls, &now);
  settled = is_same (&now, &self->seen);
  self->seen = now;
  if (settled && !is_same (&now, &self->tls->loaded))
    reload (self->tls);
  return G_SOURCE_CONTINUE;
}

void
lectern_tls_watch (LecternTls *self)
{
  LecternTlsWatcher *watcher;

  if (self->watcher != NULL)
    return;
  watcher = g_atomic_rc_box_new0 (LecternTlsWatcher);
  g_mutex_init (&watcher->lock);
  watcher->tls = self;
  watcher->seen = self->loaded;
  watcher->source = g_timeout_source_new (LOOK_MS);
  g_source_set_callback (watcher->source, look, g_atomic_rc_box_acquire (watcher), unref);
  g_source_attach (watcher->source, g_main_context_get_thread_default ());
  self->watcher = watcher;
}

void
lectern_tls_watcher_free (LecternTlsWatcher *self)
{
  g_mutex_lock (&self->lock);
  self->tls = NULL;
  g_mutex_unlock (&self->lock);
  g_source_destroy (self->source);
  g_source_unref (self->source);
  unref (self);
}
