/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-credential.h"
#include "access/lectern-key-guard.h"
#include "access/lectern-loop-guard.h"
#include "access/lectern-open-guard.h"
#include "access/lectern-secret.h"
#include "access/lectern-token-guard.h"

#include <glib/gstdio.h>
#include <string.h>

static char *folder;

typedef struct
{
  gboolean answered;
  gboolean allowed;
  char *issuer;
  char *subject;
  char *message;
} Answer;

static void
answer_clear (Answer *self)
{
  g_clear_pointer (&self->issuer, g_free);
  g_clear_pointer (&self->subject, g_free);
  g_clear_pointer (&self->message, g_free);
  self->answered = FALSE;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answer, answer_clear)

static void
on_answer (LecternIdentity *identity, const GError *error, gpointer user_data)
{
  Answer *answer = user_data;

  answer->answered = TRUE;
  answer->allowed = error == NULL;
  answer->message = error != NULL ? g_strdup (error->message) : NULL;
  if (identity != NULL)
    {
      answer->issuer = g_strdup (lectern_identity_get_issuer (identity));
      answer->subject = g_strdup (lectern_identity_get_subject (identity));
    }
}

static gboolean
ask (LecternAccessChain *chain, LecternAction action, const char *thing, const char *query,
     const char *credential, Answer *answer)
{
  g_autoptr (LecternAccessRequest) request
      = lectern_access_request_new (action, thing, "test", NULL);
  g_autoptr (LecternIdentity) identity = NULL;
  gboolean at_once;

  answer_clear (answer);
  request->query = g_strdup (query);
  request->credential = g_strdup (credential);
  request->method = g_strdup ("ANNOUNCE");
  at_once = lectern_access_chain_check_now (chain, request, &identity);
  lectern_access_chain_check (chain, request, on_answer, answer);
  while (!answer->answered)
    g_main_context_iteration (NULL, TRUE);
  /* What is allowed at once is allowed the long way too. */
  if (at_once)
    g_assert_true (answer->allowed);
  return answer->allowed;
}

static LecternAccessChain *
chain_with (gpointer guard)
{
  LecternAccessChain *chain = lectern_access_chain_new (20 * G_TIME_SPAN_SECOND);

  lectern_access_chain_add_guard (chain, LECTERN_GUARD (guard), 100);
  return chain;
}

static void
test_open (void)
{
  g_autoptr (LecternOpenGuard) guard = lectern_open_guard_new (FALSE, FALSE);
  g_autoptr (LecternAccessChain) chain = chain_with (guard);
  g_auto (Answer) answer = { 0 };

  for (guint mask = 0; mask < 4; mask++)
    {
      lectern_open_guard_set (guard, mask & 1, (mask & 2) != 0);
      g_assert_true (ask (chain, LECTERN_ACTION_PUBLIC, NULL, NULL, NULL, &answer));
      g_assert_cmpint (ask (chain, LECTERN_ACTION_PLAY, "live/a", NULL, NULL, &answer), ==,
                       (mask & 1) != 0);
      g_assert_cmpint (ask (chain, LECTERN_ACTION_PUBLISH, "live/a", NULL, NULL, &answer), ==,
                       (mask & 2) != 0);
      g_assert_null (answer.issuer);
      g_assert_false (ask (chain, LECTERN_ACTION_JOIN, "live/a", NULL, NULL, &answer));
      g_assert_false (ask (chain, LECTERN_ACTION_TEACH, "live/a", NULL, NULL, &answer));
      g_assert_false (ask (chain, LECTERN_ACTION_MANAGE, NULL, NULL, NULL, &answer));
    }
}

static gboolean
ask_via (LecternAccessChain *chain, LecternAction action, const char *via, Answer *answer)
{
  g_autoptr (LecternAccessRequest) request
      = lectern_access_request_new (action, "live/a", "test", NULL);
  g_autoptr (LecternIdentity) identity = NULL;
  gboolean at_once;

  answer_clear (answer);
  request->via = g_strdup (via);
  at_once = lectern_access_chain_check_now (chain, request, &identity);
  lectern_access_chain_check (chain, request, on_answer, answer);
  while (!answer->answered)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (at_once, ==, answer->allowed);
  return answer->allowed;
}

static void
test_loops (void)
{
  g_autoptr (LecternLoopGuard) guard = lectern_loop_guard_new ("abc");
  g_autoptr (LecternOpenGuard) open = lectern_open_guard_new (TRUE, TRUE);
  g_autoptr (LecternAccessChain) chain = chain_with (guard);
  g_auto (Answer) answer = { 0 };
  g_autofree char *hops16 = g_strnfill (31, 'x');
  g_autofree char *hops17 = g_strnfill (33, 'x');

  lectern_access_chain_add_guard (chain, LECTERN_GUARD (open), 1000);
  for (guint i = 1; i < 33; i += 2)
    hops17[i] = ',';
  for (guint i = 1; i < 31; i += 2)
    hops16[i] = ',';
  g_assert_true (ask_via (chain, LECTERN_ACTION_PLAY, NULL, &answer));
  g_assert_true (ask_via (chain, LECTERN_ACTION_PLAY, "", &answer));
  g_assert_true (ask_via (chain, LECTERN_ACTION_PUBLISH, "abcd,ab,xabc,,bc", &answer));
  g_assert_true (ask_via (chain, LECTERN_ACTION_PUBLISH, hops16, &answer));
  g_assert_false (ask_via (chain, LECTERN_ACTION_PUBLISH, hops17, &answer));
  g_assert_false (ask_via (chain, LECTERN_ACTION_PLAY, "abc", &answer));
  g_assert_false (ask_via (chain, LECTERN_ACTION_PUBLISH, "x,abc,y", &answer));
  g_assert_nonnull (strstr (answer.message, "a loop"));
  g_assert_true (ask_via (chain, LECTERN_ACTION_PUBLIC, "abc", &answer));
}

static void
test_token (void)
{
  g_autoptr (LecternTokenGuard) guard = lectern_token_guard_new ("0123456789abcdef");
  g_autoptr (LecternOpenGuard) open = lectern_open_guard_new (TRUE, TRUE);
  g_autoptr (LecternAccessChain) chain = chain_with (guard);
  g_auto (Answer) answer = { 0 };
  static const struct
  {
    const char *credential;
    gboolean manage, play;
  } rows[] = {
    { "Bearer 0123456789abcdef", TRUE, TRUE },
    { "bearer  0123456789abcdef", TRUE, TRUE },
    { "Bearer 0123456789abcde", FALSE, FALSE },
    { "Bearer 0123456789abcdef0", FALSE, FALSE },
    { "Bearer 0123456789abcdeF", FALSE, FALSE },
    { "Bearer ", FALSE, FALSE },
    { "Bearer", FALSE, FALSE },
    { "Bearerx", FALSE, TRUE },
    { "Basic 0123456789abcdef", FALSE, TRUE },
    { "", FALSE, TRUE },
    { NULL, FALSE, TRUE },
  };

  lectern_access_chain_add_guard (chain, LECTERN_GUARD (open), 1000);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_assert_cmpint (ask (chain, LECTERN_ACTION_MANAGE, NULL, NULL, rows[i].credential, &answer),
                       ==, rows[i].manage);
      g_assert_cmpstr (answer.issuer, ==, rows[i].manage ? "token" : NULL);
      g_assert_cmpstr (answer.subject, ==, rows[i].manage ? "admin" : NULL);
      g_assert_cmpint (
          ask (chain, LECTERN_ACTION_PLAY, "live/a", NULL, rows[i].credential, &answer), ==,
          rows[i].play);
    }
}

static void
refuse_token (LecternError code, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (lectern_token_load_or_create (folder, &error));
  g_assert_error (error, LECTERN_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, text));
}

static void
test_token_file (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder, "admin-token", NULL);
  g_autofree char *first = lectern_token_load_or_create (folder, &error);
  g_autofree char *second = lectern_token_load_or_create (folder, &error);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  GStatBuf info;

  g_assert_no_error (error);
  g_assert_cmpuint (strlen (first), ==, 43);
  g_assert_cmpstr (first, ==, second);
  g_assert_cmpint (g_stat (path, &info), ==, 0);
  g_assert_cmpuint (info.st_mode & 07777, ==, 0600);
  g_assert_cmpstr (g_dir_read_name (dir), ==, "admin-token");
  g_assert_null (g_dir_read_name (dir));

  g_chmod (path, 0640);
  refuse_token (LECTERN_ERROR_INVALID_CONFIG, "others");
  g_chmod (path, 0604);
  refuse_token (LECTERN_ERROR_INVALID_CONFIG, "others");
  g_chmod (path, 0600);
  g_assert_true (
      g_file_set_contents_full (path, "short\n", -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
  refuse_token (LECTERN_ERROR_INVALID_CONFIG, "fewer");
  g_assert_true (
      g_file_set_contents_full (path, "", -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
  refuse_token (LECTERN_ERROR_INVALID_CONFIG, "empty");
  g_unlink (path);
  g_mkdir (path, 0700);
  refuse_token (LECTERN_ERROR_INVALID_CONFIG, "not a file");
  g_rmdir (path);
  g_assert_null (lectern_token_load_or_create ("/no/such/folder", &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND);
}

static void
test_key (void)
{
  g_autofree char *path = g_build_filename (folder, "core.db", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (LecternStore) store = lectern_store_open (path, &error);
  g_autoptr (LecternStore) other_program = lectern_store_open (path, &error);
  g_autoptr (LecternKeyGuard) guard = lectern_key_guard_new (store);
  g_autoptr (LecternOpenGuard) open = lectern_open_guard_new (TRUE, TRUE);
  g_autoptr (LecternAccessChain) chain = chain_with (guard);
  g_auto (Answer) answer = { 0 };
  g_autofree char *key = lectern_key_create (other_program, "physics", "OBS", FALSE, &error);
  g_autofree char *second = lectern_key_create (other_program, "live/physics", NULL, FALSE, &error);
  g_autofree char *third = NULL;
  g_autofree char *query = g_strdup_printf ("a=b&key=%s", key);
  g_autofree char *query2 = g_strdup_printf ("key=%s", second);
  g_autofree char *query3 = NULL;
  g_autofree char *content = NULL;
  gsize length;

  g_assert_no_error (error);
  g_assert_cmpuint (strlen (key), ==, 43);
  lectern_access_chain_add_guard (chain, LECTERN_GUARD (open), 1000);

  g_assert_true (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", query, NULL, &answer));
  g_assert_cmpstr (answer.issuer, ==, "key");
  g_assert_cmpuint (strlen (answer.subject), ==, 64);
  g_assert_true (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", query2, NULL, &answer));
  /* A key opens its own stream alone, and nothing but PUBLISH. */
  g_assert_false (ask (chain, LECTERN_ACTION_PUBLISH, "live/maths", query, NULL, &answer));
  g_assert_nonnull (strstr (answer.message, "wrong stream key"));
  g_assert_true (ask (chain, LECTERN_ACTION_PLAY, "live/maths", query, NULL, &answer));
  g_assert_null (answer.issuer);
  g_assert_false (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", "key=", NULL, &answer));
  g_assert_false (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", "key=x", NULL, &answer));
  /* Without a key somebody else may decide. */
  g_assert_true (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", NULL, NULL, &answer));
  g_assert_null (answer.issuer);
  g_assert_true (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", "keys=x", NULL, &answer));

  third = lectern_key_create (other_program, "physics", NULL, TRUE, &error);
  query3 = g_strdup_printf ("key=%s", third);
  g_assert_false (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", query, NULL, &answer));
  g_assert_false (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", query2, NULL, &answer));
  g_assert_true (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", query3, NULL, &answer));

  /* A store that fails is a no. */
  lectern_store_close (store);
  g_assert_false (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", query3, NULL, &answer));
  lectern_store_close (other_program);
  g_assert_true (g_file_get_contents (path, &content, &length, NULL));
  g_assert_null (g_strstr_len (content, (gssize) length, third));
  g_unlink (path);
}

/* Returns: (transfer full): what a client of HTTP or RTSP sends for ANNOUNCE. */
static char *
make_digest (const char *username, const char *key)
{
  guint8 hash[LECTERN_CREDENTIAL_HASH_SIZE];
  g_autofree char *action = g_compute_checksum_for_string (G_CHECKSUM_MD5, "ANNOUNCE:/x", -1);
  g_autoptr (GString) whole = g_string_new (NULL);
  g_autofree char *response = NULL;

  lectern_credential_hash (username, key, hash);
  for (guint i = 0; i < sizeof hash; i++)
    g_string_append_printf (whole, "%02x", hash[i]);
  g_string_append_printf (whole, ":nonce:%s", action);
  response = g_compute_checksum_for_string (G_CHECKSUM_MD5, whole->str, -1);
  return g_strdup_printf ("Digest username=\"%s\", realm=\"Lectern\", nonce=\"nonce\", "
                          "uri=\"/x\", response=\"%s\"",
                          username, response);
}

static void
test_key_credentials (void)
{
  g_autofree char *path = g_build_filename (folder, "credentials.db", NULL);
  g_autoptr (LecternStore) store = lectern_store_open (path, NULL);
  g_autoptr (LecternKeyGuard) guard = lectern_key_guard_new (store);
  g_autoptr (LecternAccessChain) chain = chain_with (guard);
  g_auto (Answer) answer = { 0 };
  g_autofree char *key = lectern_key_create (store, "physics", NULL, FALSE, NULL);
  g_autofree char *pair = g_strconcat ("anybody:", key, NULL);
  g_autofree char *base64 = g_base64_encode ((const guchar *) pair, strlen (pair));
  g_autofree char *basic = g_strconcat ("Basic ", base64, NULL);
  g_autofree char *digest = make_digest ("physics", key);
  g_autofree char *other_name = make_digest ("maths", key);
  g_autofree char *other_key = make_digest ("physics", "guessed");
  g_autofree char *query = g_strconcat ("key=", key, NULL);
  g_autofree char *subject = NULL;

  g_assert_true (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", query, NULL, &answer));
  subject = g_strdup (answer.subject);
  g_assert_true (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", NULL, basic, &answer));
  g_assert_cmpstr (answer.subject, ==, subject);
  g_assert_true (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", NULL, digest, &answer));
  g_assert_cmpstr (answer.subject, ==, subject);
  g_assert_false (ask (chain, LECTERN_ACTION_PUBLISH, "live/maths", NULL, basic, &answer));
  g_assert_false (ask (chain, LECTERN_ACTION_PUBLISH, "live/maths", NULL, digest, &answer));
  g_assert_false (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", NULL, other_name, &answer));
  g_assert_false (ask (chain, LECTERN_ACTION_PUBLISH, "live/physics", NULL, other_key, &answer));
  g_assert_false (ask (chain, LECTERN_ACTION_PLAY, "live/physics", NULL, basic, &answer));
  lectern_store_close (store);
  g_unlink (path);
}

static void
test_key_names (void)
{
  static const char *const bad[]
      = { "",    "/",     "a/",     "/a",       "a/b/c", "live/..", "../a",
          "a b", "a?b=c", "a@480p", "\xc3\xa9", ".",     "a\nb",    "a/b@c" };
  g_autofree char *path = g_build_filename (folder, "names.db", NULL);
  g_autofree char *long_name = g_strnfill (129, 'a');
  g_autoptr (LecternStore) store = lectern_store_open (path, NULL);

  for (guint i = 0; i <= G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      const char *name = i < G_N_ELEMENTS (bad) ? bad[i] : long_name;

      g_assert_null (lectern_key_create (store, name, NULL, FALSE, &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
    }
  lectern_store_close (store);
  g_unlink (path);
}

static void
test_parameters (void)
{
  static const struct
  {
    const char *query, *name, *value;
  } rows[] = {
    { NULL, "key", NULL },
    { "", "key", NULL },
    { "key", "key", NULL },
    { "key=", "key", "" },
    { "key=a", "key", "a" },
    { "key=a&key=b", "key", "a" },
    { "akey=1&key=2", "key", "2" },
    { "keya=1&&key=2", "key", "2" },
    { "key=a%20b+c%2f", "key", "a b+c/" },
    { "key=a%2", "key", NULL },
    { "key=a%zz", "key", NULL },
    { "key=a%00b", "key", NULL },
    { "key=%ff", "key", NULL },
    { "key=%e4%bd%a0", "key", "\xe4\xbd\xa0" },
    { "key=a=b", "key", "a=b" },
  };
  g_autofree char *limit = g_strnfill (1024, 'x');
  g_autofree char *fits = g_strconcat ("k=", limit, NULL);
  g_autofree char *too_long = g_strconcat (fits, "x", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (rows) + 2; i++)
    {
      g_autoptr (LecternAccessRequest) request
          = lectern_access_request_new (LECTERN_ACTION_PUBLIC, NULL, "test", NULL);
      gboolean in_table = i < G_N_ELEMENTS (rows);
      g_autofree char *value = NULL;

      request->query = g_strdup (in_table ? rows[i].query : i % 2 ? fits : too_long);
      value = lectern_access_request_get_parameter (request, in_table ? rows[i].name : "k");
      g_assert_cmpstr (value, ==, in_table ? rows[i].value : i % 2 ? limit : NULL);
    }
}

static void
test_identity (void)
{
  g_autoptr (LecternIdentity) a = lectern_identity_new ("key", "1", "Ada");
  g_autoptr (LecternIdentity) b = lectern_identity_new ("key", "1", NULL);
  g_autoptr (LecternIdentity) c = lectern_identity_new ("key", "2", "Ada");
  g_autoptr (LecternIdentity) d = lectern_identity_new ("local", "1", "Ada");

  g_assert_true (lectern_identity_equal (a, b));
  g_assert_false (lectern_identity_equal (a, c));
  g_assert_false (lectern_identity_equal (a, d));
  g_assert_false (lectern_identity_equal (a, NULL));
  g_assert_false (lectern_identity_equal (NULL, NULL));
  g_assert_cmpstr (lectern_identity_get_display (a), ==, "Ada");
  g_assert_null (lectern_identity_get_display (b));
}

static void
test_secrets (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < 100; i++)
    {
      char *secret = lectern_secret_new (NULL);

      g_assert_cmpuint (strspn (secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789-_"),
                        ==, 43);
      g_assert_true (g_hash_table_add (seen, secret));
    }
  g_assert_true (lectern_secret_equal ("a", "a"));
  g_assert_false (lectern_secret_equal ("a", "b"));
  g_assert_false (lectern_secret_equal ("a", ""));
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("lectern-guards-XXXXXX", NULL);
  g_test_add_func ("/access/request/decodes-parameters", test_parameters);
  g_test_add_func ("/access/identity/equal-by-issuer-and-subject", test_identity);
  g_test_add_func ("/access/secret/is-random-and-compared-whole", test_secrets);
  g_test_add_func ("/access/open-guard/opens-what-it-is-told", test_open);
  g_test_add_func ("/access/loop-guard/refuses-what-was-here-before", test_loops);
  g_test_add_func ("/access/token-guard/allows-its-token-alone", test_token);
  g_test_add_func ("/access/token-guard/keeps-a-private-file", test_token_file);
  g_test_add_func ("/access/key-guard/allows-the-stream's-keys-alone", test_key);
  g_test_add_func ("/access/key-guard/takes-basic-and-digest", test_key_credentials);
  g_test_add_func ("/access/key-guard/refuses-bad-names", test_key_names);
  status = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return status;
}
