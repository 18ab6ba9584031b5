/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-relay-book.h"

#include <string.h>

#define ID_LENGTH 8
/* Of what is kept; more cannot have been made. */
#define MAX_ROWS 10000

struct _LecternRelayBook
{
  gint refs;
  LecternHost *host;
  LecternRelayBoard *board; /* NULL: closed */
};

static LecternRelayBook *
book_ref (LecternRelayBook *self)
{
  self->refs++;
  return self;
}

static void
book_unref (LecternRelayBook *self)
{
  if (--self->refs > 0)
    return;
  g_object_unref (self->host);
  g_free (self);
}

/* A change of what is kept, and who waits for it. */
typedef struct
{
  LecternRelayBook *book;
  LecternRelayRule *rule;
  LecternRelaysFunc func;
  gpointer data;
} Change;

static Change *
change_new (LecternRelayBook *self, LecternRelayRule *rule, LecternRelaysFunc func, gpointer data)
{
  Change *change = g_new (Change, 1);

  *change = (Change){ book_ref (self), lectern_relay_rule_ref (rule), func, data };
  return change;
}

static void
change_free (Change *change)
{
  lectern_relay_rule_unref (change->rule);
  book_unref (change->book);
  g_free (change);
}

static void
refuse (LecternRelaysFunc func, gpointer data, LecternError code, const char *why)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, code, why);

  func (NULL, error, data);
}

/* ── on the store's thread ── */

static gboolean
run (sqlite3 *db, sqlite3_stmt *statement, const char *doing, GError **error)
{
  gboolean done = statement != NULL && sqlite3_step (statement) == SQLITE_DONE;

  if (!done)
    lectern_store_set_error (db, doing, error);
  sqlite3_finalize (statement);
  return done;
}

static gpointer
insert (sqlite3 *db, gpointer user_data, GError **error)
{
  static const char sql[] = "INSERT INTO relay (id, mode, stream, url, transport, created)"
                            " VALUES (?, ?, ?, ?, ?, ?)";
  const LecternRelayRule *rule = user_data;
  const char *const texts[] = { rule->id, lectern_relay_mode_get_name (rule->mode), rule->stream,
                                rule->url, rule->transport };
  sqlite3_stmt *statement = NULL;

  if (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) == SQLITE_OK)
    {
      for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
        sqlite3_bind_text (statement, (int) i + 1, texts[i], -1, SQLITE_STATIC);
      sqlite3_bind_int64 (statement, G_N_ELEMENTS (texts) + 1, lectern_clock_wall_us () / 1000);
    }
  run (db, statement, "keep the relay", error);
  return NULL;
}

static gpointer delete (sqlite3 *db, gpointer user_data, GError **error)
{
  const LecternRelayRule *rule = user_data;
  sqlite3_stmt *statement = NULL;

  if (sqlite3_prepare_v2 (db, "DELETE FROM relay WHERE id = ?", -1, &statement, NULL) == SQLITE_OK)
    sqlite3_bind_text (statement, 1, rule->id, -1, SQLITE_STATIC);
  run (db, statement, "forget the relay", error);
  return NULL;
}

static LecternRelayRule *
read_row (sqlite3_stmt *statement)
{
  g_autoptr (GError) error = NULL;
  const char *texts[5];
  LecternRelayMode mode;
  LecternRelayRule *rule = NULL;

  for (int i = 0; i < 5; i++)
    texts[i] = (const char *) sqlite3_column_text (statement, i);
  if (lectern_relay_mode_parse (texts[1], &mode))
    rule = lectern_relay_rule_new (texts[0], mode, texts[2], texts[3], texts[4], &error);
  if (rule == NULL)
    g_warning ("relay '%s' is not what it should be and is left out: %s", texts[0],
               error != NULL ? error->message : "unknown mode");
  return rule;
}

static gpointer
select_all (sqlite3 *db, gpointer user_data, GError **error)
{
  static const char sql[]
      = "SELECT id, mode, stream, url, transport FROM relay ORDER BY created, id";
  GPtrArray *rules = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_relay_rule_unref);
  sqlite3_stmt *statement = NULL;
  int status = sqlite3_prepare_v2 (db, sql, -1, &statement, NULL);

  while (status == SQLITE_OK && rules->len < MAX_ROWS
         && (status = sqlite3_step (statement)) == SQLITE_ROW)
    {
      LecternRelayRule *rule = read_row (statement);

      if (rule != NULL)
        g_ptr_array_add (rules, rule);
      status = SQLITE_OK;
    }
  if (status != SQLITE_DONE && status != SQLITE_OK)
    lectern_store_set_error (db, "read the relays", error);
  sqlite3_finalize (statement);
  return rules;
}

/* ── beginning ── */

static void
on_read (GObject *store, GAsyncResult *result, gpointer user_data)
{
  LecternRelayBook *self = user_data;
  g_autoptr (GError) error = NULL;
  GPtrArray *rules = lectern_store_call_finish (LECTERN_STORE (store), result, &error);

  if (error != NULL && self->board != NULL)
    g_warning ("relays that were made before are not there: %s", error->message);
  for (guint i = 0; self->board != NULL && rules != NULL && i < rules->len; i++)
    lectern_relay_board_restore (self->board, g_ptr_array_index (rules, i));
  g_clear_pointer (&rules, g_ptr_array_unref);
  book_unref (self);
}

LecternRelayBook *
lectern_relay_book_new (LecternHost *host, LecternRelayBoard *board)
{
  LecternRelayBook *self = g_new0 (LecternRelayBook, 1);

  self->refs = 2;
  self->host = g_object_ref (host);
  self->board = board;
  lectern_store_call_async (lectern_host_get_store (host), select_all, NULL, NULL,
                            (GDestroyNotify) g_ptr_array_unref, NULL, on_read, self);
  return self;
}

void
lectern_relay_book_close (LecternRelayBook *self)
{
  self->board = NULL;
  book_unref (self);
}

/* ── changing ── */

static void
answer_created (Change *change)
{
  LecternRelayBoard *board = change->book->board;
  g_autoptr (JsonNode) answer = NULL;
  g_autoptr (GError) error = NULL;

  if (lectern_relay_board_add (board, change->rule, &error))
    answer = lectern_relay_board_describe (board, change->rule->id);
  else
    /* Another one came first; the store's was in vain. */
    lectern_store_call_async (lectern_host_get_store (change->book->host), delete,
                              lectern_relay_rule_ref (change->rule),
                              (GDestroyNotify) lectern_relay_rule_unref, NULL, NULL, NULL, NULL);
  change->func (answer, error, change->data);
}

static void
on_inserted (GObject *store, GAsyncResult *result, gpointer user_data)
{
  Change *change = user_data;
  g_autoptr (GError) error = NULL;

  lectern_store_call_finish (LECTERN_STORE (store), result, &error);
  if (error != NULL)
    change->func (NULL, error, change->data);
  else if (change->book->board == NULL)
    refuse (change->func, change->data, LECTERN_ERROR_CLOSED, "relays are being switched off");
  else
    answer_created (change);
  change_free (change);
}

static char *
make_id (LecternRelayBook *self)
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  char id[ID_LENGTH + 1] = "";

  do
    for (guint i = 0; i < ID_LENGTH; i++)
      id[i] = letters[g_random_int_range (0, sizeof letters - 1)];
  while (lectern_relay_board_lookup (self->board, id) != NULL);
  return g_strdup (id);
}

void
lectern_relay_book_create (LecternRelayBook *self, const LecternRelaySpec *spec,
                           LecternRelaysFunc func, gpointer data)
{
  LecternRelayMode mode = spec->way == LECTERN_CARRY_PUSH ? LECTERN_RELAY_PUSH
                          : spec->on_demand               ? LECTERN_RELAY_ON_DEMAND
                                                          : LECTERN_RELAY_PULL;
  g_autofree char *id = make_id (self);
  g_autoptr (GError) error = NULL;
  g_autoptr (LecternRelayRule) rule
      = lectern_relay_rule_new (id, mode, spec->stream, spec->url, spec->transport, &error);

  if (rule == NULL || !lectern_relay_board_check (self->board, rule, &error))
    {
      func (NULL, error, data);
      return;
    }
  lectern_store_call_async (lectern_host_get_store (self->host), insert,
                            lectern_relay_rule_ref (rule),
                            (GDestroyNotify) lectern_relay_rule_unref, NULL, NULL, on_inserted,
                            change_new (self, rule, func, data));
}

static void
on_deleted (GObject *store, GAsyncResult *result, gpointer user_data)
{
  Change *change = user_data;
  g_autoptr (GError) error = NULL;

  lectern_store_call_finish (LECTERN_STORE (store), result, &error);
  if (error == NULL && change->book->board != NULL)
    lectern_relay_board_remove (change->book->board, change->rule->id);
  change->func (NULL, error, change->data);
  change_free (change);
}

void
lectern_relay_book_remove (LecternRelayBook *self, const char *id, LecternRelaysFunc func,
                           gpointer data)
{
  LecternRelayRule *rule = lectern_relay_board_lookup (self->board, id);

  if (rule == NULL)
    refuse (func, data, LECTERN_ERROR_NOT_FOUND, "no such relay");
  else if (rule->fixed)
    refuse (func, data, LECTERN_ERROR_CONFLICT, "it stands in the keyfile");
  else
    lectern_store_call_async (lectern_host_get_store (self->host), delete,
                              lectern_relay_rule_ref (rule),
                              (GDestroyNotify) lectern_relay_rule_unref, NULL, NULL, on_deleted,
                              change_new (self, rule, func, data));
}
