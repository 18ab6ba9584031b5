/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-credential.h"

#include <openssl/crypto.h>
#include <string.h>

static gboolean
refuse (GError **error, LecternError code, const char *text)
{
  g_set_error_literal (error, LECTERN_ERROR, code, text);
  return FALSE;
}

static const char *
skip_space (const char *at)
{
  return at + strspn (at, " \t");
}

/* ── Basic ── */

static gboolean
parse_basic (const char *text, LecternCredential *self, GError **error)
{
  gsize size;
  g_autofree guchar *data = g_base64_decode (text, &size);
  const char *colon = memchr (data, ':', size);

  if (colon == NULL || memchr (data, '\0', size) != NULL
      || !g_utf8_validate ((const char *) data, (gssize) size, NULL))
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "not a name and a password");
  self->username = g_strndup ((const char *) data, (gsize) (colon - (const char *) data));
  self->password = g_strndup (colon + 1, size - (gsize) (colon + 1 - (const char *) data));
  return TRUE;
}

/* ── Digest ── */

/* Takes a value, quoted or not. Returns: (transfer full) (nullable). */
static char *
take_value (const char **text)
{
  g_autoptr (GString) value = NULL;
  const char *at = *text;
  gsize length;

  if (*at != '"')
    {
      length = strcspn (at, ", \t");
      *text = at + length;
      return g_strndup (at, length);
    }
  value = g_string_new (NULL);
  for (at++; *at != '"'; at++)
    {
      if (*at == '\\')
        at++;
      if (*at == '\0')
        return NULL;
      g_string_append_c (value, *at);
    }
  *text = at + 1;
  return g_string_free (g_steal_pointer (&value), FALSE);
}

/* Returns: (nullable): where the value of @name belongs; NULL: nowhere. */
static char **
find_field (LecternCredential *self, const char *name, char **algorithm)
{
  struct
  {
    const char *name;
    char **to;
  } const fields[] = { { "username", &self->username },
                       { "realm", &self->realm },
                       { "nonce", &self->nonce },
                       { "uri", &self->uri },
                       { "qop", &self->qop },
                       { "cnonce", &self->cnonce },
                       { "nc", &self->nc },
                       { "algorithm", algorithm },
                       { "response", &self->response } };

  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    if (g_ascii_strcasecmp (fields[i].name, name) == 0)
      return fields[i].to;
  return NULL;
}

/* "name=value, …". FALSE: it is not that, or a name comes twice. */
static gboolean
parse_fields (const char *at, LecternCredential *self, char **algorithm)
{
  for (at = skip_space (at); *at != '\0';)
    {
      gsize length = strcspn (at, "= \t,\"");
      g_autofree char *name = g_strndup (at, length);
      g_autofree char *value = NULL;
      char **to = find_field (self, name, algorithm);

      at = skip_space (at + length);
      if (length == 0 || *at != '=')
        return FALSE;
      at = skip_space (at + 1);
      value = take_value (&at);
      if (value == NULL || (to != NULL && *to != NULL))
        return FALSE;
      if (to != NULL)
        *to = g_steal_pointer (&value);
      at = skip_space (at);
      if (*at == ',')
        at = skip_space (at + 1);
      else if (*at != '\0')
        return FALSE;
    }
  return TRUE;
}

static gboolean
parse_digest (const char *text, LecternCredential *self, GError **error)
{
  g_autofree char *algorithm = NULL;

  if (!parse_fields (text, self, &algorithm) || self->username == NULL || self->realm == NULL
      || self->nonce == NULL || self->uri == NULL || self->response == NULL
      || strlen (self->response) != 32
      || (self->qop != NULL && (self->cnonce == NULL || self->nc == NULL)))
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "not a Digest");
  if ((algorithm != NULL && g_ascii_strcasecmp (algorithm, "MD5") != 0)
      || (self->qop != NULL && g_ascii_strcasecmp (self->qop, "auth") != 0))
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "a Digest of a kind that is not offered");
  return TRUE;
}

gboolean
lectern_credential_parse (const char *text, LecternCredential *self, GError **error)
{
  gboolean good;

  *self = (LecternCredential){ NULL };
  if (strlen (text) > LECTERN_CREDENTIAL_MAX || !g_utf8_validate (text, -1, NULL))
    return refuse (error, LECTERN_ERROR_INVALID_DATA, "not a credential");
  if (g_ascii_strncasecmp (text, "Basic ", 6) == 0)
    good = parse_basic (skip_space (text + 6), self, error);
  else if (g_ascii_strncasecmp (text, "Digest ", 7) == 0)
    good = parse_digest (text + 7, self, error);
  else
    return refuse (error, LECTERN_ERROR_NOT_SUPPORTED, "a credential of another scheme");
  if (!good)
    lectern_credential_clear (self);
  return good;
}

void
lectern_credential_clear (LecternCredential *self)
{
  char **const fields[]
      = { &self->username, &self->password, &self->realm,  &self->nonce, &self->uri,
          &self->response, &self->qop,      &self->cnonce, &self->nc };

  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    g_clear_pointer (fields[i], g_free);
}

/* ── its arithmetic ── */

static char *
md5_hex (const char *text)
{
  return g_compute_checksum_for_string (G_CHECKSUM_MD5, text, -1);
}

void
lectern_credential_hash (const char *username, const char *password,
                         guint8 hash[LECTERN_CREDENTIAL_HASH_SIZE])
{
  g_autofree char *text = g_strconcat (username, ":" LECTERN_CREDENTIAL_REALM ":", password, NULL);
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_MD5);
  gsize size = LECTERN_CREDENTIAL_HASH_SIZE;

  g_checksum_update (checksum, (const guchar *) text, -1);
  g_checksum_get_digest (checksum, hash, &size);
}

gboolean
lectern_credential_matches (const LecternCredential *self, const char *method,
                            const guint8 hash[LECTERN_CREDENTIAL_HASH_SIZE])
{
  char secret[2 * LECTERN_CREDENTIAL_HASH_SIZE + 1];
  g_autofree char *action = NULL;
  g_autofree char *action_hash = NULL;
  g_autofree char *whole = NULL;
  g_autofree char *expected = NULL;
  g_autofree char *given = NULL;

  if (self->response == NULL || method == NULL)
    return FALSE;
  for (guint i = 0; i < LECTERN_CREDENTIAL_HASH_SIZE; i++)
    g_snprintf (secret + 2 * i, 3, "%02x", hash[i]);
  action = g_strconcat (method, ":", self->uri, NULL);
  action_hash = md5_hex (action);
  if (self->qop != NULL)
    whole = g_strjoin (":", secret, self->nonce, self->nc, self->cnonce, self->qop, action_hash,
                       NULL);
  else
    whole = g_strjoin (":", secret, self->nonce, action_hash, NULL);
  expected = md5_hex (whole);
  given = g_ascii_strdown (self->response, -1);
  return CRYPTO_memcmp (expected, given, 32) == 0;
}
