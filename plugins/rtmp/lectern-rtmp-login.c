/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-login.h"

#include <string.h>

#define MD5_SIZE 16
#define MAX_FIELD 512
/* What may stand in a query without ending a field of it. */
#define FIELD_CHARS G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "+/=-_.~%:,@"

typedef enum
{
  MODE_ADOBE,
  MODE_LLNW,
} Mode;

static const char *const modes[] = { "adobe", "llnw" };

/* What a challenge has; each may be NULL. */
typedef struct
{
  char *salt;
  char *challenge;
  char *opaque;
  char *nonce;
} Challenge;

static void
challenge_clear (Challenge *self)
{
  g_free (self->salt);
  g_free (self->challenge);
  g_free (self->opaque);
  g_free (self->nonce);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Challenge, challenge_clear)

void
lectern_rtmp_login_clear (LecternRtmpLogin *self)
{
  g_free (self->user);
  g_free (self->password);
  *self = (LecternRtmpLogin){ NULL };
}

gboolean
lectern_rtmp_login_is_asked (const char *description)
{
  return strstr (description, "authmod=") != NULL;
}

/* ── reading ── */

static gboolean
find_mode (const char *description, Mode *mode)
{
  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_autofree char *needle = g_strconcat ("authmod=", modes[i], NULL);

      if (strstr (description, needle) == NULL)
        continue;
      *mode = (Mode) i;
      return TRUE;
    }
  return FALSE;
}

static gboolean
read_field (Challenge *self, const char *text)
{
  const char *value = strchr (text, '=');
  struct
  {
    const char *name;
    char **place;
  } fields[] = { { "salt=", &self->salt },
                 { "challenge=", &self->challenge },
                 { "opaque=", &self->opaque },
                 { "nonce=", &self->nonce } };

  for (guint i = 0; value != NULL && i < G_N_ELEMENTS (fields); i++)
    if (g_str_has_prefix (text, fields[i].name) && *fields[i].place == NULL)
      {
        if (strlen (++value) > MAX_FIELD || strspn (value, FIELD_CHARS) != strlen (value))
          return FALSE;
        *fields[i].place = g_strdup (value);
        return TRUE;
      }
  return TRUE;
}

/* @text: "?reason=needauth&user=me&salt=…". */
static gboolean
read_challenge (Challenge *self, const char *text, Mode mode, GError **error)
{
  g_autofree char *query = g_strndup (text, strcspn (text, " \t\r\n"));
  g_auto (GStrv) fields = g_strsplit (query, "&", 16);
  gboolean good = TRUE;

  for (guint i = 0; good && fields[i] != NULL; i++)
    good = read_field (self, fields[i]);
  if (good && (mode == MODE_ADOBE ? self->salt != NULL : self->nonce != NULL))
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                       "the server's challenge for user and password is none");
  return FALSE;
}

/* ── answering ── */

/* MD5 of @parts, up to NULL, one behind the other. */
static void
hash (guint8 digest[MD5_SIZE], const char *const *parts)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_MD5);
  gsize size = MD5_SIZE;

  for (; *parts != NULL; parts++)
    g_checksum_update (checksum, (const guchar *) *parts, -1);
  g_checksum_get_digest (checksum, digest, &size);
}

static char *
hash_base64 (const char *const *parts)
{
  guint8 digest[MD5_SIZE];

  hash (digest, parts);
  return g_base64_encode (digest, sizeof digest);
}

static char *
hash_hex (const char *const *parts)
{
  guint8 digest[MD5_SIZE];
  GString *text = g_string_sized_new (2 * MD5_SIZE + 1);

  hash (digest, parts);
  for (guint i = 0; i < MD5_SIZE; i++)
    g_string_append_printf (text, "%02x", digest[i]);
  return g_string_free (text, FALSE);
}

/* base64 (MD5 (base64 (MD5 (user salt password)) challenge nonce)), where "opaque" comes before
 * "challenge". */
static char *
answer_adobe (LecternRtmpLogin *self, const Challenge *challenge, const char *user,
              const char *nonce)
{
  const char *asked = challenge->opaque != NULL      ? challenge->opaque
                      : challenge->challenge != NULL ? challenge->challenge
                                                     : "";
  g_autofree char *secret
      = hash_base64 ((const char *[]){ self->user, challenge->salt, self->password, NULL });
  g_autofree char *response = hash_base64 ((const char *[]){ secret, asked, nonce, NULL });

  return g_strdup_printf ("authmod=adobe&user=%s&challenge=%s&response=%s%s%s", user, nonce,
                          response, challenge->opaque != NULL ? "&opaque=" : "",
                          challenge->opaque != NULL ? challenge->opaque : "");
}

/* HTTP's Digest (RFC 2617, 3.2.2) with the realm "live", and "publish" as the method whatever is
 * done. */
static char *
answer_llnw (LecternRtmpLogin *self, const Challenge *challenge, const char *user, const char *app,
             const char *nonce)
{
  const char *instance = strchr (app, '/') == NULL ? "/_definst_" : "";
  g_autofree char *who = hash_hex ((const char *[]){ self->user, ":live:", self->password, NULL });
  g_autofree char *what = hash_hex ((const char *[]){ "publish:/", app, instance, NULL });
  g_autofree char *response = hash_hex (
      (const char *[]){ who, ":", challenge->nonce, ":00000001:", nonce, ":auth:", what, NULL });

  return g_strdup_printf ("authmod=llnw&user=%s&nonce=%s&cnonce=%s&nc=00000001&response=%s", user,
                          challenge->nonce, nonce, response);
}

static gboolean
check_turn (LecternRtmpLogin *self, const char *description, gboolean challenged, GError **error)
{
  if (self->user == NULL)
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_DENIED,
                         "the server wants a user and password");
  else if (self->answered || (self->named && !challenged)
           || strstr (description, "reason=authfailed") != NULL
           || strstr (description, "reason=nosuchuser") != NULL)
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_DENIED,
                         "the server refuses user and password");
  else
    return TRUE;
  return FALSE;
}

char *
lectern_rtmp_login_answer (LecternRtmpLogin *self, const char *description, const char *app,
                           const char *nonce, GError **error)
{
  const char *asked = strstr (description, "reason=needauth");
  g_auto (Challenge) challenge = { NULL };
  g_autofree char *user = NULL;
  g_autofree char *own = NULL;
  Mode mode;

  if (!find_mode (description, &mode))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                           "the server wants a kind of login that is not known here");
      return NULL;
    }
  if (!check_turn (self, description, asked != NULL, error))
    return NULL;
  user = g_uri_escape_string (self->user, NULL, TRUE);
  if (asked == NULL)
    {
      self->named = TRUE;
      return g_strdup_printf ("authmod=%s&user=%s", modes[mode], user);
    }
  if (!read_challenge (&challenge, asked, mode, error))
    return NULL;
  self->answered = TRUE;
  own = nonce != NULL ? g_strdup (nonce) : g_strdup_printf ("%08x", g_random_int ());
  return mode == MODE_ADOBE ? answer_adobe (self, &challenge, user, own)
                            : answer_llnw (self, &challenge, user, app, own);
}
