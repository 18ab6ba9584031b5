/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates made for a test. */
#pragma once

#include "net-fixture.h"

#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#define DAY (24 * 3600)

typedef struct
{
  char *dir;
  char *certificate;
  char *key;
} Files;

G_GNUC_UNUSED static void
files_init (Files *self)
{
  g_autoptr (GError) error = NULL;

  self->dir = g_dir_make_tmp ("lectern-tls-XXXXXX", &error);
  g_assert_no_error (error);
  self->certificate = g_build_filename (self->dir, "chain.pem", NULL);
  self->key = g_build_filename (self->dir, "key.pem", NULL);
}

G_GNUC_UNUSED static void
files_clear (Files *self)
{
  (void) g_unlink (self->certificate);
  (void) g_unlink (self->key);
  g_assert_cmpint (g_rmdir (self->dir), ==, 0);
  g_free (self->dir);
  g_free (self->certificate);
  g_free (self->key);
}

G_GNUC_UNUSED static void
write_bio (const char *path, BIO *bio, mode_t mode)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *fresh = g_strconcat (path, ".new", NULL);
  char *text;
  long size = BIO_get_mem_data (bio, &text);

  /* As certbot does: written beside, then renamed. */
  g_assert_true (g_file_set_contents (fresh, text, size, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (fresh, mode), ==, 0);
  g_assert_cmpint (g_rename (fresh, path), ==, 0);
  BIO_free (bio);
}

G_GNUC_UNUSED static void
write_certificate (const char *path, EVP_PKEY *key, const char *name, long from, long until)
{
  X509 *certificate = X509_new ();
  X509_NAME *subject = X509_get_subject_name (certificate);
  BIO *bio = BIO_new (BIO_s_mem ());

  X509_set_version (certificate, X509_VERSION_3);
  ASN1_INTEGER_set (X509_get_serialNumber (certificate), 1);
  X509_gmtime_adj (X509_getm_notBefore (certificate), from);
  X509_gmtime_adj (X509_getm_notAfter (certificate), until);
  X509_NAME_add_entry_by_txt (subject, "CN", MBSTRING_ASC, (const guint8 *) name, -1, -1, 0);
  X509_set_issuer_name (certificate, subject);
  X509_set_pubkey (certificate, key);
  g_assert_cmpint (X509_sign (certificate, key, EVP_sha256 ()), >, 0);
  g_assert_cmpint (PEM_write_bio_X509 (bio, certificate), ==, 1);
  write_bio (path, bio, 0644);
  X509_free (certificate);
}

G_GNUC_UNUSED static void
write_key (const char *path, EVP_PKEY *key, mode_t mode)
{
  BIO *bio = BIO_new (BIO_s_mem ());

  g_assert_cmpint (PEM_write_bio_PrivateKey (bio, key, NULL, NULL, 0, NULL, NULL), ==, 1);
  write_bio (path, bio, mode);
}

G_GNUC_UNUSED static void
write_pair (Files *files, const char *name, long from, long until)
{
  EVP_PKEY *key = EVP_EC_gen ("P-256");

  write_certificate (files->certificate, key, name, from, until);
  write_key (files->key, key, 0600);
  EVP_PKEY_free (key);
}

G_GNUC_UNUSED static LecternTls *
new_tls (Files *files, const char *name)
{
  g_autoptr (GError) error = NULL;
  LecternTls *tls;

  files_init (files);
  write_pair (files, name, -DAY, DAY);
  tls = lectern_tls_new (files->certificate, files->key, &error);
  g_assert_no_error (error);
  return tls;
}
