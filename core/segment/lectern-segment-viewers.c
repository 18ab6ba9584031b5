/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-segment-viewers.h"

#include "base/lectern-clock.h"
#include "segment/lectern-carried-query.h"

#include <string.h>
#include <sys/random.h>

/* 120 bits. */
#define ID_LENGTH 24
#define MAX_VIEWERS 100000
/* How long the chain's yes holds for a session; then it is asked again. */
#define GRANT_US (10 * G_USEC_PER_SEC)
/* A request that came later than this was not let in by the grant. */
#define REGRANT_US (11 * G_USEC_PER_SEC)

typedef struct
{
  LecternAccessRequest *request;
  LecternIdentity *identity;
  char *carried;           /* the credentials in the query */
  LecternSession *session; /* made on the control thread */
  guint64 bytes;           /* before it was made */
  gint64 seen_us;
  gint64 granted_us;
  gint ended; /* atomic; kicked: kept so that the player does not come back as a new one */
} Viewer;

struct _LecternSegmentViewers
{
  GObject parent_instance;
  LecternSessions *sessions;
  GMainContext *context;

  GMutex lock;
  GHashTable *viewers; /* id → Viewer */
  gboolean closed;
};

static void guard_init (LecternGuardInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LecternSegmentViewers, lectern_segment_viewers, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LECTERN_TYPE_GUARD, guard_init))

static void
viewer_free (gpointer data)
{
  Viewer *viewer = data;

  if (viewer->session != NULL)
    {
      lectern_session_end (viewer->session, NULL);
      lectern_session_unref (viewer->session);
    }
  g_clear_pointer (&viewer->identity, lectern_identity_unref);
  lectern_access_request_unref (viewer->request);
  g_free (viewer->carried);
  g_free (viewer);
}

static void
lectern_segment_viewers_finalize (GObject *object)
{
  LecternSegmentViewers *self = LECTERN_SEGMENT_VIEWERS (object);

  g_hash_table_unref (self->viewers);
  g_object_unref (self->sessions);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (lectern_segment_viewers_parent_class)->finalize (object);
}

static void
lectern_segment_viewers_class_init (LecternSegmentViewersClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lectern_segment_viewers_finalize;
}

static void
lectern_segment_viewers_init (LecternSegmentViewers *self)
{
  g_mutex_init (&self->lock);
  self->context = g_main_context_ref_thread_default ();
  self->viewers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, viewer_free);
}

LecternSegmentViewers *
lectern_segment_viewers_new (LecternSessions *sessions)
{
  LecternSegmentViewers *self = g_object_new (LECTERN_TYPE_SEGMENT_VIEWERS, NULL);

  self->sessions = g_object_ref (sessions);
  return self;
}

/* FALSE: @query names no session that could be ours. */
static gboolean
read_id (const char *query, char id[ID_LENGTH + 1])
{
  gsize size;
  const char *found = lectern_carried_query_find_session (query, &size);

  if (found == NULL || size != ID_LENGTH)
    return FALSE;
  memcpy (id, found, ID_LENGTH);
  id[ID_LENGTH] = '\0';
  return strspn (id, "abcdefghijklmnopqrstuvwxyz234567") == ID_LENGTH;
}

static gboolean
make_id (char id[ID_LENGTH + 1])
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
  guint8 random[ID_LENGTH];

  if (getrandom (random, sizeof random, 0) != sizeof random)
    return FALSE;
  for (guint i = 0; i < ID_LENGTH; i++)
    id[i] = letters[random[i] % 32];
  id[ID_LENGTH] = '\0';
  return TRUE;
}

typedef struct
{
  LecternSegmentViewers *viewers;
  char id[ID_LENGTH + 1];
} Start;

static void
start_free (gpointer data)
{
  Start *start = data;

  g_object_unref (start->viewers);
  g_free (start);
}

static void
on_kick (LecternSession *session, const GError *reason, gpointer user_data)
{
  Viewer *viewer = user_data;

  g_atomic_int_set (&viewer->ended, TRUE);
  lectern_session_end (session, reason);
}

static gboolean
start_session (gpointer user_data)
{
  Start *start = user_data;
  LecternSegmentViewers *self = start->viewers;
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
add (LecternSegmentViewers *self, const char *id, LecternAccessRequest *request,
     LecternIdentity *identity)
{
  Viewer *viewer = g_new0 (Viewer, 1);
  Start *start = g_new (Start, 1);
  g_autoptr (GSource) source = NULL;

  viewer->request = lectern_access_request_ref (request);
  viewer->identity = identity != NULL ? lectern_identity_ref (identity) : NULL;
  viewer->granted_us = G_MININT64 / 2;
  viewer->carried = lectern_carried_query_make (request->query, NULL);
  g_hash_table_insert (self->viewers, g_strdup (id), viewer);
  start->viewers = g_object_ref (self);
  g_strlcpy (start->id, id, sizeof start->id);
  source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, start_session, start, start_free);
  g_source_attach (source, self->context);
  return viewer;
}

static gboolean
is_same (const Viewer *viewer, const LecternAccessRequest *request)
{
  return g_strcmp0 (viewer->request->thing, request->thing) == 0
         && lectern_carried_query_matches (request->query, viewer->carried)
         && g_strcmp0 (viewer->request->credential, request->credential) == 0;
}

/* Under the lock. The chain has allowed @request, by itself or because of the session. */
static void
note (Viewer *viewer, const LecternAccessRequest *request, gsize bytes)
{
  gint64 now_us = lectern_clock_now_us ();

  viewer->seen_us = now_us;
  if (now_us - viewer->granted_us > REGRANT_US && is_same (viewer, request))
    viewer->granted_us = now_us;
  if (viewer->session != NULL)
    lectern_session_add_bytes (viewer->session, bytes);
  else
    viewer->bytes += bytes;
}

/* Under the lock. Returns: (nullable): the viewer of the session @id; NULL: no more are taken. */
static Viewer *
get (LecternSegmentViewers *self, const char *id, LecternAccessRequest *request,
     LecternIdentity *identity)
{
  Viewer *viewer = g_hash_table_lookup (self->viewers, id);

  if (viewer == NULL && !self->closed && g_hash_table_size (self->viewers) < MAX_VIEWERS)
    viewer = add (self, id, request, identity);
  return viewer;
}

char *
lectern_segment_viewers_begin (LecternSegmentViewers *self, LecternAccessRequest *request,
                               LecternIdentity *identity)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  char id[ID_LENGTH + 1];
  Viewer *viewer;

  if (!read_id (request->query, id) && !make_id (id))
    return NULL;
  viewer = get (self, id, request, identity);
  if (viewer != NULL)
    note (viewer, request, 0);
  return viewer != NULL && g_atomic_int_get (&viewer->ended) ? NULL : g_strdup (id);
}

gboolean
lectern_segment_viewers_touch (LecternSegmentViewers *self, LecternAccessRequest *request,
                               LecternIdentity *identity, gsize bytes)
{
  g_autoptr (GMutexLocker) locker = NULL;
  char id[ID_LENGTH + 1];
  Viewer *viewer;

  if (!read_id (request->query, id))
    return TRUE;
  locker = g_mutex_locker_new (&self->lock);
  viewer = get (self, id, request, identity);
  if (viewer != NULL)
    note (viewer, request, bytes);
  return viewer == NULL || !g_atomic_int_get (&viewer->ended);
}

void
lectern_segment_viewers_expire (LecternSegmentViewers *self, gint64 silence_us)
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
lectern_segment_viewers_end (LecternSegmentViewers *self, const char *thing)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GHashTableIter iter;
  gpointer item;

  g_hash_table_iter_init (&iter, self->viewers);
  while (g_hash_table_iter_next (&iter, NULL, &item))
    if (thing == NULL || g_strcmp0 (((Viewer *) item)->request->thing, thing) == 0)
      g_hash_table_iter_remove (&iter);
}

void
lectern_segment_viewers_close (LecternSegmentViewers *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->closed = TRUE;
  g_hash_table_remove_all (self->viewers);
}

/* The guard */

static gboolean
check_now (LecternGuard *guard, LecternAccessRequest *request, LecternVerdict *verdict,
           LecternIdentity **identity)
{
  LecternSegmentViewers *self = LECTERN_SEGMENT_VIEWERS (guard);
  g_autoptr (GMutexLocker) locker = NULL;
  char id[ID_LENGTH + 1];
  Viewer *viewer;

  *verdict = LECTERN_VERDICT_ABSTAIN;
  if (request->action != LECTERN_ACTION_PLAY || !read_id (request->query, id))
    return TRUE;
  locker = g_mutex_locker_new (&self->lock);
  viewer = g_hash_table_lookup (self->viewers, id);
  if (viewer == NULL || !is_same (viewer, request))
    return TRUE;
  if (g_atomic_int_get (&viewer->ended))
    *verdict = LECTERN_VERDICT_DENY;
  else if (lectern_clock_now_us () - viewer->granted_us < GRANT_US)
    {
      *verdict = LECTERN_VERDICT_ALLOW;
      if (viewer->identity != NULL)
        *identity = lectern_identity_ref (viewer->identity);
    }
  return TRUE;
}

static LecternVerdict
check (LecternGuard *guard, LecternAccessRequest *request, LecternIdentity **identity,
       GError **error)
{
  LecternVerdict verdict;

  check_now (guard, request, &verdict, identity);
  return verdict;
}

static void
guard_init (LecternGuardInterface *iface)
{
  iface->check = check;
  iface->check_now = check_now;
}
