/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/lectern-store-migration.h"
#include "store/lectern-store.h"

/* "Lctn", so that a file of some other program is not taken for ours. */
#define APPLICATION_ID 0x4c63746e
#define STRING(x) #x
#define XSTRING(x) STRING (x)

/* Step n brings a file from version n to n + 1. A step that was ever released is never changed; a
 * change of mind is a further step. Times are Unix time in milliseconds. */
static const char *const steps[] = {
  "CREATE TABLE stream_key ("
  " hash BLOB PRIMARY KEY CHECK (length (hash) = 32)," /* SHA-256 of the key */
  " stream TEXT NOT NULL,"
  " label TEXT,"
  " created INTEGER NOT NULL,"
  " revoked INTEGER"
  ") STRICT;"
  "CREATE INDEX stream_key_stream ON stream_key (stream);"
  "PRAGMA application_id = " XSTRING (APPLICATION_ID) ";",
  /* MD5 of NAME:realm:key, for HTTP's Digest, whose server must know that much; NULL in keys made
     before. */
  "ALTER TABLE stream_key ADD COLUMN digest BLOB CHECK (length (digest) = 16);",
  "CREATE TABLE relay ("
  " id TEXT PRIMARY KEY,"
  " mode TEXT NOT NULL,"
  " stream TEXT NOT NULL,"
  " url TEXT NOT NULL," /* may hold a key or a password */
  " transport TEXT,"
  " created INTEGER NOT NULL"
  ") STRICT;",
};

static gboolean
read_number (sqlite3 *db, const char *sql, int *value, GError **error)
{
  sqlite3_stmt *statement = NULL;
  gboolean good = sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) == SQLITE_OK
                  && sqlite3_step (statement) == SQLITE_ROW;

  if (good)
    *value = sqlite3_column_int (statement, 0);
  else
    lectern_store_set_error (db, "read the version", error);
  sqlite3_finalize (statement);
  return good;
}

static gboolean
execute (sqlite3 *db, const char *sql, GError **error)
{
  return sqlite3_exec (db, sql, NULL, NULL, NULL) == SQLITE_OK
         || lectern_store_set_error (db, "make the tables", error);
}

/* A file without tables is new; any other must carry our mark. */
static gboolean
check_owner (sqlite3 *db, GError **error)
{
  int id = 0;
  int n_objects = 0;

  if (!read_number (db, "PRAGMA application_id", &id, error)
      || !read_number (db, "SELECT count (*) FROM sqlite_schema", &n_objects, error))
    return FALSE;
  if (id == APPLICATION_ID || (id == 0 && n_objects == 0))
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                       "it is the file of some other program");
  return FALSE;
}

static gboolean
run_step (sqlite3 *db, guint number, GError **error)
{
  g_autofree char *stamp = g_strdup_printf ("PRAGMA user_version = %u", number + 1);
  int version = 0;

  /* Somebody else may have taken this step while we waited for the lock. */
  if (!read_number (db, "PRAGMA user_version", &version, error))
    return FALSE;
  if (version > (int) number)
    return TRUE;
  return execute (db, steps[number], error) && execute (db, stamp, error);
}

gboolean
lectern_store_migrate (sqlite3 *db, GError **error)
{
  int version = 0;

  if (!check_owner (db, error) || !read_number (db, "PRAGMA user_version", &version, error))
    return FALSE;
  if (version < 0 || version > (int) G_N_ELEMENTS (steps))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "it was written by a later version of Lectern (tables of version %d; this one "
                   "knows %d)",
                   version, (int) G_N_ELEMENTS (steps));
      return FALSE;
    }
  for (guint i = (guint) version; i < G_N_ELEMENTS (steps); i++)
    {
      gboolean good;

      if (!execute (db, "BEGIN IMMEDIATE", error))
        return FALSE;
      good = run_step (db, i, error) && execute (db, "COMMIT", error);
      if (!good)
        {
          sqlite3_exec (db, "ROLLBACK", NULL, NULL, NULL);
          return FALSE;
        }
    }
  return TRUE;
}
