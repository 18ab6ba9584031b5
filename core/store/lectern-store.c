/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/lectern-store.h"
#include "base/lectern-mailbox.h"
#include "store/lectern-store-migration.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_WAITING 10000
#define MAX_GROUP 64
#define GROUP_TIME_US (10 * G_TIME_SPAN_MILLISECOND)
#define BUSY_TIMEOUT_MS 5000

/* One queued piece of work. Asynchronous with a task, else somebody waits for @done. */
typedef struct
{
  LecternStoreFunc func;
  gpointer user_data;
  GDestroyNotify free_user_data;
  GDestroyNotify free_result;
  gpointer result;
  GError *error;
  GTask *task;
  LecternMailbox *answer_to;
  gboolean done;
} Call;

/* What the store's thread works on; it outlives the object when the last reference to that is
 * dropped on the thread itself. */
typedef struct
{
  gint refs;
  sqlite3 *db;
  GMutex lock;
  GCond changed;  /* the queue, or @closing */
  GCond answered; /* some call is done */
  GQueue queue;   /* of Call */
  gboolean closing;
} Engine;

struct _LecternStore
{
  GObject parent;
  Engine *engine;
  GThread *thread;
};

G_DEFINE_FINAL_TYPE (LecternStore, lectern_store, G_TYPE_OBJECT)

static void
engine_unref (Engine *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  sqlite3_close_v2 (self->db);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_cond_clear (&self->answered);
  g_free (self);
}

static LecternError
code_of (sqlite3 *db)
{
  switch (sqlite3_errcode (db))
    {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return LECTERN_ERROR_INVALID_DATA;
    case SQLITE_CONSTRAINT:
      return LECTERN_ERROR_CONFLICT;
    case SQLITE_FULL:
      return LECTERN_ERROR_LIMIT;
    case SQLITE_BUSY:
      return LECTERN_ERROR_TIMED_OUT;
    default:
      return LECTERN_ERROR_FAILED;
    }
}

gboolean
lectern_store_set_error (sqlite3 *db, const char *doing, GError **error)
{
  g_set_error (error, LECTERN_ERROR, code_of (db), "cannot %s: %s", doing, sqlite3_errmsg (db));
  return FALSE;
}

static gboolean
execute (sqlite3 *db, const char *sql, const char *doing, GError **error)
{
  return sqlite3_exec (db, sql, NULL, NULL, NULL) == SQLITE_OK
         || lectern_store_set_error (db, doing, error);
}

static void
call_free (gpointer data)
{
  Call *self = data;

  if (self->result != NULL && self->free_result != NULL)
    self->free_result (self->result);
  g_clear_error (&self->error);
  g_clear_object (&self->task);
  g_clear_pointer (&self->answer_to, lectern_mailbox_unref);
  g_free (self);
}

/* In the context of an asynchronous caller. */
static void
complete (gpointer data)
{
  Call *call = data;

  if (call->error != NULL)
    g_task_return_error (call->task, g_steal_pointer (&call->error));
  else
    g_task_return_pointer (call->task, g_steal_pointer (&call->result), call->free_result);
  call_free (call);
}

static void
answer (Engine *self, Call *call)
{
  if (call->task != NULL)
    {
      lectern_mailbox_post (call->answer_to, complete, call, call_free);
      return;
    }
  g_mutex_lock (&self->lock);
  call->done = TRUE;
  g_cond_broadcast (&self->answered);
  g_mutex_unlock (&self->lock);
}

static void
fail (Call *call, const GError *error)
{
  if (call->result != NULL && call->free_result != NULL)
    call->free_result (call->result);
  call->result = NULL;
  if (call->error == NULL)
    call->error = g_error_copy (error);
}

static gboolean
is_cancelled (Call *call)
{
  GCancellable *cancellable = call->task != NULL ? g_task_get_cancellable (call->task) : NULL;

  return g_cancellable_set_error_if_cancelled (cancellable, &call->error);
}

static void
run_in_savepoint (Engine *self, Call *call)
{
  if (!execute (self->db, "SAVEPOINT call", "begin", &call->error))
    return;
  call->result = call->func (self->db, call->user_data, &call->error);
  if (call->error != NULL)
    {
      /* Fails when sqlite has undone the whole transaction, which run_group notices. */
      sqlite3_exec (self->db, "ROLLBACK TO call", NULL, NULL, NULL);
      fail (call, call->error);
    }
  sqlite3_exec (self->db, "RELEASE call", NULL, NULL, NULL);
}

static void
run_call (Engine *self, Call *call)
{
  if (!is_cancelled (call))
    run_in_savepoint (self, call);
  if (call->free_user_data != NULL)
    call->free_user_data (call->user_data);
}

/* Returns: (nullable): the next call, waiting for one until @deadline. */
static Call *
next_call (Engine *self, gint64 deadline)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  while (self->queue.length == 0 && !self->closing)
    {
      if (deadline == 0 || !g_cond_wait_until (&self->changed, &self->lock, deadline))
        break;
    }
  return g_queue_pop_head (&self->queue);
}

/* Runs @call and what follows it in the open transaction, until the group is full, or its time is
 * up, or there is nothing more to run and nothing to commit: who only reads does not wait. */
static gboolean
run_group (Engine *self, Call *call, GPtrArray *group, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + GROUP_TIME_US;
  gint64 changes = sqlite3_total_changes64 (self->db);

  while (call != NULL)
    {
      gboolean written;

      g_ptr_array_add (group, call);
      run_call (self, call);
      if (sqlite3_get_autocommit (self->db))
        {
          g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_FAILED,
                       "the transaction was undone by another call in it: %s",
                       call->error != NULL ? call->error->message : "it ended the transaction");
          return FALSE;
        }
      if (group->len == MAX_GROUP || g_get_monotonic_time () >= deadline)
        return TRUE;
      written = sqlite3_total_changes64 (self->db) != changes;
      call = next_call (self, written ? deadline : 0);
    }
  return TRUE;
}

/* One transaction: what is queued now, and what comes while it waits for company. */
static void
run_transaction (Engine *self, Call *first)
{
  g_autoptr (GPtrArray) group = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  /* IMMEDIATE: a read that becomes a write could not wait for another program's write. */
  if (!execute (self->db, "BEGIN IMMEDIATE", "begin a transaction", &error))
    {
      if (first->free_user_data != NULL)
        first->free_user_data (first->user_data);
      g_ptr_array_add (group, first);
    }
  else if (!run_group (self, first, group, &error)
           || !execute (self->db, "COMMIT", "commit a transaction", &error))
    sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
  for (guint i = 0; i < group->len; i++)
    {
      if (error != NULL)
        fail (g_ptr_array_index (group, i), error);
      answer (self, g_ptr_array_index (group, i));
    }
}

static gpointer
run_thread (gpointer data)
{
  Engine *self = data;
  Call *call;

  while ((call = next_call (self, G_MAXINT64)) != NULL)
    run_transaction (self, call);
  /* Here and not with the last reference: when close returns, the file is whole and free. */
  sqlite3_close_v2 (g_steal_pointer (&self->db));
  engine_unref (self);
  return NULL;
}

static gboolean
enqueue (LecternStore *self, Call *call, GError **error)
{
  Engine *engine = self->engine;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&engine->lock);

  if (engine->closing)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the store is closed");
      return FALSE;
    }
  if (engine->queue.length >= MAX_WAITING)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "%d calls wait for the store already",
                   MAX_WAITING);
      return FALSE;
    }
  g_queue_push_tail (&engine->queue, call);
  g_cond_signal (&engine->changed);
  return TRUE;
}

void
lectern_store_call_async (LecternStore *self, LecternStoreFunc func, gpointer user_data,
                          GDestroyNotify free_user_data, GDestroyNotify free_result,
                          GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer callback_data)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  Call *call = g_new0 (Call, 1);

  call->func = func;
  call->user_data = user_data;
  call->free_user_data = free_user_data;
  call->free_result = free_result;
  call->task = g_task_new (self, cancellable, callback, callback_data);
  g_task_set_source_tag (call->task, lectern_store_call_async);
  /* A call that was committed is answered as such, however late it was cancelled. */
  g_task_set_check_cancellable (call->task, FALSE);
  call->answer_to = lectern_mailbox_get_shared (context);
  if (enqueue (self, call, &call->error))
    return;
  if (free_user_data != NULL)
    free_user_data (user_data);
  lectern_mailbox_post (call->answer_to, complete, call, call_free);
}

gpointer
lectern_store_call_finish (LecternStore *self, GAsyncResult *result, GError **error)
{
  GError *local = NULL;
  gpointer value;

  g_return_val_if_fail (g_async_result_is_tagged (result, lectern_store_call_async), NULL);
  value = g_task_propagate_pointer (G_TASK (result), &local);
  if (local != NULL)
    {
      lectern_error_convert (&local);
      g_propagate_error (error, local);
    }
  return value;
}

gpointer
lectern_store_call (LecternStore *self, LecternStoreFunc func, gpointer user_data, GError **error)
{
  Call call = { .func = func, .user_data = user_data };

  if (!enqueue (self, &call, error))
    return NULL;
  g_mutex_lock (&self->engine->lock);
  while (!call.done)
    g_cond_wait (&self->engine->answered, &self->engine->lock);
  g_mutex_unlock (&self->engine->lock);
  if (call.error != NULL)
    g_propagate_error (error, call.error);
  return call.result;
}

/* Makes the file before sqlite does, which would let others read it. */
static gboolean
make_file (const char *path, GError **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);

  if (fd < 0)
    {
      lectern_error_set_errno (error, errno, "cannot open it");
      return FALSE;
    }
  close (fd);
  return TRUE;
}

static gboolean
check_pages (sqlite3 *db, GError **error)
{
  sqlite3_stmt *statement = NULL;
  gboolean good
      = sqlite3_prepare_v2 (db, "PRAGMA quick_check (1)", -1, &statement, NULL) == SQLITE_OK
        && sqlite3_step (statement) == SQLITE_ROW;
  const char *verdict = good ? (const char *) sqlite3_column_text (statement, 0) : NULL;

  if (!good)
    lectern_store_set_error (db, "check it", error);
  else if (g_strcmp0 (verdict, "ok") != 0)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "it is damaged: %.200s",
                   verdict != NULL ? verdict : "unknown");
      good = FALSE;
    }
  sqlite3_finalize (statement);
  return good;
}

static gboolean
prepare (Engine *self, const char *path, GError **error)
{
  static const char settings[] = "PRAGMA journal_mode = WAL;"
                                 "PRAGMA synchronous = FULL;"
                                 "PRAGMA foreign_keys = ON;"
                                 "PRAGMA trusted_schema = OFF;"
                                 "PRAGMA cell_size_check = ON;";

  if (!make_file (path, error))
    return FALSE;
  if (sqlite3_open_v2 (path, &self->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)
      != SQLITE_OK)
    return lectern_store_set_error (self->db, "open it", error);
  sqlite3_busy_timeout (self->db, BUSY_TIMEOUT_MS);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  return execute (self->db, settings, "set it up", error) && check_pages (self->db, error)
         && lectern_store_migrate (self->db, error);
}

LecternStore *
lectern_store_open (const char *path, GError **error)
{
  g_autoptr (LecternStore) self = g_object_new (LECTERN_TYPE_STORE, NULL);

  if (!prepare (self->engine, path, error))
    {
      g_prefix_error (error, "cannot use '%s': ", path);
      return NULL;
    }
  g_atomic_int_inc (&self->engine->refs);
  self->thread = g_thread_new ("lectern-store", run_thread, self->engine);
  return g_steal_pointer (&self);
}

void
lectern_store_close (LecternStore *self)
{
  GThread *thread = g_steal_pointer (&self->thread);

  g_mutex_lock (&self->engine->lock);
  self->engine->closing = TRUE;
  g_cond_signal (&self->engine->changed);
  g_mutex_unlock (&self->engine->lock);
  if (thread == NULL)
    return;
  if (thread == g_thread_self ())
    g_thread_unref (thread);
  else
    g_thread_join (thread);
}

static void
lectern_store_dispose (GObject *object)
{
  lectern_store_close (LECTERN_STORE (object));
  G_OBJECT_CLASS (lectern_store_parent_class)->dispose (object);
}

static void
lectern_store_finalize (GObject *object)
{
  engine_unref (LECTERN_STORE (object)->engine);
  G_OBJECT_CLASS (lectern_store_parent_class)->finalize (object);
}

static void
lectern_store_class_init (LecternStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lectern_store_dispose;
  G_OBJECT_CLASS (klass)->finalize = lectern_store_finalize;
}

static void
lectern_store_init (LecternStore *self)
{
  Engine *engine = g_new0 (Engine, 1);

  engine->refs = 1;
  g_mutex_init (&engine->lock);
  g_cond_init (&engine->changed);
  g_cond_init (&engine->answered);
  g_queue_init (&engine->queue);
  self->engine = engine;
}
