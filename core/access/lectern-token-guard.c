/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-token-guard.h"
#include "access/lectern-secret.h"
#include "base/lectern-secret-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MIN_TOKEN 16

struct _LecternTokenGuard
{
  GObject parent;
  char *token;
};

/* Returns: (nullable): what stands behind "Bearer ". */
static const char *
get_bearer (const char *credential)
{
  if (credential == NULL || g_ascii_strncasecmp (credential, "bearer", 6) != 0
      || (credential[6] != ' ' && credential[6] != '\0'))
    return NULL;
  return credential + 6 + strspn (credential + 6, " ");
}

static LecternVerdict
check (LecternGuard *guard, LecternAccessRequest *request, LecternIdentity **identity,
       GError **error)
{
  LecternTokenGuard *self = LECTERN_TOKEN_GUARD (guard);
  const char *bearer = get_bearer (request->credential);

  if (bearer == NULL)
    return LECTERN_VERDICT_ABSTAIN;
  if (!lectern_secret_equal (bearer, self->token))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_DENIED, "wrong bearer token");
      return LECTERN_VERDICT_DENY;
    }
  *identity = lectern_identity_new ("token", "admin", NULL);
  return LECTERN_VERDICT_ALLOW;
}

static gboolean
check_now (LecternGuard *guard, LecternAccessRequest *request, LecternVerdict *verdict,
           LecternIdentity **identity)
{
  *verdict = LECTERN_VERDICT_ABSTAIN;
  return get_bearer (request->credential) == NULL;
}

static void
guard_init (LecternGuardInterface *iface)
{
  iface->check = check;
  iface->check_now = check_now;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (LecternTokenGuard, lectern_token_guard, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LECTERN_TYPE_GUARD, guard_init))

LecternTokenGuard *
lectern_token_guard_new (const char *token)
{
  LecternTokenGuard *self;

  g_return_val_if_fail (token != NULL && token[0] != '\0', NULL);
  self = g_object_new (LECTERN_TYPE_TOKEN_GUARD, NULL);
  self->token = g_strdup (token);
  return self;
}

static void
lectern_token_guard_finalize (GObject *object)
{
  g_free (LECTERN_TOKEN_GUARD (object)->token);
  G_OBJECT_CLASS (lectern_token_guard_parent_class)->finalize (object);
}

static void
lectern_token_guard_class_init (LecternTokenGuardClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lectern_token_guard_finalize;
}

static void
lectern_token_guard_init (LecternTokenGuard *self)
{
}

static gboolean
write_all (int fd, const char *text, gsize length)
{
  while (length > 0)
    {
      gssize written = write (fd, text, length);

      if (written < 0 && errno != EINTR)
        return FALSE;
      if (written > 0)
        {
          text += written;
          length -= (gsize) written;
        }
    }
  return TRUE;
}

/* Makes the file whole under another name first: a second program sees all of it or nothing. */
static gboolean
create_token (const char *path, GError **error)
{
  g_autofree char *token = lectern_secret_new (error);
  g_autofree char *line = NULL;
  g_autofree char *draft = g_strconcat (path, ".XXXXXX", NULL);
  gboolean good;
  int saved;
  int fd;

  if (token == NULL)
    return FALSE;
  line = g_strconcat (token, "\n", NULL);
  fd = g_mkstemp_full (draft, O_WRONLY | O_CLOEXEC, 0600);
  good = fd >= 0 && write_all (fd, line, strlen (line)) && fsync (fd) == 0;
  good = good && (link (draft, path) == 0 || errno == EEXIST);
  saved = errno;
  if (fd >= 0)
    {
      close (fd);
      g_unlink (draft);
    }
  if (!good)
    lectern_error_set_errno (error, saved, "cannot make '%s'", path);
  return good;
}

char *
lectern_token_load_or_create (const char *state_dir, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, "admin-token", NULL);
  g_autofree char *token = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS) && !create_token (path, error))
    return NULL;
  token = lectern_secret_file_read (path, error);
  if (token != NULL && strlen (token) < MIN_TOKEN)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                   "'%s' holds fewer than %d characters", path, MIN_TOKEN);
      return NULL;
    }
  return g_steal_pointer (&token);
}
