/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-session.h"

#include "base/lectern-clock.h"

struct _LecternSession
{
  gint refs;
  LecternSessions *sessions;
  char id[9];
  LecternSessionRole role;
  LecternAccessRequest *request;
  LecternIdentity *identity;
  gint64 started_us;
  guint64 bytes; /* atomic */
  gboolean is_received; /* sessions' lock, as what follows */
  LecternReception reception;
  GMainContext *context;
  LecternSessionKickFunc kick; /* the context's thread only; NULL once ended */
  gpointer user_data;
  gboolean ended;
};

struct _LecternSessions
{
  GObject parent_instance;

  GMainContext *context; /* the control thread's */

  GMutex lock;
  GHashTable *running; /* lock: set of LecternSession, held */
  guint64 received;    /* lock: bytes of publishers that have ended */
  guint64 sent;        /* lock: of viewers */
};

G_DEFINE_BOXED_TYPE (LecternSession, lectern_session, lectern_session_ref, lectern_session_unref)
G_DEFINE_FINAL_TYPE (LecternSessions, lectern_sessions, G_TYPE_OBJECT)

enum
{
  STARTED,
  ENDED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

LecternSession *
lectern_session_ref (LecternSession *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_session_unref (LecternSession *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  lectern_access_request_unref (self->request);
  g_clear_pointer (&self->identity, lectern_identity_unref);
  g_main_context_unref (self->context);
  g_object_unref (self->sessions);
  g_free (self);
}

const char *
lectern_session_get_id (LecternSession *self)
{
  return self->id;
}

LecternSessionRole
lectern_session_get_role (LecternSession *self)
{
  return self->role;
}

const LecternAccessRequest *
lectern_session_get_request (LecternSession *self)
{
  return self->request;
}

LecternIdentity *
lectern_session_get_identity (LecternSession *self)
{
  return self->identity;
}

gint64
lectern_session_get_started (LecternSession *self)
{
  return self->started_us;
}

guint64
lectern_session_get_bytes (LecternSession *self)
{
  return __atomic_load_n (&self->bytes, __ATOMIC_RELAXED);
}

void
lectern_session_add_bytes (LecternSession *self, guint64 bytes)
{
  __atomic_fetch_add (&self->bytes, bytes, __ATOMIC_RELAXED);
}

void
lectern_session_set_reception (LecternSession *self, const LecternReception *reception)
{
  g_mutex_lock (&self->sessions->lock);
  self->reception = *reception;
  self->is_received = TRUE;
  g_mutex_unlock (&self->sessions->lock);
}

gboolean
lectern_session_get_reception (LecternSession *self, LecternReception *reception)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->sessions->lock);

  *reception = self->reception;
  return self->is_received;
}

/* A signal or a kick on its way to another thread. */
typedef struct
{
  LecternSession *session;
  guint signal; /* 0: a kick */
  GError *reason;
} Errand;

static void
errand_free (Errand *errand)
{
  lectern_session_unref (errand->session);
  g_clear_error (&errand->reason);
  g_free (errand);
}

static gboolean
on_errand (gpointer user_data)
{
  Errand *errand = user_data;
  LecternSession *session = errand->session;

  if (errand->signal == signals[STARTED])
    g_signal_emit (session->sessions, errand->signal, 0, session);
  else if (errand->signal != 0)
    g_signal_emit (session->sessions, errand->signal, 0, session,
                   errand->reason != NULL ? errand->reason->message : NULL);
  else if (session->kick != NULL)
    session->kick (session, errand->reason, session->user_data);
  return G_SOURCE_REMOVE;
}

static void
send_errand (LecternSession *session, GMainContext *context, guint signal, const GError *reason)
{
  g_autoptr (GSource) source = g_idle_source_new ();
  Errand *errand = g_new (Errand, 1);

  errand->session = lectern_session_ref (session);
  errand->signal = signal;
  errand->reason = reason != NULL ? g_error_copy (reason) : NULL;
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_errand, errand, (GDestroyNotify) errand_free);
  g_source_attach (source, context);
}

void
lectern_session_kick (LecternSession *self, const GError *reason)
{
  send_errand (self, self->context, 0, reason);
}

static void
lectern_sessions_finalize (GObject *object)
{
  LecternSessions *self = LECTERN_SESSIONS (object);

  g_hash_table_unref (self->running);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (lectern_sessions_parent_class)->finalize (object);
}

static void
lectern_sessions_class_init (LecternSessionsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lectern_sessions_finalize;
  signals[STARTED] = g_signal_new ("started", LECTERN_TYPE_SESSIONS, G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, LECTERN_TYPE_SESSION);
  signals[ENDED] = g_signal_new ("ended", LECTERN_TYPE_SESSIONS, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 2, LECTERN_TYPE_SESSION, G_TYPE_STRING);
}

static void
lectern_sessions_init (LecternSessions *self)
{
  g_mutex_init (&self->lock);
  self->context = g_main_context_ref_thread_default ();
  self->running = g_hash_table_new_full (NULL, NULL, (GDestroyNotify) lectern_session_unref, NULL);
}

LecternSessions *
lectern_sessions_new (void)
{
  return g_object_new (LECTERN_TYPE_SESSIONS, NULL);
}

static void
make_id (char id[9])
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

  for (guint i = 0; i < 8; i++)
    id[i] = letters[g_random_int_range (0, sizeof letters - 1)];
  id[8] = '\0';
}

LecternSession *
lectern_sessions_start (LecternSessions *self, LecternSessionRole role,
                        LecternAccessRequest *request, LecternIdentity *identity,
                        LecternSessionKickFunc kick, gpointer user_data)
{
  LecternSession *session = g_new0 (LecternSession, 1);

  session->refs = 1;
  session->sessions = g_object_ref (self);
  make_id (session->id);
  session->role = role;
  session->request = lectern_access_request_ref (request);
  session->identity = identity != NULL ? lectern_identity_ref (identity) : NULL;
  session->started_us = lectern_clock_wall_us ();
  session->context = g_main_context_ref_thread_default ();
  session->kick = kick;
  session->user_data = user_data;
  g_mutex_lock (&self->lock);
  g_hash_table_add (self->running, lectern_session_ref (session));
  g_mutex_unlock (&self->lock);
  send_errand (session, self->context, signals[STARTED], NULL);
  return session;
}

static void
count (LecternSession *session, guint64 *received, guint64 *sent)
{
  if (session->role == LECTERN_SESSION_PUBLISH)
    *received += lectern_session_get_bytes (session);
  else if (session->role == LECTERN_SESSION_PLAY)
    *sent += lectern_session_get_bytes (session);
}

void
lectern_session_end (LecternSession *self, const GError *reason)
{
  LecternSessions *sessions = self->sessions;

  if (self->ended)
    return;
  self->ended = TRUE;
  self->kick = NULL;
  send_errand (self, sessions->context, signals[ENDED], reason);
  g_mutex_lock (&sessions->lock);
  count (self, &sessions->received, &sessions->sent);
  g_hash_table_remove (sessions->running, self);
  g_mutex_unlock (&sessions->lock);
}

void
lectern_sessions_get_bytes (LecternSessions *self, guint64 *received, guint64 *sent)
{
  GHashTableIter iter;
  gpointer item;

  g_mutex_lock (&self->lock);
  *received = self->received;
  *sent = self->sent;
  g_hash_table_iter_init (&iter, self->running);
  while (g_hash_table_iter_next (&iter, &item, NULL))
    count (item, received, sent);
  g_mutex_unlock (&self->lock);
}

GPtrArray *
lectern_sessions_list (LecternSessions *self, const char *thing)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_session_unref);
  GHashTableIter iter;
  gpointer item;

  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->running);
  while (g_hash_table_iter_next (&iter, &item, NULL))
    {
      LecternSession *session = item;

      if (thing == NULL || g_strcmp0 (session->request->thing, thing) == 0)
        g_ptr_array_add (list, lectern_session_ref (session));
    }
  g_mutex_unlock (&self->lock);
  return list;
}
