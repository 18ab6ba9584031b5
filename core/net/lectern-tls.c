/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-tls-private.h"

#include "base/lectern-clock.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/stat.h>

#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
#define PROTOCOL "http/1.1"

/* Sets @error from the queue of OpenSSL and empties it. */
static void
set_error (GError **error, const char *format, const char *path)
{
  g_autofree char *what = g_strdup_printf ("%s '%s'", format, path);
  unsigned long number = ERR_peek_error ();
  const char *reason = number != 0 ? ERR_reason_error_string (number) : NULL;

  ERR_clear_error ();
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG, "%s: %s", what,
               reason != NULL ? reason : "not understood");
}

static gboolean
check_key_file (const char *path, GError **error)
{
  struct stat info;

  if (stat (path, &info) != 0)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                   "cannot read the key '%s': %s", path, g_strerror (errno));
      return FALSE;
    }
  if ((info.st_mode & (S_IROTH | S_IWOTH)) == 0)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
               "the key '%s' is open to everybody: run 'chmod o= %s'", path, path);
  return FALSE;
}

static gboolean
check_time (SSL_CTX *context, const char *path, GError **error)
{
  time_t now = (time_t) (lectern_clock_wall_us () / G_USEC_PER_SEC);
  X509 *certificate = SSL_CTX_get0_certificate (context);

  if (certificate != NULL && X509_cmp_time (X509_get0_notAfter (certificate), &now) > 0)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
               "the certificate '%s' has expired", path);
  return FALSE;
}

/* A key with a pass phrase must not make the server ask for it. */
static int
no_pass_phrase (char *buffer, int size, int writing, void *user_data)
{
  return -1;
}

static int
choose_protocol (SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length,
                 const unsigned char *offered, unsigned int length, void *user_data)
{
  static const unsigned char known[]
      = { sizeof PROTOCOL - 1, 'h', 't', 't', 'p', '/', '1', '.', '1' };
  unsigned char *match;

  if (SSL_select_next_proto (&match, chosen_length, known, sizeof known, offered, length)
      != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

/* What both ends have in common. */
static SSL_CTX *
new_bare_context (const SSL_METHOD *method)
{
  SSL_CTX *context = SSL_CTX_new (method);

  if (context == NULL)
    return NULL;
  SSL_CTX_set_min_proto_version (context, TLS1_2_VERSION);
  SSL_CTX_set_options (context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_ENABLE_KTLS
                                    | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode (context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                 | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_cipher_list (context, CIPHERS);
  return context;
}

SSL_CTX *
lectern_tls_new_client_context (const char *ca_file, GError **error)
{
  SSL_CTX *context;
  int loaded;

  ERR_clear_error ();
  context = new_bare_context (TLS_client_method ());
  loaded = context == NULL   ? 0
           : ca_file != NULL ? SSL_CTX_load_verify_file (context, ca_file)
                             : SSL_CTX_set_default_verify_paths (context);
  if (loaded != 1)
    {
      set_error (error, "cannot read the certificates of authorities in",
                 ca_file != NULL ? ca_file : "the system's folder");
      SSL_CTX_free (context);
      return NULL;
    }
  SSL_CTX_set_verify (context, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_session_cache_mode (context, SSL_SESS_CACHE_OFF);
  return context;
}

static SSL_CTX *
new_context (void)
{
  SSL_CTX *context = new_bare_context (TLS_server_method ());

  if (context == NULL)
    return NULL;
  SSL_CTX_set_options (context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  /* Sessions are kept by the clients, in tickets. */
  SSL_CTX_set_session_cache_mode (context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets (context, 1);
  SSL_CTX_set_alpn_select_cb (context, choose_protocol, NULL);
  SSL_CTX_set_default_passwd_cb (context, no_pass_phrase);
  return context;
}

static void
look_at (const char *path, LecternTlsFile *file)
{
  struct stat info;

  memset (file, 0, sizeof *file);
  if (stat (path, &info) != 0)
    return;
  file->device = (guint64) info.st_dev;
  file->inode = (guint64) info.st_ino;
  file->size = (gint64) info.st_size;
  file->modified_ns
      = (gint64) info.st_mtim.tv_sec * G_GINT64_CONSTANT (1000000000) + info.st_mtim.tv_nsec;
}

void
lectern_tls_look (LecternTls *self, LecternTlsFiles *files)
{
  look_at (self->certificate, &files->certificate);
  look_at (self->key, &files->key);
}

static SSL_CTX *
load (LecternTls *self, GError **error)
{
  const char *certificate = self->certificate;
  const char *key = self->key;
  SSL_CTX *context;

  lectern_tls_look (self, &self->loaded);
  if (!check_key_file (key, error))
    return NULL;
  ERR_clear_error ();
  context = new_context ();
  if (context == NULL)
    set_error (error, "cannot prepare TLS for", certificate);
  else if (SSL_CTX_use_certificate_chain_file (context, certificate) != 1)
    set_error (error, "cannot read the certificate", certificate);
  else if (SSL_CTX_use_PrivateKey_file (context, key, SSL_FILETYPE_PEM) != 1
           || SSL_CTX_check_private_key (context) != 1)
    set_error (error, "cannot use the key", key);
  else if (check_time (context, certificate, error))
    return context;
  SSL_CTX_free (context);
  return NULL;
}

/* Clients keep their tickets over a reload. */
static void
copy_ticket_keys (SSL_CTX *from, SSL_CTX *to)
{
  guint8 keys[256];
  long size = SSL_CTX_get_tlsext_ticket_keys (from, NULL, 0);

  if (size > 0 && size <= (long) sizeof keys
      && SSL_CTX_get_tlsext_ticket_keys (from, keys, size) == 1)
    SSL_CTX_set_tlsext_ticket_keys (to, keys, size);
  OPENSSL_cleanse (keys, sizeof keys);
}

LecternTls *
lectern_tls_new (const char *certificate, const char *key, GError **error)
{
  g_autoptr (LecternTls) self = g_atomic_rc_box_new0 (LecternTls);

  g_mutex_init (&self->lock);
  self->certificate = g_strdup (certificate);
  self->key = g_strdup (key);
  self->context = load (self, error);
  if (self->context == NULL)
    return NULL;
  return g_steal_pointer (&self);
}

LecternTls *
lectern_tls_ref (LecternTls *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear (gpointer data)
{
  LecternTls *self = data;

  g_clear_pointer (&self->watcher, lectern_tls_watcher_free);
  SSL_CTX_free (self->context);
  g_mutex_clear (&self->lock);
  g_free (self->certificate);
  g_free (self->key);
}

void
lectern_tls_unref (LecternTls *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

gboolean
lectern_tls_reload (LecternTls *self, GError **error)
{
  SSL_CTX *context = load (self, error);
  SSL_CTX *old;

  if (context == NULL)
    return FALSE;
  copy_ticket_keys (self->context, context);
  g_mutex_lock (&self->lock);
  old = self->context;
  self->context = context;
  g_mutex_unlock (&self->lock);
  SSL_CTX_free (old);
  return TRUE;
}

SSL *
lectern_tls_new_ssl (LecternTls *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return SSL_new (self->context);
}
