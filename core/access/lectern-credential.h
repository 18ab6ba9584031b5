/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

/* LecternCredential: "Authorization: Basic …" (RFC 7617) or "Digest …" with MD5 (RFC 7616; RFC 2617
 * for those who send no qop), as HTTP and RTSP clients send it. */
#define LECTERN_CREDENTIAL_REALM "Lectern"
#define LECTERN_CREDENTIAL_MAX 4096
#define LECTERN_CREDENTIAL_HASH_SIZE 16

typedef struct
{
  char *username;
  char *password; /* Basic; NULL: Digest */
  char *realm;    /* what follows is Digest's */
  char *nonce;
  char *uri;
  char *response; /* 32 hexadecimal digits */
  char *qop;      /* "auth", with cnonce and nc, or NULL */
  char *cnonce;
  char *nc;
} LecternCredential;

/* Errors: INVALID_DATA; NOT_SUPPORTED: another scheme or algorithm. Thread: any, as all below. */
LECTERN_API gboolean lectern_credential_parse (const char *text, LecternCredential *self,
                                               GError **error);
LECTERN_API void lectern_credential_clear (LecternCredential *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternCredential, lectern_credential_clear)
/* What a server keeps of a password for Digest: MD5 of "USERNAME:Lectern:PASSWORD". */
LECTERN_API void lectern_credential_hash (const char *username, const char *password,
                                          guint8 hash[LECTERN_CREDENTIAL_HASH_SIZE]);
/* Whether a Digest credential was made with the password of @hash for @method, in constant time.
 * The caller knows that the nonce and the URI are right. */
LECTERN_API gboolean lectern_credential_matches (const LecternCredential *self, const char *method,
                                                 const guint8 hash[LECTERN_CREDENTIAL_HASH_SIZE]);
