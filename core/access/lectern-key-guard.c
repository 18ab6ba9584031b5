/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-key-guard.h"
#include "access/lectern-secret.h"
#include "base/lectern-clock.h"

#include <openssl/crypto.h>
#include <string.h>

#define DEFAULT_APP "live"
#define MAX_PART 128

struct _LecternKeyGuard
{
  GObject parent;
  LecternStore *store;
};

/* What a check asks the store, and what making a key tells it. */
typedef struct
{
  guint8 hash[LECTERN_SECRET_HASH_SIZE];
  char *stream;
  const char *label;
  gboolean replace;
} Question;

static void
question_free (gpointer data)
{
  Question *self = data;

  g_free (self->stream);
  g_free (self);
}

static gboolean
is_row (sqlite3_stmt *statement, const guint8 *hash)
{
  const void *stored = sqlite3_column_blob (statement, 0);

  return stored != NULL && sqlite3_column_bytes (statement, 0) == LECTERN_SECRET_HASH_SIZE
         && CRYPTO_memcmp (stored, hash, LECTERN_SECRET_HASH_SIZE) == 0;
}

/* On the store's thread. All keys of the stream are compared, so that the time tells nothing. */
static gpointer
find_key (sqlite3 *db, gpointer user_data, GError **error)
{
  static const char sql[] = "SELECT hash FROM stream_key WHERE stream = ? AND revoked IS NULL";
  Question *question = user_data;
  sqlite3_stmt *statement = NULL;
  gboolean found = FALSE;
  int status = sqlite3_prepare_v2 (db, sql, -1, &statement, NULL);

  if (status == SQLITE_OK)
    status = sqlite3_bind_text (statement, 1, question->stream, -1, SQLITE_STATIC);
  if (status == SQLITE_OK)
    {
      while ((status = sqlite3_step (statement)) == SQLITE_ROW)
        found |= is_row (statement, question->hash);
    }
  if (status != SQLITE_DONE)
    lectern_store_set_error (db, "look up a stream key", error);
  sqlite3_finalize (statement);
  return found ? GINT_TO_POINTER (TRUE) : NULL;
}

static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  gboolean found = lectern_store_call_finish (LECTERN_STORE (source), result, &error) != NULL;

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, found ? LECTERN_VERDICT_ALLOW : LECTERN_VERDICT_DENY);
}

static LecternIdentity *
identity_of_key (const char *key)
{
  guint8 hash[LECTERN_SECRET_HASH_SIZE];
  char hex[2 * LECTERN_SECRET_HASH_SIZE + 1];

  lectern_secret_hash (key, hash);
  for (guint i = 0; i < sizeof hash; i++)
    g_snprintf (hex + 2 * i, 3, "%02x", hash[i]);
  return lectern_identity_new ("key", hex, NULL);
}

/* Returns: (transfer full) (nullable): the key that @request brings. */
static char *
get_key (LecternAccessRequest *request)
{
  if (request->action != LECTERN_ACTION_PUBLISH || request->thing == NULL)
    return NULL;
  return lectern_access_request_get_parameter (request, "key");
}

static gboolean
check_now (LecternGuard *guard, LecternAccessRequest *request, LecternVerdict *verdict,
           LecternIdentity **identity)
{
  g_autofree char *key = get_key (request);

  *verdict = LECTERN_VERDICT_ABSTAIN;
  return key == NULL;
}

static void
check_async (LecternGuard *guard, LecternAccessRequest *request, GCancellable *cancellable,
             GAsyncReadyCallback callback, gpointer user_data)
{
  LecternKeyGuard *self = LECTERN_KEY_GUARD (guard);
  g_autofree char *key = get_key (request);
  Question *question;
  GTask *task;

  if (key == NULL)
    {
      /* At once and without a task, because every viewer comes by here. */
      callback (G_OBJECT (self), NULL, user_data);
      return;
    }
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_task_data (task, identity_of_key (key), (GDestroyNotify) lectern_identity_unref);
  question = g_new0 (Question, 1);
  question->stream = g_strdup (request->thing);
  lectern_secret_hash (key, question->hash);
  lectern_store_call_async (self->store, find_key, question, question_free, NULL, cancellable,
                            on_found, task);
}

static LecternVerdict
check_finish (LecternGuard *guard, GAsyncResult *result, LecternIdentity **identity, GError **error)
{
  GError *local = NULL;
  LecternVerdict verdict;

  if (result == NULL)
    return LECTERN_VERDICT_ABSTAIN;
  verdict = (LecternVerdict) g_task_propagate_int (G_TASK (result), &local);
  if (local != NULL)
    {
      g_propagate_error (error, local);
      return LECTERN_VERDICT_DENY;
    }
  if (verdict == LECTERN_VERDICT_ALLOW)
    *identity = lectern_identity_ref (g_task_get_task_data (G_TASK (result)));
  else if (verdict == LECTERN_VERDICT_DENY)
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_DENIED, "wrong stream key");
  return verdict;
}

static void
guard_init (LecternGuardInterface *iface)
{
  iface->check_now = check_now;
  iface->check_async = check_async;
  iface->check_finish = check_finish;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (LecternKeyGuard, lectern_key_guard, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LECTERN_TYPE_GUARD, guard_init))

LecternKeyGuard *
lectern_key_guard_new (LecternStore *store)
{
  LecternKeyGuard *self = g_object_new (LECTERN_TYPE_KEY_GUARD, NULL);

  self->store = g_object_ref (store);
  return self;
}

static void
lectern_key_guard_dispose (GObject *object)
{
  g_clear_object (&LECTERN_KEY_GUARD (object)->store);
  G_OBJECT_CLASS (lectern_key_guard_parent_class)->dispose (object);
}

static void
lectern_key_guard_class_init (LecternKeyGuardClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lectern_key_guard_dispose;
}

static void
lectern_key_guard_init (LecternKeyGuard *self)
{
}

static gboolean
is_part (const char *text, gsize length)
{
  if (length == 0 || length > MAX_PART || (length == 1 && text[0] == '.')
      || (length == 2 && text[0] == '.' && text[1] == '.'))
    return FALSE;
  for (gsize i = 0; i < length; i++)
    {
      if (!g_ascii_isalnum (text[i]) && (text[i] == '\0' || strchr ("_.~-", text[i]) == NULL))
        return FALSE;
    }
  return TRUE;
}

/* Returns: (transfer full) (nullable): "app/name" for @stream. */
static char *
full_name (const char *stream)
{
  const char *slash = strchr (stream, '/');

  if (slash == NULL)
    return is_part (stream, strlen (stream)) ? g_strconcat (DEFAULT_APP "/", stream, NULL) : NULL;
  if (!is_part (stream, (gsize) (slash - stream)) || !is_part (slash + 1, strlen (slash + 1)))
    return NULL;
  return g_strdup (stream);
}

static gboolean
delete_keys (sqlite3 *db, const Question *question, GError **error)
{
  sqlite3_stmt *statement = NULL;
  gboolean good
      = sqlite3_prepare_v2 (db, "DELETE FROM stream_key WHERE stream = ?", -1, &statement, NULL)
            == SQLITE_OK
        && sqlite3_bind_text (statement, 1, question->stream, -1, SQLITE_STATIC) == SQLITE_OK
        && sqlite3_step (statement) == SQLITE_DONE;

  if (!good)
    lectern_store_set_error (db, "drop the stream's other keys", error);
  sqlite3_finalize (statement);
  return good;
}

static gpointer
insert_key (sqlite3 *db, gpointer user_data, GError **error)
{
  static const char sql[]
      = "INSERT INTO stream_key (hash, stream, label, created) VALUES (?, ?, ?, ?)";
  const Question *question = user_data;
  sqlite3_stmt *statement = NULL;
  gboolean good;

  if (question->replace && !delete_keys (db, question, error))
    return NULL;
  good = sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) == SQLITE_OK
         && sqlite3_bind_blob (statement, 1, question->hash, sizeof question->hash, SQLITE_STATIC)
                == SQLITE_OK
         && sqlite3_bind_text (statement, 2, question->stream, -1, SQLITE_STATIC) == SQLITE_OK
         && sqlite3_bind_text (statement, 3, question->label, -1, SQLITE_STATIC) == SQLITE_OK
         && sqlite3_bind_int64 (statement, 4, lectern_clock_wall_us () / 1000) == SQLITE_OK
         && sqlite3_step (statement) == SQLITE_DONE;
  if (!good)
    lectern_store_set_error (db, "store the stream key", error);
  sqlite3_finalize (statement);
  return NULL;
}

char *
lectern_key_create (LecternStore *store, const char *stream, const char *label, gboolean replace,
                    GError **error)
{
  g_autofree char *name = full_name (stream);
  g_autofree char *key = NULL;
  Question question = { .label = label, .replace = replace };
  GError *local = NULL;

  if (name == NULL)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "'%.64s' is not a stream's name, like physics or live/physics", stream);
      return NULL;
    }
  key = lectern_secret_new (error);
  if (key == NULL)
    return NULL;
  question.stream = name;
  lectern_secret_hash (key, question.hash);
  lectern_store_call (store, insert_key, &question, &local);
  if (local != NULL)
    {
      g_propagate_error (error, local);
      return NULL;
    }
  return g_steal_pointer (&key);
}
