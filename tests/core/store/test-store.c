/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/lectern-store.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder;

static char *
fresh_path (void)
{
  static guint count;

  return g_strdup_printf ("%s/%u.db", folder, count++);
}

static gpointer
run_sql (sqlite3 *db, gpointer user_data, GError **error)
{
  if (sqlite3_exec (db, user_data, NULL, NULL, NULL) != SQLITE_OK)
    lectern_store_set_error (db, "run a statement", error);
  return NULL;
}

static void
execute (LecternStore *store, const char *sql)
{
  g_autoptr (GError) error = NULL;

  lectern_store_call (store, run_sql, (gpointer) sql, &error);
  g_assert_no_error (error);
}

static gpointer
count_rows (sqlite3 *db, gpointer user_data, GError **error)
{
  sqlite3_stmt *statement;
  int count = -1;

  g_assert_cmpint (sqlite3_prepare_v2 (db, user_data, -1, &statement, NULL), ==, SQLITE_OK);
  if (sqlite3_step (statement) == SQLITE_ROW)
    count = sqlite3_column_int (statement, 0);
  sqlite3_finalize (statement);
  return GINT_TO_POINTER (count);
}

static int
count (LecternStore *store)
{
  g_autoptr (GError) error = NULL;
  gpointer rows = lectern_store_call (store, count_rows, "SELECT count (*) FROM t", &error);

  g_assert_no_error (error);
  return GPOINTER_TO_INT (rows);
}

static LecternStore *
open_with_table (const char *path)
{
  g_autoptr (GError) error = NULL;
  LecternStore *store = lectern_store_open (path, &error);

  g_assert_no_error (error);
  execute (store, "CREATE TABLE IF NOT EXISTS t (n INTEGER UNIQUE)");
  return store;
}

static void
refuse_open (const char *path, int code, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (lectern_store_open (path, &error));
  g_assert_error (error, LECTERN_ERROR, code);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, text));
}

static void
test_file (void)
{
  g_autofree char *path = fresh_path ();
  g_autofree char *wal = g_strconcat (path, "-wal", NULL);
  g_autoptr (LecternStore) store = open_with_table (path);
  GStatBuf info;

  g_assert_cmpint (g_stat (path, &info), ==, 0);
  g_assert_cmpuint (info.st_mode & 0777, ==, 0600);
  g_assert_cmpint (g_stat (wal, &info), ==, 0);
  g_assert_cmpuint (info.st_mode & 0777, ==, 0600);
  execute (store, "INSERT INTO t VALUES (1)");
  lectern_store_close (store);
  lectern_store_close (store);
  g_clear_object (&store);

  store = open_with_table (path);
  g_assert_cmpint (count (store), ==, 1);
}

static void
test_refusals (void)
{
  g_autofree char *newer = fresh_path ();
  g_autofree char *foreign = fresh_path ();
  g_autofree char *text = fresh_path ();
  g_autofree char *missing = g_strconcat (folder, "/no-such-folder/core.db", NULL);
  g_autoptr (LecternStore) store = open_with_table (newer);
  sqlite3 *db;

  execute (store, "PRAGMA user_version = 4711");
  lectern_store_close (store);
  refuse_open (newer, LECTERN_ERROR_INVALID_DATA, "later version");

  g_assert_cmpint (sqlite3_open (foreign, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "CREATE TABLE theirs (x)", NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (db);
  refuse_open (foreign, LECTERN_ERROR_INVALID_DATA, "other program");

  g_assert_true (g_file_set_contents (text, "this is not a database, and long enough", -1, NULL));
  refuse_open (text, LECTERN_ERROR_INVALID_DATA, "not a database");
  refuse_open (missing, LECTERN_ERROR_NOT_FOUND, "cannot open it");
  refuse_open (folder, LECTERN_ERROR_FAILED, "cannot open it");
}

static void
test_damage (void)
{
  g_autofree char *path = fresh_path ();
  g_autoptr (LecternStore) store = open_with_table (path);
  g_autofree char *content = NULL;
  gsize length;

  execute (store, "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 5000)"
                  " INSERT INTO t SELECT x FROM c");
  lectern_store_close (store);
  g_assert_true (g_file_get_contents (path, &content, &length, NULL));
  g_assert_cmpuint (length, >, 40000);
  memset (content + 20000, 0xa5, 10000);
  g_assert_true (g_file_set_contents (path, content, (gssize) length, NULL));
  refuse_open (path, LECTERN_ERROR_INVALID_DATA, "");
}

/* A call that fails takes back its own work and nobody else's. */
static gpointer
insert_then_fail (sqlite3 *db, gpointer user_data, GError **error)
{
  run_sql (db, "INSERT INTO t VALUES (100), (101)", error);
  run_sql (db, "INSERT INTO t VALUES (100)", error);
  return g_strdup ("must be freed");
}

typedef struct
{
  guint answered;
  guint failed;
  GThread *thread;
} Tally;

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  Tally *tally = user_data;
  g_autofree char *text = lectern_store_call_finish (LECTERN_STORE (source), result, &error);

  g_assert_true (tally->thread == g_thread_self ());
  g_assert_null (text);
  if (error != NULL)
    {
      g_assert_true (error->domain == LECTERN_ERROR);
      tally->failed++;
    }
  tally->answered++;
}

static void
await (Tally *tally, guint n)
{
  while (tally->answered < n)
    g_main_context_iteration (g_main_context_get_thread_default (), TRUE);
  g_assert_cmpuint (tally->answered, ==, n);
}

static void
insert_async (LecternStore *store, guint number, Tally *tally)
{
  lectern_store_call_async (store, run_sql, g_strdup_printf ("INSERT INTO t VALUES (%u)", number),
                            g_free, g_free, NULL, on_answer, tally);
}

static void
test_rollback (void)
{
  g_autofree char *path = fresh_path ();
  g_autoptr (LecternStore) store = open_with_table (path);
  Tally tally = { .thread = g_thread_self () };

  for (guint i = 0; i < 10; i++)
    {
      if (i == 5)
        lectern_store_call_async (store, insert_then_fail, NULL, NULL, g_free, NULL, on_answer,
                                  &tally);
      insert_async (store, i, &tally);
    }
  await (&tally, 11);
  g_assert_cmpuint (tally.failed, ==, 1);
  g_assert_cmpint (count (store), ==, 10);
}

/* A call that ends the shared transaction is a bug; the others must hear that their work is gone.
 */
static void
test_lost_transaction (void)
{
  g_autofree char *path = fresh_path ();
  g_autoptr (LecternStore) store = open_with_table (path);
  Tally tally = { .thread = g_thread_self () };

  lectern_store_call_async (store, run_sql,
                            "INSERT INTO t VALUES (1); INSERT OR ROLLBACK INTO t VALUES (1)", NULL,
                            NULL, NULL, on_answer, &tally);
  await (&tally, 1);
  g_assert_cmpuint (tally.failed, ==, 1);
  insert_async (store, 7, &tally);
  await (&tally, 2);
  g_assert_cmpuint (tally.failed, ==, 1);
  g_assert_cmpint (count (store), ==, 1);
}

#define N_THREADS 4
#define N_INSERTS 500

typedef struct
{
  LecternStore *store;
  guint first;
} Writer;

static gpointer
write_many (gpointer data)
{
  Writer *writer = data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  Tally tally = { .thread = g_thread_self () };

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < N_INSERTS; i++)
    insert_async (writer->store, writer->first + i, &tally);
  await (&tally, N_INSERTS);
  g_main_context_pop_thread_default (context);
  g_assert_cmpuint (tally.failed, ==, 0);
  return NULL;
}

static void
test_concurrent (void)
{
  g_autofree char *path = fresh_path ();
  g_autoptr (LecternStore) store = open_with_table (path);
  Writer writers[N_THREADS];
  GThread *threads[N_THREADS];
  gint64 began = g_get_monotonic_time ();

  for (guint i = 0; i < N_THREADS; i++)
    {
      writers[i] = (Writer){ store, i * N_INSERTS };
      threads[i] = g_thread_new ("writer", write_many, &writers[i]);
    }
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_test_message ("%d inserts in %" G_GINT64_FORMAT " us", N_THREADS * N_INSERTS,
                  g_get_monotonic_time () - began);
  g_assert_cmpint (count (store), ==, N_THREADS * N_INSERTS);
}

/* Two programs on one file: neither loses a write or is told that it is busy. */
static void
test_two_stores (void)
{
  g_autofree char *path = fresh_path ();
  g_autoptr (LecternStore) first = open_with_table (path);
  g_autoptr (LecternStore) second = open_with_table (path);
  Tally tally = { .thread = g_thread_self () };

  for (guint i = 0; i < 200; i++)
    insert_async (i % 2 != 0 ? first : second, i, &tally);
  await (&tally, 200);
  g_assert_cmpuint (tally.failed, ==, 0);
  g_assert_cmpint (count (first), ==, 200);
  g_assert_cmpint (count (second), ==, 200);
}

typedef struct
{
  GMutex lock;
  GCond cond;
  gboolean open;
} Gate;

static gpointer
wait_at_gate (sqlite3 *db, gpointer user_data, GError **error)
{
  Gate *gate = user_data;

  g_mutex_lock (&gate->lock);
  while (!gate->open)
    g_cond_wait (&gate->cond, &gate->lock);
  g_mutex_unlock (&gate->lock);
  return NULL;
}

static void
open_gate (Gate *gate)
{
  g_mutex_lock (&gate->lock);
  gate->open = TRUE;
  g_cond_signal (&gate->cond);
  g_mutex_unlock (&gate->lock);
}

static gpointer
do_nothing (sqlite3 *db, gpointer user_data, GError **error)
{
  return NULL;
}

static void
test_limit (void)
{
  g_autofree char *path = fresh_path ();
  g_autoptr (LecternStore) store = open_with_table (path);
  Gate gate = { .open = FALSE };
  Tally tally = { .thread = g_thread_self () };

  lectern_store_call_async (store, wait_at_gate, &gate, NULL, NULL, NULL, on_answer, &tally);
  for (guint i = 0; i < 11000; i++)
    lectern_store_call_async (store, do_nothing, NULL, NULL, NULL, NULL, on_answer, &tally);
  open_gate (&gate);
  await (&tally, 11001);
  g_assert_cmpuint (tally.failed, >=, 999);
  g_assert_cmpuint (tally.failed, <=, 1000);
}

static void
test_cancelled (void)
{
  g_autofree char *path = fresh_path ();
  g_autoptr (LecternStore) store = open_with_table (path);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Gate gate = { .open = FALSE };
  Tally tally = { .thread = g_thread_self () };

  lectern_store_call_async (store, wait_at_gate, &gate, NULL, NULL, NULL, on_answer, &tally);
  lectern_store_call_async (store, run_sql, g_strdup ("INSERT INTO t VALUES (1)"), g_free, NULL,
                            cancellable, on_answer, &tally);
  g_cancellable_cancel (cancellable);
  open_gate (&gate);
  await (&tally, 2);
  g_assert_cmpuint (tally.failed, ==, 1);
  g_assert_cmpint (count (store), ==, 0);
}

static void
test_close (void)
{
  g_autofree char *path = fresh_path ();
  g_autoptr (LecternStore) store = open_with_table (path);
  g_autoptr (LecternStore) again = NULL;
  g_autoptr (GError) error = NULL;
  Tally tally = { .thread = g_thread_self () };

  for (guint i = 0; i < 300; i++)
    insert_async (store, i, &tally);
  lectern_store_close (store);
  lectern_store_call (store, run_sql, "SELECT 1", &error);
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_CLOSED);
  insert_async (store, 300, &tally);
  await (&tally, 301);
  g_assert_cmpuint (tally.failed, ==, 1);
  again = open_with_table (path);
  g_assert_cmpint (count (again), ==, 300);
}

/* Whoever asked may be gone, and with them the last reference to the store. */
static void
test_caller_gone (void)
{
  g_autofree char *path = fresh_path ();
  LecternStore *store = open_with_table (path);
  g_autoptr (LecternStore) again = NULL;
  GMainContext *context = g_main_context_new ();
  Gate gate = { .open = FALSE };
  Tally tally = { 0 };

  g_main_context_push_thread_default (context);
  lectern_store_call_async (store, wait_at_gate, &gate, NULL, NULL, NULL, on_answer, &tally);
  insert_async (store, 1, &tally);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  g_object_unref (store);
  open_gate (&gate);
  again = open_with_table (path);
  while (count (again) != 1)
    g_thread_yield ();
  g_assert_cmpuint (tally.answered, ==, 0);
}

/* In the child: tells each number it was told is safe. */
static guint n_open;

static void
on_safe (GObject *source, GAsyncResult *result, gpointer user_data)
{
  gint32 number = GPOINTER_TO_INT (user_data);

  n_open--;
  lectern_store_call_finish (LECTERN_STORE (source), result, NULL);
  if (write (STDOUT_FILENO, &number, sizeof number) != sizeof number)
    _exit (2);
}

static void
insert_for_ever (const char *path)
{
  LecternStore *store = open_with_table (path);

  for (gint32 i = 0;; i++)
    {
      lectern_store_call_async (store, run_sql, g_strdup_printf ("INSERT INTO t VALUES (%d)", i),
                                g_free, NULL, NULL, on_safe, GINT_TO_POINTER (i));
      n_open++;
      while (n_open > 20)
        g_main_context_iteration (NULL, TRUE);
    }
}

static void
test_kill (void)
{
  g_autofree char *path = fresh_path ();
  const char *arguments[] = { "/proc/self/exe", "--insert", NULL, NULL };
  g_autoptr (LecternStore) store = NULL;
  int pipes[2];
  gint32 number = -1;
  gint32 last = -1;
  pid_t child;

  arguments[2] = path;
  g_assert_cmpint (pipe (pipes), ==, 0);
  child = fork ();
  if (child == 0)
    {
      dup2 (pipes[1], STDOUT_FILENO);
      close (pipes[0]);
      close (pipes[1]);
      execv (arguments[0], (char **) arguments);
      _exit (127);
    }
  close (pipes[1]);
  while (last < 500 && read (pipes[0], &number, sizeof number) == sizeof number)
    last = MAX (last, number);
  kill (child, SIGKILL);
  while (read (pipes[0], &number, sizeof number) == sizeof number)
    last = MAX (last, number);
  close (pipes[0]);
  waitpid (child, NULL, 0);
  g_assert_cmpint (last, >=, 500);
  store = open_with_table (path);
  g_assert_cmpint (count (store), >, last);
}

static void
remove_folder (void)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_unlink (path);
    }
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  int status;

  if (argc == 3 && strcmp (argv[1], "--insert") == 0)
    insert_for_ever (argv[2]);
  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("lectern-store-XXXXXX", NULL);
  g_test_add_func ("/store/makes-a-private-file-and-keeps-it", test_file);
  g_test_add_func ("/store/refuses-newer-foreign-and-missing-files", test_refusals);
  g_test_add_func ("/store/refuses-a-damaged-file", test_damage);
  g_test_add_func ("/store/a-failing-call-undoes-its-own-work-alone", test_rollback);
  g_test_add_func ("/store/an-undone-transaction-is-told", test_lost_transaction);
  g_test_add_func ("/store/serves-several-threads", test_concurrent);
  g_test_add_func ("/store/shares-its-file-with-another-program", test_two_stores);
  g_test_add_func ("/store/bounds-its-queue", test_limit);
  g_test_add_func ("/store/a-cancelled-call-does-nothing", test_cancelled);
  g_test_add_func ("/store/close-finishes-what-waits", test_close);
  g_test_add_func ("/store/a-caller-may-be-gone", test_caller_gone);
  g_test_add_func ("/store/what-was-answered-survives-a-kill", test_kill);
  status = g_test_run ();
  remove_folder ();
  g_free (folder);
  return status;
}
