/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-tls-session.h"

#include "net/lectern-tls-private.h"

#include <errno.h>
#include <openssl/err.h>

#define RECORD 16384

struct _LecternTlsSession
{
  SSL *
      ssl; /* NULL until the peer has sent something: a silent one costs no more than a plain one */
  gboolean attached; /* to the descriptor */
  gboolean shaken;
  gboolean kernel_sends;
  LecternTls *tls;           /* until the handshake begins */
  LecternTlsReadyFunc ready; /* these three until it is over */
  gpointer user_data;
  GDestroyNotify free_user_data;
};

LecternTlsSession *
lectern_tls_session_new (LecternTls *tls, LecternTlsReadyFunc ready, gpointer user_data,
                         GDestroyNotify free_user_data)
{
  LecternTlsSession *self = g_new0 (LecternTlsSession, 1);

  self->tls = lectern_tls_ref (tls);
  self->ready = ready;
  self->user_data = user_data;
  self->free_user_data = free_user_data;
  return self;
}

/* A name goes to the peer too (SNI, RFC 6066, 3), an IP address must not. */
static void
expect_host (SSL *ssl, const char *host)
{
  X509_VERIFY_PARAM *param = SSL_get0_param (ssl);

  if (X509_VERIFY_PARAM_set1_ip_asc (param, host) == 1)
    return;
  (void) SSL_set_tlsext_host_name (ssl, host);
  (void) SSL_set1_host (ssl, host);
}

LecternTlsSession *
lectern_tls_session_new_client (SSL_CTX *context, const char *host, LecternTlsReadyFunc ready,
                                gpointer user_data)
{
  LecternTlsSession *self = g_new0 (LecternTlsSession, 1);

  self->ready = ready;
  self->user_data = user_data;
  self->ssl = SSL_new (context);
  if (self->ssl == NULL)
    return self; /* fails when it begins */
  SSL_set_connect_state (self->ssl);
  expect_host (self->ssl, host);
  return self;
}

static void
release_user_data (LecternTlsSession *self)
{
  GDestroyNotify free_user_data = g_steal_pointer (&self->free_user_data);

  if (free_user_data != NULL)
    free_user_data (self->user_data);
}

void
lectern_tls_session_free (LecternTlsSession *self)
{
  release_user_data (self);
  g_clear_pointer (&self->tls, lectern_tls_unref);
  g_clear_pointer (&self->ssl, SSL_free);
  g_free (self);
}

/* OpenSSL's queue is the thread's: what another connection left there must not be taken for ours.
 */
static void
begin (void)
{
  ERR_clear_error ();
  errno = 0;
}

/* BROKEN sets errno. */
static LecternIo
judge (LecternTlsSession *self, int result)
{
  switch (SSL_get_error (self->ssl, result))
    {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return LECTERN_IO_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
      return LECTERN_IO_END;
    case SSL_ERROR_SYSCALL:
      if (errno == 0)
        errno = ECONNRESET;
      return LECTERN_IO_BROKEN;
    default:
      errno = EPROTO;
      return LECTERN_IO_BROKEN;
    }
}

static gboolean
start (LecternTlsSession *self, int fd)
{
  if (self->tls != NULL)
    {
      self->ssl = lectern_tls_new_ssl (self->tls);
      g_clear_pointer (&self->tls, lectern_tls_unref);
      if (self->ssl != NULL)
        SSL_set_accept_state (self->ssl);
    }
  self->attached = self->ssl != NULL && SSL_set_fd (self->ssl, fd) == 1;
  return self->attached;
}

LecternIo
lectern_tls_session_shake (LecternTlsSession *self, int fd, gboolean *wants_write)
{
  int result;

  *wants_write = FALSE;
  begin ();
  if (!self->attached && !start (self, fd))
    {
      errno = ENOMEM;
      return LECTERN_IO_BROKEN;
    }
  result = SSL_do_handshake (self->ssl);
  *wants_write = SSL_want_write (self->ssl);
  if (result != 1)
    return judge (self, result);
  self->shaken = TRUE;
  self->kernel_sends = BIO_get_ktls_send (SSL_get_wbio (self->ssl)) == 1;
  return LECTERN_IO_DONE;
}

void
lectern_tls_session_ready (LecternTlsSession *self, LecternConnection *connection)
{
  self->ready (connection, self->user_data);
  release_user_data (self);
}

const char *
lectern_tls_session_get_problem (LecternTlsSession *self)
{
  long verdict = self->ssl != NULL ? SSL_get_verify_result (self->ssl) : X509_V_OK;

  return verdict != X509_V_OK ? X509_verify_cert_error_string (verdict) : "no TLS handshake";
}

gboolean
lectern_tls_session_kernel_sends (LecternTlsSession *self)
{
  return self->kernel_sends;
}

LecternIo
lectern_tls_session_receive (LecternTlsSession *self, guint8 *to, gsize size, gsize *received)
{
  int result;

  begin ();
  result = SSL_read_ex (self->ssl, to, size, received);
  return result == 1 ? LECTERN_IO_DONE : judge (self, result);
}

LecternIo
lectern_tls_session_transmit (LecternTlsSession *self, const guint8 *from, gsize length,
                              gsize *sent, gsize *kept)
{
  while (*sent < length)
    {
      /* A record at a time: OpenSSL wants one that did not go through again, and no more of it. */
      gsize record = MIN (length - *sent, RECORD);
      gsize n = 0;
      int result;
      LecternIo io;

      begin ();
      result = SSL_write_ex (self->ssl, from + *sent, record, &n);
      *sent += n;
      if (result == 1)
        continue;
      io = judge (self, result);
      if (io == LECTERN_IO_AGAIN && !SSL_want_write (self->ssl))
        errno = EPROTO;
      if (io != LECTERN_IO_AGAIN || !SSL_want_write (self->ssl))
        return LECTERN_IO_BROKEN;
      *kept = record;
      return *sent > 0 ? LECTERN_IO_DONE : LECTERN_IO_AGAIN;
    }
  return LECTERN_IO_DONE;
}

LecternIo
lectern_tls_session_shut (LecternTlsSession *self)
{
  int result;

  if (!self->shaken)
    return LECTERN_IO_DONE;
  begin ();
  result = SSL_shutdown (self->ssl);
  return result >= 0 ? LECTERN_IO_DONE : judge (self, result);
}
