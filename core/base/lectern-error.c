/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-error.h"

#include <errno.h>

G_DEFINE_QUARK (lectern - error - quark, lectern_error)

static const struct
{
  const char *name;
  guint http_status;
  const char *public_text;
} codes[] = {
  [LECTERN_ERROR_FAILED] = { "failed", 500, "The server could not do this." },
  [LECTERN_ERROR_INVALID_CONFIG] = { "invalid-config", 500, "The server is set up wrongly." },
  [LECTERN_ERROR_INVALID_DATA] = { "invalid-data", 400, "The request breaks a rule." },
  [LECTERN_ERROR_NOT_FOUND] = { "not-found", 404, "There is no such thing here." },
  [LECTERN_ERROR_NOT_SUPPORTED] = { "not-supported", 501, "This server does not offer that." },
  [LECTERN_ERROR_DENIED] = { "denied", 403, "You may not do this." },
  [LECTERN_ERROR_CONFLICT] = { "conflict", 409, "Somebody else holds this." },
  [LECTERN_ERROR_LIMIT] = { "limit", 429, "A limit was reached." },
  [LECTERN_ERROR_TIMED_OUT] = { "timed-out", 408, "Nothing happened in the time allowed." },
  [LECTERN_ERROR_CLOSED] = { "closed", 410, "This has ended." },
};

static LecternError
code_of (const GError *error)
{
  if (error != NULL && error->domain == LECTERN_ERROR && error->code >= 0
      && (gsize) error->code < G_N_ELEMENTS (codes))
    return (LecternError) error->code;
  return LECTERN_ERROR_FAILED;
}

guint
lectern_error_get_http_status (const GError *error)
{
  return codes[code_of (error)].http_status;
}

const char *
lectern_error_get_name (const GError *error)
{
  return codes[code_of (error)].name;
}

const char *
lectern_error_get_public_text (const GError *error)
{
  return codes[code_of (error)].public_text;
}

static LecternError
code_from_errno (int number)
{
  switch (number)
    {
    case ENOENT:
      return LECTERN_ERROR_NOT_FOUND;
    case EACCES:
    case EPERM:
      return LECTERN_ERROR_DENIED;
    case EADDRINUSE:
    case EEXIST:
      return LECTERN_ERROR_CONFLICT;
    case EMFILE:
    case ENFILE:
    case ENOSPC:
    case ENOMEM:
      return LECTERN_ERROR_LIMIT;
    case ETIMEDOUT:
      return LECTERN_ERROR_TIMED_OUT;
    case EPIPE:
    case ECONNRESET:
      return LECTERN_ERROR_CLOSED;
    default:
      return LECTERN_ERROR_FAILED;
    }
}

void
lectern_error_set_errno (GError **error, int number, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, LECTERN_ERROR, code_from_errno (number), "%s: %s", what, g_strerror (number));
}

static LecternError
code_from_gio (int code)
{
  switch (code)
    {
    case G_IO_ERROR_NOT_FOUND:
      return LECTERN_ERROR_NOT_FOUND;
    case G_IO_ERROR_PERMISSION_DENIED:
      return LECTERN_ERROR_DENIED;
    case G_IO_ERROR_ADDRESS_IN_USE:
    case G_IO_ERROR_EXISTS:
      return LECTERN_ERROR_CONFLICT;
    case G_IO_ERROR_NO_SPACE:
    case G_IO_ERROR_TOO_MANY_OPEN_FILES:
      return LECTERN_ERROR_LIMIT;
    case G_IO_ERROR_TIMED_OUT:
      return LECTERN_ERROR_TIMED_OUT;
    case G_IO_ERROR_CONNECTION_CLOSED:
    case G_IO_ERROR_CLOSED:
    case G_IO_ERROR_CANCELLED:
      return LECTERN_ERROR_CLOSED;
    case G_IO_ERROR_NOT_SUPPORTED:
      return LECTERN_ERROR_NOT_SUPPORTED;
    case G_IO_ERROR_INVALID_DATA:
    case G_IO_ERROR_INVALID_ARGUMENT:
      return LECTERN_ERROR_INVALID_DATA;
    default:
      return LECTERN_ERROR_FAILED;
    }
}

void
lectern_error_convert (GError **error)
{
  GError *converted;
  LecternError code = LECTERN_ERROR_FAILED;

  if (error == NULL || *error == NULL || (*error)->domain == LECTERN_ERROR)
    return;
  if ((*error)->domain == G_IO_ERROR)
    code = code_from_gio ((*error)->code);
  else if (g_error_matches (*error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    code = LECTERN_ERROR_NOT_FOUND;
  else if (g_error_matches (*error, G_FILE_ERROR, G_FILE_ERROR_ACCES)
           || g_error_matches (*error, G_FILE_ERROR, G_FILE_ERROR_PERM))
    code = LECTERN_ERROR_DENIED;
  converted = g_error_new_literal (LECTERN_ERROR, code, (*error)->message);
  g_error_free (*error);
  *error = converted;
}
