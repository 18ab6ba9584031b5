/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/random.h>

#define SECRET_SIZE 32

char *
lectern_secret_new (GError **error)
{
  guint8 bytes[SECRET_SIZE];
  char *text;

  if (getrandom (bytes, sizeof bytes, 0) != sizeof bytes)
    {
      lectern_error_set_errno (error, errno, "cannot get random bytes");
      return NULL;
    }
  text = g_base64_encode (bytes, sizeof bytes);
  text[strcspn (text, "=")] = '\0';
  return g_strdelimit (g_strdelimit (text, "+", '-'), "/", '_');
}

void
lectern_secret_hash (const char *secret, guint8 hash[LECTERN_SECRET_HASH_SIZE])
{
  SHA256 ((const guint8 *) secret, strlen (secret), hash);
}

gboolean
lectern_secret_equal (const char *a, const char *b)
{
  guint8 hash_a[LECTERN_SECRET_HASH_SIZE];
  guint8 hash_b[LECTERN_SECRET_HASH_SIZE];

  lectern_secret_hash (a, hash_a);
  lectern_secret_hash (b, hash_b);
  return CRYPTO_memcmp (hash_a, hash_b, sizeof hash_a) == 0;
}
