/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-key-guard.h"
#include "access/lectern-credential.h"
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
  guint8 digest[LECTERN_CREDENTIAL_HASH_SIZE];
  LecternCredential credential; /* a Digest, which stands for the key in a check */
  char *method;
  char *stream;
  const char *label;
  gboolean replace;
} Question;

static void
question_free (gpointer data)
{
  Question *self = data;

  lectern_credential_clear (&self->credential);
  g_free (self->method);
  g_free (self->stream);
  g_free (self);
}

static gboolean
is_row (sqlite3_stmt *statement, const Question *question)
{
  const void *hash = sqlite3_column_blob (statement, 0);
  const void *digest = sqlite3_column_blob (statement, 1);

  if (hash == NULL || sqlite3_column_bytes (statement, 0) != LECTERN_SECRET_HASH_SIZE)
    return FALSE;
  if (question->credential.response == NULL)
    return CRYPTO_memcmp (hash, question->hash, LECTERN_SECRET_HASH_SIZE) == 0;
  return digest != NULL && sqlite3_column_bytes (statement, 1) == LECTERN_CREDENTIAL_HASH_SIZE
         && lectern_credential_matches (&question->credential, question->method, digest);
}

/* On the store's thread. All keys of the stream are compared, so that the time tells nothing.
 * Returns: (transfer full) (nullable): the hash of the key that fits. */
static gpointer
find_key (sqlite3 *db, gpointer user_data, GError **error)
{
  static const char sql[]
      = "SELECT hash, digest FROM stream_key WHERE stream = ? AND revoked IS NULL";
  Question *question = user_data;
  sqlite3_stmt *statement = NULL;
  g_autofree gpointer found = NULL;
  int status = sqlite3_prepare_v2 (db, sql, -1, &statement, NULL);

  if (status == SQLITE_OK)
    status = sqlite3_bind_text (statement, 1, question->stream, -1, SQLITE_STATIC);
  if (status == SQLITE_OK)
    {
      while ((status = sqlite3_step (statement)) == SQLITE_ROW)
        if (is_row (statement, question) && found == NULL)
          found = g_memdup2 (sqlite3_column_blob (statement, 0), LECTERN_SECRET_HASH_SIZE);
    }
  if (status != SQLITE_DONE)
    lectern_store_set_error (db, "look up a stream key", error);
  sqlite3_finalize (statement);
  return g_steal_pointer (&found);
}

static LecternIdentity *
identity_of_key (const guint8 *hash)
{
  char hex[2 * LECTERN_SECRET_HASH_SIZE + 1];

  for (guint i = 0; i < LECTERN_SECRET_HASH_SIZE; i++)
    g_snprintf (hex + 2 * i, 3, "%02x", hash[i]);
  return lectern_identity_new ("key", hex, NULL);
}

static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autofree gpointer hash = lectern_store_call_finish (LECTERN_STORE (source), result, &error);

  if (error != NULL)
    g_task_return_error (task, error);
  else if (hash == NULL)
    g_task_return_pointer (task, NULL, NULL);
  else
    g_task_return_pointer (task, identity_of_key (hash), (GDestroyNotify) lectern_identity_unref);
}

/* Returns: whether @request may bring a key. */
static gboolean
is_asked (LecternAccessRequest *request)
{
  return request->action == LECTERN_ACTION_PUBLISH && request->thing != NULL;
}

/* The key that @request brings: in its query, as Basic's password whatever the name, or as a
 * Digest. Returns: (transfer full) (nullable): NULL: none. */
static Question *
make_question (LecternAccessRequest *request)
{
  g_autofree char *key = lectern_access_request_get_parameter (request, "key");
  g_auto (LecternCredential) credential = { NULL };
  Question *self;

  if (key == NULL && request->credential != NULL
      && lectern_credential_parse (request->credential, &credential, NULL))
    key = g_strdup (credential.password);
  if (key == NULL && credential.response == NULL)
    return NULL;
  self = g_new0 (Question, 1);
  self->stream = g_strdup (request->thing);
  if (key != NULL)
    {
      lectern_secret_hash (key, self->hash);
      return self;
    }
  self->method = g_strdup (request->method);
  self->credential = credential;
  credential = (LecternCredential){ NULL };
  return self;
}

static gboolean
check_now (LecternGuard *guard, LecternAccessRequest *request, LecternVerdict *verdict,
           LecternIdentity **identity)
{
  g_autofree char *key = NULL;

  *verdict = LECTERN_VERDICT_ABSTAIN;
  if (!is_asked (request))
    return TRUE;
  key = lectern_access_request_get_parameter (request, "key");
  return key == NULL && request->credential == NULL;
}

static void
check_async (LecternGuard *guard, LecternAccessRequest *request, GCancellable *cancellable,
             GAsyncReadyCallback callback, gpointer user_data)
{
  LecternKeyGuard *self = LECTERN_KEY_GUARD (guard);
  Question *question = is_asked (request) ? make_question (request) : NULL;
  GTask *task;

  if (question == NULL)
    {
      /* At once and without a task, because every viewer comes by here. */
      callback (G_OBJECT (self), NULL, user_data);
      return;
    }
  task = g_task_new (self, cancellable, callback, user_data);
  lectern_store_call_async (self->store, find_key, question, question_free, g_free, cancellable,
                            on_found, task);
}

static LecternVerdict
check_finish (LecternGuard *guard, GAsyncResult *result, LecternIdentity **identity, GError **error)
{
  GError *local = NULL;

  if (result == NULL)
    return LECTERN_VERDICT_ABSTAIN;
  *identity = g_task_propagate_pointer (G_TASK (result), &local);
  if (*identity != NULL)
    return LECTERN_VERDICT_ALLOW;
  if (local != NULL)
    g_propagate_error (error, local);
  else
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_DENIED, "wrong stream key");
  return LECTERN_VERDICT_DENY;
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
      = "INSERT INTO stream_key (hash, stream, label, created, digest) VALUES (?, ?, ?, ?, ?)";
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
         && sqlite3_bind_blob (statement, 5, question->digest, sizeof question->digest,
                               SQLITE_STATIC)
                == SQLITE_OK
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
  lectern_credential_hash (strchr (name, '/') + 1, key, question.digest);
  lectern_store_call (store, insert_key, &question, &local);
  if (local != NULL)
    {
      g_propagate_error (error, local);
      return NULL;
    }
  return g_steal_pointer (&key);
}
