/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-credential.h"

#include <string.h>

static void
hash_text (const char *text, guint8 hash[LECTERN_CREDENTIAL_HASH_SIZE])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_MD5);
  gsize size = LECTERN_CREDENTIAL_HASH_SIZE;

  g_checksum_update (checksum, (const guchar *) text, -1);
  g_checksum_get_digest (checksum, hash, &size);
}

static void
test_basic (void)
{
  g_auto (LecternCredential) credential = { NULL };
  g_autoptr (GError) error = NULL;

  /* RFC 7617, 2 */
  g_assert_true (
      lectern_credential_parse ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", &credential, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (credential.username, ==, "Aladdin");
  g_assert_cmpstr (credential.password, ==, "open sesame");
  g_assert_null (credential.response);
}

/* RFC 2617, 3.5, and what a client without qop makes of the same. */
static void
test_digest (void)
{
  static const char start[]
      = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
        "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\"";
  g_autofree char *full
      = g_strconcat (start,
                     ", qop=auth, nc=00000001, cnonce=\"0a4f113b\","
                     "response=\"6629fae49393a05397450978507c4ef1\", opaque=\"5ccc\"",
                     NULL);
  g_autofree char *old
      = g_strconcat (start, ",algorithm=MD5,response=670FD8C2DF070C60B045671B8B24FF02", NULL);
  const char *const texts[] = { full, old };
  guint8 hash[LECTERN_CREDENTIAL_HASH_SIZE];

  hash_text ("Mufasa:testrealm@host.com:Circle Of Life", hash);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_auto (LecternCredential) credential = { NULL };
      g_autoptr (GError) error = NULL;

      g_assert_true (lectern_credential_parse (texts[i], &credential, &error));
      g_assert_no_error (error);
      g_assert_cmpstr (credential.username, ==, "Mufasa");
      g_assert_cmpstr (credential.uri, ==, "/dir/index.html");
      g_assert_null (credential.password);
      g_assert_true (lectern_credential_matches (&credential, "GET", hash));
      g_assert_false (lectern_credential_matches (&credential, "PUT", hash));
      g_assert_false (lectern_credential_matches (&credential, NULL, hash));
      hash[0] ^= 1;
      g_assert_false (lectern_credential_matches (&credential, "GET", hash));
      hash[0] ^= 1;
    }
}

static void
test_hash (void)
{
  guint8 hash[LECTERN_CREDENTIAL_HASH_SIZE];
  guint8 expected[LECTERN_CREDENTIAL_HASH_SIZE];

  lectern_credential_hash ("physics", "secret", hash);
  hash_text ("physics:Lectern:secret", expected);
  g_assert_cmpmem (hash, sizeof hash, expected, sizeof expected);
}

static void
test_refused (void)
{
  static const char whole[] = "Digest username=\"a\", realm=\"b\", nonce=\"c\", uri=\"d\", "
                              "response=\"0123456789abcdef0123456789abcdef\"";
  g_autofree char *twice = g_strconcat (whole, ", uri=\"e\"", NULL);
  g_autofree char *sha = g_strconcat (whole, ", algorithm=SHA-256", NULL);
  g_autofree char *bare_qop = g_strconcat (whole, ", qop=auth", NULL);
  g_autofree char *open = g_strconcat (whole, ", opaque=\"x\\", NULL);
  g_autofree char *filler = g_strnfill (LECTERN_CREDENTIAL_MAX, 'x');
  g_autofree char *too_long = g_strconcat ("Basic ", filler, NULL);
  const char *const bad[] = { "",
                              "Basic",
                              "Basic YWJj",     /* without a colon */
                              "Basic YTpiAGM=", /* a zero byte */
                              "Bearer abc",
                              "Digest ",
                              "Digest =",
                              "Digest username=\"a\"",
                              "Digest username=\"a",
                              "Digest username \"a\"",
                              "Digest username=\"a\" realm=\"b\"",
                              "Basic \xff\xfe",
                              twice,
                              sha,
                              bare_qop,
                              open,
                              too_long };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_auto (LecternCredential) credential = { NULL };
      g_autoptr (GError) error = NULL;

      g_assert_false (lectern_credential_parse (bad[i], &credential, &error));
      g_assert_nonnull (error);
      g_assert_null (credential.username);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/access/credential/basic", test_basic);
  g_test_add_func ("/access/credential/digest", test_digest);
  g_test_add_func ("/access/credential/hash-of-the-server", test_hash);
  g_test_add_func ("/access/credential/refuses", test_refused);
  return g_test_run ();
}
