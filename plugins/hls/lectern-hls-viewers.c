/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-hls-viewers.h"

#include <string.h>

#define ID_LENGTH 16
#define MAX_VIEWERS 100000

typedef struct
{
  LecternAccessRequest *request;
  LecternIdentity *identity;
  LecternSession *session; /* made on the control thread */
  guint64 bytes;           /* before it was made */
  gint64 seen_us;
  gboolean ended; /* kicked; kept so that the player does not come back as a new one */
} Viewer;

struct _LecternHlsViewers
{
  gint refs;
  LecternSessions *sessions;
  GMainContext *context;

  GMutex lock;
  GHashTable *viewers; /* id → Viewer */
};

static void
viewer_free (Viewer *viewer)
{
  if (viewer->session != NULL)
    {
      lectern_session_end (viewer->session, NULL);
      lectern_session_unref (viewer->session);
    }
  g_clear_pointer (&viewer->identity, lectern_identity_unref);
  lectern_access_request_unref (viewer->request);
  g_free (viewer);
}

LecternHlsViewers *
lectern_hls_viewers_new (LecternSessions *sessions)
{
  LecternHlsViewers *self = g_new0 (LecternHlsViewers, 1);

  self->refs = 1;
  self->sessions = g_object_ref (sessions);
  self->context = g_main_context_ref_thread_default ();
  self->viewers
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) viewer_free);
  g_mutex_init (&self->lock);
  return self;
}

static void
unref (LecternHlsViewers *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_hash_table_unref (self->viewers);
  g_object_unref (self->sessions);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_free (self);
}

void
lectern_hls_viewers_free (LecternHlsViewers *self)
{
  g_mutex_lock (&self->lock);
  g_hash_table_remove_all (self->viewers);
  g_mutex_unlock (&self->lock);
  unref (self);
}

char *
lectern_hls_viewers_make_id (void)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  char *id = g_malloc (ID_LENGTH + 1);

  for (guint i = 0; i < ID_LENGTH; i++)
    id[i] = letters[g_random_int_range (0, sizeof letters - 1)];
  id[ID_LENGTH] = '\0';
  return id;
}

typedef struct
{
  LecternHlsViewers *viewers;
  char *id;
} Start;

static void
start_free (Start *start)
{
  unref (start->viewers);
  g_free (start->id);
  g_free (start);
}

static void
on_kick (LecternSession *session, const GError *reason, gpointer user_data)
{
  Viewer *viewer = user_data;

  viewer->ended = TRUE;
  lectern_session_end (session, reason);
}

static gboolean
start_session (gpointer user_data)
{
  Start *start = user_data;
  LecternHlsViewers *self = start->viewers;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Viewer *viewer = g_hash_table_lookup (self->viewers, start->id);

  if (viewer == NULL || viewer->session != NULL)
    return G_SOURCE_REMOVE;
  viewer->session = lectern_sessions_start (self->sessions, LECTERN_SESSION_PLAY, viewer->request,
                                            viewer->identity, on_kick, viewer);
  lectern_session_add_bytes (viewer->session, viewer->bytes);
  return G_SOURCE_REMOVE;
}

/* Under the lock. */
static Viewer *
add (LecternHlsViewers *self, const char *id, LecternAccessRequest *request,
     LecternIdentity *identity)
{
  Viewer *viewer = g_new0 (Viewer, 1);
  Start *start = g_new (Start, 1);

  viewer->request = lectern_access_request_ref (request);
  viewer->identity = identity != NULL ? lectern_identity_ref (identity) : NULL;
  g_hash_table_insert (self->viewers, g_strdup (id), viewer);
  g_atomic_int_inc (&self->refs);
  start->viewers = self;
  start->id = g_strdup (id);
  g_main_context_invoke_full (self->context, G_PRIORITY_DEFAULT, start_session, start,
                              (GDestroyNotify) start_free);
  return viewer;
}

gboolean
lectern_hls_viewers_touch (LecternHlsViewers *self, const char *id, LecternAccessRequest *request,
                           LecternIdentity *identity, gsize bytes)
{
  g_autoptr (GMutexLocker) locker = NULL;
  Viewer *viewer;

  if (id == NULL || strlen (id) != ID_LENGTH)
    return TRUE;
  locker = g_mutex_locker_new (&self->lock);
  viewer = g_hash_table_lookup (self->viewers, id);
  if (viewer == NULL && g_hash_table_size (self->viewers) >= MAX_VIEWERS)
    return TRUE;
  if (viewer == NULL)
    viewer = add (self, id, request, identity);
  viewer->seen_us = lectern_clock_now_us ();
  if (viewer->session != NULL)
    lectern_session_add_bytes (viewer->session, bytes);
  else
    viewer->bytes += bytes;
  return !viewer->ended;
}

void
lectern_hls_viewers_expire (LecternHlsViewers *self, gint64 silence_us)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  gint64 now_us = lectern_clock_now_us ();
  GHashTableIter iter;
  gpointer item;

  g_hash_table_iter_init (&iter, self->viewers);
  while (g_hash_table_iter_next (&iter, NULL, &item))
    if (now_us - ((Viewer *) item)->seen_us > silence_us)
      g_hash_table_iter_remove (&iter);
}

void
lectern_hls_viewers_end (LecternHlsViewers *self, const char *thing)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GHashTableIter iter;
  gpointer item;

  g_hash_table_iter_init (&iter, self->viewers);
  while (g_hash_table_iter_next (&iter, NULL, &item))
    if (g_strcmp0 (((Viewer *) item)->request->thing, thing) == 0)
      g_hash_table_iter_remove (&iter);
}
