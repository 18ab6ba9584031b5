/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-tls.h"

#include <openssl/ssl.h>

/* What tells that a file was replaced. */
typedef struct
{
  guint64 device;
  guint64 inode;
  gint64 size;
  gint64 modified_ns;
} LecternTlsFile;

typedef struct
{
  LecternTlsFile certificate;
  LecternTlsFile key;
} LecternTlsFiles;

typedef struct _LecternTlsWatcher LecternTlsWatcher;

struct _LecternTls
{
  GMutex lock;
  SSL_CTX *context; /* what new handshakes use */
  char *certificate;
  char *key;
  LecternTlsFiles loaded; /* by the latest attempt, good or not; control thread */
  LecternTlsWatcher *watcher;
};

/* Returns: (transfer full): for connections that this server makes, which trusts the authorities in
 * @ca_file, a PEM file, or the system's. Errors: INVALID_CONFIG. Thread: any. */
SSL_CTX *lectern_tls_new_client_context (const char *ca_file, GError **error);

/* Returns: (transfer full) (nullable): with the newest certificate. Thread: any. */
SSL *lectern_tls_new_ssl (LecternTls *self);
/* Fills @files; all zero when there is no such file. */
void lectern_tls_look (LecternTls *self, LecternTlsFiles *files);
/* Thread: any; waits for a running reload. */
void lectern_tls_watcher_free (LecternTlsWatcher *self);
